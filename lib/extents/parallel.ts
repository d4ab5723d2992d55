// Parallel areas: sources that must not be used at the present position, and how far that holds (E2, G2).
import type { AllocationState } from './state.js';
import { commonTag } from './tags.js';

export interface Avoidance {
  readonly sources: ReadonlySet<number>;
}

/** How much the next attempt may place, and which sources it avoids (E1, E2). */
export function nextStretch(state: AllocationState): { most: number; avoid: Avoidance | null } {
  const { demand, allocated } = state;
  const { areaMultiple, logLength } = demand;
  let most = demand.extents - allocated;
  const position = Math.floor(allocated / areaMultiple);
  const entry = demand.parallelAreas.find(({ end }) => position < end);
  if (!entry) return { most, avoid: null };
  // Metadata that is still to be cut from the batch does not count as data at this position.
  const metadata = state.splitPending ? logLength : 0;
  if (most + allocated - metadata > entry.end * areaMultiple) most = entry.end * areaMultiple - allocated + metadata;
  return { most, avoid: { sources: new Set(entry.sources) } };
}

/** Why a source is avoided (G2): it is in the list, or shares a listed tag with one that is. */
export function avoided(state: AllocationState, avoid: Avoidance, source: number): { by: number; tag?: string } | null {
  if (avoid.sources.has(source)) return { by: source };
  const { tagList } = state.demand;
  if (tagList.length === 0) return null;
  for (const other of avoid.sources) {
    const tag = commonTag(tagList, state.tagsOf(other), state.tagsOf(source));
    if (tag !== undefined) return { by: other, tag };
  }
  return null;
}
