// A table in columns whose append fails: no column has rows that another lacks, and what follows works.
import { describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { H5File, t, type Dataset, type Group, type Table, type TableRows } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();

/** What a test passes where TypeScript would not let it. */
const wrong = (value: unknown): never => value as never;

const described = { id: 'int32', value: 'float64', name: t.string(8), text: 'string' } as const;

function rowsFrom(first: number, count: number): { id: Int32Array; value: Float64Array; name: string[]; text: string[] } {
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  return { id: Int32Array.from(numbers), value: Float64Array.from(numbers, (n) => n / 8), name: numbers.map((n) => `n${String(n)}`), text: numbers.map((n) => `text ${String(n)}`) };
}

const shapesOf = ({ object, columns }: Table): readonly (readonly number[])[] => columns.map((name) => ((object as Group).get(name) as Dataset).shape);
const takeAway = ({ buffer }: Int32Array | Float64Array): void => void structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });

/** Makes a table of a few rows, lets `refuse` fail at it in both ways, and sees to it that a reader finds the rows before and behind. */
async function expectWhole(refuse: (table: Table, append: (rows: TableRows) => unknown) => unknown, chunkRows = 100): Promise<FreestoneError[]> {
  const path = scratch.path();
  const errors: FreestoneError[] = [];
  const file = await H5File.create(path);
  const table = await file.root.createTable('a/table', described, { layout: 'columns', chunkRows });
  await table.append(rowsFrom(0, 130));
  for (const append of [(rows: TableRows) => table.append(rows), (rows: TableRows) => { table.appendSync(rows); }]) {
    const error = await Promise.resolve().then(() => refuse(table, append)).then(() => undefined, (thrown: unknown) => thrown);
    expect(shapesOf(table)).toEqual([[130], [130], [130], [130]]);
    if (error === undefined) continue;
    expect(error).toBeInstanceOf(FreestoneError);
    errors.push(error as FreestoneError);
  }
  await table.append(rowsFrom(130, 270));
  await file.flush();
  file.space.validate();
  await file.close();
  await using back = await H5File.open(path);
  const all = rowsFrom(0, 400);
  for (const [name, values] of Object.entries(all)) expect([...((await (back.root.get(`a/table/${name}`) as Dataset).read()) as unknown[])]).toEqual([...values]);
  return errors;
}

describe('a table in columns has no row more when', () => {
  const good = rowsFrom(130, 5);
  it.each<[string, string, string, unknown]>([
    ['the last column is of a wrong type', 'text', 'ERR_TYPE_MISMATCH', { ...good, text: ['a', 'b', 'c', 'd', 5] }],
    ['a text in the middle is too long', 'name', 'ERR_TYPE_MISMATCH', { ...good, name: ['a', 'b', 'much longer than eight', 'd', 'e'] }],
    ['the first column cannot hold a number', 'id', 'ERR_TYPE_MISMATCH', { ...good, id: [1, 2, 3, 4, 2 ** 40] }],
    ['the last column is shorter', 'text', 'ERR_INVALID_SIZE', { ...good, text: ['a'] }],
    ['the last column has two dimensions', 'text', 'ERR_INVALID_SIZE', { ...good, text: [['a', 'b', 'c', 'd', 'e']] }],
    ['the last column is missing', 'text', 'ERR_INVALID_ARGUMENT', { id: good.id, value: good.value, name: good.name }],
    ['there is one column more', 'more', 'ERR_INVALID_ARGUMENT', { ...good, more: [1, 2, 3, 4, 5] }],
    ['a row lacks the last column', 'text', 'ERR_INVALID_ARGUMENT', [{ id: 1, value: 1, name: 'a' }]],
    ['the last row is wrong in its last column', 'text', 'ERR_TYPE_MISMATCH', [{ id: 1, value: 1, name: 'a', text: 'b' }, { id: 1, value: 1, name: 'a', text: 7 }]],
  ])('%s', async (_, column, code, rows) => {
    const errors = await expectWhole((_table, append) => append(wrong(rows)));
    expect(errors).toHaveLength(2);
    for (const error of errors) {
      expect(error).toMatchObject({ code, column, dataset: '/a/table' });
      expect(error.message).toContain(column);
    }
  });

  it('converting one column takes the memory of another away', async () => {
    const errors = await expectWhole((_table, append) => {
      const { id, value, name, text } = rowsFrom(130, 5);
      Object.defineProperty(text, 4, { get: () => { if (id.length > 0) takeAway(id); return 'x'; } });
      return append({ id, value, name, text });
    });
    for (const error of errors) expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', column: 'id', dataset: '/a/table' });
    expect(errors).toHaveLength(2);
  });

  it('memory of one column is taken away while it is being written', async () => {
    let refused = 0;
    await expectWhole(async (table, append) => {
      const rows = rowsFrom(130, 300_000);
      const appending = append(rows);
      // Others that were asked for behind it, before it is known that it fails.
      const behind = table.append(rowsFrom(0, 50)).then(() => table.rows);
      takeAway(rows.value);
      const error = await Promise.resolve(appending).then(() => undefined, (thrown: unknown) => thrown);
      const found = await behind;
      // A synchronous call has ended before.
      if (appending !== undefined) {
        refused += 1;
        expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', column: 'value', dataset: '/a/table' });
        expect(found).toBe(180);
      }
      await Promise.all(table.columns.map((name) => ((table.object as Group).get(name) as Dataset).resize([130])));
    });
    expect(refused).toBe(1);
  });
});
