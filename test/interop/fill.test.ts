// What elements are that nobody wrote, in every layout and type; and what growing and shrinking does to them.
import { beforeAll, expect, it } from 'vitest';
import { H5File, fletcher32, gzip, shuffle, type Dataset, type Value } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { asPrinted } from './comparison.js';
import { dump, dumpedDataset, type Dump } from './h5dump.js';
import { dataset, read, type Printed, type SeenFile } from './h5py.js';
import { kinds, type Kind } from './kinds.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();

/** What one test does to a dataset of shape [5, 4], and how its elements then are: `w` written, `f` filled. */
interface Deed {
  readonly name: string;
  readonly chunks?: readonly number[];
  readonly filtered?: true;
  readonly act: (x: Dataset, value: Value) => Promise<unknown>;
  readonly rows: readonly string[];
}

const box = (row: number, column: number, rows: number, columns: number) => ({ start: [row, column], count: [rows, columns] });
const square = (value: Value, rows: number, columns: number): Value =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => value));

const untouched = ['ffff', 'ffff', 'ffff', 'ffff', 'ffff'];
const corner = ['ffff', 'fwwf', 'fwwf', 'fwwf', 'ffff'];
const writeCorner = (x: Dataset, value: Value): Promise<void> => x.write(square(value, 3, 2), box(1, 1, 3, 2));

const deeds: readonly Deed[] = [
  { name: 'contiguous and never written', act: () => Promise.resolve(), rows: untouched },
  { name: 'contiguous and partly written', act: writeCorner, rows: corner },
  { name: 'contiguous and written twice', act: async (x, value) => {
    await x.write(square(value, 1, 4), box(4, 0, 1, 4));
    await writeCorner(x, value);
  }, rows: [...corner.slice(0, 4), 'wwww'] },
  { name: 'chunked and never written', chunks: [2, 3], act: () => Promise.resolve(), rows: untouched },
  { name: 'chunked and partly written', chunks: [2, 3], act: writeCorner, rows: corner },
  { name: 'chunked, filtered and partly written', chunks: [2, 3], filtered: true, act: writeCorner, rows: corner },
  { name: 'one chunk, partly written', chunks: [5, 4], act: writeCorner, rows: corner },
  { name: 'grown', chunks: [2, 3], act: async (x, value) => {
    await writeCorner(x, value);
    await x.resize([6, 5]);
  }, rows: ['fffff', 'fwwff', 'fwwff', 'fwwff', 'fffff', 'fffff'] },
  { name: 'shrunk through chunks and grown again', chunks: [2, 3], filtered: true, act: async (x, value) => {
    await x.write(square(value, 5, 4));
    await x.resize([3, 2]);
    await x.resize([5, 4]);
  }, rows: ['wwff', 'wwff', 'wwff', 'ffff', 'ffff'] },
  { name: 'shrunk to nothing and grown again', chunks: [2, 3], act: async (x, value) => {
    await x.write(square(value, 5, 4));
    await x.resize([0, 4]);
    await x.resize([2, 4]);
  }, rows: ['ffff', 'ffff'] },
  { name: 'shrunk, grown and then appended to', chunks: [2, 3], act: async (x, value) => {
    await x.write(square(value, 5, 4));
    await x.resize([1, 4]);
    await x.resize([2, 4]);
    await x.append(square(value, 1, 4));
  }, rows: ['wwww', 'ffff', 'wwww'] },
  { name: 'appended to across a rim, one row by one', chunks: [3, 4], filtered: true, act: async (x, value) => {
    for (let row = 0; row < 3; row += 1) await x.append(square(value, 1, 4));
  }, rows: [...untouched, 'wwww', 'wwww', 'wwww'] },
];

const cases = kinds.flatMap((kind) =>
  deeds.map((deed) => ({ kind, deed, place: `/${kind.name}/${deed.name}` })),
);

function wanted(kind: Kind, deed: Deed): Printed[] {
  const fill = kind.fillable ? kind.sample : kind.zero;
  return deed.rows.flatMap((row) => Array.from(row, (mark) => kind.printed(mark === 'w' ? other(kind) : fill)));
}

/** A value that is neither the fill value nor zero. */
function other(kind: Kind): unknown {
  return kind.fillable ? kind.zero : kind.sample;
}

