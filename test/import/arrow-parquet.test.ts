import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as arrow from 'apache-arrow';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { beforeEach, describe, expect, it } from 'vitest';
import { type FreestoneError } from '../../lib/errors.js';
import { type Dataset, H5File } from '../../lib/hdf5/index.js';
import { type ImportOptions, type ImportReport, importFiles } from '../../lib/import/index.js';
import { decimalText } from '../../lib/import/arrow-columns.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { failureOf } from './failure.js';

const scratch = scratchFolder();
const vega = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '..', 'data');
let output = '';
let inputs = '';
let folders = 0;

beforeEach(() => {
  output = scratch.path();
  inputs = join(scratch.folder, `in ${++folders}`);
  mkdirSync(inputs);
});

/** What became of each column: its type, its shape, its values. */
async function imported(name: string, content: Uint8Array, options: ImportOptions = {}): Promise<{ report: ImportReport; found: Record<string, unknown> }> {
  writeFileSync(join(inputs, name), content);
  const report = await importFiles([join(inputs, name)], output, options);
  await using file = await H5File.open(output);
  const found: Record<string, unknown> = {};
  for (const key of file.root.keys()) {
    const dataset = file.root.get(key) as Dataset;
    const values = await dataset.read();
    found[key] = [dataset.dtype.name, dataset.shape, Array.isArray(values) ? values : [...(values as Float64Array)]];
  }
  return { report, found };
}

const failure = (name: string, content: Uint8Array, options?: ImportOptions): Promise<FreestoneError> => failureOf(join(inputs, name), content, output, options);

const lowest = -(2n ** 63n);

/** A table of two record batches. */
function batches(columns: Record<string, [arrow.DataType, readonly unknown[], readonly unknown[]]>): arrow.Table {
  const whole = new arrow.Table(Object.fromEntries(Object.entries(columns).map(([name, [type, first, second]]) => [name, arrow.vectorFromArray([...first, ...second], type)])));
  return whole.slice(0, 2).concat(whole.slice(2));
}

