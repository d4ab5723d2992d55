// Every combination of filters that can stand together, with every number in both byte orders: libhdf5 undoes what we did, value for
// value, and so do we.
import { expect, it } from 'vitest';
import {
  H5File, bitshuffle, fletcher32, gzip, lz4, lzf, nbit, scaleOffset, shuffle, szip, zstd, type Dataset, type DatatypeName, type Filter, type TypedArray,
} from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dataset, digest, read } from './h5py.js';
import { describeWith, isAvailable, type Reader } from './readers.js';

const scratch = scratchFolder();

const arrays = {
  int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array,
  int64: BigInt64Array, uint64: BigUint64Array, float32: Float32Array, float64: Float64Array,
} as const;
type Kind = keyof typeof arrays;
const kinds = (Object.keys(arrays) as Kind[]).flatMap((kind) => (kind.endsWith('8') ? [''] : ['', 'be']).map((order) => [kind, order] as const));

const [rows, columns] = [9, 31];

/** Whole numbers, so that scaleOffset keeps floats as they are too: some that go on slowly, then some that look random. */
function valuesOf(kind: Kind): TypedArray {
  let state = 0x9e3779b9;
  const values = Array.from({ length: rows * columns }, (_, i) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    // As many bits as a float32 has.
    return i < rows * columns / 2 ? 40 + Math.floor(i / 40) : state >> 8;
  });
  return kind === 'int64' || kind === 'uint64' ? arrays[kind].from(values.map((value) => BigInt(value) * 0x10001n)) : arrays[kind].from(values);
}

type Choice = readonly [name: string, filter: Filter | null, needs?: Reader];
const none: Choice = ['', null];
const packers = (kind: Kind): Choice[] => [none, ['nbit', nbit()], ['scaleOffset', scaleOffset(kind.startsWith('float') ? { digits: 0 } : {})]];
const shuffles: Choice[] = [
  none,
  ['shuffle', shuffle()],
  ['bitshuffle', bitshuffle(), 'the bitshuffle plug-in'],
  ['bitshuffle with lz4', bitshuffle({ compressor: 'lz4' }), 'the bitshuffle plug-in'],
  ['bitshuffle with zstd', bitshuffle({ compressor: 'zstd' })],
];
const compressors: Choice[] = [
  none, ['gzip 1', gzip(1)], ['gzip 6', gzip(6)], ['gzip 9', gzip(9)], ['lzf', lzf()], ['szip', szip()], ['szip by entropy', szip({ coding: 'entropy' })],
  ['lz4', lz4(), 'the lz4 plug-in'], ['zstd', zstd()],
];
const checksums: Choice[] = [none, ['checksum', fletcher32()]];
/** Of these no reader here has a plug-in, so that only we read them back. */
const isOurs = (name: string): boolean => name.includes('zstd');

/** Whether they can stand together: szip and bitshuffle need elements as they were, or shuffled without being compressed. */
const stand = (packer: Choice, shuffled: Choice, compressor: Choice): boolean =>
  (packer[1] === null || (shuffled[1]?.name !== 'bitshuffle' && compressor[1]?.name !== 'szip')) &&
  !(compressor[1]?.name === 'szip' && shuffled[1]?.compressor !== undefined);

function combinations(kind: Kind): { name: string; filters: Filter[]; needs: Reader[] }[] {
  return packers(kind).flatMap((packer) => shuffles.flatMap((shuffled) => compressors.flatMap((compressor) => checksums.flatMap((checksum) => {
    if (!stand(packer, shuffled, compressor)) return [];
    const all = [packer, shuffled, compressor, checksum];
    return [{
      name: all.map(([name]) => name).filter((name) => name !== '').join(', ') || 'no filter',
      filters: all.map(([, filter]) => filter).filter((filter) => filter !== null),
      needs: all.map(([, , needed]) => needed).filter((needed) => needed !== undefined),
    }];
  }))));
}

describeWith(['h5py'], 'every combination of filters', () => {
  it.each(kinds)('brings %s%s back, by h5py and by ourselves', async (kind, order) => {
    const path = scratch.path();
    const values = valuesOf(kind);
    const tried = combinations(kind);
    expect(tried.length).toBeGreaterThan(110);
    {
      await using file = await H5File.create(path);
      for (const { name, filters } of tried) {
        // Chunks at the rim are not whole, and one is filled up.
        const group = isOurs(name) ? 'ours' : 'all';
        await file.root.createDataset(`${group}/${name}`, { dtype: `${kind}${order}` as DatatypeName, shape: [rows, columns], chunks: [4, 17], filters, data: values });
      }
    }
    const bytes = Buffer.from(values.buffer);
    const rowBytes = bytes.length / rows;
    const digests = Array.from({ length: rows }, (_, i) => digest(bytes.subarray(i * rowBytes, (i + 1) * rowBytes)));
    const seen = read(path, { values: 'digests', skip: ['/ours'] });
    await using file = await H5File.open(path);
    for (const { name, needs } of tried) {
      const own = file.root.get(`${isOurs(name) ? 'ours' : 'all'}/${name}`) as Dataset;
      expect([name, await own.read()]).toEqual([name, values]);
      if (isOurs(name) || !needs.every(isAvailable)) continue;
      expect([name, dataset(seen, `/all/${name}`).values]).toEqual([name, digests]);
    }
  });

  it('brings chunks of a MiB and more back, which other encoders take', async () => {
    const path = scratch.path();
    const values = Float64Array.from({ length: 2 * 2 ** 17 }, (_, i) => Math.round(Math.sin(i / 1e4) * 1e6) + (i % 7) / 8);
    const levels = [0, 1, 4, 6, 9];
    {
      await using file = await H5File.create(path);
      for (const level of levels) {
        await file.root.createDataset(`shuffled ${String(level)}`, { shape: [2, 2 ** 17], chunks: [1, 2 ** 17], filters: [shuffle(), gzip(level), fletcher32()], data: values });
        await file.root.createDataset(`plain ${String(level)}`, { shape: [2, 2 ** 17], chunks: [1, 2 ** 17], filters: [gzip(level)], data: values });
      }
    }
    const seen = read(path, { values: 'digests' });
    const bytes = Buffer.from(values.buffer);
    const digests = [digest(bytes.subarray(0, bytes.length / 2)), digest(bytes.subarray(bytes.length / 2))];
    await using file = await H5File.open(path);
    for (const name of levels.flatMap((level) => [`shuffled ${String(level)}`, `plain ${String(level)}`])) {
      expect([name, dataset(seen, `/${name}`).values]).toEqual([name, digests]);
      expect([name, Buffer.from(((await (file.root.get(name) as Dataset).read()) as Float64Array).buffer).equals(bytes)]).toEqual([name, true]);
    }
  });
});
