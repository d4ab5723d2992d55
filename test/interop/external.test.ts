// Elements in other files, written by this package and read by h5py and h5dump, and the other way round.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { FreestoneError } from '../../lib/errors.js';
import { H5File, type Dataset, type DatasetSpec } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { describeWith, run, runPython } from './readers.js';
import { complaints } from './tools.js';

const scratch = scratchFolder();
const place = (name: string): string => join(scratch.folder, name);

interface Seen {
  readonly external: readonly (readonly [string, number, number])[];
  readonly values: readonly number[];
}

const look = (path: string, name: string): Seen => JSON.parse(runPython('read_external.py', [path, name])) as Seen;

async function refusal(spec: DatasetSpec): Promise<FreestoneError> {
  const file = await H5File.create(place('refused.h5'), { overwrite: true });
  try {
    return (await file.root.createDataset('x', spec).catch((error: unknown) => error)) as FreestoneError;
  } finally {
    await file.close();
  }
}

describeWith(['h5py', 'h5dump'], 'a dataset in external files', () => {
  const values = Int32Array.from({ length: 60 }, (_, i) => i * 3 - 7);
  const external = [
    { path: place('a.raw'), offset: 16, size: 100 },
    { path: place('b.raw'), size: 36 },
    { path: place('a.raw'), offset: 200, size: 200 },
  ];

  beforeAll(async () => {
    const file = await H5File.create(place('striped.h5'));
    const dataset = await file.root.createDataset('x', { shape: [12, 5], data: values, external });
    expect(dataset.storageSize).toBe(0);
    dataset.attrs.set('unit', 'm');
    const parts = await file.root.createDataset('in parts', { dtype: 'int16', shape: [6, 4], external: [{ path: place('c.raw'), size: 48 }] });
    await parts.write([[1, 2], [3, 4], [5, 6]], { start: [2, 1], count: [3, 2] });
    await file.root.createDataset('unwritten', { dtype: 'float64', shape: [3], external: [{ path: place('d.raw'), size: 24 }] });
    await file.close();
  });

  it('is read by h5py, with the list that it was given', () => {
    const { external: list, values: read } = look(place('striped.h5'), 'x');
    expect(read).toEqual([...values]);
    expect(list).toEqual(external.map(({ path, offset = 0, size }) => [path, offset, size]));
  });

  it('is written in parts, with zeros around them', () => {
    expect(look(place('striped.h5'), 'in parts').values).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 5, 6, 0, 0, 0, 0, 0]);
  });

  it('has its bytes where the list says', () => {
    const bytes = Buffer.from(values.buffer);
    expect(readFileSync(place('a.raw')).subarray(16, 116)).toEqual(bytes.subarray(0, 100));
    expect(readFileSync(place('b.raw'))).toEqual(bytes.subarray(100, 136));
    expect(readFileSync(place('a.raw')).subarray(200)).toEqual(bytes.subarray(136));
    expect(() => statSync(place('d.raw'))).toThrow('ENOENT');
  });

  it('is what h5dump and h5ls expect', () => {
    expect(complaints(place('striped.h5'))).toEqual([]);
    const { stdout, status } = run('h5dump', ['-p', '-d', '/x', place('striped.h5')]);
    expect(status).toBe(0);
    expect(stdout).toContain('EXTERNAL');
    expect(stdout).toContain(`FILENAME ${place('b.raw')} SIZE 36 OFFSET 0`);
  });

  it('is opened with its list, and its names belong to it in the map of the file', async () => {
    const file = await H5File.open(place('striped.h5'), 'r');
    const dataset = file.root.get('x') as Dataset;
    expect(dataset.external).toEqual(external.map(({ path, offset = 0, size }) => ({ path, offset, size })));
    expect(file.map().filter(({ owner, kind }) => owner === '/x' && kind === 'heap')).toHaveLength(2);
    await file.close();
  });

  it('is written to again after a flush', async () => {
    const file = await H5File.create(place('twice.h5'));
    const dataset = await file.root.createDataset('x', { data: Int32Array.of(1, 2, 3), external: [{ path: place('e.raw'), size: 12 }] });
    await file.flush();
    writeFileSync(place('first.h5'), readFileSync(place('twice.h5')));
    expect(look(place('first.h5'), 'x').values).toEqual([1, 2, 3]);
    dataset.attrs.set('again', 1);
    await dataset.write([9], { start: [1], count: [1] });
    await file.close();
    expect(look(place('twice.h5'), 'x').values).toEqual([1, 9, 3]);
  });

  it('of h5py is opened, parts without limit included', async () => {
    runPython('write_external.py', [place('theirs.h5'), place('theirs.raw')]);
    const file = await H5File.open(place('theirs.h5'), 'r');
    expect((file.root.get('x') as Dataset).external).toEqual([{ path: place('theirs.raw'), offset: 8, size: null }]);
    await file.close();
  });

  it('has no element at all', async () => {
    const file = await H5File.create(place('none.h5'));
    await file.root.createDataset('x', { dtype: 'uint8', shape: [0], external: [{ path: place('none.raw'), size: 1 }] });
    await file.close();
    expect(look(place('none.h5'), 'x').values).toEqual([]);
  });

  it.each<[string, string, Partial<DatasetSpec>]>([
    ['an empty list', 'ERR_INVALID_ARGUMENT', { external: [] }],
    ['fewer bytes than there are elements', 'ERR_INVALID_SIZE', { external: [{ path: 'x.raw', size: 15 }] }],
    ['a part of nothing', 'ERR_INVALID_ARGUMENT', { external: [{ path: 'x.raw', size: 0 }] }],
    ['no path', 'ERR_INVALID_ARGUMENT', { external: [{ path: '', size: 16 }] }],
    ['a path with a NUL', 'ERR_INVALID_ARGUMENT', { external: [{ path: 'x\0y', size: 16 }] }],
    ['an option that there is not', 'ERR_INVALID_ARGUMENT', { external: [{ path: 'x.raw', size: 16, start: 0 } as never] }],
    ['two parts with the same bytes', 'ERR_OVERLAP', { external: [{ path: 'x.raw', size: 8 }, { path: 'x.raw', offset: 7, size: 8 }] }],
    ['more parts than a header holds', 'ERR_LIMIT_EXCEEDED', { external: Array.from({ length: 2730 }, (_, i) => ({ path: 'x.raw', offset: i, size: 1 })) }],
    ['chunks', 'ERR_INVALID_ARGUMENT', { chunks: [2], external: [{ path: 'x.raw', size: 16 }] }],
    ['a fill value', 'ERR_UNSUPPORTED', { fill: 7, external: [{ path: 'x.raw', size: 16 }] }],
    ['strings of any length', 'ERR_UNSUPPORTED', { dtype: 'string', external: [{ path: 'x.raw', size: 99 }] }],
    ['the HDF5 file itself', 'ERR_INVALID_ARGUMENT', { external: [{ path: place('refused.h5'), size: 16 }] }],
  ])('is refused with %s', async (_what, code, spec) => {
    expect(await refusal({ dtype: 'int32', shape: [4], ...spec })).toMatchObject({ name: 'FreestoneError', code });
  });

  it('in a folder that is not there cannot be written, and is taken away again', async () => {
    const file = await H5File.create(place('nowhere.h5'));
    const spec = { data: [1, 2], external: [{ path: place('no/such/folder.raw'), size: 99 }] };
    await expect(file.root.createDataset('x', spec)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(file.root.has('x')).toBe(false);
    await file.close();
  });

  it('whose names were damaged is corrupt, not a crash', async () => {
    const bytes = readFileSync(place('none.h5'));
    const at = bytes.indexOf('HEAP');
    bytes.writeUInt8(9, at + 4);
    writeFileSync(place('damaged.bin'), bytes);
    const file = await H5File.open(place('damaged.bin'), 'r');
    expect(() => file.root.get('x')).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }) as Error);
    await file.close();
  });
});