describe('Arrow becomes a table', () => {
  const table = batches({
    i8: [new arrow.Int8(), [1, -128], [127]],
    u16: [new arrow.Uint16(), [1, 2], [65535]],
    i32_nulls: [new arrow.Int32(), [1, null], [-3]],
    i64: [new arrow.Int64(), [1n, 2n ** 62n], [lowest]],
    i64_nulls: [new arrow.Int64(), [null, 2n], [3n]],
    wide_nulls: [new arrow.Int64(), [2n ** 60n + 1n, 2n], [null]],
    u64_nulls: [new arrow.Uint64(), [null, 2n ** 63n], [1n]],
    f16: [new arrow.Float16(), [0.5, -2], [65504]],
    f32: [new arrow.Float32(), [0.5, null], [1.25]],
    f64: [new arrow.Float64(), [0.1, -0], [Infinity]],
    ok: [new arrow.Bool(), [true, false], [true]],
    maybe: [new arrow.Bool(), [true, null], [false]],
    text: [new arrow.Utf8(), ['a', null], ['Zürich']],
    kind: [new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8()), ['x', 'yy'], ['x']],
    day: [new arrow.DateDay(), [new Date(0), new Date(86_400_000)], [null]],
    at: [new arrow.TimestampMicrosecond(), [0, 1.5], [-1]],
    took: [new arrow.DurationSecond(), [1n, 2n], [3n]],
    pair: [new arrow.FixedSizeList(2, new arrow.Field('item', new arrow.Float32(), true)), [[1, 2], [3, 4]], [[5, 6]]],
    list: [new arrow.List(new arrow.Field('item', new arrow.Int32(), true)), [[1, 2], [3, null]], [[5, 6]]],
    in: [
      new arrow.Struct<{ x: arrow.Int32; deep: arrow.Struct<{ s: arrow.Utf8 }> }>([
        new arrow.Field('x', new arrow.Int32(), true),
        new arrow.Field('deep', new arrow.Struct<{ s: arrow.Utf8 }>([new arrow.Field('s', new arrow.Utf8(), true)]), true),
      ]),
      [{ x: 1, deep: { s: 'p' } }, null],
      [{ x: 3, deep: { s: 'q' } }],
    ],
  });
  const expected = {
    i8: ['int8', [3], [1, -128, 127]],
    u16: ['uint16', [3], [1, 2, 65535]],
    i32_nulls: ['float64', [3], [1, NaN, -3]],
    i64: ['int64', [3], [1n, 2n ** 62n, lowest]],
    i64_nulls: ['float64', [3], [NaN, 2, 3]],
    wide_nulls: ['int64', [3], [2n ** 60n + 1n, 2n, lowest]],
    u64_nulls: ['uint64', [3], [2n ** 64n - 1n, 2n ** 63n, 1n]],
    f16: ['float16', [3], [0.5, -2, 65504]],
    f32: ['float32', [3], [0.5, NaN, 1.25]],
    f64: ['float64', [3], [0.1, -0, Infinity]],
    ok: ['bool', [3], [true, false, true]],
    maybe: ['int8', [3], [1, -1, 0]],
    text: ['string(7)', [3], ['a', '', 'Zürich']],
    kind: ['string(2)', [3], ['x', 'yy', 'x']],
    day: ['int64', [3], [0n, 1n, lowest]],
    at: ['int64', [3], [0n, 1500n, -1000n]],
    took: ['int64', [3], [1n, 2n, 3n]],
    pair: ['float32', [3, 2], [1, 2, 3, 4, 5, 6]],
    list: ['float64', [3, 2], [1, 2, 3, NaN, 5, 6]],
    'in.x': ['float64', [3], [1, NaN, 3]],
    'in.deep.s': ['string(1)', [3], ['p', '', 'q']],
  };

  it.each([['file', 'x.arrow'], ['file', 'x.feather'], ['stream', 'x.arrows']] as const)('from the %s format in %s', async (format, name) => {
    const { report, found } = await imported(name, arrow.tableToIPC(table, format));
    expect(found).toEqual(expected);
    expect(report.tables[0]).toMatchObject({ format: 'arrow', path: '/', rows: 3 });
    const columns = Object.fromEntries(report.tables[0]?.columns.map((column) => [column.name, column]) ?? []);
    expect(columns['at']).toMatchObject({ units: 'microseconds since 1970-01-01 00:00:00', missing: 0 });
    expect(columns['took']).toMatchObject({ units: 'seconds' });
    expect(columns['list']).toMatchObject({ shape: [2], missing: 1 });
    expect(columns['in.deep.s']).toMatchObject({ missing: 1 });
  });

  it.each([['auto' as const], ['variable' as const]])('as one compound dataset, with text stored as %s', async (strings) => {
    const flat = table.select([...new Set(Object.keys(expected).map((name) => name.split('.')[0] ?? ''))].filter((name) => name !== 'pair' && name !== 'list'));
    const { found } = await imported('x.arrow', arrow.tableToIPC(flat, 'file'), { as: 'table', name: 't', strings });
    const [, shape, rows] = found['t'] as [string, number[], Record<string, unknown>[]];
    expect(shape).toEqual([3]);
    const names = Object.keys(expected).filter((name) => name !== 'pair' && name !== 'list');
    expect(rows).toEqual([0, 1, 2].map((row) => Object.fromEntries(names.map((name) => [name, (expected[name as keyof typeof expected][2] as unknown[])[row]]))));
  });

  it('of many rows in one record batch', async () => {
    const rows = 200_000;
    const numbers = Float64Array.from({ length: rows }, (_, i) => i / 3);
    const texts = Array.from({ length: rows }, (_, i) => `t${i % 1000}é`);
    const { found } = await imported('x.arrow', arrow.tableToIPC(new arrow.Table({ n: arrow.makeVector(numbers), t: arrow.vectorFromArray(texts, new arrow.Utf8()) }), 'file'));
    expect(found).toEqual({ n: ['float64', [rows], [...numbers]], t: ['string(6)', [rows], texts] });
  });

  it('the flights of vega-datasets are those of its JSON file', async () => {
    const { found } = await imported('flights.arrow', readFileSync(join(vega, 'flights-200k.arrow')));
    const records = JSON.parse(readFileSync(join(vega, 'flights-200k.json'), 'utf8')) as { delay: number; distance: number; time: number }[];
    expect(found).toEqual({
      delay: ['int16', [records.length], records.map(({ delay }) => delay)],
      distance: ['int16', [records.length], records.map(({ distance }) => distance)],
      time: ['float32', [records.length], records.map(({ time }) => Math.fround(time))],
    });
  });

  it('decimals are written with all their digits', () => {
    expect([decimalText(12345n, 2), decimalText(-5n, 3), decimalText(0n, 2), decimalText(7n, 0), decimalText(-7n, -2)]).toEqual(['123.45', '-0.005', '0.00', '7', '-700']);
  });

  const one = (type: arrow.DataType, values: unknown[]): Uint8Array => arrow.tableToIPC(new arrow.Table({ ok: arrow.makeVector(new Int8Array(values.length)), bad: arrow.vectorFromArray(values, type) }), 'file');
  const whole = arrow.tableToIPC(table, 'file');
  it.each<[string, Uint8Array, string, RegExp]>([
    ['bytes', one(new arrow.Binary(), [Uint8Array.of(1)]), 'ERR_UNSUPPORTED', /column "bad": Binary has no place in a table/],
    ['lists of several lengths', one(new arrow.List(new arrow.Field('item', new arrow.Int32())), [[1], [1, 2]]), 'ERR_UNSUPPORTED', /column "bad": its lists are not all of one length/],
    ['lists that are missing', one(new arrow.List(new arrow.Field('item', new arrow.Int32())), [[1], null]), 'ERR_UNSUPPORTED', /column "bad": its lists are not all of one length/],
    ['lists of texts', one(new arrow.List(new arrow.Field('item', new arrow.Utf8())), [['a'], ['b']]), 'ERR_UNSUPPORTED', /column "bad": lists of texts have no place/],
    ['missing values that nothing can stand for', one(new arrow.Int64(), [lowest, null]), 'ERR_UNSUPPORTED', /column "bad": it has missing values, and the value of int64 that would stand for them is in use/],
    ['a text that ends with NUL', one(new arrow.Utf8(), ['a\0']), 'ERR_UNSUPPORTED', /column "bad": a text that ends with a NUL/],
    ['an old Feather', Buffer.from('FEA1 and so on'), 'ERR_UNSUPPORTED', /Feather version 1/],
    ['a file cut short', whole.subarray(0, whole.length - 100), 'ERR_CORRUPT_FILE', /its end is missing/],
    ['a stream cut short', arrow.tableToIPC(table, 'stream').subarray(0, 5000), 'ERR_CORRUPT_FILE', /it is no/],
    ['another file', Buffer.from('a,b\n1,2\n'), 'ERR_CORRUPT_FILE', /it is no/],
    ['an empty file', Buffer.alloc(0), 'ERR_CORRUPT_FILE', /it is no/],
  ])('%s is refused by name, and leaves nothing behind', async (_, content, code, message) => {
    const error = await failure('bad.arrow', content);
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code, file: join(inputs, 'bad.arrow') });
  });
});

