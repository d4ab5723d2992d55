// Where logs go (I4): on the smallest candidates that are long enough, counted from the end of the sorted slots.
import type { Slots } from './slots.js';

/** @returns the position of the first log, or null when there is no room; 0 when no log is missing */
export function logOffset(slots: Slots, logCount: number, logLength: number, needed: number, separate: boolean): number | null {
  if (logCount === 0) return 0;
  const tooSmall = tooSmallForLog(slots, logLength);
  if (separate && tooSmall >= Math.max(1, needed)) return null;
  if (slots.end < tooSmall + logCount) return null;
  return slots.end - tooSmall - logCount;
}

/** Candidates at the end of the sorted slots that no log fits on. */
export function tooSmallForLog(slots: Slots, logLength: number): number {
  let count = 0;
  while (count < slots.end && (slots.at(slots.end - 1 - count)?.used ?? 0) < logLength) count++;
  return count;
}
