// Integers in some of their bits: h5py and h5dump find the type and the values, and nbit stores these bits alone.
import { beforeAll, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { H5File, gzip, nbit, shuffle, t, type Dataset, type Filter } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dump, dumpedDataset, type Dump } from './h5dump.js';
import { dataset, read, type SeenFile } from './h5py.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();

const bases = ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'int16be', 'uint32be', 'int64be'] as const;
const layouts: Readonly<Record<string, { readonly chunks?: readonly number[]; readonly filters?: readonly Filter[] }>> = {
  'contiguous': {},
  'nbit': { chunks: [10], filters: [nbit()] },
  'nbit, shuffle and gzip': { chunks: [10], filters: [nbit(), shuffle(), gzip()] },
};

/** Of each base: one bit, most of them, and all but one from the second on. */
const cases = bases.flatMap((base) => {
  const size = Number(/\d+/.exec(base)?.[0]);
  return [{ precision: 1, offset: size - 1 }, { precision: size - Math.ceil(size / 4), offset: 0 }, { precision: size - 2, offset: 1 }].map((bits) => ({ base, size, bits }));
});

/** The least, the greatest, and some between them. */
function valuesOf({ base, bits: { precision } }: (typeof cases)[number]): bigint[] {
  const signed = base.startsWith('int');
  const low = signed ? -(2n ** BigInt(precision - 1)) : 0n;
  const high = low + 2n ** BigInt(precision) - 1n;
  return Array.from({ length: 33 }, (_, i) => (i === 0 ? low : i === 1 ? high : low + (BigInt(i) * 0x9e3779b97f4a7c15n) % (high - low + 1n)));
}

const nameOf = ({ base, bits }: (typeof cases)[number], layout: string): string => `${base} ${String(bits.precision)} at ${String(bits.offset)}, ${layout}`;

describeWith(['h5py', 'h5dump'], 'integers in some of their bits', () => {
  const path = scratch.path();
  let seen: SeenFile;
  let dumped: Dump;
  beforeAll(async () => {
    {
      await using file = await H5File.create(path);
      for (const one of cases) {
        const data = valuesOf(one);
        for (const [layout, spec] of Object.entries(layouts)) await file.root.createDataset(nameOf(one, layout), { ...spec, dtype: t.integer(one.base, one.bits), data });
      }
      const sample = t.compound({ channel: t.integer('uint8', { precision: 3 }), value: t.integer('int16', { precision: 12, offset: 4 }) });
      const rows = await file.root.createDataset('rows', { dtype: sample, shape: [0], maxShape: [null], chunks: [64], filters: [nbit()] });
      await rows.append(Array.from({ length: 100 }, (_, i) => ({ channel: i % 8, value: i * 40 - 2000 })));
    }
    seen = read(path);
    dumped = dump(path);
  });

  it.each(cases)('$base, $bits', async (one) => {
    await using file = await H5File.open(path);
    const values = valuesOf(one);
    for (const layout of Object.keys(layouts)) {
      const name = nameOf(one, layout);
      const found = dataset(seen, `/${name}`);
      expect(found.type).toMatchObject({ class: 'integer', size: one.size / 8, signed: one.base.startsWith('int'), order: one.base.endsWith('be') ? 'BE' : 'LE', precision: one.bits.precision });
      expect([name, found.values]).toEqual([name, values.map(String)]);
      // h5dump takes the sign of big-endian numbers for a part of them when it has but to turn their bytes, also in files of libhdf5's own.
      if (one.base !== 'int16be' && one.base !== 'int64be') expect(dumpedDataset(dumped, `/${name}`).values).toEqual(values.map((value) => ({ bare: String(value) })));
      const own = file.root.get(name) as Dataset;
      expect([...((await own.read()) as (number | bigint)[])].map(BigInt)).toEqual(values);
      expect(own.dtype.name).toContain(`${String(one.bits.precision)} bits`);
    }
    // Of three chunks of ten elements and one that is filled up, with what is left of a byte.
    expect(dataset(seen, `/${nameOf(one, 'nbit')}`).storageSize).toBeLessThanOrEqual(4 * (Math.ceil((10 * one.bits.precision) / 8) + 1));
  });

  it('in compounds too', () => {
    expect(dataset(seen, '/rows').values).toEqual(Array.from({ length: 100 }, (_, i) => [String(i % 8), String(i * 40 - 2000)]));
    // 15 bits and not 24.
    expect(dataset(seen, '/rows').storageSize).toBeLessThan(2 * (64 * 2 + 1));
  });

  it('refuse what they cannot hold, and bits that there are not', async () => {
    await using file = await H5File.create(scratch.path());
    for (const data of [[2048], [-2049], [0.5], ['1'], [2n ** 70n]]) {
      await expect(file.root.createDataset('x', { dtype: t.integer('int16', { precision: 12 }), data })).rejects.toMatchObject({ code: 'ERR_TYPE_MISMATCH', dataset: '/x' });
    }
    for (const make of [
      () => t.integer('int16', { precision: 17 }), () => t.integer('int16', { precision: 0 }), () => t.integer('int16', { precision: 12, offset: 5 }),
      () => t.integer('float32' as never, { precision: 12 }), () => t.integer('int16', { precision: 12, bits: 3 } as never), () => t.integer('int16', null as never),
    ]) {
      expect(make).toThrow(FreestoneError);
      expect(make).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }) as Error);
    }
    expect(t.integer('int16be', { precision: 16 }).name).toBe('int16be');
  });
});
