// What is refused when data is put into a dataset or taken out of it: each error has a code and says which dataset it is about, and which
// member, column or argument where there are several. Nothing of what was refused is seen by a reader, and what follows works.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { H5File, bitshuffle, fletcher32, gzip, nbit, scaleOffset, szip, t, type Dataset, type DatasetSpec, type Group, type Table } from '../../lib/hdf5/index.js';
import { compileInto } from './compiled.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();

/** What a test passes where TypeScript would not let it. */
const wrong = (value: unknown): never => value as never;
const box = (start: unknown, count: unknown): never => wrong({ start, count });

const ARGUMENT = 'ERR_INVALID_ARGUMENT';
const SIZE = 'ERR_INVALID_SIZE';
const TYPE = 'ERR_TYPE_MISMATCH';
const LIMIT = 'ERR_LIMIT_EXCEEDED';
const UNSUPPORTED = 'ERR_UNSUPPORTED';

let file: H5File;
let root: Group;
let plain: Dataset;
let grid: Dataset;
let rows: Dataset;
let texts: Dataset;
let table: Table;
let columns: Table;

const path = scratch.path();

beforeAll(async () => {
  file = await H5File.create(path);
  root = file.root;
  plain = await root.createDataset('a/plain', { data: Float64Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] });
  grid = await root.createDataset('a/grid', { dtype: 'int16', data: [[1, 2, 3], [4, 5, 6]], maxShape: [4, 3], chunks: [2, 2], filters: [gzip(1)] });
  rows = await root.createDataset('a/rows', { dtype: t.compound({ id: 'int32', at: t.compound({ x: 'float32', ok: 'bool' }) }), shape: [0], maxShape: [null] });
  texts = await root.createDataset('a/texts', { data: ['one', 'two'], maxShape: [null] });
  const described = { id: 'int32', value: 'float64', name: t.string(4) } as const;
  table = await root.createTable('a/table', described);
  columns = await root.createTable('a/columns', described, { layout: 'columns' });
  await file.flush();
});

/** What a reader must find after all that was refused. */
const untouched = {
  '/a/plain': [1, 2, 3, 4, 5, 6], '/a/grid': [1, 2, 3, 4, 5, 6], '/a/rows': [], '/a/texts': ['one', 'two'], '/a/table': [],
  '/a/columns/id': [], '/a/columns/value': [], '/a/columns/name': [],
};

afterAll(async () => {
  expect([...(root.get('a') as Group).keys()]).toEqual(['plain', 'grid', 'rows', 'texts', 'table', 'columns']);
  file.space.validate();
  await file.close();
  await using back = await H5File.open(path);
  for (const [name, values] of Object.entries(untouched)) expect([name, [...((await (back.root.get(name) as Dataset).read()) as unknown[])]]).toEqual([name, values]);
});

