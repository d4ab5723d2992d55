// Columns out of rows: what `readColumns` gives of each member is what `read` gives, whatever the type, shape, layout and selection.
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { H5File, fletcher32, gzip, shuffle, t, type Dataset, type DatasetColumns, type DatasetSpec, type Selection } from '../../lib/hdf5/index.js';
import { kinds, type Kind } from '../interop/kinds.js';
import { memoryOf } from './garbage.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const effort = Number(process.env['FREESTONE_EFFORT'] ?? 1);

/** What a test passes where TypeScript would not let it. */
const wrong = (value: unknown): never => value as never;
const get = (file: H5File, name: string): Dataset => file.root.get(name) as Dataset;

type Row = Readonly<Record<string, unknown>>;
const isComplex = (kind: Kind | undefined): boolean => kind?.name.startsWith('complex') === true;

/** Rows as columns, one by one. */
function transposed(rows: readonly Row[], members: Readonly<Record<string, Kind>>): Record<string, unknown[]> {
  return Object.fromEntries(
    Object.entries(members).map(([name, kind]) => {
      const values = rows.map((row) => row[name]);
      return [name, isComplex(kind) ? values.flatMap((value) => [(value as { re: number }).re, (value as { im: number }).im]) : values];
    }),
  );
}

const listed = (columns: DatasetColumns): Record<string, unknown[]> => Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, [...(values as unknown[])]]));

/** Sees to it that both forms of `readColumns` give what `read` gives. */
async function expectColumns(dataset: Dataset, members: Readonly<Record<string, Kind>>, selection?: Selection, asked?: readonly string[]): Promise<void> {
  const read = await dataset.read(selection);
  const rows = (Array.isArray(read) ? read : [read]) as readonly Row[];
  const expected = transposed(rows, asked === undefined ? members : Object.fromEntries(asked.flatMap((name) => Object.entries(members).filter(([member]) => member === name))));
  const options = asked === undefined ? {} : { columns: asked };
  const columns = await dataset.readColumns(selection, options);
  expect(Object.keys(columns)).toEqual(Object.keys(expected));
  expect(listed(columns)).toEqual(expected);
  for (const [name, values] of Object.entries(columns)) {
    const kind = members[name];
    // What a typed array holds, but for half floats where this Node has no array for them.
    if (kind?.typed !== undefined) expect(values).toEqual(kind.typed(rows.map((row) => row[name])));
    else expect(Array.isArray(values) || kind?.name.startsWith('float16')).toBe(true);
  }
  expect(listed(dataset.readColumnsSync(selection, options))).toEqual(expected);
}

const allKinds = Object.fromEntries(kinds.map((kind) => [kind.name, kind]));

const layouts: Record<string, Partial<DatasetSpec>> = {
  contiguous: {},
  'in chunks': { chunks: [7] },
  'with filters': { chunks: [16], filters: [shuffle(), gzip(1)] },
};