describeWith(['h5py', 'h5dump'], 'an element that was not written is the fill value', () => {
  let seen: SeenFile;
  let dumped: Dump;
  beforeAll(async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      for (const { kind, deed, place } of cases) {
        const filters = deed.filtered === undefined ? [] : [shuffle(), gzip(1), ...(kind.fillable ? [fletcher32()] : [])];
        const x = await file.root.createDataset(place, {
          dtype: kind.spec,
          shape: [5, 4],
          filters,
          ...(deed.chunks === undefined ? {} : { chunks: deed.chunks, maxShape: [null, null] }),
          ...(kind.fillable ? { fill: kind.sample } : {}),
        });
        await deed.act(x, other(kind) as Value);
      }
    }
    seen = read(path);
    dumped = dump(path);
  });

  it.each(kinds.map((kind) => [kind.name, kind] as const))('of type %s, whatever is done', (_, kind) => {
    for (const { deed, place } of cases.filter((each) => each.kind === kind)) {
      const found = dataset(seen, place);
      expect({ deed: deed.name, values: found.values }).toEqual({ deed: deed.name, values: wanted(kind, deed) });
      expect(found.shape).toEqual([deed.rows.length, deed.rows[0]?.length]);
      if (kind.fillable) expect(found.fill).toEqual({ state: 'user', value: kind.printed(kind.sample) });
      // To h5dump a text that was never written is none, to h5py it is empty.
      const values = dumpedDataset(dumped, place).values.map((value) => asPrinted(found.type, value));
      expect(JSON.stringify(values).replaceAll('"NULL"', '""')).toBe(JSON.stringify(wanted(kind, deed)));
    }
  });
});

describeWith(['h5py'], 'growth', () => {
  it('is bounded by maxShape, which h5py sees', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      const x = await file.root.createDataset('x', { dtype: 'int8', shape: [2, 2], maxShape: [4, null], chunks: [1, 1] });
      await x.resize([4, 100]);
      await expect(x.resize([5, 100])).rejects.toMatchObject({ code: 'ERR_LIMIT_EXCEEDED' });
      await expect(x.append(new Int8Array(100))).rejects.toMatchObject({ code: 'ERR_LIMIT_EXCEEDED' });
    }
    expect(dataset(read(path), '/x')).toMatchObject({ shape: [4, 100], maxShape: [4, null] });
  });

  it('by a row at a time through thousands of chunks keeps every row', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      const x = await file.root.createDataset('x', { dtype: 'int32', shape: [0, 2], maxShape: [null, 2], chunks: [3, 2], filters: [gzip(1)] });
      const appends: Promise<void>[] = [];
      for (let row = 0; row < 13_000; row += 1) {
        appends.push(x.append(Int32Array.of(row, -row)));
        if (row % 1000 === 999) await Promise.all(appends.splice(0));
        if (row % 4000 === 3999) await file.flush();
      }
      await Promise.all(appends);
    }
    const { values } = dataset(read(path), '/x');
    expect(values).toEqual(Array.from({ length: 26_000 }, (_, i) => String(i % 2 === 0 ? i / 2 : -(i - 1) / 2 || 0)));
  });

  it('of the second dimension renumbers chunks that are stored, in memory and under way', async () => {
    const path = scratch.path();
    const model = new Map<string, number>();
    {
      await using file = await H5File.create(path);
      const x = await file.root.createDataset('x', { dtype: 'int32', shape: [4, 1], maxShape: [null, null], chunks: [2, 2], fill: -1 });
      const under: Promise<void>[] = [];
      for (let width = 1; width <= 40; width += 1) {
        under.push(x.resize([4, width]), x.write(Int32Array.of(width, width * 2), { start: [width % 3, width - 1], count: [2, 1] }));
        model.set(`${String(width % 3)},${String(width - 1)}`, width);
        model.set(`${String((width % 3) + 1)},${String(width - 1)}`, width * 2);
      }
      await Promise.all(under);
    }
    const { values } = dataset(read(path), '/x');
    expect(values).toEqual(Array.from({ length: 160 }, (_, i) => String(model.get(`${String(Math.floor(i / 40))},${String(i % 40)}`) ?? -1)));
  });
});
