// Chunks through every filter and back, by the native codec, whatever is in them.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  H5File, bitshuffle, filterLibraries, fletcher32, gzip, lz4, lzf, nbit, scaleOffset, shuffle, szip, t, zstd, type DatasetSpec, type Filter, type FilterName,
} from '../../lib/hdf5/index.js';
import { elementType, type DatatypeSpec } from '../../lib/hdf5/model/datatype.js';
import { filterMessages, filtersOf, nativeFilters } from '../../lib/hdf5/model/filters.js';
import { native } from '../../lib/native.js';
import { ended } from './ended.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const file = new (native().File)(scratch.path('.bin'), 3);
const space = new (native().FileSpace)(0, 2 ** 50);
afterAll(() => ended((ticket) => { file.close(ticket); }));

const libraries = filterLibraries();
const available = (...names: FilterName[]): boolean => names.every((name) => libraries[name].length > 0);

/** The chunk as it comes back. */
async function thereAndBack(filters: readonly Filter[], dtype: DatatypeSpec, chunkShape: readonly number[], chunk: Uint8Array): Promise<Uint8Array> {
  const messages = filterMessages(filters, { type: elementType(dtype), chunkShape, fill: null });
  const codec = new (native().ChunkCodec)(nativeFilters(messages));
  const { address, size, filterMask } = await ended((ticket) => { codec.store(ticket, file, space, chunk); });
  const into = new Uint8Array(chunk.length);
  await ended((ticket) => { codec.load(ticket, file, address, size, filterMask, into); });
  return into;
}

/** Each alone, and after or before what it is used with. */
const lossless: readonly (readonly [string, readonly Filter[], boolean])[] = [
  ...Array.from({ length: 10 }, (_, level) => [`shuffle, gzip(${String(level)})`, [shuffle(), gzip(level)], true] as const),
  ['gzip, checksum', [gzip(6), fletcher32()], true],
  ['lzf', [lzf()], true],
  ['shuffle, lzf, checksum', [shuffle(), lzf(), fletcher32()], true],
  ['checksum, lzf', [fletcher32(), lzf()], true],
  ['lz4', [lz4()], available('lz4')],
  ['shuffle, lz4 in blocks', [shuffle(), lz4({ blockSize: 50 })], available('lz4')],
  ['zstd', [zstd()], available('zstd')],
  ['shuffle, zstd, checksum', [shuffle(), zstd(19), fletcher32()], available('zstd')],
  ['bitshuffle', [bitshuffle()], true],
  ['shuffle, bitshuffle in blocks, gzip', [shuffle(), bitshuffle({ blockSize: 8 }), gzip(1)], true],
  ['bitshuffle with lz4', [bitshuffle({ compressor: 'lz4' })], available('lz4')],
  ['bitshuffle with zstd', [bitshuffle({ compressor: 'zstd', level: 1, blockSize: 32 }), fletcher32()], available('zstd')],
  ['nbit, gzip', [nbit(), gzip()], true],
];

const integers = ['int8', 'uint8', 'int16', 'int32', 'uint32be', 'int64', 'uint64'] as const;