describe('a compound with members of all kinds', () => {
  it.each(Object.keys(layouts))('%s: its columns are those of its rows', async (layout) => {
    const path = scratch.path();
    const dtype = t.compound(Object.fromEntries(kinds.map((kind) => [kind.name, kind.spec])));
    const [rows = []] = fc.sample(fc.array(fc.record(Object.fromEntries(kinds.map((kind) => [kind.name, kind.values]))), { minLength: 50, maxLength: 50 }), { numRuns: 1, seed: 7 });
    const file = await H5File.create(path);
    await file.root.createDataset('x', { dtype, data: rows, ...layouts[layout] });
    await file.root.createDataset('scalar', { dtype, data: rows[3] as never });
    await file.root.createDataset('none', { dtype, shape: [0], maxShape: [null], chunks: [5] });
    await file.root.createDataset('never', { dtype, shape: [9], ...layouts[layout], ...(layout === 'contiguous' ? {} : { chunks: [4] }) });
    await file.close();
    await using back = await H5File.open(path);
    for (const name of ['x', 'scalar', 'none', 'never']) await expectColumns(get(back, name), allKinds);
    await expectColumns(get(back, 'x'), allKinds, { start: [5], count: [20] });
    await expectColumns(get(back, 'x'), allKinds, { start: [49], count: [1] }, ['string', 'int64be', 'bool']);
    await expectColumns(get(back, 'x'), allKinds, { start: [50], count: [0] });
  });

  it('gives no column when none is asked for', async () => {
    await using file = await H5File.create(scratch.path());
    const x = await file.root.createDataset('x', { dtype: t.compound({ a: 'int8' }), data: [{ a: 1 }] });
    expect(await x.readColumns(undefined, { columns: [] })).toEqual({});
  });

  it('of any members, shape, chunks, fill and selection, while it is being written and when it is read', async () => {
    const drawn = fc
      .record({
        members: fc.uniqueArray(fc.constantFrom(...kinds), { minLength: 1, maxLength: 5, selector: ({ name }) => name }),
        shape: fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 3 }),
        layout: fc.constantFrom('contiguous', 'chunks', 'gzip'),
        isPart: fc.boolean(),
        filled: fc.boolean(),
      })
      .chain((base) => {
        const box = (): fc.Arbitrary<Selection> =>
          fc.tuple(...base.shape.map((extent) => fc.tuple(fc.integer({ min: 0, max: extent }), fc.integer({ min: 0, max: extent })))).map((ends) => ({
            start: ends.map(([a, b]) => Math.min(a, b)),
            count: ends.map(([a, b]) => Math.abs(a - b)),
          }));
        return fc.record({
          base: fc.constant(base),
          rows: fc.array(fc.record(Object.fromEntries(base.members.map(({ name, values }) => [name, values]))), { minLength: 1, maxLength: 20 }),
          chunks: fc.tuple(...base.shape.map((extent) => fc.integer({ min: 1, max: Math.max(1, extent) }))),
          written: box(),
          selections: fc.array(fc.option(box(), { nil: undefined }), { minLength: 1, maxLength: 3 }),
          asked: fc.option(fc.shuffledSubarray(base.members.map(({ name }) => name)), { nil: undefined }),
        });
      });
    await fc.assert(
      fc.asyncProperty(drawn, async ({ base, rows, chunks, written, selections, asked }) => {
        const { members, shape, layout, isPart, filled } = base;
        const byName = Object.fromEntries(members.map((kind) => [kind.name, kind]));
        const path = scratch.path('.drawn');
        const isChunked = layout !== 'contiguous' && shape.length > 0;
        const fill = Object.fromEntries(members.map(({ name, sample }) => [name, sample]));
        const spec: DatasetSpec = {
          dtype: t.compound(Object.fromEntries(members.map(({ name, spec: member }) => [name, member]))),
          shape,
          ...(isChunked ? { chunks: [...chunks] } : {}),
          ...(isChunked && layout === 'gzip' ? { filters: [gzip(1)] } : {}),
          ...(filled && members.every(({ fillable }) => fillable) ? { fill } : {}),
        };
        const file = await H5File.create(path);
        const dataset = await file.root.createDataset('x', spec);
        const box = isPart ? written : { start: shape.map(() => 0), count: shape };
        const count = box.count.reduce((product, n) => product * n, 1);
        const nested = (at: number, first: number, each: number): unknown => {
          const extent = box.count[at];
          if (extent === undefined) return rows[first % rows.length];
          return Array.from({ length: extent }, (_, i) => nested(at + 1, first + (i * each) / extent, each / extent));
        };
        if (count > 0) await dataset.write(nested(0, 0, count) as never, box);
        for (const selection of selections) await expectColumns(dataset, byName, selection, asked);
        await file.close();
        await using back = await H5File.open(path);
        for (const selection of selections) await expectColumns(get(back, 'x'), byName, selection, asked);
      }),
      { numRuns: 60 * effort },
    );
  }, 120_000 * effort);
});

/** Rows of 48 bytes, made from their number. */
const dtype = t.compound({ id: 'int64', a: 'float64', b: 'float64be', c: 'float64', name: t.string(16) });
const ROW_BYTES = 48;

