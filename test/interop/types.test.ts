// Every datatype, in a contiguous dataset, in a chunked and filtered one, as a scalar and as attributes, read by h5py and h5dump.
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { H5File, gzip, shuffle, t, type Data, type Value } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { asPrinted, typeWords } from './comparison.js';
import { dump, dumpedDataset, type Dump } from './h5dump.js';
import { dataset, group, read, type SeenFile } from './h5py.js';
import { kinds, type Kind } from './kinds.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();
const cases = kinds.map((kind, i) => ({
  kind,
  // The same in every run: what is random is in random.test.ts.
  values: [kind.sample, kind.zero, ...fc.sample(kind.values, { numRuns: 34, seed: 1 })],
  place: `/${String(i)}`,
}));
const named = cases.map((each) => [each.kind.name, each] as const);

/** As nested arrays of 4 rows. */
function rows(values: readonly unknown[]): Value {
  const width = values.length / 4;
  return [0, 1, 2, 3].map((row) => values.slice(row * width, (row + 1) * width)) as Value;
}

async function writeAll(path: string): Promise<void> {
  await using file = await H5File.create(path);
  for (const { kind, values, place } of cases) {
    const group = file.root.createGroup(place);
    const { spec: dtype } = kind;
    await group.createDataset('contiguous', { dtype, data: values as Value });
    await group.createDataset('chunked', { dtype, data: rows(values), chunks: [3, 4], filters: [shuffle(), gzip(1)] });
    const scalar = await group.createDataset('scalar', { dtype, shape: [], data: kind.sample as Value });
    if (kind.typed !== undefined) await group.createDataset('typed', { dtype, data: kind.typed(values) });
    scalar.attrs.set('one', kind.sample as Value, { dtype });
    scalar.attrs.set('many', values as Value, { dtype });
    group.attrs.set('square', rows(values.slice(0, 4)), { dtype });
  }
}

const printedAll = (kind: Kind, values: readonly unknown[]) => values.map((value) => kind.printed(value));

describeWith(['h5py'], 'h5py reads each datatype', () => {
  let seen: SeenFile;
  beforeAll(async () => {
    const path = scratch.path();
    await writeAll(path);
    seen = read(path);
  });

  it.each(named)('%s, type and values, in every layout', (_, { kind, values, place }) => {
    const expected = printedAll(kind, values);
    for (const name of ['contiguous', 'chunked', ...(kind.typed === undefined ? [] : ['typed'])]) {
      const found = dataset(seen, `${place}/${name}`);
      expect(found.type).toEqual(kind.described);
      expect(found.values).toEqual(expected);
    }
    expect(dataset(seen, `${place}/contiguous`)).toMatchObject({ layout: 'contiguous', shape: [36], maxShape: [36], chunks: null });
    expect(dataset(seen, `${place}/chunked`)).toMatchObject({ layout: 'chunked', shape: [4, 9], chunks: [3, 4] });
    const scalar = dataset(seen, `${place}/scalar`);
    expect(scalar).toMatchObject({ type: kind.described, shape: [], values: [kind.printed(kind.sample)] });
  });

  it.each(named)('%s as an attribute, scalar and with dimensions', (_, { kind, values, place }) => {
    const { attributes } = dataset(seen, `${place}/scalar`);
    expect(attributes).toEqual({
      one: { type: kind.described, shape: [], values: [kind.printed(kind.sample)] },
      many: { type: kind.described, shape: [36], values: printedAll(kind, values) },
    });
    expect(group(seen, place).attributes).toEqual({
      square: { type: kind.described, shape: [4, 1], values: printedAll(kind, values.slice(0, 4)) },
    });
  });
});

