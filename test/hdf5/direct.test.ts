// Large writes past the page cache, and the file system's space that is taken ahead.
import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { H5File, gzip, type Dataset } from '../../lib/hdf5/index.js';
import { dataset, read } from '../interop/h5py.js';
import { floatDigits } from '../interop/kinds.js';
import { isAvailable } from '../interop/readers.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const MIB = 2 ** 20;
const same = (data: unknown, expected: Float64Array | undefined): boolean =>
  data instanceof Float64Array && expected !== undefined && Buffer.from(data.buffer, data.byteOffset, data.byteLength).equals(Buffer.from(expected.buffer, expected.byteOffset, expected.byteLength));
const values = (length: number): Float64Array => Float64Array.from({ length }, (_, i) => i * 1.25);

describe.each([true, false])('with direct: %s', (direct) => {
  it('contiguous, chunked and filtered data of odd sizes comes back, and the file ends where its superblock says', async () => {
    const path = scratch.path();
    const file = await H5File.create(path, { direct });
    const parts: Record<string, Float64Array> = {
      contiguous: values(3 * MIB / 8 + 77),
      large: values(20 * MIB / 8 + 3),
      chunked: values(5 * MIB / 8 + 1),
      filtered: values(2 * MIB / 8 + 5),
    };
    await file.root.createDataset('contiguous', { data: parts['contiguous'] ?? [] });
    await file.root.createDataset('small', { data: [1, 2, 3] });
    await file.root.createDataset('large', { data: parts['large'] ?? [] });
    await file.root.createDataset('chunked', { data: parts['chunked'] ?? [], chunks: [MIB / 8 + 9] });
    await file.root.createDataset('filtered', { data: parts['filtered'] ?? [], chunks: [MIB / 8], filters: [gzip(1)] });
    const pieces = await file.root.createDataset('pieces', { dtype: 'float64', shape: [4 * MIB / 8] });
    for (let at = 0; at < 4 * MIB / 8; at += MIB / 8) await pieces.write(values(MIB / 8), { start: [at], count: [MIB / 8] });
    await file.flush();
    // Read while it is being written.
    expect(same(await (file.root.get('contiguous') as Dataset).read(), parts['contiguous'])).toBe(true);
    expect(statSync(path).size).toBe(file.space.endOfFile);
    await file.close();
    const { size, blocks } = statSync(path);
    expect(size).toBe(file.space.endOfFile);
    // What was taken ahead has gone back.
    expect(blocks * 512).toBeLessThanOrEqual(size + MIB);
    await using back = await H5File.open(path);
    for (const [name, expected] of Object.entries(parts)) expect([name, same(await (back.root.get(name) as Dataset).read(), expected)]).toEqual([name, true]);
    const inPieces = (await (back.root.get('pieces') as Dataset).read()) as Float64Array;
    expect(same(inPieces.subarray(MIB / 8, 2 * MIB / 8), values(MIB / 8))).toBe(true);
  });

  it('a file that is given up is as of its last flush, and no longer', async () => {
    const path = scratch.path();
    const file = await H5File.create(path, { direct });
    await file.root.createDataset('kept', { data: values(1000) });
    await file.flush();
    await file.root.createDataset('dropped', { data: values(4 * MIB / 8) });
    await file.abort();
    expect(statSync(path).size).toBeLessThan(MIB);
    expect(statSync(path).blocks * 512).toBeLessThanOrEqual(statSync(path).size + MIB);
    await using back = await H5File.open(path);
    expect([...back.root.keys()]).toEqual(['kept']);
  });

  it.skipIf(!isAvailable('h5py'))('h5py reads it', async () => {
    const path = scratch.path();
    const file = await H5File.create(path, { direct });
    const data = values(2 * MIB / 8 + 11);
    await file.root.createDataset('x', { data: data.subarray(1) });
    await file.close();
    const found = dataset(read(path), '/x');
    expect(found.shape).toEqual([data.length - 1]);
    expect(found.values.at(-1)).toBe(floatDigits(data.at(-1) ?? 0, 8));
    expect(found.values[0]).toBe(floatDigits(1.25, 8));
  });
});

describe('direct', () => {
  it('is true or false', async () => {
    for (const direct of [1, 'yes', null]) {
      await expect(H5File.create(scratch.path(), { direct: direct as never })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
  });

  it('writes data whose memory is taken away meanwhile, or says so, and goes on', async () => {
    const path = scratch.path();
    await using file = await H5File.create(path, { direct: true });
    const x = await file.root.createDataset('x', { dtype: 'float64', shape: [4 * MIB / 8] });
    for (let i = 0; i < 10; i += 1) {
      const data = values(4 * MIB / 8);
      const writing = x.write(data).catch((error: unknown) => error);
      structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] });
      await writing;
    }
    await x.write(values(4 * MIB / 8));
    expect(same(await x.read(), values(4 * MIB / 8))).toBe(true);
  });
});