function packed(first: number, count: number, bias = 0): Buffer {
  const rows = Buffer.alloc(count * ROW_BYTES);
  for (let i = 0; i < count; i += 1) {
    const [at, n] = [i * ROW_BYTES, first + i];
    rows.writeBigInt64LE(BigInt(n), at);
    rows.writeDoubleLE(n / 2 + bias, at + 8);
    rows.writeDoubleBE(n / 4 + bias, at + 16);
    rows.writeDoubleLE(-n + bias, at + 24);
    rows.write(`n${String(n)}`, at + 32);
  }
  return rows;
}

function expectRows({ id, a, b, c, name }: DatasetColumns, first: number, count: number, bias = 0): void {
  expect([id, a, b, c, name].map((values) => values?.length)).toEqual([count, count, count, count, count]);
  let wrongAt: number | undefined;
  for (let i = 0, n = first; i < count && wrongAt === undefined; i += 1, n += 1) {
    if (id?.[i] !== BigInt(n) || a?.[i] !== n / 2 + bias || b?.[i] !== n / 4 + bias || c?.[i] !== -n + bias || name?.[i] !== `n${String(n)}`) wrongAt = i;
  }
  expect(wrongAt).toBeUndefined();
}

describe('columns of many rows', () => {
  // Some twelve slices.
  const count = 1_000_003;
  const rows = packed(0, count);

  it.each<[string, Partial<DatasetSpec>]>([
    ['contiguous', {}],
    ['external', { external: [{ path: scratch.path('.raw'), offset: 17, size: 1_000_003 * 48 }] }],
    ['in chunks of a part of a slice', { chunks: [1000] }],
    ['in chunks larger than a slice', { chunks: [150_000], filters: [gzip(1)] }],
  ])('%s, whole and in part', async (_, layout) => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', { dtype, shape: [count], ...layout });
    await x.write(rows);
    await file.close();
    await using back = await H5File.open(path);
    const read = get(back, 'x');
    expectRows(await read.readColumns(), 0, count);
    expectRows(read.readColumnsSync(), 0, count);
    expectRows(await read.readColumns({ start: [77_777], count: [500_000] }), 77_777, 500_000);
    expect(await read.readColumns({ start: [600_000], count: [3] }, { columns: ['b', 'name'] })).toEqual({ b: Float64Array.of(150_000, 150_000.25, 150_000.5), name: ['n600000', 'n600001', 'n600002'] });
  });

  it('takes memory for few of the rows beside the columns, and leaves others their turns', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', { dtype, shape: [count], chunks: [5000] });
    await x.write(rows);
    await file.close();
    await using back = await H5File.open(path);
    const read = get(back, 'x');
    const { result: columns, most, turns } = await memoryOf(() => read.readColumns());
    expectRows(columns, 0, count);
    const numbers = 4 * 8 * count;
    expect(most).toBeGreaterThanOrEqual(numbers);
    // Slices, the texts of slices, and a few chunks on their way: not the 48 MB of the rows.
    expect(most - numbers).toBeLessThan(30e6);
    expect(turns).toBeGreaterThan(10);
  });

  it.each<[string, Partial<DatasetSpec>, number]>([
    ['contiguous', {}, 0],
    ['in chunks', { chunks: [3000] }, 0],
    ['in chunks with a fill value', { chunks: [3000], fill: { id: 5n, a: 5, b: 5, c: 5, name: 'five' } }, 5],
  ])('%s: of which the second half was never written', async (_, layout, fill) => {
    const [all, written] = [600_000, 300_000];
    const file = await H5File.create(scratch.path());
    const x = await file.root.createDataset('x', { dtype, shape: [all], ...layout });
    await x.write(rows.subarray(0, written * ROW_BYTES), { start: [0], count: [written] });
    const { id, b, name } = await x.readColumns(undefined, { columns: ['id', 'b', 'name'] });
    expectRows(await x.readColumns({ start: [0], count: [written] }), 0, written);
    let wrongAt: number | undefined;
    for (let i = 0; i < all && wrongAt === undefined; i += 1) {
      const isThere = i < written;
      if (id?.[i] !== BigInt(isThere ? i : fill) || b?.[i] !== (isThere ? i / 4 : fill) || name?.[i] !== (isThere ? `n${String(i)}` : fill === 0 ? '' : 'five')) wrongAt = i;
    }
    expect(wrongAt).toBeUndefined();
    expect(x.readColumnsSync({ start: [written - 1], count: [2] }, { columns: ['id'] })).toEqual({ id: BigInt64Array.of(BigInt(written - 1), BigInt(fill)) });
    await file.close();
  });

  it('in several dimensions: chunks that are not rows of the selection', async () => {
    const path = scratch.path();
    const [height, width] = [1000, 400];
    const file = await H5File.create(path);
    for (const [name, layout] of Object.entries({ plain: {}, chunks: { chunks: [90, 70] }, gzip: { chunks: [300, 130], filters: [gzip(1)] } })) {
      const x = await file.root.createDataset(name, { dtype, shape: [height, width], ...layout });
      await x.write(rows.subarray(0, height * width * ROW_BYTES));
    }
    await file.close();
    await using back = await H5File.open(path);
    for (const name of ['plain', 'chunks', 'gzip']) {
      expectRows(await get(back, name).readColumns(), 0, height * width);
      const { id, name: texts } = await get(back, name).readColumns({ start: [100, 50], count: [700, 300] }, { columns: ['name', 'id'] });
      expect([id?.length, texts?.length]).toEqual([210_000, 210_000]);
      const wrongAt = Array.from({ length: 210_000 }, (_, i) => i).find((i) => {
        const n = (100 + Math.floor(i / 300)) * width + 50 + (i % 300);
        return id?.[i] !== BigInt(n) || texts?.[i] !== `n${String(n)}`;
      });
      expect(wrongAt).toBeUndefined();
    }
  });
});

