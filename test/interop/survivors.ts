// What must be found in a file whose writer was stopped in the middle of its steps.
import { expect } from 'vitest';
import { cell, label, rowsAfter, rowsOfStep, wideAfter, wideText } from '../hdf5/children/steps.js';
import { floatDigits } from './kinds.js';
import { dataset, group, type SeenFile } from './h5py.js';

const stepDigits = new Map(Array.from({ length: 20_000 }, (_, n) => [floatDigits(n, 8), n]));

/** The step that a file says it is as of; 0 before the first. */
export function stepOf(seen: SeenFile): number {
  const digits = group(seen, '/').attributes['steps']?.values[0];
  return digits === undefined ? 0 : (stepDigits.get(digits as string) ?? Number.NaN);
}

const cells = (first: number, rows: number): string[] =>
  Array.from({ length: rows * 3 }, (_, i) => String(cell(first + Math.floor(i / 3), i % 3)));

/**
 * All of the steps up to the last flushed one are there, and every value that is there is right.
 * @param flushed the last step whose flush resolved
 */
export function expectSurvived(seen: SeenFile, flushed: number): void {
  const step = stepOf(seen);
  expect(step).toBeGreaterThanOrEqual(flushed);
  for (let n = 1; n <= step; n += 1) {
    const found = dataset(seen, `/steps/${String(n)}`);
    // What came after the flush may be there by name only.
    if (n <= flushed || found.storageSize > 0) expect(found.values).toEqual(cells(rowsAfter(n - 1), rowsOfStep(n)));
  }
  if (step === 0) return;
  for (const name of ['filtered', 'plain']) {
    const { shape, values } = dataset(seen, `/growing/${name}`);
    const [rows = 0] = shape;
    expect(rows).toBeGreaterThanOrEqual(rowsAfter(flushed));
    expect(values).toEqual(cells(0, rows));
  }
  const { values } = dataset(seen, '/growing/labels');
  expect(values.length).toBeGreaterThanOrEqual(rowsAfter(flushed));
  expect(values).toEqual(values.map((_, row) => label(row)));
  const wide = dataset(seen, '/growing/wide').values;
  expect(wide.length).toBeGreaterThanOrEqual(wideAfter(flushed));
  expect(wide.every((value, row) => value === wideText(row))).toBe(true);
}