describeWith(['h5dump'], 'h5dump reads each datatype', () => {
  let dumped: Dump;
  beforeAll(async () => {
    const path = scratch.path();
    await writeAll(path);
    dumped = dump(path);
  });

  it.each(named)('%s, type and values, in every layout', (_, { kind, values, place }) => {
    const expected = printedAll(kind, values);
    for (const [name, shape] of [['contiguous', [36]], ['chunked', [4, 9]]] as const) {
      const found = dumpedDataset(dumped, `${place}/${name}`);
      expect(found.type).toBe(typeWords(kind.described));
      expect(found.space).toEqual({ shape, maxShape: shape });
      expect(found.values.map((value) => asPrinted(kind.described, value))).toEqual(expected);
    }
    const scalar = dumpedDataset(dumped, `${place}/scalar`);
    expect(scalar.space).toBe('SCALAR');
    expect(scalar.values.map((value) => asPrinted(kind.described, value))).toEqual([kind.printed(kind.sample)]);
  });

  it.each(named)('%s as an attribute', (_, { kind, values, place }) => {
    const { many, one } = dumpedDataset(dumped, `${place}/scalar`).attributes;
    expect(one?.space).toBe('SCALAR');
    expect(one?.values.map((value) => asPrinted(kind.described, value))).toEqual([kind.printed(kind.sample)]);
    expect(many?.type).toBe(typeWords(kind.described));
    expect(many?.values.map((value) => asPrinted(kind.described, value))).toEqual(printedAll(kind, values));
  });
});

describeWith(['h5py', 'h5dump'], 'both read what is at the rim of a type', () => {
  it('the members of an enumeration may have any names', async () => {
    const path = scratch.path();
    const members = { 'läuft ⏱': 1, '"quoted"': 2, ' ': -128, ['n'.repeat(300)]: 127 };
    {
      await using file = await H5File.create(path);
      await file.root.createDataset('x', { dtype: t.enum(members), data: Object.keys(members) });
    }
    const found = dataset(read(path), '/x');
    expect(found.type).toMatchObject({ members: Object.fromEntries(Object.entries(members).map(([name, value]) => [name, String(value)])) });
    expect(found.values).toEqual(Object.values(members).map(String));
  });

  it('a compound may have hundreds of members', async () => {
    const path = scratch.path();
    const names = Array.from({ length: 700 }, (_, i) => `member ${String(i)}`);
    const row = Object.fromEntries(names.map((name, i) => [name, i]));
    {
      await using file = await H5File.create(path);
      const dtype = t.compound(Object.fromEntries(names.map((name, i) => [name, i % 2 === 0 ? 'int16' : 'float32be'])));
      await file.root.createDataset('x', { dtype, data: [row], filters: [shuffle(), gzip()] });
    }
    const found = dataset(read(path), '/x');
    expect(found.type).toMatchObject({ class: 'compound', size: 2100 });
    expect(found.values[0]).toHaveLength(700);
    const dumped = dumpedDataset(dump(path), '/x').values[0];
    expect((dumped as { bare: string }[]).map(({ bare }) => Number(bare))).toEqual(names.map((_, i) => i));
  });

  it('variable-length texts of every length are whole, up to more than a heap collection holds', async () => {
    const path = scratch.path();
    const lengths = [0, 1, 7, 8, 9, 4063, 4064, 4065, 4080, 16_384, 65_519, 65_520, 65_521, 65_536, 70_000, 1_000_000];
    const texts = lengths.map((length) => 'abcdefghij'.repeat(Math.ceil(length / 10)).slice(0, length));
    const data: Data = [...texts, ...texts.map((text) => text.replaceAll('a', '😀'))];
    {
      await using file = await H5File.create(path);
      await file.root.createDataset('x', { dtype: 'string', data });
      await file.root.createDataset('chunked', { dtype: 'string', data, chunks: [3], filters: [gzip()] });
    }
    const seen = read(path);
    expect(dataset(seen, '/x').values).toEqual(data);
    expect(dataset(seen, '/chunked').values).toEqual(data);
    const { values } = dumpedDataset(dump(path), '/x');
    expect(values).toEqual(data.map((text) => ({ text })));
  });

  it('fixed strings may be longer than a header message can hold', async () => {
    const path = scratch.path();
    const texts = ['x'.repeat(100_000), 'ü'.repeat(50_000), ''];
    {
      await using file = await H5File.create(path);
      await file.root.createDataset('x', { dtype: t.string(100_000), data: texts });
    }
    expect(dataset(read(path), '/x').values).toEqual(texts);
  });
});
