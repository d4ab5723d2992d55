// Every filter and every order of filters, on data that compresses and on data that does not, over whole and partial chunks.
import { beforeAll, expect, it } from 'vitest';
import { H5File, fletcher32, gzip, shuffle, t, type DatatypeSpec, type Filter, type TypedArray } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { asPrinted } from './comparison.js';
import { dump, dumpedDataset, type Dump } from './h5dump.js';
import { dataset, read, type SeenFile } from './h5py.js';
import { floatDigits } from './kinds.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();

const one = { gzip: () => gzip(6), shuffle, fletcher32 } as const;
type Name = keyof typeof one;

/** Every order of every choice of filters. */
function arrangements(names: readonly Name[]): Name[][] {
  return [[], ...names.flatMap((name) => arrangements(names.filter((other) => other !== name)).map((rest) => [name, ...rest]))];
}

const pipelines: readonly (readonly [string, readonly Filter[]])[] = [
  ...arrangements(['gzip', 'shuffle', 'fletcher32']).map((names) => [names.join(' then ') || 'no filter', names.map((name) => one[name]())] as const),
  ...Array.from({ length: 10 }, (_, level) => [`gzip level ${String(level)}`, [gzip(level)]] as const),
];

/** Numbers that look random and are the same in every run: xorshift32. */
function noise(length: number): Uint32Array {
  let state = 0x9e3779b9;
  return Uint32Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  });
}

const shape = [23, 31];
const count = 23 * 31;
const slow = (length: number): number[] => Array.from({ length }, (_, i) => Math.floor(i / 40));

interface Content {
  readonly dtype: DatatypeSpec;
  readonly data: TypedArray | readonly string[];
  /** As h5py prints it. */
  readonly printed: readonly string[];
  readonly elementSize: number;
}

const words = slow(count).map((value) => `w${String(value)}`);
const contents: Readonly<Record<string, Content>> = {
  'bytes that compress': { dtype: 'uint8', data: Uint8Array.from(slow(count)), printed: slow(count).map(String), elementSize: 1 },
  'integers that compress': { dtype: 'int32', data: Int32Array.from(slow(count)), printed: slow(count).map(String), elementSize: 4 },
  'noise': { dtype: 'uint32', data: noise(count), printed: [...noise(count)].map(String), elementSize: 4 },
  'big-endian noise': { dtype: 'uint32be', data: noise(count), printed: [...noise(count)].map(String), elementSize: 4 },
  'floats': {
    dtype: 'float64',
    data: Float64Array.from(slow(count), (value) => Math.sqrt(value)),
    printed: slow(count).map((value) => floatDigits(Math.sqrt(value), 8)),
    elementSize: 8,
  },
  'texts of three bytes': { dtype: t.string(3), data: words, printed: words, elementSize: 3 },
};

const cases = pipelines.flatMap(([name, filters]) =>
  Object.entries(contents).map(([what, content]) => [`${name}: ${what}`, filters, content] as const),
);

const ids = { gzip: 1, shuffle: 2, fletcher32: 3 } as const;

describeWith(['h5py', 'h5dump'], 'both undo', () => {
  let seen: SeenFile;
  let dumped: Dump;
  beforeAll(async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      await Promise.all(
        cases.map(async ([name, filters, { dtype, data }]) => {
          const x = await file.root.createDataset(name, { dtype, shape, chunks: [10, 10], filters });
          // Only typed arrays have no shape of their own.
          await x.write(ArrayBuffer.isView(data) ? data : rowsOf(data));
        }),
      );
    }
    seen = read(path);
    dumped = dump(path);
  });

  it.each(cases)('%s', (name, filters, { printed, elementSize }) => {
    const found = dataset(seen, `/${name}`);
    expect(found.values).toEqual(printed);
    const values = { gzip: (level = 4) => [level], shuffle: () => [elementSize], fletcher32: () => [] };
    expect(found.filters).toEqual(
      filters.map((filter) => ({ id: ids[filter.name as Name], optional: filter.name !== 'fletcher32', values: values[filter.name as Name](filter.level) })),
    );
    expect(dumpedDataset(dumped, `/${name}`).values.map((value) => asPrinted(found.type, value))).toEqual(printed);
  });

  it('data that compresses takes less space, and shuffled integers less than others', () => {
    const size = (name: string): number => dataset(seen, `/${name}`).storageSize;
    const plain = size('no filter: integers that compress');
    expect(size('gzip: integers that compress')).toBeLessThan(plain / 4);
    expect(size('shuffle then gzip: integers that compress')).toBeLessThan(size('gzip: integers that compress'));
    expect(size('gzip level 9: floats')).toBeLessThan(size('gzip level 1: floats'));
    expect(size('fletcher32: noise')).toBe(plain + 3 * 4 * 4);
  });
});

function rowsOf(values: readonly string[]): string[][] {
  const [rows = 0, width = 0] = shape;
  return Array.from({ length: rows }, (_, row) => values.slice(row * width, (row + 1) * width));
}

describeWith(['h5py'], 'the checksum that h5py verifies', () => {
  it('is right for chunks of all sizes around the groups of 360 words in which libhdf5 adds, odd ones too', async () => {
    const sizes = [1, 2, 3, 359, 360, 361, 719, 720, 721, 722, 1440, 100_001];
    const data = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => 255 - (i % 3));
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      for (const size of sizes) {
        await file.root.createDataset(String(size), { data: data(size), chunks: [size], filters: [fletcher32()] });
      }
    }
    const seen = read(path);
    for (const size of sizes) expect(dataset(seen, `/${String(size)}`).values).toEqual([...data(size)].map(String));
  });
});
