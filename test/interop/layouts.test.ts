// Every shape of storage: no dimension to 32 of them, contiguous and chunked, empty, and chunk B-trees of one to three levels.
import { beforeAll, expect, it } from 'vitest';
import { H5File, gzip, type DatasetSpec } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dump, dumpBytes, dumpedDataset, type Dump } from './h5dump.js';
import { dataset, digest, read, type SeenFile } from './h5py.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();

const product = (shape: readonly number[]): number => shape.reduce((all, extent) => all * extent, 1);
const counted = (shape: readonly number[]): Int32Array => Int32Array.from({ length: product(shape) }, (_, i) => i * 7 - 3);
const digits = (values: Int32Array): string[] => [...values].map(String);
const bytesOf = (values: Int32Array): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
/** `[2, 1, 1, …]`: a few dimensions of more than one element among many of one. */
const wide = (rank: number): number[] => Array.from({ length: rank }, (_, d) => (d % 11 === 0 ? 2 : 1));

interface Case extends Pick<DatasetSpec, 'maxShape' | 'filters'> {
  readonly name: string;
  readonly shape: readonly number[];
  readonly chunks: readonly number[] | null;
  /** What h5dump 1.10 cannot print: it divides by zero over 32 dimensions in chunks, also in files of libhdf5's own. */
  readonly notForDump?: true;
}

const shapes: readonly Case[] = [
  { name: 'a scalar', shape: [], chunks: null },
  { name: 'one element', shape: [1], chunks: null },
  { name: 'one dimension', shape: [10], chunks: null },
  { name: 'two dimensions', shape: [3, 5], chunks: null },
  { name: 'three dimensions', shape: [2, 3, 4], chunks: null },
  { name: 'four dimensions', shape: [2, 1, 3, 2], chunks: null },
  { name: 'five dimensions', shape: [2, 2, 2, 2, 2], chunks: null },
  { name: '32 dimensions', shape: wide(32), chunks: null },
  { name: 'one dimension in chunks', shape: [10], chunks: [3] },
  { name: 'one dimension in one chunk', shape: [10], chunks: [10] },
  { name: 'two dimensions in chunks, rims on both', shape: [7, 5], chunks: [3, 2] },
  { name: 'two dimensions in rows', shape: [4, 6], chunks: [1, 6] },
  { name: 'three dimensions in chunks', shape: [3, 4, 5], chunks: [2, 2, 2] },
  { name: 'four dimensions in chunks', shape: [3, 2, 4, 3], chunks: [2, 2, 3, 1] },
  { name: 'five dimensions in chunks', shape: [3, 2, 3, 2, 3], chunks: [2, 1, 2, 2, 2] },
  { name: '32 dimensions in chunks', shape: wide(32), chunks: wide(32).map((n, d) => (d === 11 ? 1 : n)), notForDump: true },
  { name: 'no row', shape: [0], chunks: null },
  { name: 'no row of three', shape: [0, 3], chunks: null },
  { name: 'three rows of nothing', shape: [3, 0], chunks: null },
  { name: 'nothing in the middle', shape: [2, 0, 4], chunks: null },
  { name: 'no row yet', shape: [0], chunks: [4], maxShape: [null] },
  { name: 'no row ever', shape: [0], chunks: [1], maxShape: [0] },
  { name: 'no row of three yet', shape: [0, 3], chunks: [2, 2], maxShape: [null, 3] },
  { name: 'three rows of nothing yet', shape: [3, 0], chunks: [2, 5], maxShape: [3, null] },
  { name: 'nothing in both dimensions yet', shape: [0, 0], chunks: [2, 5], maxShape: [null, null] },
  { name: 'one chunk', shape: [2], chunks: [2] },
  { name: 'a full node of 64 chunks', shape: [127], chunks: [2] },
  { name: 'two nodes and a root: 65 chunks', shape: [129], chunks: [2] },
  { name: 'a full second level: 4096 chunks', shape: [8191], chunks: [2] },
  { name: 'a third level: 4097 chunks', shape: [8193], chunks: [2] },
  { name: 'a third level with more than one node below: 8200 chunks', shape: [16_399], chunks: [2] },
  { name: 'three levels over two dimensions', shape: [70, 70], chunks: [1, 1] },
  { name: 'three levels over two dimensions, filtered', shape: [130, 65], chunks: [2, 1], filters: [gzip(1)] },
  { name: 'three levels over three dimensions', shape: [17, 17, 17], chunks: [1, 1, 1] },
];