describe('Parquet becomes a table', () => {
  const columnData = [
    { name: 's', data: ['a', null, 'Zürich', 'x', 'yy'], type: 'STRING' as const },
    { name: 'i', data: [1, 2, 3, 4, -5], type: 'INT32' as const, nullable: false },
    { name: 'i_nulls', data: [1, 2, null, 4, 5], type: 'INT32' as const },
    { name: 'j', data: [1n, 2n, 3n, 4n, lowest], type: 'INT64' as const },
    { name: 'j_nulls', data: [1n, null, 3n, 4n, 5n], type: 'INT64' as const },
    { name: 'wide_nulls', data: [1n, null, 3n, 4n, 2n ** 60n + 1n], type: 'INT64' as const },
    { name: 'ok', data: [true, false, true, true, false], type: 'BOOLEAN' as const },
    { name: 'maybe', data: [true, false, null, true, false], type: 'BOOLEAN' as const },
    { name: 'f', data: [0.5, 1, 2, 3, 4], type: 'FLOAT' as const },
    { name: 'd', data: [0.1, null, 2, 3, -0], type: 'DOUBLE' as const },
    { name: 'at', data: [new Date(0), null, new Date(5), new Date(-6), new Date(7)], type: 'TIMESTAMP' as const },
  ];
  const expected = {
    s: ['string(7)', [5], ['a', '', 'Zürich', 'x', 'yy']],
    i: ['int32', [5], [1, 2, 3, 4, -5]],
    i_nulls: ['float64', [5], [1, 2, NaN, 4, 5]],
    j: ['int64', [5], [1n, 2n, 3n, 4n, lowest]],
    j_nulls: ['float64', [5], [1, NaN, 3, 4, 5]],
    wide_nulls: ['int64', [5], [1n, lowest, 3n, 4n, 2n ** 60n + 1n]],
    ok: ['bool', [5], [true, false, true, true, false]],
    maybe: ['int8', [5], [1, 0, -1, 1, 0]],
    f: ['float32', [5], [0.5, 1, 2, 3, 4]],
    d: ['float64', [5], [0.1, NaN, 2, 3, -0]],
    at: ['int64', [5], [0n, lowest, 5n, -6n, 7n]],
  };
  const bytes = (options: Parameters<typeof parquetWriteBuffer>[0]): Buffer => Buffer.from(parquetWriteBuffer(options));

  it.each([[{}], [{ statistics: false }], [{ codec: 'UNCOMPRESSED' as const }], [{ rowGroupSize: 2 }]])('with %o', async (options) => {
    const { report, found } = await imported('x.parquet', bytes({ columnData, ...options }));
    expect(found).toEqual(expected);
    expect(report.tables[0]).toMatchObject({ format: 'parquet', path: '/', rows: 5 });
    expect(report.tables[0]?.columns.find(({ name }) => name === 'at')).toMatchObject({ units: 'milliseconds since 1970-01-01 00:00:00', missing: 1 });
  });

  it.each([['auto' as const], ['variable' as const]])('as one compound dataset, with text stored as %s', async (strings) => {
    const { found } = await imported('x.parquet', bytes({ columnData, rowGroupSize: 3 }), { as: 'table', name: 't', strings });
    const names = Object.keys(expected);
    expect((found['t'] as [string, number[], unknown[]])[2]).toEqual(
      [0, 1, 2, 3, 4].map((row) => Object.fromEntries(names.map((name) => [name, (expected[name as keyof typeof expected][2] as unknown[])[row]]))),
    );
  });

  it('with the types that only annotations tell: decimals, dates, unsigned and small integers, times, lists, structures', async () => {
    const data = { schema: [
      { name: 'root', num_children: 8 },
      { name: 'money', type: 'INT32' as const, converted_type: 'DECIMAL' as const, scale: 2, precision: 9, repetition_type: 'OPTIONAL' as const },
      { name: 'long', type: 'INT64' as const, converted_type: 'DECIMAL' as const, scale: 3, precision: 18, repetition_type: 'REQUIRED' as const },
      { name: 'day', type: 'INT32' as const, converted_type: 'DATE' as const, repetition_type: 'REQUIRED' as const },
      { name: 'u8', type: 'INT32' as const, converted_type: 'UINT_8' as const, repetition_type: 'REQUIRED' as const },
      { name: 'us', type: 'INT64' as const, converted_type: 'TIMESTAMP_MICROS' as const, repetition_type: 'REQUIRED' as const },
      { name: 'v', converted_type: 'LIST' as const, num_children: 1, repetition_type: 'REQUIRED' as const },
      { name: 'list', num_children: 1, repetition_type: 'REPEATED' as const },
      { name: 'element', type: 'DOUBLE' as const, repetition_type: 'OPTIONAL' as const },
      { name: 'in', num_children: 1, repetition_type: 'OPTIONAL' as const },
      { name: 'x', type: 'INT32' as const, repetition_type: 'OPTIONAL' as const },
      { name: 'id', type: 'FIXED_LEN_BYTE_ARRAY' as const, type_length: 16, logical_type: { type: 'UUID' as const }, repetition_type: 'REQUIRED' as const },
    ], columnData: [
      { name: 'money', data: [12.34, null, -0.05] },
      { name: 'long', data: [1.5, 2, -1234567890.125] },
      { name: 'day', data: [new Date(0), new Date(86_400_000), new Date(-86_400_000)] },
      { name: 'u8', data: [0, 200, 255] },
      { name: 'us', data: [new Date(0), new Date(1), new Date(-1)] },
      { name: 'v', data: [[1, 2], [3, null], [5, 6]] },
      { name: 'in', data: [{ x: 1 }, null, { x: null }] },
      { name: 'id', data: ['00112233-4455-6677-8899-aabbccddeeff', '00112233-4455-6677-8899-aabbccddee00', '00000000-0000-0000-0000-000000000001'] },
    ] };
    const { found } = await imported('x.parquet', bytes(data));
    expect(found).toEqual({
      money: ['float64', [3], [12.34, NaN, -0.05]],
      long: ['string(15)', [3], ['1.500', '2.000', '-1234567890.125']],
      day: ['int64', [3], [0n, 1n, -1n]],
      u8: ['uint8', [3], [0, 200, 255]],
      us: ['int64', [3], [0n, 1000n, -1000n]],
      v: ['float64', [3, 2], [1, 2, 3, NaN, 5, 6]],
      'in.x': ['float64', [3], [1, NaN, NaN]],
      id: ['string(36)', [3], data.columnData[7]?.data],
    });
  });

  it('the flights of vega-datasets, by the millions, compressed with zstd', async () => {
    const report = await importFiles([join(vega, 'flights-3m.parquet')], output);
    expect(report.tables[0]).toMatchObject({ rows: 3_000_000, columns: [{ name: 'date', dtype: 'int64' }, { name: 'delay' }, { name: 'distance' }, { name: 'origin', dtype: 'string(3)' }, { name: 'destination' }] });
  }, 300_000);

  it.each<[string, Uint8Array, string, RegExp]>([
    ['bytes', bytes({ columnData: [{ name: 'ok', data: [1], type: 'INT32' }, { name: 'bad', data: [Uint8Array.of(1)], type: 'BYTE_ARRAY' }] }), 'ERR_UNSUPPORTED', /column "bad": BYTE_ARRAY has no place in a table/],
    ['a file cut short', bytes({ columnData }).subarray(0, 200), 'ERR_CORRUPT_FILE', /it is no whole Parquet file/],
    ['another file', Buffer.from('a,b\n1,2\n3,4,5,6,7,8,9'), 'ERR_CORRUPT_FILE', /it is no whole Parquet file/],
    ['an empty file', Buffer.alloc(0), 'ERR_CORRUPT_FILE', /it is no whole Parquet file/],
  ])('%s is refused, and leaves nothing behind', async (_, content, code, message) => {
    const error = await failure('bad.parquet', content);
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code, file: join(inputs, 'bad.parquet') });
  });

  it('types by name are not for it', async () => {
    expect(await failure('x.parquet', bytes({ columnData }), { types: { i: 'int8' } })).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', argument: 'types' });
  });
});
