// Streams into datasets, as h5py finds them.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, it } from 'vitest';
import { H5File, gzip, t, type Dataset, type WriteProgress } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dataset, read } from './h5py.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();
const growing = { shape: [0], maxShape: [null], chunks: [100] };

describeWith(['h5py'], 'a stream into a dataset', () => {
  it('appends values, rows and typed arrays in their order', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const numbers = await file.root.createDataset('numbers', { dtype: 'int32', ...growing, filters: [gzip(1)] });
    await pipeline(Readable.from([1, 2, Int32Array.of(3, 4, 5), 6, [7, 8], ...Array.from({ length: 500 }, (_, i) => i)]), numbers.writable());
    const rows = await file.root.createDataset('rows', { dtype: t.compound({ id: 'int32', on: 'bool' }), ...growing });
    await pipeline(
      (function* () {
        for (let id = 0; id < 300; id += 1) yield { id, on: id % 2 === 0 };
      })(),
      rows.writable(),
    );
    const wide = await file.root.createDataset('wide', { dtype: 'float64', shape: [0, 2], maxShape: [null, 2], chunks: [8, 2] });
    await pipeline(Readable.from([[1, 2], [[3, 4], [5, 6]], Float64Array.of(7, 8)]), wide.writable());
    await file.close();
    const seen = read(path);
    const expected = [1, 2, 3, 4, 5, 6, 7, 8, ...Array.from({ length: 500 }, (_, i) => i)];
    expect(dataset(seen, '/numbers').values).toEqual(expected.map(String));
    expect(dataset(seen, '/rows').shape).toEqual([300]);
    expect(dataset(seen, '/wide').shape).toEqual([4, 2]);
    await using back = await H5File.open(path);
    expect(await (back.root.get('rows') as Dataset).read({ start: [298], count: [2] })).toEqual([{ id: 298, on: true }, { id: 299, on: false }]);
    expect(await (back.root.get('wide') as Dataset).read()).toEqual(Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  });

  it('asks its source to wait, and says how far it is', async () => {
    const file = await H5File.create(scratch.path());
    const numbers = await file.root.createDataset('numbers', { dtype: 'float64', ...growing });
    const stream = numbers.writable({ highWaterMark: 2 });
    const told: WriteProgress[] = [];
    stream.on('progress', (progress: WriteProgress) => told.push(progress));
    expect(stream.write(new Float64Array(150))).toBe(true);
    expect(stream.write(new Float64Array(150))).toBe(false);
    stream.end();
    await new Promise((resolve) => stream.on('finish', resolve));
    expect(told.at(-1)).toMatchObject({ rows: 300, bytes: 2400 });
    await file.close();
  });

  it('ends when its signal says so, with what was taken before, and when a value does not fit', async () => {
    const file = await H5File.create(scratch.path());
    const numbers = await file.root.createDataset('numbers', { dtype: 'int8', ...growing });
    const abort = new AbortController();
    const endless = Readable.from(
      (async function* () {
        for (let i = 0; ; i += 1) {
          if (i === 50) abort.abort();
          await new Promise((resolve) => setImmediate(resolve));
          yield 1;
        }
      })(),
    );
    await expect(pipeline(endless, numbers.writable({ signal: abort.signal }))).rejects.toMatchObject({ code: 'ABORT_ERR' });
    const [before = 0] = numbers.shape;
    expect(before).toBeGreaterThan(0);
    await expect(pipeline(Readable.from([Int8Array.of(1, 2), 'x']), numbers.writable())).rejects.toMatchObject({ code: 'ERR_TYPE_MISMATCH' });
    expect(numbers.shape).toEqual([before + 2]);
    expect(() => numbers.writable({ highWaterMark: 0 })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }) as Error);
    await file.close();
    expect(() => numbers.writable()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }) as Error);
  });

  it('is also what append makes of an iterable', async () => {
    const file = await H5File.create(scratch.path());
    const numbers = await file.root.createDataset('numbers', { dtype: 'int32', ...growing });
    await numbers.append(new Set([1, 2, 3]));
    await numbers.append(
      (function* () {
        yield Int32Array.of(4, 5);
        yield 6;
      })(),
    );
    expect(await numbers.read()).toEqual(Int32Array.of(1, 2, 3, 4, 5, 6));
    await file.close();
  });
});
