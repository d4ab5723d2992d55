// Requests and results in the short form that tests read well in.
import { allocate, type AllocationRequest, type AllocationResult, type Segment, type Source } from '../../lib/extents/index.js';

/** A source with these free areas, each `[start, length]`. */
export function source(free: readonly (readonly [number, number])[], more: Partial<Source> = {}): Source {
  return { areas: free.map(([start, length]) => ({ start, length })), ...more };
}

/** Sources that are free as a whole. */
export function whole(...sizes: readonly number[]): Source[] {
  return sizes.map((size) => source([[0, size]]));
}

/** `source:start+length` of each segment, slot by slot. */
export function drawn(slots: readonly (readonly Segment[])[]): string[] {
  return slots.map((slot) => slot.map(({ source: index, start, length }) => `${index}:${start}+${length}`).join(' '));
}

export function placed(request: AllocationRequest): string[] {
  return drawn(allocate(request).allocated);
}

/** The policy of each segment of slot 0. */
export function policiesOf(result: AllocationResult): string[] {
  return (result.allocated[0] ?? []).map(({ policy }) => policy);
}

export function failure(action: () => unknown): Record<string, unknown> & Error {
  try {
    action();
  } catch (error) {
    return error as Record<string, unknown> & Error;
  }
  throw new Error('nothing was thrown');
}