describeWith(['h5py', 'h5dump'], 'both read all elements of', () => {
  let seen: SeenFile;
  let dumped: Dump;
  beforeAll(async () => {
    const paths = [scratch.path(), scratch.path()] as const;
    await using all = await H5File.create(paths[0]);
    await using forDump = await H5File.create(paths[1]);
    for (const { name, notForDump, chunks, ...spec } of shapes) {
      const complete = { ...spec, ...(chunks === null ? {} : { chunks }), data: counted(spec.shape) };
      await all.root.createDataset(name, complete);
      if (notForDump !== true) await forDump.root.createDataset(name, complete);
    }
    await Promise.all([all.close(), forDump.close()]);
    seen = read(paths[0]);
    dumped = dump(paths[1]);
  });

  it.each(shapes.map((each) => [each.name, each] as const))('%s', (name, { shape, chunks, maxShape, notForDump }) => {
    const values = digits(counted(shape));
    const stored = chunks === null ? shape : shape.map((extent, d) => Math.ceil(extent / (chunks[d] ?? 1)) * (chunks[d] ?? 1));
    const found = dataset(seen, `/${name}`);
    expect(found).toMatchObject({ layout: chunks === null ? 'contiguous' : 'chunked', shape, chunks, maxShape: maxShape ?? shape, values });
    if (found.filters.length === 0) expect(found.storageSize).toBe(product(stored) * 4);
    if (notForDump === true) return;
    expect(dumpedDataset(dumped, `/${name}`).values).toEqual(values.map((bare) => ({ bare })));
  });
});

describeWith(['h5py', 'h5dump'], 'storage of every size', () => {
  it('a dataset that was never written takes no space and reads as zeros', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      await file.root.createDataset('contiguous', { shape: [2, 3], dtype: 'int32' });
      await file.root.createDataset('chunked', { shape: [2, 3], dtype: 'int32', chunks: [1, 2] });
    }
    const seen = read(path);
    for (const name of ['/contiguous', '/chunked']) {
      expect(dataset(seen, name)).toMatchObject({ values: Array<string>(6).fill('0'), storageSize: 0 });
    }
  });

  it('more data than one write takes', async () => {
    const data = Int32Array.from({ length: 5_000_000 }, (_, i) => Math.imul(i, 2_654_435_761));
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      const shape = [5, 1_000_000];
      await file.root.createDataset('whole', { data, shape });
      await file.root.createDataset('reversed', { data, dtype: 'int32be', shape });
      await file.root.createDataset('chunked', { data, shape, chunks: [3, 70_000], filters: [gzip(1)] });
    }
    const seen = read(path, { values: 'digests' });
    const rows = [0, 1, 2, 3, 4].map((row) => digest(bytesOf(data.subarray(row * 1_000_000, (row + 1) * 1_000_000))));
    for (const name of ['/whole', '/reversed', '/chunked']) expect(dataset(seen, name).values, name).toEqual(rows);
  });

  it('a few chunks scattered over a grid of 2^40', async () => {
    const path = scratch.path();
    const side = 2 ** 25;
    const places = [[0, 0], [0, side - 2], [5, 12_345_678], [side - 2, 0], [side - 2, side - 2]] as const;
    {
      await using file = await H5File.create(path);
      const x = await file.root.createDataset('x', { shape: [side, side], chunks: [32, 32], dtype: 'uint8', fill: 9 });
      for (const [i, [row, column]] of places.entries()) {
        await x.write([[i, 10 + i], [20 + i, 30 + i]], { start: [row, column], count: [2, 2] });
      }
    }
    for (const [i, [row, column]] of places.entries()) {
      const found = dumpBytes(path, '/x', `${String(row)},${String(column)};;2,2;`);
      expect([...found]).toEqual([i, 10 + i, 20 + i, 30 + i]);
    }
    expect([...dumpBytes(path, '/x', '40,40;;1,2;')]).toEqual([9, 9]);
  });

  it('a contiguous dataset of 16 GiB of which two ends are written', async () => {
    const path = scratch.path();
    const last = 2 ** 34 - 8;
    {
      await using file = await H5File.create(path);
      const x = await file.root.createDataset('x', { shape: [2 ** 34], dtype: 'uint8' });
      await x.write(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), { start: [last], count: [8] });
      await x.write(Uint8Array.of(9, 10), { start: [0], count: [2] });
    }
    expect([...dumpBytes(path, '/x', `${String(last)};;8;`)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect([...dumpBytes(path, '/x', '0;;3;')]).toEqual([9, 10, 0]);
    expect(dataset(read(path, { values: 'none' }), '/x').storageSize).toBe(2 ** 34);
  });

  it('chunks of the automatic size hold whole rows or a part of one', async () => {
    const path = scratch.path();
    const automatic = [[5], [100, 3], [3, 100_000], [2, 70_000, 3]];
    {
      await using file = await H5File.create(path);
      for (const shape of automatic) await file.root.createDataset(shape.join(), { shape, chunks: true, data: counted(shape) });
    }
    const seen = read(path, { values: 'none' });
    for (const shape of automatic) {
      const { chunks } = dataset(seen, `/${shape.join()}`);
      expect(product(chunks ?? [0]) * 4).toBeLessThanOrEqual(2 ** 18);
      expect(dumpBytes(path, `/${shape.join()}`).equals(bytesOf(counted(shape)))).toBe(true);
    }
  });
});