describe('what goes through comes back, whatever the type, the size and the content', () => {
  for (const [name, filters, isThere] of lossless) {
    it.runIf(isThere)(name, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom<DatatypeSpec>(...integers, 'float32', 'float64', 'complex128', t.string(3), t.compound({ a: 'int8', b: 'float64' })),
          fc.integer({ min: 1, max: 700 }),
          fc.uint8Array({ minLength: 1, maxLength: 40 }),
          async (dtype, count, pattern) => {
            const chunk = Uint8Array.from({ length: count * elementType(dtype).size }, (_, i) => pattern[i % pattern.length] ?? 0);
            expect(await thereAndBack(filters, dtype, [count], chunk)).toEqual(chunk);
          },
        ),
        { numRuns: 40 },
      );
    });
  }

  it('scaleOffset, alone and before gzip, for integers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...integers),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 0, max: 8 }),
        async (dtype, pattern, count, bits) => {
          const chunk = Uint8Array.from({ length: count * elementType(dtype).size }, (_, i) => pattern[i % pattern.length] ?? 0);
          expect(await thereAndBack([scaleOffset({ bits })], dtype, [count], chunk)).toEqual(chunk);
          expect(await thereAndBack([scaleOffset(), shuffle(), gzip(), fletcher32()], dtype, [count], chunk)).toEqual(chunk);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('scaleOffset, for floats to the digits that are kept', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 100 }),
        fc.integer({ min: -2, max: 6 }),
        async (values, digits) => {
          const chunk = Float64Array.from(values);
          const back = new Float64Array((await thereAndBack([scaleOffset({ digits })], 'float64', [values.length], new Uint8Array(chunk.buffer))).buffer);
          // Zero is the fill value, and what is that near to it counts as it.
          back.forEach((value, i) => {
            expect(Math.abs(value - (chunk[i] ?? 0))).toBeLessThanOrEqual(1.01 * 10 ** -digits);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it.runIf(available('szip'))('szip', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...integers, 'float32' as const, 'float64be' as const),
        fc.constantFrom('nearest-neighbour' as const, 'entropy' as const),
        fc.integer({ min: 1, max: 16 }),
        fc.tuple(fc.integer({ min: 32, max: 100 }), fc.integer({ min: 1, max: 60 })),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        async (dtype, coding, half, chunkShape, pattern) => {
          const length = chunkShape[0] * chunkShape[1] * elementType(dtype).size;
          const chunk = Uint8Array.from({ length }, (_, i) => pattern[i % pattern.length] ?? 0);
          expect(await thereAndBack([szip({ coding, pixelsPerBlock: 2 * half }), fletcher32()], dtype, chunkShape, chunk)).toEqual(chunk);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('filters', () => {
  it('are found again in the file as they were given', async () => {
    const given = [
      [shuffle(), gzip(3), fletcher32()], [lzf()], [nbit()], [scaleOffset({ bits: 3 })], [scaleOffset()],
      ...(available('szip') ? [[szip()], [szip({ coding: 'entropy', pixelsPerBlock: 16 })]] : []),
      ...(available('lz4') ? [[lz4()], [lz4({ blockSize: 100 })], [bitshuffle({ compressor: 'lz4' })]] : []),
      ...(available('zstd') ? [[zstd(7)], [bitshuffle({ compressor: 'zstd', level: 4, blockSize: 16 })]] : []),
      [bitshuffle()],
    ];
    const path = scratch.path();
    {
      await using written = await H5File.create(path);
      for (const [i, filters] of given.entries()) {
        const data = Int32Array.from({ length: 100 }, (_, value) => value * i);
        const x = await written.root.createDataset(String(i), { data, chunks: [40], filters });
        expect(x.filters).toEqual(filters);
      }
      const floats: DatasetSpec = { data: new Float32Array(9), chunks: [9], filters: [scaleOffset({ digits: -3 })] };
      expect((await written.root.createDataset('floats', floats)).filters).toEqual(floats.filters);
    }
    await using read = await H5File.open(path);
    for (const [i, filters] of given.entries()) expect(read.root.get(String(i))).toHaveProperty('filters', filters);
  });

  it('that this build or machine has no library for are refused by name, and nothing is made', async () => {
    await using written = await H5File.create(scratch.path());
    for (const [name, filter] of [['lz4', lz4()], ['zstd', zstd()], ['szip', szip()]] as const) {
      const made = written.root.createDataset(name, { dtype: 'int32', shape: [100], chunks: [100], filters: [filter] });
      if (available(name)) await made;
      else await expect(made).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED', filter: name, message: expect.stringContaining(name) as string });
      expect(written.root.has(name)).toBe(available(name));
    }
  });

  it('that are not known are named', () => {
    const message = filterMessages([lzf()], { type: elementType('int8'), chunkShape: [3], fill: null });
    expect(filtersOf(message)).toEqual([lzf()]);
    expect(() => filtersOf([{ id: 32001, optional: true, name: 'blosc', values: [] }])).toThrow(/filter 32001 \(blosc\) is not supported/);
  });
});