describe('while others use the dataset', () => {
  const count = 400_000;

  it.each<[string, Partial<DatasetSpec>]>([['in chunks', { chunks: [3000] }], ['with a filter', { chunks: [3000], filters: [gzip(1)] }]])('%s: what was asked for before is read, what is asked for later is not', async (_, layout) => {
    await using file = await H5File.create(scratch.path());
    const x = await file.root.createDataset('x', { dtype, shape: [0], maxShape: [null], ...layout });
    const appending = [x.append(packed(0, 150_000)), x.append(packed(150_000, count - 150_000))];
    const reading = x.readColumns();
    const later = [x.write(packed(0, count, 0.5)), x.append(packed(count, 1000, 0.5)), file.flush(), x.resize([count + 500])];
    const again = x.readColumns();
    const rows = x.read({ start: [count], count: [1] });
    expectRows(await reading, 0, count);
    expectRows(await again, 0, count + 500, 0.5);
    expect(await rows).toEqual([{ id: BigInt(count), a: count / 2 + 0.5, b: count / 4 + 0.5, c: 0.5 - count, name: `n${String(count)}` }]);
    await Promise.all([...appending, ...later]);
  });

  it('a synchronous call ends what others have begun', async () => {
    await using file = await H5File.create(scratch.path());
    const x = await file.root.createDataset('x', { dtype, shape: [count], chunks: [3000] });
    const writing = x.write(packed(0, count));
    const reading = x.readColumns();
    expectRows(x.readColumnsSync(), 0, count);
    x.writeSync(packed(0, 10, 0.5), { start: [0], count: [10] });
    expectRows(x.readColumnsSync({ start: [0], count: [10] }), 0, 10, 0.5);
    expectRows(await reading, 0, count);
    await writing;
  });

  it('a file that is closed meanwhile gives the columns or says that it is closed', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    await (await file.root.createDataset('x', { dtype, shape: [count], chunks: [3000] })).write(packed(0, count));
    await file.close();
    const back = await H5File.open(path);
    const x = get(back, 'x');
    const reading = x.readColumns().then((columns) => { expectRows(columns, 0, count); }, (error: unknown) => { expect(error).toMatchObject({ code: 'ERR_CLOSED' }); });
    await back.close();
    await reading;
    await expect(x.readColumns()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(() => x.readColumnsSync()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }) as Error);
  });
});

