// What a table in either layout gives back: columns of the rows that were appended before.
import { describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { H5File, gzip, shuffle, t, type Dataset, type DatasetColumns, type Group, type Table } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const wrong = (value: unknown): never => value as never;

const described = { id: 'int32', value: 'float64be', phase: 'complex64', half: 'float16', name: t.string(8), on: 'bool', text: 'string', at: t.compound({ x: 'float32', y: 'float32' }) } as const;
const names = Object.keys(described);

function rowsFrom(first: number, count: number): Record<string, unknown> {
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  return {
    id: Int32Array.from(numbers),
    value: Float64Array.from(numbers, (n) => n / 8),
    phase: Float32Array.from(numbers.flatMap((n) => [n, -n])),
    half: numbers.map((n) => (n % 100) / 4),
    name: numbers.map((n) => `n${String(n % 1e6)}`),
    on: numbers.map((n) => n % 3 === 0),
    text: numbers.map((n) => `text ${String(n)}`),
    at: numbers.map((n) => ({ x: n, y: n / 2 })),
  };
}

async function newTable(layout: 'rows' | 'columns', options: object = {}): Promise<{ file: H5File; table: Table }> {
  const file = await H5File.create(scratch.path());
  return { file, table: await file.root.createTable('a/table', described, { layout, chunkRows: 100, ...options }) };
}

/** The numbers of a half as an array, whatever this Node has for them. */
const comparable = (columns: DatasetColumns): DatasetColumns => (columns['half'] === undefined ? columns : { ...columns, half: [...(columns['half'] as number[])] });

async function expectRead(table: Table, options: Parameters<Table['read']>[0], first: number, count: number, asked: readonly string[] = names): Promise<void> {
  const all = rowsFrom(first, count);
  const expected = Object.fromEntries(asked.map((name) => [name, all[name]]));
  for (const columns of [await table.read(options), table.readSync(options)]) {
    expect(comparable(columns)).toEqual(expected);
    expect(Object.keys(columns)).toEqual(asked);
  }
}

describe.each(['rows', 'columns'] as const)('a table in %s', (layout) => {
  it.each([[{}], [{ filters: [shuffle(), gzip(1)] }]])('gives its columns, all or some, of all rows or some (%j)', async (options) => {
    const { file, table } = await newTable(layout, options);
    await expectRead(table, {}, 0, 0);
    await table.append(wrong(rowsFrom(0, 1)));
    await expectRead(table, undefined, 0, 1);
    await table.append(wrong(rowsFrom(1, 1233)));
    await expectRead(table, {}, 0, 1234);
    await expectRead(table, { start: 1000 }, 1000, 234);
    await expectRead(table, { start: 99, count: 2, columns: ['text', 'id'] }, 99, 2, ['text', 'id']);
    await expectRead(table, { count: 7, columns: ['value'] }, 0, 7, ['value']);
    await expectRead(table, { start: 1234, columns: ['at', 'phase'] }, 1234, 0, ['at', 'phase']);
    await expectRead(table, { columns: [] }, 0, 0, []);
    // What was read can be appended.
    await table.append(wrong(await table.read({ start: 1234 - 10 })));
    await expectRead(table, { start: 1234 }, 1224, 10);
    await file.close();
  });

  it('reads what was appended before, and nothing of what is appended later, in no column', async () => {
    const { file, table } = await newTable(layout, { chunkRows: 1000 });
    const appending = [table.append(wrong(rowsFrom(0, 30_000))), table.append(wrong(rowsFrom(30_000, 5)))];
    const reading = table.read();
    const later = [table.append(wrong(rowsFrom(30_005, 20_000))), file.flush(), table.append(wrong(rowsFrom(50_005, 1)))];
    const again = table.read({ start: 30_000 });
    expect(comparable(await reading)).toEqual(rowsFrom(0, 30_005));
    expect(comparable(await again)).toEqual(rowsFrom(30_000, 20_006));
    await Promise.all([...appending, ...later]);
    // A synchronous call brings to their end what was begun.
    const last = table.append(wrong(rowsFrom(50_006, 4)));
    expect(comparable(table.readSync({ start: 50_000 }))).toEqual(rowsFrom(50_000, 10));
    await last;
    await file.close();
  });

  it('has no rows of an append that failed', async () => {
    const { file, table } = await newTable(layout);
    await table.append(wrong(rowsFrom(0, 10)));
    const refused = table.append(wrong({ ...rowsFrom(10, 5), text: ['a', 'b', 'c', 'd', 5] })).catch((error: unknown) => error);
    const reading = table.read();
    expect(await refused).toMatchObject({ code: 'ERR_TYPE_MISMATCH' });
    expect(comparable(await reading)).toEqual(rowsFrom(0, 10));
    await file.close();
  });

  it.each<[string, unknown, object]>([
    ['an unknown column', { columns: ['id', 'more'] }, { code: 'ERR_INVALID_ARGUMENT', column: 'more' }],
    ['a column twice', { columns: ['id', 'id'] }, { code: 'ERR_INVALID_ARGUMENT', column: 'id' }],
    ['a start behind the end', { start: 11 }, { code: 'ERR_INVALID_ARGUMENT' }],
    ['more rows than there are', { start: 5, count: 6 }, { code: 'ERR_INVALID_ARGUMENT' }],
    ['a start that is no number', { start: '5' }, { code: 'ERR_INVALID_ARGUMENT', argument: 'start' }],
    ['a count below zero', { count: -1 }, { code: 'ERR_INVALID_ARGUMENT', argument: 'count' }],
    ['an unknown option', { rows: 5 }, { code: 'ERR_INVALID_ARGUMENT' }],
  ])('refuses %s', async (_, options, expected) => {
    const { file, table } = await newTable(layout);
    await table.append(wrong(rowsFrom(0, 10)));
    const facts = { ...expected, dataset: '/a/table' };
    const error: unknown = await table.read(wrong(options)).then(() => undefined, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FreestoneError);
    expect(error).toMatchObject(facts);
    expect(() => table.readSync(wrong(options))).toThrow(expect.objectContaining(facts) as Error);
    await expectRead(table, {}, 0, 10);
    await file.close();
    await expect(table.read()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(() => table.readSync()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }) as Error);
  });
});

it('a table in columns of which one was cut says which one', async () => {
  const { file, table } = await newTable('columns');
  await table.append(wrong(rowsFrom(0, 300)));
  await ((table.object as Group).get('value') as Dataset).resize([250]);
  await expect(table.read({ count: 300 })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT', column: 'value', dataset: '/a/table' });
  await expectRead(table, { count: 250 }, 0, 250);
  await file.close();
});
