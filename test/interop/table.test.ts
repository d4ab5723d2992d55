// Tables, as h5py finds them.
import { describe, expect, it } from 'vitest';
import { H5File, gzip, shuffle, t, type Dataset, type TableRows } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dataset, read } from './h5py.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();
const columns = { id: 'int64', value: 'float32be', name: t.string(8), note: 'string', on: 'bool' } as const;
const objects = Array.from({ length: 50 }, (_, i) => ({ id: BigInt(i), value: i / 2, name: `n${String(i)}`, note: 'ü'.repeat(i % 5), on: i % 3 === 0 }));
const byColumn = {
  id: BigInt64Array.from(objects, ({ id }) => id),
  value: Float32Array.from(objects, ({ value }) => value),
  name: objects.map(({ name }) => name),
  note: objects.map(({ note }) => note),
  on: objects.map(({ on }) => on),
};

describeWith(['h5py'], 'a table', () => {
  it.each(['rows', 'columns'] as const)('in %s takes rows as objects and as columns, and has the same ones then', async (layout) => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const table = await file.root.createTable('log/events', columns, { layout, chunkRows: 7, filters: [shuffle(), gzip(1)] });
    table.object.attrs.set('source', 'test');
    await table.append(objects);
    await table.append(byColumn);
    await table.append([]);
    expect(table.rows).toBe(100);
    expect(table.columns).toEqual(['id', 'value', 'name', 'note', 'on']);
    await file.close();
    const seen = read(path);
    if (layout === 'rows') {
      const { values, shape, chunks } = dataset(seen, '/log/events');
      expect([shape, chunks]).toEqual([[100], [7]]);
      expect(values.slice(0, 50)).toEqual(values.slice(50));
      await using back = await H5File.open(path);
      expect(await (back.root.get('log/events') as Dataset).read({ start: [50], count: [50] })).toEqual(objects);
    } else {
      for (const name of Object.keys(columns)) {
        const { values, shape } = dataset(seen, `/log/events/${name}`);
        expect(shape).toEqual([100]);
        expect(values.slice(0, 50)).toEqual(values.slice(50));
      }
      expect(dataset(seen, '/log/events/note').values.slice(0, 50)).toEqual(byColumn.note);
    }
  });
});

describe('a table', () => {
  const wrong: readonly (readonly [string, TableRows, string])[] = [
    ['a column that is missing', { id: byColumn.id }, 'ERR_INVALID_ARGUMENT'],
    ['a column that it does not have', { ...byColumn, more: [1] }, 'ERR_INVALID_ARGUMENT'],
    ['columns of different lengths', { ...byColumn, on: [true] }, 'ERR_INVALID_SIZE'],
    ['a value that does not fit', { ...byColumn, name: byColumn.name.map(() => 'much too long') }, 'ERR_TYPE_MISMATCH'],
    ['a row that lacks one', [{ id: 1n }], 'ERR_'],
    ['a typed array', new Float64Array(3) as never, 'ERR_'],
  ];
  it.each(['rows', 'columns'] as const)('in %s refuses what does not fit it, and none of its columns grows', async (layout) => {
    const file = await H5File.create(scratch.path());
    const table = await file.root.createTable('t', columns, { layout });
    await table.append(byColumn);
    for (const [, data, code] of wrong) {
      await expect(table.append(data)).rejects.toMatchObject({ code: expect.stringContaining(code) as string });
    }
    expect(table.rows).toBe(50);
    const datasets = layout === 'rows' ? ['t'] : Object.keys(columns).map((name) => `t/${name}`);
    expect(datasets.map((path) => (file.root.get(path) as Dataset).shape[0])).toEqual(datasets.map(() => 50));
    await file.close();
    await expect(table.append(byColumn)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('is not made in part', async () => {
    const file = await H5File.create(scratch.path());
    for (const bad of [{}, { a: 'int8', b: 'nothing' }]) {
      await expect(file.root.createTable('t', bad as never, { layout: 'columns' })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
    await expect(file.root.createTable('t', columns, { layout: 'sideways' as never })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect([...file.root.keys()]).toEqual([]);
    await file.close();
  });
});
