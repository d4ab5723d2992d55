// Calls that an AbortSignal ends: they say so, leave nothing under way, and what comes after them works.
import { describe, expect, it } from 'vitest';
import { H5File, gzip, shuffle, t, type Dataset, type DatasetSpec, type Table } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
/** What a test passes where TypeScript would not let it. */
const wrong = (value: unknown): never => value as never;
const REASON = new Error('enough');

/** More than may be under way, so that a call goes on after the event loop has come round. */
const COUNT = 8 * 2 ** 20;
const values = Float64Array.from({ length: COUNT }, (_, i) => i % 1000);
const few = Float64Array.of(1, 2, 3);

/** Many numbers; `toEqual` would take a minute. */
function isValues(found: unknown): boolean {
  const numbers = found as Float64Array;
  return numbers.length === COUNT && numbers.every((value, i) => value === values[i]);
}

/** A signal that is aborted when the event loop comes round. */
function soon(): AbortSignal {
  const controller = new AbortController();
  setImmediate(() => { controller.abort(REASON); });
  return controller.signal;
}

const kinds: Record<string, DatasetSpec> = {
  'contiguous, of the other byte order': { dtype: 'float64be', shape: [COUNT] },
  'chunks, of the other byte order': { dtype: 'float64be', shape: [COUNT], chunks: [2 ** 17] },
  'chunks that are compressed': { dtype: 'float64', shape: [COUNT], chunks: [2 ** 17], filters: [shuffle(), gzip(4)] },
  'external': { dtype: 'float64', shape: [COUNT], external: [{ path: scratch.path('.raw'), offset: 0, size: 8 * COUNT }] },
};

