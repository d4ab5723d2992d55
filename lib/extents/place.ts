// Turning filled slots into segments (I7–I10), after making sure that every area has room for all that is to be taken from it (K1, K2).
import type { FreeArea } from './areas.js';
import type { Slots } from './slots.js';
import type { AllocationState } from './state.js';
import type { Segment, TriedPolicy } from './types.js';
import type { Witness } from './witness.js';

/**
 * Places one batch.
 * @param most logical extents at most
 * @param logOffset the position of the first log, if logs are missing
 * @returns false, with nothing changed, when an area cannot hold what it would have to: no result in this attempt
 */
export function placeBatch(state: AllocationState, slots: Slots, most: number, logOffset: number, policy: TriedPolicy, witness: Witness | null): boolean {
  const { demand } = state;
  const areas = state.slots.map((_, s) => areaAt(slots, s));
  const logAreas = Array.from({ length: state.logCount }, (_, i) => areaAt(slots, logOffset + i));
  let length = (most - (most % demand.areaMultiple)) / demand.areaMultiple;
  for (let s = 0; s < areas.length; s++) length = Math.min(length, slots.at(s)?.used ?? 0);
  const metadata = state.splitPending ? demand.logLength : 0;
  // K1: LVM's length wraps round here. K2: it would place a log on extents that the data takes.
  if (length < metadata) {
    state.metadataTooLong ||= areas.some(({ count }) => count < metadata);
    return false;
  }
  if (!hasRoom(areas, length, logAreas, demand.logLength)) return false;

  const segments: Segment[] = [];
  areas.forEach((area, s) => {
    if (metadata > 0) state.metadata.push({ ...state.take(area, metadata, policy), area: s });
    witness?.saw(area.owner.source, 'taken', { slot: s, extents: length });
    if (length === metadata) return;
    const segment = state.take(area, length - metadata, policy);
    state.slots[s]?.push(segment);
    state.slotSources[s]?.add(segment.source);
    segments.push(segment);
  });
  logAreas.forEach((area, i) => {
    if (demand.logLength > 0) state.logs[i]?.push(state.take(area, demand.logLength, policy));
    witness?.saw(area.owner.source, 'taken-for-log', { slot: i, extents: demand.logLength });
  });
  if (segments.length > 0) state.batches.push({ policy, length: length - metadata, segments });
  state.splitPending = false;
  state.logsMissing = false;
  state.batchLengths += length;
  state.allocated += length * demand.areaMultiple;
  return true;
}

function areaAt(slots: Slots, position: number): FreeArea {
  const candidate = slots.at(position);
  if (!candidate) throw new RangeError(`slot ${position} is empty`);
  return candidate.area ?? candidate.list.fittedArea();
}

/** Several slots may take from one area: all of it together must fit. */
function hasRoom(areas: readonly FreeArea[], length: number, logAreas: readonly FreeArea[], logLength: number): boolean {
  const taken = new Map<FreeArea, number>();
  const take = (area: FreeArea, extents: number): boolean => {
    const sum = (taken.get(area) ?? 0) + extents;
    taken.set(area, sum);
    return sum <= area.count;
  };
  return areas.every((area) => take(area, length)) && logAreas.every((area) => take(area, logLength));
}
