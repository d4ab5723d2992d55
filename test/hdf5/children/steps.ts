// What a writer does step by step, such that the number of a step says what must be in the file after it.
import { gzip, shuffle, t, type Dataset, type H5File } from '../../../lib/hdf5/index.js';

/** Rows that step `n`, counted from 1, adds. */
export const rowsOfStep = (n: number): number => 5 + ((n * 13) % 40);

export function rowsAfter(steps: number): number {
  let rows = 0;
  for (let n = 1; n <= steps; n += 1) rows += rowsOfStep(n);
  return rows;
}

export const cell = (row: number, column: number): number => row * 31 + column * 7 - 5;
export const label = (row: number): string => (row % 7 === 0 ? '' : `row ${String(row)} `.repeat(1 + (row % 5)));

/** Some steps also add one element that is large enough to go to the file within the call. */
const addsWide = (n: number): boolean => n % 5 === 0 && n <= 25;
export const wideAfter = (steps: number): number => Math.floor(Math.min(steps, 25) / 5);
export const wideText = (row: number): string => String.fromCharCode(97 + row).repeat(60_000 + row);

const numbers = (first: number, rows: number): Int32Array =>
  Int32Array.from({ length: rows * 3 }, (_, i) => cell(first + Math.floor(i / 3), i % 3));

export interface Growing {
  readonly filtered: Dataset;
  readonly plain: Dataset;
  readonly labels: Dataset;
  readonly wide: Dataset;
}

export async function createGrowing(file: H5File): Promise<Growing> {
  const spec = { shape: [0, 3], maxShape: [null, 3], dtype: 'int32' } as const;
  return {
    filtered: await file.root.createDataset('growing/filtered', { ...spec, chunks: [16, 2], filters: [shuffle(), gzip(1)] }),
    plain: await file.root.createDataset('growing/plain', { ...spec, chunks: [16, 3] }),
    labels: await file.root.createDataset('growing/labels', { shape: [0], maxShape: [null], dtype: 'string', chunks: [10] }),
    wide: await file.root.createDataset('growing/wide', { shape: [0], maxShape: [null], dtype: t.string(2 ** 16), chunks: [2] }),
  };
}

/** Starts step `n` and does not wait for it. */
export function startStep(file: H5File, { filtered, plain, labels, wide }: Growing, n: number): Promise<unknown> {
  const first = rowsAfter(n - 1);
  const rows = rowsOfStep(n);
  const done = [
    filtered.append(numbers(first, rows)),
    plain.append(numbers(first, rows)),
    labels.append(Array.from({ length: rows }, (_, i) => label(first + i))),
    file.root.createDataset(`steps/${String(n)}`, { data: numbers(first, rows), shape: [rows, 3] }),
    ...(addsWide(n) ? [wide.append([wideText(wideAfter(n) - 1)])] : []),
  ];
  file.root.attrs.set('steps', n);
  return Promise.all(done);
}
