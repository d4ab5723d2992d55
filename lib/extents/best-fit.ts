// The smallest area of one source that is large enough, as a walk down the list finds it (G3–G5, H3).
//
// Each area used is reserved and so moves down the list, and the walk goes on behind it: an area that is shorter than the one before, but
// longer than what is left of that one, is never looked at. Best fit therefore only happens among areas smaller than the remainder (G5).
import type { AreaList, FreeArea } from './areas.js';
import { at } from './at.js';

export interface FitRequest {
  /** The least length of every area but the first of a walk, in extents of one slot. */
  readonly need: number;
  /** What is reserved of each area used. */
  readonly amount: number;
  /** Whether the first area, too, must be `need` long. */
  readonly whole: boolean;
}

export interface Fit {
  readonly area: FreeArea;
  readonly used: number;
}

/** The walk, with its reservations. @returns the last area used */
export function bestFitOfList(areas: AreaList, { need, amount, whole }: FitRequest): Fit | null {
  let found: Fit | null = null;
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

/**
 * Whether voiding the reservations of a walk over untouched areas brings back the very order there was. It does when no area that the walk uses
 * has a twin of the same length: of twins, one that was reserved comes back behind the other.
 * @param counts longest first
 */
export function isUndone(counts: readonly number[], { need, amount }: FitRequest): boolean {
  for (let i = 0; ; ) {
    const count = counts[i];
    if (count === undefined) return true;
    if (counts[i - 1] === count || counts[i + 1] === count) return false;
    let next = i + 1;
    if (amount < count) {
      // The area moves to before the first that is shorter than its remainder; the walk goes on with that one.
      const left = count - amount;
      while (next < counts.length && at(counts, next) >= left) next++;
    }
    if (next >= counts.length || at(counts, next) < need) return true;
    i = next;
  }
}
