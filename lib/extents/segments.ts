// Lists of segments as callers have them: a result, its slots, or plain segments.
import { FreestoneError, checkInteger } from '../errors.js';
import type { AllocationResult } from './types.js';

/** What is needed of a segment to find its extents. */
export interface Extents {
  /** The index in `sources`. */
  readonly source: number;
  readonly start: number | bigint;
  readonly length: number | bigint;
}

/** Segments, lists of them at any depth, or a whole result. */
export type SegmentList = Extents | AllocationResult | readonly SegmentList[];

/** A result's data, metadata and logs, in this order. */
export function segmentsOf(result: AllocationResult): Extents[] {
  return [...result.allocated.flat(), ...result.metadata, ...result.logs.flat()];
}

export interface CheckedExtents {
  readonly source: number;
  readonly start: number;
  readonly length: number;
}

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT for what is no segment of one of so many sources */
export function flatten(segments: SegmentList, sourceCount: number): CheckedExtents[] {
  if (Array.isArray(segments)) return (segments as readonly SegmentList[]).flatMap((each) => flatten(each, sourceCount));
  if (typeof segments !== 'object' || (segments as unknown) === null) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'a segment must be an object { source, start, length }', { value: segments });
  }
  if ('allocated' in segments) return flatten(segmentsOf(segments), sourceCount);
  const { source, start, length } = segments as Extents;
  if (sourceCount === 0) throw new FreestoneError('ERR_INVALID_ARGUMENT', 'a segment names a source, and there is none', { source });
  const first = checkInteger('segment.start', start);
  return [
    {
      source: checkInteger('segment.source', source, { max: sourceCount - 1 }),
      start: first,
      length: checkInteger('segment.length', length, { max: Number.MAX_SAFE_INTEGER - first }),
    },
  ];
}

/** Those of each source by position, empty ones left out. @throws {FreestoneError} ERR_OVERLAP when two overlap */
export function bySource(segments: readonly CheckedExtents[]): Map<number, CheckedExtents[]> {
  const lists = new Map<number, CheckedExtents[]>();
  for (const segment of segments) {
    if (segment.length === 0) continue;
    const list = lists.get(segment.source);
    if (list) list.push(segment);
    else lists.set(segment.source, [segment]);
  }
  for (const [source, list] of lists) {
    list.sort((one, other) => one.start - other.start);
    list.forEach(({ start }, i) => {
      const before = list[i - 1];
      if (before && before.start + before.length > start) {
        throw new FreestoneError('ERR_OVERLAP', `two segments on source ${source} overlap at extent ${start}`, { source, start });
      }
    });
  }
  return lists;
}
