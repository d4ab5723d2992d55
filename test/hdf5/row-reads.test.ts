// Reads of rows one after the other, near each other and far apart, from a file that is only read.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { H5File, gzip, t, type Dataset, type DatasetSpec, type Selection, type TypedArray } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const ROWS = 20_000;
const packed = t.compound({ a: 'int32', b: 'int32' });

interface Kind {
  readonly spec: DatasetSpec;
  /** Numbers in a row. */
  readonly row: number;
  /** What is read into, around so many numbers. */
  readonly into: (numbers: number) => TypedArray;
}
const ints = (numbers: number): TypedArray => new Int32Array(numbers);
const kinds: Record<string, Kind> = {
  'side by side': { spec: { dtype: 'int32', shape: [ROWS] }, row: 1, into: ints },
  'of several numbers, side by side': { spec: { dtype: 'int32', shape: [ROWS, 3] }, row: 3, into: ints },
  'in chunks': { spec: { dtype: 'int32', shape: [ROWS], chunks: [700] }, row: 1, into: ints },
  'of several numbers, in chunks': { spec: { dtype: 'int32', shape: [ROWS, 2, 2], chunks: [300, 2, 2] }, row: 4, into: ints },
  'over several chunks each': { spec: { dtype: 'int32', shape: [ROWS, 4], chunks: [300, 2] }, row: 4, into: ints },
  'in chunks that are wider': { spec: { dtype: 'int32', shape: [ROWS, 3], maxShape: [null, null], chunks: [300, 4] }, row: 3, into: ints },
  'in compressed chunks': { spec: { dtype: 'int32', shape: [ROWS], chunks: [700], filters: [gzip(1)] }, row: 1, into: ints },
  'of the other byte order': { spec: { dtype: 'int32be', shape: [ROWS], chunks: [700] }, row: 1, into: ints },
  'that are packed': { spec: { dtype: packed, shape: [ROWS], chunks: [700] }, row: 2, into: (numbers) => new Uint8Array(numbers * 4) },
};

/** A file with rows of ascending numbers, of which those in the middle were never written. */
async function rowsOf({ spec, row }: Kind): Promise<{ readonly file: H5File; readonly x: Dataset; readonly all: Int32Array }> {
  const path = scratch.path();
  const all = Int32Array.from({ length: ROWS * row }, (_, i) => i + 1);
  const file = await H5File.create(path);
  const x = await file.root.createDataset('x', spec);
  const [, ...inRow] = x.shape;
  const bytes = (array: Int32Array): TypedArray => (spec.dtype === packed ? Buffer.from(array.buffer, array.byteOffset, array.byteLength) : array);
  const [from, to] = [7_000, 9_100];
  await x.write(bytes(all.subarray(0, from * row)), { start: [0, ...inRow.map(() => 0)], count: [from, ...inRow] });
  await x.write(bytes(all.subarray(to * row)), { start: [to, ...inRow.map(() => 0)], count: [ROWS - to, ...inRow] });
  await file.close();
  all.fill(0, from * row, to * row);
  const back = await H5File.open(path);
  return { file: back, x: back.root.get('x') as Dataset, all };
}

/** Whether the numbers in what was read are these; of many, the runner's comparison takes long. */
const has = (found: unknown, numbers: Int32Array): boolean => {
  const view = ArrayBuffer.isView(found) ? found : Int32Array.from((found as { a: number; b: number }[]).flatMap(({ a, b }) => [a, b]));
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).equals(Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength));
};

/** Where a read begins, counted from where the last one ended, and how many rows it takes. */
const step = fc.record({
  by: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: -900, max: 900 }), fc.integer({ min: -ROWS, max: ROWS })),
  rows: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 1, max: 120 }) }, fc.integer({ min: 0, max: 2_000 })),
  isInto: fc.boolean(),
  isNow: fc.boolean(),
});

describe.each(Object.entries(kinds))('rows %s', (_, kind) => {
  it('are read as they were written, from wherever to wherever', async () => {
    const { file, x, all } = await rowsOf(kind);
    const [, ...inRow] = x.shape;
    await fc.assert(
      fc.asyncProperty(fc.nat(ROWS), fc.array(step, { minLength: 1, maxLength: 60 }), async (first, steps) => {
        let at = first;
        for (const { by, rows, isInto, isNow } of steps) {
          const start = Math.min(Math.max(at + by, 0), ROWS);
          const count = Math.min(rows, ROWS - start);
          const selection = { start: [start, ...inRow.map(() => 0)], count: [count, ...inRow] };
          const into = isInto ? kind.into(count * kind.row) : undefined;
          const options = into === undefined ? {} : { into };
          const found = isNow ? x.readSync(selection, options) : await x.read(selection, options);
          if (into !== undefined) expect(found).toBe(into);
          expect(has(found, all.subarray(start * kind.row, (start + count) * kind.row))).toBe(true);
          at = start + count;
        }
      }),
      { numRuns: 40 },
    );
    await file.close();
  });

  it('are refused where they reach outside or are no rows, also behind some that were read', async () => {
    const { file, x, all } = await rowsOf(kind);
    const [, ...inRow] = x.shape;
    const zeros = inRow.map(() => 0);
    const near = { start: [100, ...zeros], count: [10, ...inRow] };
    const good = async (): Promise<void> => {
      expect(has(await x.read(near), all.subarray(100 * kind.row, 110 * kind.row))).toBe(true);
    };
    const wrong: [Selection, string][] = [
      [{ start: [ROWS - 5, ...zeros], count: [6, ...inRow] }, 'ERR_INVALID_ARGUMENT'],
      [{ start: [-1, ...zeros], count: [2, ...inRow] }, 'ERR_INVALID_ARGUMENT'],
      [{ start: [100.5, ...zeros], count: [2, ...inRow] }, 'ERR_INVALID_ARGUMENT'],
      [{ start: [100, ...zeros], count: [2.5, ...inRow] }, 'ERR_INVALID_ARGUMENT'],
      [{ start: [NaN, ...zeros], count: [2, ...inRow] }, 'ERR_INVALID_ARGUMENT'],
      [{ start: [100, ...zeros, 0], count: [2, ...inRow, 1] }, 'ERR_INVALID_ARGUMENT'],
      [{ start: ['100', ...zeros], count: [2, ...inRow] } as unknown as Selection, 'ERR_INVALID_ARGUMENT'],
      [{ start: new Int32Array([100, ...zeros]), count: [2, ...inRow] } as unknown as Selection, 'ERR_INVALID_ARGUMENT'],
      [{ start: [100, ...zeros] } as unknown as Selection, 'ERR_INVALID_ARGUMENT'],
      [{ ...near, stride: [2] } as Selection, 'ERR_UNSUPPORTED'],
    ];
    for (const [selection, code] of wrong) {
      await good();
      await expect(x.read(selection)).rejects.toMatchObject({ code, dataset: '/x' });
    }
    await good();
    await expect(x.read(near, { into: kind.into(10 * kind.row + 1) })).rejects.toMatchObject({ code: 'ERR_INVALID_SIZE', dataset: '/x' });
    await expect(x.read(near, { into: new Float32Array(10 * kind.row) })).rejects.toMatchObject({ code: 'ERR_TYPE_MISMATCH', dataset: '/x' });
    await good();
    await file.close();
    await expect(x.read(near)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});
