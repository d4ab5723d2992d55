// Small appends, one behind the other, and whatever else is done between them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { H5File, gzip, t, type Dataset, type DatasetSpec, type TypedArray } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
let next = 0;

/** What a dataset is made with, how many numbers a row has, and how numbers become what is appended. */
const kinds: Record<string, { readonly spec: DatasetSpec; readonly row: number; readonly data: (numbers: number[]) => TypedArray }> = {
  'numbers': { spec: { dtype: 'int32', shape: [0], maxShape: [null], chunks: [7] }, row: 1, data: (numbers) => Int32Array.from(numbers) },
  'numbers of the other byte order': { spec: { dtype: 'int32be', shape: [0], maxShape: [null], chunks: [7] }, row: 1, data: (numbers) => Int32Array.from(numbers) },
  'rows of numbers in compressed chunks': { spec: { dtype: 'int32', shape: [0, 3], maxShape: [null, 3], chunks: [5, 3], filters: [gzip(1)] }, row: 3, data: (numbers) => Int32Array.from(numbers) },
  'rows in chunks that are wider': { spec: { dtype: 'int32', shape: [0, 3], maxShape: [null, null], chunks: [5, 4], fill: -1 }, row: 3, data: (numbers) => Int32Array.from(numbers) },
  'packed rows': { spec: { dtype: t.compound({ a: 'int32' }), shape: [0], maxShape: [null], chunks: [7] }, row: 1, data: (numbers) => Buffer.from(Int32Array.from(numbers).buffer) },
};

const operation = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('append' as const), rows: fc.nat(4), now: fc.boolean() }) },
  fc.record({ kind: fc.constant('write' as const), at: fc.nat(), now: fc.boolean() }),
  fc.record({ kind: fc.constant('read' as const), now: fc.boolean() }),
  fc.record({ kind: fc.constant('resize' as const), rows: fc.nat(12), now: fc.boolean() }),
  fc.record({ kind: fc.constant('flush' as const), now: fc.boolean() }),
);

/** The numbers in what was read: rows of the compound come as objects. */
const numbersOf = (found: unknown): number[] => [...(found as Iterable<number | { a: number }>)].map((one) => (typeof one === 'number' ? one : one.a));

describe.each(Object.entries(kinds))('%s', (_, { spec, row, data }) => {
  it.each([true, false])('hold what was appended, written, cut off and read between (awaited: %s)', async (isAwaited) => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 40 }), async (operations) => {
        const path = scratch.path();
        const file = await H5File.create(path);
        const dataset = await file.root.createDataset('x', spec);
        const [, ...width] = dataset.shape;
        let model: number[] = [];
        const numbers = (rows: number): number[] => Array.from({ length: rows * row }, () => (next += 1));
        for (const one of operations) {
          let pending: Promise<unknown> | undefined;
          if (one.kind === 'append') {
            const added = numbers(one.rows);
            model.push(...added);
            const what = data(added);
            if (one.now) dataset.appendSync(what);
            else pending = dataset.append(what);
          } else if (one.kind === 'write') {
            const rows = model.length / row;
            if (rows === 0) continue;
            const at = one.at % rows;
            const put = numbers(1);
            model.splice(at * row, row, ...put);
            const selection = { start: [at, ...width.map(() => 0)], count: [1, ...width] };
            if (one.now) dataset.writeSync(data(put), selection);
            else pending = dataset.write(data(put), selection);
          } else if (one.kind === 'resize') {
            const fill = typeof spec.fill === 'number' ? spec.fill : 0;
            model = Array.from({ length: one.rows * row }, (_unused, i) => model[i] ?? fill);
            if (one.now) dataset.resizeSync([one.rows, ...width]);
            else pending = dataset.resize([one.rows, ...width]);
          } else if (one.kind === 'read') {
            if (one.now) expect(numbersOf(dataset.readSync())).toEqual(model);
            else expect(numbersOf(await dataset.read())).toEqual(model);
          } else if (one.now) file.flushSync();
          else pending = file.flush();
          if (isAwaited) await pending;
        }
        expect(numbersOf(await dataset.read())).toEqual(model);
        await file.close();
        await using back = await H5File.open(path);
        expect(numbersOf(await (back.root.get('x') as Dataset).read())).toEqual(model);
      }),
      { numRuns: 40 },
    );
  });
});

it('what does not fit behind the last row is refused, and the rows stay what they are', async () => {
  await using file = await H5File.create(scratch.path());
  const dataset = await file.root.createDataset('x', { dtype: 'float64', shape: [0, 2], maxShape: [4, 2], chunks: [3, 2] });
  await dataset.append(Float64Array.of(1, 2));
  await dataset.append(Float64Array.of(3, 4));
  await expect(dataset.append(new Float64Array(3))).rejects.toMatchObject({ code: 'ERR_INVALID_SIZE' });
  await expect(dataset.append(new Float64Array(6))).rejects.toMatchObject({ code: 'ERR_LIMIT_EXCEEDED' });
  const gone = Float64Array.of(5, 6);
  structuredClone(gone, { transfer: [gone.buffer] });
  await expect(dataset.append(gone)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  await expect(dataset.append(new Float32Array(2).fill(7))).resolves.toBeUndefined();
  expect(dataset.shape).toEqual([3, 2]);
  await dataset.append(Float64Array.of(8, 9));
  await expect(dataset.append(Float64Array.of(8, 9))).rejects.toMatchObject({ code: 'ERR_LIMIT_EXCEEDED' });
  expect(await dataset.read()).toEqual(Float64Array.of(1, 2, 3, 4, 7, 7, 8, 9));
});