describe('a signal ends', () => {
  it.each(Object.entries(kinds))('a write: %s', async (_, spec) => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      const dataset = await file.root.createDataset('x', spec);
      await expect(dataset.write(values, undefined, { signal: soon() })).rejects.toBe(REASON);
      await dataset.write(values);
      file.space.validate();
    }
    await using back = await H5File.open(path);
    expect(isValues(await (back.root.get('x') as Dataset).read())).toBe(true);
  });

  it.each(Object.entries(kinds))('a read: %s', async (_, spec) => {
    await using file = await H5File.create(scratch.path());
    const dataset = await file.root.createDataset('x', spec);
    await dataset.write(values);
    await file.flush();
    await expect(dataset.read(undefined, { signal: soon() })).rejects.toBe(REASON);
    expect(isValues(await dataset.read())).toBe(true);
  });

  it('an append, which leaves no row', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      const dataset = await file.root.createDataset('x', { dtype: 'float64', shape: [0], maxShape: [null], chunks: [2 ** 17], filters: [gzip(6)] });
      await dataset.append(few);
      await expect(dataset.append(values, { signal: soon() })).rejects.toBe(REASON);
      expect(dataset.shape).toEqual([3]);
      await dataset.append(few);
      file.space.validate();
    }
    await using back = await H5File.open(path);
    expect(await (back.root.get('x') as Dataset).read()).toEqual(Float64Array.of(1, 2, 3, 1, 2, 3));
  });

  it('an append of parts between two of them', async () => {
    await using file = await H5File.create(scratch.path());
    const dataset = await file.root.createDataset('x', { dtype: 'float64', shape: [0], maxShape: [null], chunks: [4] });
    const controller = new AbortController();
    const parts = function* (): Generator<Float64Array> {
      yield few;
      controller.abort(REASON);
      yield few;
    };
    await expect(dataset.append(parts(), { signal: controller.signal })).rejects.toBe(REASON);
    expect(await dataset.read()).toEqual(few);
  });

  it('what waits for its turn, of which nothing is done', async () => {
    await using file = await H5File.create(scratch.path());
    const dataset = await file.root.createDataset('x', { dtype: 'float64', shape: [COUNT], chunks: [2 ** 17], filters: [shuffle(), gzip(4)] });
    const growing = await file.root.createDataset('y', { dtype: 'float64', shape: [0], maxShape: [null], chunks: [2 ** 17], filters: [gzip(4)] });
    const controller = new AbortController();
    const { signal } = controller;
    const first = [dataset.write(values), growing.append(values)];
    const second = [dataset.write(new Float64Array(COUNT), undefined, { signal }), dataset.read(undefined, { signal }), growing.append(values, { signal })];
    controller.abort(REASON);
    await Promise.all(second.map((one) => expect(one).rejects.toBe(REASON)));
    await Promise.all(first);
    expect(isValues(await dataset.read())).toBe(true);
    expect(growing.shape).toEqual([COUNT]);
  });

  it('the making of a dataset, and then there is none, nor the groups above', async () => {
    await using file = await H5File.create(scratch.path());
    for (const spec of Object.values(kinds)) await expect(file.root.createDataset('a/b', { ...spec, data: values, signal: soon() })).rejects.toBe(REASON);
    expect([...file.root.keys()]).toEqual([]);
    await file.flush();
    file.space.validate();
    expect((await (await file.root.createDataset('a/b', { data: few })).read())).toEqual(few);
  });

  it.each(['rows', 'columns'] as const)('what is done with a table in %s', async (layout) => {
    await using file = await H5File.create(scratch.path());
    const table: Table = await file.root.createTable('table', { a: 'float64', text: t.string(4) }, { layout, filters: [gzip(1)] });
    const some = { a: few, text: ['a', 'b', 'c'] };
    const many = { a: values, text: Buffer.alloc(4 * COUNT, 'abcd') };
    await table.append(some);
    await expect(table.append(many, { signal: soon() })).rejects.toBe(REASON);
    expect(table.rows).toBe(3);
    await table.append(many);
    await expect(table.read({ signal: soon() })).rejects.toBe(REASON);
    if (layout === 'rows') await expect((table.object as Dataset).readColumns(undefined, { signal: soon() })).rejects.toBe(REASON);
    expect(await table.read({ count: 4 })).toEqual({ a: Float64Array.of(1, 2, 3, 0), text: ['a', 'b', 'c', 'abcd'] });
  });

  it('an iteration over chunks', async () => {
    await using file = await H5File.create(scratch.path());
    const dataset = await file.root.createDataset('x', { dtype: 'float64', shape: [40], chunks: [4], data: values.subarray(0, 40) });
    const controller = new AbortController();
    let seen = 0;
    await expect(
      (async () => {
        for await (const { data } of dataset.chunks({ signal: controller.signal })) {
          expect(data).toEqual(values.subarray(seen * 4, seen * 4 + 4));
          seen += 1;
          if (seen === 3) controller.abort(REASON);
        }
      })(),
    ).rejects.toBe(REASON);
    expect(seen).toBe(3);
  });
});

it('a signal that is aborted already keeps every call from beginning, and what is no signal is refused', async () => {
  await using file = await H5File.create(scratch.path());
  const dataset = await file.root.createDataset('x', { data: few, maxShape: [null], chunks: [3] });
  const table = await file.root.createTable('table', { a: 'float64' });
  const calls = (options: { signal: AbortSignal }): (() => Promise<unknown>)[] => [
    () => dataset.write(few, undefined, options),
    () => dataset.append(few, options),
    () => dataset.read(undefined, options),
    () => (table.object as Dataset).readColumns(undefined, options),
    () => dataset.chunks(options).next(),
    () => table.append({ a: few }, options),
    () => table.read(options),
    () => file.root.createDataset('y', { data: few, ...options }),
  ];
  for (const call of calls({ signal: AbortSignal.abort(REASON) })) await expect(call()).rejects.toBe(REASON);
  for (const call of calls({ signal: wrong('stop') })) await expect(call()).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT', argument: 'signal' });
  const wrongSignal = { signal: wrong('stop') };
  for (const call of [() => dataset.readSync(undefined, wrongSignal), () => table.readSync(wrongSignal), () => (table.object as Dataset).readColumnsSync(undefined, wrongSignal)]) {
    expect(call).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', argument: 'signal' }));
  }
  await expect(dataset.append(few, wrong({ signals: 1 }))).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT', argument: 'signals' });
  expect(dataset.shape).toEqual([3]);
  expect(table.rows).toBe(0);
  expect([...file.root.keys()]).toEqual(['x', 'table']);
});
