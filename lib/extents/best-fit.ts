// The smallest area of one source that is large enough, as a walk down the list finds it (G3–G5, H3).
//
// Each area used is reserved and so moves down the list, and the walk goes on behind it: an area that is shorter than the one before, but
// longer than what is left of that one, is never looked at. Best fit therefore only happens among areas smaller than the remainder (G5).
import { at } from './at.js';
import type { AreaList, FreeArea } from './areas.js';

/** What a walk over sorted, untouched areas comes to. */
export interface Fit {
  readonly index: number;
  readonly used: number;
  /** Whether voiding the walk's reservations brings back the very order there was: no area used has a twin of the same length. */
  readonly undoes: boolean;
  readonly need: number;
  readonly amount: number;
  readonly whole: boolean;
}

/** The walk over areas of which nothing is reserved, without moving any of them. @param counts longest first */
export function bestFitOfSorted(counts: readonly number[], need: number, amount: number, whole: boolean): Fit | null {
  const longest = counts[0];
  if (longest === undefined || (whole && longest < need)) return null;
  let index = 0;
  let undoes = true;
  for (;;) {
    const count = at(counts, index);
    undoes &&= counts[index - 1] !== count && counts[index + 1] !== count;
    let next = index + 1;
    if (amount < count) {
      // The area moves to before the first that is shorter than its remainder; the walk goes on with that one.
      const left = count - amount;
      while (next < counts.length && at(counts, next) >= left) next++;
    }
    if (next >= counts.length || at(counts, next) < need) break;
    index = next;
  }
  return { index, used: Math.min(amount, at(counts, index)), undoes, need, amount, whole };
}

/** The same walk over a list in use, with its reservations. */
export function bestFitOfList(areas: AreaList, need: number, amount: number, whole: boolean): { area: FreeArea; used: number } | null {
  let found: { area: FreeArea; used: number } | null = null;
  const list = areas.list;
  for (let i = 0; i < list.length; i++) {
    const area = at(list, i);
    if (area.unreserved === 0) continue; // H1
    if (area.unreserved < need && (whole || found)) break; // H3
    const used = Math.min(amount, area.unreserved);
    i = areas.reserve(i, area, amount);
    found = { area, used };
  }
  return found;
}
