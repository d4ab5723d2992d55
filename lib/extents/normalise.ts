// Sources in the library's own order: areas by position, neighbours merged, nothing double.
import { FreestoneError } from '../errors.js';
import { SourceAreas, type PlacedAreas } from './area-order.js';
import { at } from './at.js';
import type { AreaLabel } from './areas.js';
import { checkSource, checkSources, known, sourceOf, type CheckedSource } from './sources.js';
import type { Source } from './types.js';

/**
 * Puts each source's areas in order, merges those that touch and leaves out empty ones. The given sources are not changed; the new ones are
 * frozen, and placements on them do not check them again.
 * @throws {FreestoneError} ERR_OVERLAP when areas or ranges overlap, ERR_EXISTS when two sources have one handle, ERR_INVALID_ARGUMENT
 */
export function normalise(sources: readonly Source[]): Source[] {
  return normalSources(sources).map((source, i) => unchanged(sources, source, i) ?? sourceOf(source));
}

/** The source that was given, when it was in order already. */
export function unchanged(sources: readonly Source[], source: CheckedSource, index: number): Source | undefined {
  const given = at(sources, index);
  return known(given) === source ? given : undefined;
}

/** The sources in order, as the library keeps them. */
export function normalSources(sources: readonly Source[]): CheckedSource[] {
  checkSources(sources);
  const handles = new Map<unknown, number>();
  return sources.map((source, i) => {
    const checked = checkSource(source, i);
    const first = checked.handle === undefined ? undefined : handles.get(checked.handle);
    if (first !== undefined) {
      throw new FreestoneError('ERR_EXISTS', `sources[${first}] and sources[${i}] have the same handle`, { source: i, first, handle: checked.handle });
    }
    handles.set(checked.handle, i);
    return known(source) ? checked : withAreas(checked, merged(checked.areas.placed));
  });
}

/** The same source with other areas. */
export function withAreas(source: CheckedSource, placed: PlacedAreas): CheckedSource {
  const { handle, totalExtents, tags, allocatable, ranges, weight } = source;
  return { handle, areas: SourceAreas.of(placed), totalExtents, tags, allocatable, ranges, weight };
}

/** Areas that touch and are alike as one; the same object when there are none. */
export function merged(placed: PlacedAreas): PlacedAreas {
  const { starts, counts, labels } = placed;
  const touch = (i: number): boolean => at(starts, i - 1) + at(counts, i - 1) === starts[i] && alike(labels?.[i - 1], labels?.[i]);
  let i = 1;
  while (i < starts.length && !touch(i)) i++;
  if (i >= starts.length) return placed;
  const kept = { starts: [] as number[], counts: [] as number[], labels: [] as (AreaLabel | undefined)[] };
  starts.forEach((start, i) => {
    if (i > 0 && touch(i)) {
      kept.counts.push((kept.counts.pop() ?? 0) + at(counts, i));
      return;
    }
    kept.starts.push(start);
    kept.counts.push(at(counts, i));
    kept.labels.push(labels?.[i]);
  });
  return { ...kept, labels: labels && kept.labels };
}

function alike(one: AreaLabel | undefined, other: AreaLabel | undefined): boolean {
  if (one === other) return true;
  if (!one || !other) return false;
  return one.handle === other.handle && one.tags.length === other.tags.length && one.tags.every((tag) => other.tags.includes(tag));
}
