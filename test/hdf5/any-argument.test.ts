// Any value at all in place of any argument: the answer is a result or an error with a code, never one of another kind.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { H5File, fletcher32, gzip, shuffle, t, type DatasetSpec } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();

/** What TypeScript would not let pass. */
const wrong = (value: unknown): never => value as never;

/** The error of a call, whether it throws or rejects. */
async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('whatever is passed', () => {
  /** Any value at all, and things that look right at first. */
  const anything = fc.oneof(
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true, withSparseArray: true, withNullPrototype: true }),
    fc.constantFrom<unknown>('int8', 'float64be', [2, 3], [null], { start: [0, 0], count: [1, 1] }, new Float64Array(3), { data: new Int8Array(2), shape: [2] }, gzip(), [shuffle()], Symbol('s')),
  );
  const specs = fc.record(
    { dtype: anything, shape: anything, maxShape: anything, chunks: anything, filters: anything, fill: anything, data: anything },
    { requiredKeys: [] },
  );

  it('the answer is a result or an error with a code', async () => {
    const scratchFile = await H5File.create(scratch.path());
    const target = await scratchFile.root.createDataset('target', { dtype: 'float64', shape: [2, 3], maxShape: [null, null], chunks: [1, 2] });
    const rows = await scratchFile.root.createDataset('rows', { dtype: t.compound({ a: 'int8', b: 'string' }), data: [{ a: 1, b: 'x' }] });
    const table = await scratchFile.root.createTable('table', { a: 'int8', b: 'string' }, { layout: 'columns' });
    let count = 0;
    const calls: readonly ((a: unknown, b: unknown, c: unknown) => unknown)[] = [
      (a) => scratchFile.root.createGroup(wrong(a)),
      (a) => scratchFile.root.get(wrong(a)),
      (a) => scratchFile.root.has(wrong(a)),
      (a, b) => scratchFile.root.createDataset(wrong(a), wrong(b)),
      (a, b) => target.write(wrong(a), wrong(b)),
      (a) => target.append(wrong(a)),
      (a, b) => rows.readColumns(wrong(a), wrong(b)),
      (a) => rows.readColumns(undefined, { columns: wrong(a) }),
      (a) => table.read(wrong(a)),
      (a, b, c) => table.read({ start: wrong(a), count: wrong(b), columns: wrong(c) }),
      (a) => target.resize(wrong(a)),
      (a, b, c) => {
        target.attrs.set(wrong(a), wrong(b), wrong(c));
      },
      (a) => target.attrs.get(wrong(a)),
      (a) => target.attrs.describe(wrong(a)),
      (a) => target.attrs.delete(wrong(a)),
      (a, b) => t.string(wrong(a), wrong(b)),
      (a, b) => t.enum(wrong(a), wrong(b)),
      (a) => t.compound(wrong(a)),
      (a) => gzip(wrong(a)),
      (a, b) => H5File.create(wrong(typeof a === 'string' ? 5 : a), wrong(b)),
      (_, b) => H5File.open('nowhere', wrong(b)),
    ];
    const expectProper = async (call: () => unknown): Promise<void> => {
      const error = await errorOf(call);
      if (error === undefined) return;
      if (!(error instanceof FreestoneError)) throw error as Error;
      expect(error.code).toMatch(/^E/);
    };
    await fc.assert(
      fc.asyncProperty(anything, anything, anything, specs, async (a, b, c, spec) => {
        for (const call of calls) await expectProper(() => call(a, b, c));
        count += 1;
        await expectProper(() => scratchFile.root.createDataset(`spec ${String(count)}`, wrong(spec)));
      }),
      { numRuns: 500 },
    );
    await scratchFile.close();
  });

  it('specs that are nearly right give a dataset or an error with a code', async () => {
    const scratchFile = await H5File.create(scratch.path());
    const nearly = fc.record<DatasetSpec>(
      {
        dtype: fc.constantFrom<DatasetSpec['dtype']>('int8', 'float64', 'string', 'complex64', 'bool', t.string(3), t.compound({ a: 'int8' })),
        shape: fc.array(fc.integer({ min: -1, max: 4 }), { maxLength: 3 }),
        maxShape: fc.array(fc.option(fc.integer({ min: 0, max: 5 })), { maxLength: 3 }),
        chunks: fc.oneof(fc.constant(true as const), fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 })),
        filters: fc.subarray([gzip(), shuffle(), fletcher32()]),
        fill: fc.constantFrom<unknown>(0, 1, 'x', true, { a: 1 }, { re: 1, im: 2 }),
        data: wrong(fc.oneof(fc.array(fc.integer({ min: -200, max: 200 }), { maxLength: 9 }), fc.array(fc.array(fc.nat({ max: 3 }), { maxLength: 3 }), { maxLength: 3 }), fc.constant(new Int8Array(4)))),
      },
      { requiredKeys: [] },
    );
    let made = 0;
    await fc.assert(
      fc.asyncProperty(nearly, async (spec) => {
        const error = await errorOf(() => scratchFile.root.createDataset(`new ${String(made)}`, spec));
        if (error === undefined) made += 1;
        else if (!(error instanceof FreestoneError)) throw error as Error;
      }),
      { numRuns: 2000 },
    );
    expect(made).toBeGreaterThan(0);
    await scratchFile.close();
  });
});