/** The error of a call, whether it throws or rejects. */
async function errorOf(call: () => unknown): Promise<FreestoneError> {
  const error = await Promise.resolve().then(call).then(() => undefined, (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FreestoneError);
  return error as FreestoneError;
}

/** @param about what the message has to name beside the dataset */
async function expectRefused(call: () => unknown, code: string, dataset: string, about: readonly string[] = []): Promise<void> {
  const error = await errorOf(call);
  expect(error).toMatchObject({ code, dataset });
  for (const name of [dataset, ...about]) expect(error.message).toContain(name);
  // Once, however many calls it went through.
  expect(error.message.split(dataset)).toHaveLength(2);
}

describe('a new dataset is refused with its name, for', () => {
  it.each<[string, unknown, string, string[]]>([
    ['a dtype that there is not', { dtype: 'int12', shape: [2] }, ARGUMENT, ['int12']],
    ['no dtype', { shape: [2] }, ARGUMENT, ['dtype']],
    ['no shape', { dtype: 'int8' }, ARGUMENT, ['shape']],
    ['a negative extent', { dtype: 'int8', shape: [3, -1] }, ARGUMENT, ['shape[1]']],
    ['more bytes than 2^53', { dtype: 'float64', shape: [2 ** 27, 2 ** 27] }, SIZE, ['bytes']],
    ['a maxShape below its shape', { dtype: 'int8', shape: [5], maxShape: [4] }, ARGUMENT, ['maxShape[0]']],
    ['a chunk of 4 GiB', { dtype: 'int8', shape: [2 ** 33], chunks: [2 ** 32] }, SIZE, ['chunks[0]']],
    ['a chunk of 4 GiB in several dimensions', { dtype: 'float64', shape: [2 ** 16, 2 ** 16], chunks: [2 ** 15, 2 ** 14] }, SIZE, ['chunk']],
    ['an option that there is not', { data: [1], chunk: [1] }, ARGUMENT, ['chunk']],
    ['text to scale', { dtype: t.string(4), shape: [5], filters: [scaleOffset()] }, UNSUPPORTED, ['scaleOffset', 'string(4)']],
    ['half floats to scale', { dtype: 'float16', shape: [5], filters: [scaleOffset({ digits: 1 })] }, UNSUPPORTED, ['scaleOffset', 'float16']],
    ['compounds for szip', { dtype: t.compound({ a: 'int8' }), shape: [50], filters: [szip()] }, UNSUPPORTED, ['szip']],
    ['texts for nbit', { dtype: 'string', shape: [5], filters: [nbit()] }, UNSUPPORTED, ['nbit']],
    ['texts to check', { dtype: 'string', shape: [5], filters: [fletcher32()] }, UNSUPPORTED, ['fletcher32']],
    ['elements too large for bitshuffle', { dtype: t.string(2 ** 24), shape: [1], filters: [bitshuffle()] }, UNSUPPORTED, ['bitshuffle']],
    ['a filter that there is not', { dtype: 'int8', shape: [5], filters: [{ name: 'blosc' }] }, UNSUPPORTED, ['blosc']],
    ['a fill value of another type', { dtype: 'int8', shape: [5], fill: 'x' }, TYPE, ['int8']],
    ['data of another length', { dtype: 'int8', shape: [5], data: [1, 2] }, SIZE, ['[5]']],
    ['data of another shape', { shape: [2, 2], data: [1, 2, 3, 4] }, SIZE, ['[2, 2]']],
    ['ragged data', { data: [[1, 2], [3]] }, SIZE, []],
    ['values that do not fit', { dtype: 'uint8', data: [1, 256] }, TYPE, ['uint8', '256']],
    ['a member of another type', { dtype: t.compound({ a: t.compound({ b: 'int8' }) }), data: [{ a: { b: 'x' } }] }, TYPE, ['member a', 'member b', 'int8']],
    ['strides that leave the data', { data: { data: new Int8Array(4), shape: [2, 2], strides: [3, 1] } }, SIZE, ['data.strides']],
    ['bare memory', { dtype: 'int8', data: new ArrayBuffer(4) }, TYPE, []],
  ])('%s', async (_, spec, code, about) => {
    await expectRefused(() => root.createDataset('a/new', wrong(spec)), code, '/a/new', about);
    await expectRefused(() => (root.get('a') as Group).createDataset('deep/new', wrong(spec)), code, '/a/deep/new', about);
    expect(root.has('a/new') || root.has('a/deep')).toBe(false);
  });

  it('a name that is there, or leads through a dataset', async () => {
    expect((await errorOf(() => root.createDataset('a/plain', { data: [1] }))).message).toContain('plain');
    expect((await errorOf(() => root.createDataset('a/plain/x', { data: [1] }))).message).toContain('/a/plain');
  });
});

describe('a write is refused with the name of its dataset, for', () => {
  it.each<[string, () => Dataset, unknown, unknown, string, string[]]>([
    ['too few values', () => plain, new Float64Array(5), undefined, SIZE, ['[2, 3]']],
    ['too many values', () => grid, new Int16Array(7), undefined, SIZE, ['[2, 3]']],
    ['another shape', () => grid, [[1, 2], [3, 4], [5, 6]], undefined, SIZE, ['[3, 2]']],
    ['no values', () => plain, undefined, undefined, SIZE, []],
    ['a value of another type', () => grid, [[1, 2, 3], [4, 5, 'six']], undefined, TYPE, ['int16', 'six']],
    ['a value that does not fit', () => grid, [[1, 2, 3], [4, 5, 70_000]], undefined, TYPE, ['int16', '70000']],
    ['numbers that do not fit', () => grid, Float64Array.of(1, 2, 3, 4, 5, 0.5), undefined, TYPE, ['int16', '0.5']],
    ['text', () => plain, ['a'], box([0, 0], [1, 1]), SIZE, []],
    ['numbers as text', () => texts, [1, 2], undefined, TYPE, ['string']],
    ['bare memory', () => plain, new ArrayBuffer(48), undefined, TYPE, []],
    ['a selection outside', () => plain, new Float64Array(3), box([2, 0], [1, 3]), ARGUMENT, ['dimension 0']],
    ['a selection outside in chunks', () => grid, new Int16Array(2), box([0, 2], [1, 2]), ARGUMENT, ['dimension 1']],
    ['a selection of another rank', () => grid, new Int16Array(2), box([0], [2]), ARGUMENT, ['selection.start']],
    ['a negative selection', () => grid, new Int16Array(2), box([0, -1], [1, 2]), ARGUMENT, ['selection.start[1]']],
    ['a selection with steps', () => grid, new Int16Array(1), { start: [0, 0], count: [1, 1], step: [2, 2] }, UNSUPPORTED, ['step']],
    ['more than the selection', () => plain, new Float64Array(4), box([0, 0], [1, 3]), SIZE, ['[1, 3]']],
    ['strides that leave the data', () => plain, { data: new Float64Array(6), shape: [2, 3], strides: [-3, 1] }, undefined, SIZE, ['data.strides']],
  ])('%s', async (_, dataset, data, selection, code, about) => {
    await expectRefused(() => dataset().write(wrong(data), wrong(selection)), code, dataset().path, about);
  });
});

describe('an append is refused with the name of its dataset, for', () => {
  it.each<[string, () => Dataset, unknown, string, string[]]>([
    ['half a row', () => grid, new Int16Array(4), SIZE, []],
    ['rows of another length', () => grid, [[1, 2]], SIZE, []],
    ['more rows than there may be', () => grid, new Int16Array(9), LIMIT, ['[4, 3]']],
    ['a value of another type', () => grid, [[1, 2, 'x']], TYPE, ['int16']],
    ['a row without a member', () => rows, [{ id: 1 }], TYPE, ['"at"']],
    ['a member of another type', () => rows, [{ id: 1, at: { x: 1, ok: true } }, { id: 2, at: { x: 1, ok: 'yes' } }], TYPE, ['member at', 'member ok', 'bool']],
    ['a member that does not fit', () => rows, [{ id: 2 ** 31, at: { x: 1, ok: true } }], TYPE, ['member id', 'int32']],
    ['half a row as bytes', () => rows, new Uint8Array(10), SIZE, []],
    ['numbers as text', () => texts, [1], TYPE, ['string']],
    ['anything without a dimension that grows', () => plain, new Float64Array(3), LIMIT, ['maxShape']],
    ['something in what is iterated', () => grid, (function* () { yield ['x', 'y', 'z']; })(), TYPE, ['int16']],
  ])('%s', async (_, dataset, data, code, about) => {
    await expectRefused(() => dataset().append(wrong(data)), code, dataset().path, about);
  });

  it.each<[string, unknown, string, string[]]>([
    ['a row that is none', [5], TYPE, []],
    ['a column that is missing', { id: [1], value: [1] }, ARGUMENT, ['name']],
    ['a column that there is not', { id: [1], value: [1], name: ['a'], more: [1] }, ARGUMENT, ['more']],
    ['columns of different lengths', { id: [1, 2], value: [1], name: ['a', 'b'] }, SIZE, ['value']],
    ['a column of another type', { id: [1], value: ['x'], name: ['a'] }, TYPE, ['value', 'float64']],
    ['a text that is too long', { id: [1], value: [1], name: ['abcde'] }, TYPE, ['name', 'string(4)']],
    ['a number that does not fit', [{ id: 2 ** 31, value: 1, name: 'a' }], TYPE, ['id', 'int32']],
    ['rows that lack a column', [{ id: 1, value: 1, name: 'a' }, { id: 1, value: 1 }], '', ['name']],
    ['bytes', new Uint8Array(5), ARGUMENT, []],
  ])('%s of a table', async (_, data, code, about) => {
    for (const one of [table, columns]) {
      const error = await errorOf(() => one.append(wrong(data)));
      if (code === '' || Array.isArray(data)) expect([TYPE, ARGUMENT]).toContain(error.code);
      else expect(error.code).toBe(code);
      for (const name of [one.object.path, ...about]) expect(error.message).toContain(name);
      expect(error['dataset']).toContain(one.object.path);
      expect(one.rows).toBe(0);
    }
  });

  it('what a stream is given, which ends the stream', async () => {
    const stream = grid.writable();
    const ended = new Promise<unknown>((resolve) => stream.on('error', resolve));
    stream.write(['x', 'y', 'z']);
    expect(await ended).toMatchObject({ code: TYPE, dataset: '/a/grid' });
  });
});

describe('a read, and a new shape, are refused with the name of their dataset, for', () => {
  it.each<[string, () => Dataset, (dataset: Dataset) => unknown, string, string[]]>([
    ['a selection outside', () => plain, (x) => x.read(box([0, 1], [1, 3])), ARGUMENT, ['dimension 1']],
    ['a selection of another rank', () => grid, (x) => x.read(box([0], [1])), ARGUMENT, ['selection.start']],
    ['null as selection', () => grid, (x) => x.read(wrong(null)), ARGUMENT, ['selection']],
    ['memory of another kind', () => plain, (x) => x.read(undefined, { into: new Float32Array(6) }), TYPE, ['float64']],
    ['memory of another length', () => grid, (x) => x.read(undefined, { into: new Int16Array(5) }), SIZE, ['into']],
    ['memory for texts', () => texts, (x) => x.read(undefined, { into: new Uint8Array(2) }), TYPE, ['string']],
    ['a shape of another rank', () => grid, (x) => x.resize([2]), ARGUMENT, ['shape']],
    ['a negative extent', () => grid, (x) => x.resize([-1, 3]), ARGUMENT, ['shape[0]']],
    ['more than its maxShape', () => grid, (x) => x.resize([5, 3]), LIMIT, ['[4, 3]']],
    ['another shape without chunks', () => plain, (x) => x.resize([1, 3]), LIMIT, ['[2, 3]']],
    ['more bytes than 2^53', () => texts, (x) => x.resize([2 ** 52]), SIZE, ['bytes']],
  ])('%s', async (_, dataset, call, code, about) => {
    await expectRefused(() => call(dataset()), code, dataset().path, about);
  });
});

describe('a file without room', () => {
  const large = (): Float64Array => Float64Array.from({ length: 50_000 }, () => Math.random());
  const layouts: Readonly<Record<string, Omit<DatasetSpec, 'dtype'>>> = {
    'contiguous': {},
    'in chunks': { chunks: [5000] },
    'in filtered chunks': { chunks: [5000], filters: [gzip(1)] },
  };

  it.each(Object.entries(layouts))('names the dataset that did not fit, %s', async (_, layout) => {
    const limited = await H5File.create(scratch.path('.aborted'), { space: { limit: 200_000 } });
    await expectRefused(() => limited.root.createDataset('g/x', { ...layout, data: large() }), LIMIT, '/g/x');
    const later = await limited.root.createDataset('g/later', { ...layout, dtype: 'float64', shape: [50_000] });
    await expectRefused(() => later.write(large()), LIMIT, '/g/later');
    await limited.abort();
  });

  it('names the dataset whose rows could not be stored, when that is found later', async () => {
    const limited = await H5File.create(scratch.path('.aborted'), { space: { limit: 200_000 } });
    const x = await limited.root.createDataset('g/x', { dtype: 'float64', shape: [0], maxShape: [null], chunks: [5000] });
    const append = async (): Promise<void> => {
      for (let i = 0; i < 20; i += 1) await x.append(large().subarray(0, 5000));
    };
    await expectRefused(append, LIMIT, '/g/x');
    await expectRefused(() => limited.flush(), LIMIT, '/g/x');
    await limited.abort();
  });
});

describe('memory', () => {
  let child: (name: string) => string;
  beforeAll(() => {
    child = compileInto(join(scratch.folder, 'compiled'));
  });

  /** Memory that is freed goes back to the system, or is overwritten, so that a later use is noticed. */
  const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_PERTURB_: '238' };

  it.each<[string, string, (gone: Float64Array) => unknown]>([
    ['the values of a write', '/a/plain', (gone) => plain.write(gone)],
    ['numbers that become others', '/a/grid', (gone) => grid.write(gone)],
    ['the values of a new dataset', '/a/new', (gone) => root.createDataset('a/new', { data: gone })],
    ['a column of rows', '/a/table', (gone) => table.append({ id: [1], value: gone, name: ['a'] })],
    ['a column by itself', '/a/columns', (gone) => columns.append({ id: [1], value: gone, name: ['a'] })],
  ])('that was taken away before is refused: %s', async (_, dataset, call) => {
    const gone = Float64Array.of(1);
    structuredClone(gone, { transfer: [gone.buffer] });
    await expectRefused(() => call(gone), ARGUMENT, dataset, ['detached']);
  });

  it('that is taken away meanwhile gives an error that names the dataset, or the values that it had', () => {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', child('taken-memory'), scratch.path(), '3'], { encoding: 'utf8', env });
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
    const said = JSON.parse(stdout) as { problems: string[]; succeeded: number; refused: number };
    expect(said.problems).toEqual([]);
    expect(said.refused).toBeGreaterThan(20);
    // Those that copy within the call, and those that were done before.
    expect(said.succeeded).toBeGreaterThan(5);
  });

  it('that another thread changes meanwhile is written as it is at some time, element by element', () => {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [child('changing-memory'), scratch.path(), '2'], { encoding: 'utf8', env });
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ problems: [] });
  });
});

