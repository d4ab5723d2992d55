// From one placement to the next: what a result took is no longer free, what is given up is free again, and a volume grows.
import { FreestoneError, checkOptions } from '../errors.js';
import type { PlacedAreas } from './area-order.js';
import { at } from './at.js';
import { demandOf, requestFields } from './demand.js';
import { merged, normalSources, unchanged, withAreas } from './normalise.js';
import { lvmPolicies, type PolicyRegistry } from './policies/registry.js';
import { bySource, flatten, type CheckedExtents, type SegmentList } from './segments.js';
import { sourceOf, type CheckedSource } from './sources.js';
import type { AllocationRequest, AllocationResult, Segment, SlotEnd, Source } from './types.js';

/**
 * The sources without the segments' extents. The given ones are not changed; a source that loses nothing is given back as it is.
 * @throws {FreestoneError} ERR_OVERLAP when an extent is not free or two segments overlap; see `normalise` for the sources themselves
 */
export function reserve(sources: readonly Source[], segments: SegmentList): Source[] {
  return changed(sources, segments, take);
}

/**
 * The sources with the segments' extents free again, merged with the free areas that they touch. The given ones are not changed.
 * @throws {FreestoneError} ERR_OVERLAP when an extent is free already or two segments overlap, ERR_INVALID_ARGUMENT for an extent that its source
 *   does not have; see `normalise` for the sources themselves
 */
export function free(sources: readonly Source[], segments: SegmentList): Source[] {
  return changed(sources, segments, give);
}

type Change = (source: CheckedSource, segments: readonly CheckedExtents[], index: number) => PlacedAreas;

function changed(sources: readonly Source[], segments: SegmentList, change: Change): Source[] {
  const normal = normalSources(sources);
  const lists = bySource(flatten(segments, sources.length));
  return normal.map((source, i) => {
    const list = lists.get(i);
    return list ? sourceOf(withAreas(source, change(source, list, i))) : (unchanged(sources, source, i) ?? sourceOf(source));
  });
}

function take({ areas }: CheckedSource, segments: readonly CheckedExtents[], index: number): PlacedAreas {
  const { starts, counts, labels } = areas.placed;
  const left = { starts: [...starts], counts: [...counts], labels: labels && [...labels] };
  for (const { start, length } of segments) {
    const i = lastAt(left.starts, start);
    const areaStart = left.starts[i] ?? 0;
    const areaEnd = areaStart + (left.counts[i] ?? 0);
    const end = start + length;
    if (i < 0 || end > areaEnd) {
      throw new FreestoneError('ERR_OVERLAP', `extents ${start} to ${end - 1} of source ${index} are not all free`, { source: index, start, length });
    }
    const parts = [
      { start: areaStart, count: start - areaStart },
      { start: end, count: areaEnd - end },
    ].filter(({ count }) => count > 0);
    const label = left.labels?.[i];
    left.starts.splice(i, 1, ...parts.map((part) => part.start));
    left.counts.splice(i, 1, ...parts.map((part) => part.count));
    left.labels?.splice(i, 1, ...parts.map(() => label));
  }
  return left;
}

function give({ areas, totalExtents }: CheckedSource, segments: readonly CheckedExtents[], index: number): PlacedAreas {
  const { starts, counts, labels } = areas.placed;
  const more = { starts: [...starts], counts: [...counts], labels: labels && [...labels] };
  for (const { start, length } of segments) {
    const end = start + length;
    if (end > totalExtents) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `source ${index} has no extents ${start} to ${end - 1}: it has ${totalExtents}`, {
        source: index,
        start,
        length,
        totalExtents,
      });
    }
    const i = lastAt(more.starts, start);
    const before = i < 0 ? 0 : at(more.starts, i) + at(more.counts, i);
    const after = more.starts[i + 1] ?? Infinity;
    if (start < before || end > after) {
      throw new FreestoneError('ERR_OVERLAP', `extents ${start} to ${end - 1} of source ${index} are not all in use`, { source: index, start, length });
    }
    more.starts.splice(i + 1, 0, start);
    more.counts.splice(i + 1, 0, length);
    more.labels?.splice(i + 1, 0, undefined);
  }
  return merged(more);
}

/** The last of the ascending numbers that is not above the value; -1 when there is none. */
function lastAt(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(ascending, middle) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * The request that makes the volume grow: the sources without what the result took, the volume's first and last segments as `previous`, no
 * metadata and no logs again (A7).
 * @param request what the result is of
 * @param more logical extents to add, or any fields of the new request
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT when the volume has no data yet
 */
export function extend(
  request: AllocationRequest,
  result: AllocationResult,
  more: number | bigint | Partial<AllocationRequest>,
  registry: PolicyRegistry = lvmPolicies,
): AllocationRequest {
  const fields: Partial<AllocationRequest> = typeof more === 'object' ? more : { extentsNeeded: more };
  checkOptions('the new request', fields, requestFields);
  const { segmentType, dataAreas, parityAreas, areaMultiple, existingExtents, previous } = demandOf(request, registry);
  const grown = result.allocated[0]?.reduce((sum, { length }) => sum + length, 0) ?? 0;
  if (existingExtents + grown === 0) throw new FreestoneError('ERR_INVALID_ARGUMENT', 'there is no volume to extend: nothing was allocated for it');
  const ends = previousOf(result);
  const first = request.previous?.first ?? (previous ? previous.first.map(({ source }) => ({ source, end: 0 })) : ends.first);
  const { mirrors: _mirrors, clingSources: _clingSources, ...kept } = request;
  const parallel = Array.isArray(request.parallelAreas) ? { parallelAreas: request.parallelAreas as NonNullable<AllocationRequest['parallelAreas']> } : {};
  const { parallelAreas: _parallelAreas, ...rest } = kept;
  return {
    ...rest,
    ...parallel,
    segmentType,
    dataAreas,
    parityAreas,
    areaMultiple,
    sources: reserve(request.sources, result),
    existingExtents: existingExtents + grown * areaMultiple,
    splitMetadataLength: 0,
    logAreas: 0,
    logLength: 0,
    previous: { first, last: grown > 0 ? ends.last : (request.previous?.last ?? first) },
    ...fields,
    extentsNeeded: fields.extentsNeeded ?? 0,
  };
}

/** The ends of a result's first and last segments, slot by slot: `previous` of a request that goes on from it. */
export function previousOf(result: AllocationResult): { first: SlotEnd[]; last: SlotEnd[] } {
  const end = (segment: Segment | undefined): SlotEnd[] => (segment ? [{ source: segment.source, end: segment.start + segment.length }] : []);
  // Segments that continue each other on one source are one segment of the volume.
  const wholeFirst = (slot: readonly Segment[]): Segment | undefined =>
    slot.slice(1).reduce<{ whole: Segment | undefined; open: boolean }>(
      ({ whole, open }, next) =>
        open && next.source === whole?.source && next.start === whole.start + whole.length
          ? { whole: { ...whole, length: whole.length + next.length }, open }
          : { whole, open: false },
      { whole: slot[0], open: true },
    ).whole;
  return {
    first: result.allocated.flatMap((slot) => end(wholeFirst(slot))),
    last: result.allocated.flatMap((slot) => end(slot.at(-1))),
  };
}