describe('what is refused says why, and of which dataset and column', () => {
  it.each<[string, string, Selection | undefined, unknown, object]>([
    ['an unknown column', '/a/rows', undefined, { columns: ['x', 'z'] }, { code: 'ERR_INVALID_ARGUMENT', column: 'z' }],
    ['a column twice', '/a/rows', undefined, { columns: ['y', 'x', 'y'] }, { code: 'ERR_INVALID_ARGUMENT', column: 'y' }],
    ['a column that is no name', '/a/rows', undefined, { columns: [5] }, { code: 'ERR_INVALID_ARGUMENT', column: 5 }],
    ['columns that are no array', '/a/rows', undefined, { columns: 'x' }, { code: 'ERR_INVALID_ARGUMENT', argument: 'columns' }],
    ['an unknown option', '/a/rows', undefined, { column: ['x'] }, { code: 'ERR_INVALID_ARGUMENT' }],
    ['options that are none', '/a/rows', undefined, 7, { code: 'ERR_INVALID_ARGUMENT' }],
    ['a selection outside', '/a/rows', { start: [2], count: [2] }, {}, { code: 'ERR_INVALID_ARGUMENT' }],
    ['a selection of another rank', '/a/rows', { start: [0, 0], count: [1, 1] }, {}, { code: 'ERR_INVALID_ARGUMENT' }],
    ['a dataset of numbers', '/a/numbers', undefined, {}, { code: 'ERR_TYPE_MISMATCH', dtype: 'float64' }],
    ['a dataset of complex numbers, also with their parts as columns', '/a/complex', undefined, { columns: ['r'] }, { code: 'ERR_TYPE_MISMATCH', dtype: 'complex128' }],
    ['a dataset of texts', '/a/texts', undefined, {}, { code: 'ERR_TYPE_MISMATCH', dtype: 'string' }],
  ])('%s', async (_, name, selection, options, expected) => {
    await using file = await H5File.create(scratch.path());
    await file.root.createDataset('a/rows', { dtype: t.compound({ x: 'int8', y: 'float32' }), data: [{ x: 1, y: 2 }, { x: 3, y: 4 }, { x: 5, y: 6 }] });
    await file.root.createDataset('a/numbers', { data: Float64Array.of(1, 2) });
    await file.root.createDataset('a/complex', { dtype: 'complex128', data: [[1, 2]] });
    await file.root.createDataset('a/texts', { data: ['one'] });
    const dataset = get(file, name);
    const facts = { ...expected, dataset: name };
    const error: unknown = await dataset.readColumns(selection, wrong(options)).then(() => undefined, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FreestoneError);
    expect(error).toMatchObject(facts);
    expect(() => dataset.readColumnsSync(selection, wrong(options))).toThrow(expect.objectContaining(facts) as Error);
    expect(await get(file, 'a/rows').readColumns()).toEqual({ x: Int8Array.of(1, 3, 5), y: Float32Array.of(2, 4, 6) });
  });

  it('a synchronous call from within another one', async () => {
    await using file = await H5File.create(scratch.path());
    const x = await file.root.createDataset('x', { dtype: t.compound({ a: 'int8' }), data: [{ a: 1 }] });
    let code: unknown;
    const row = { get a() { try { x.readColumnsSync(); } catch (error) { code = (error as FreestoneError).code; } return 2; } };
    x.writeSync([row]);
    expect(code).toBe('ERR_UNSUPPORTED');
    expect(x.readColumnsSync()).toEqual({ a: Int8Array.of(2) });
  });

  it('a chunk that is damaged, and all other rows can be read', async () => {
    const path = scratch.path('.damaged');
    const count = 300_000;
    const file = await H5File.create(path);
    await (await file.root.createDataset('x', { dtype, shape: [count], chunks: [3000], filters: [fletcher32()] })).write(packed(0, count));
    await file.close();
    const bytes = readFileSync(path);
    const at = bytes.indexOf(packed(150_000, 1));
    expect(at).toBeGreaterThan(0);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    await using back = await H5File.open(path);
    const x = get(back, 'x');
    await expect(x.readColumns()).rejects.toMatchObject({ code: 'ERR_CORRUPT_FILE', dataset: '/x' });
    expect(() => x.readColumnsSync()).toThrow(expect.objectContaining({ code: 'ERR_CORRUPT_FILE', dataset: '/x' }) as Error);
    expectRows(await x.readColumns({ start: [0], count: [150_000] }), 0, 150_000);
    expectRows(x.readColumnsSync({ start: [153_000], count: [147_000] }), 153_000, 147_000);
  });
});
