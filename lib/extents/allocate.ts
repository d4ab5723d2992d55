// The outer loop (section C): policy after policy, what one has placed being kept by the next.
import { FreestoneError } from '../errors.js';
import { at } from './at.js';
import { AreaList } from './areas.js';
import { demandOf, type Demand } from './demand.js';
import {
  imagesTooSmall,
  insufficientFreeSpace,
  insufficientSuitableExtents,
  metadataDoesNotFit,
  noRoomForLog,
  notEnoughSources,
  nothingFound,
  noUsableSource,
} from './failures.js';
import { lvmPolicies, type PolicyRegistry } from './policies/registry.js';
import { contextOf, tryPolicy } from './rounds.js';
import { checkSource, joined, usableAreas, type CheckedSource } from './sources.js';
import { Spread } from './spread.js';
import { AllocationState } from './state.js';
import type { AllocationRequest, AllocationResult, Relaxation } from './types.js';

/**
 * Places extents on sources by LVM's rules. The request is not changed, and equal requests give equal results.
 * Costs a look at every area of sources given as plain objects; sources from `normalise`, `reserve` or `free` are only looked at where needed.
 *
 * @param registry the policies that there are; LVM's unless given
 * @throws {FreestoneError} ERR_NO_SPACE with LVM's words and a `reason` (section K): `not-enough-sources`, `insufficient-free-space`
 *   (`needed`, `available`), `insufficient-suitable-extents` (`missing`), `nothing-found`, `images-too-small` (`found`, `required`),
 *   `no-room-for-log` (`logAreas`, `logLength`), `no-usable-source`, `metadata-does-not-fit` (`metadataLength`)
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT for a malformed request, and for extents that do not fill whole stripes (`requested`, `areaMultiple`)
 * @throws {FreestoneError} ERR_OVERLAP for areas or ranges that overlap
 */
export function allocate(request: AllocationRequest, registry: PolicyRegistry = lvmPolicies): AllocationResult {
  const { outcome } = settle(request, registry);
  if (outcome instanceof FreestoneError) throw outcome;
  return outcome;
}

/**
 * A placement, or why there is none, with the state it ended in. With failure domains, at the lowest limit that there is a placement for.
 * @throws {FreestoneError} for a request that is malformed
 */
export function settle(request: AllocationRequest, registry: PolicyRegistry): { state: AllocationState; outcome: AllocationResult | FreestoneError } {
  const demand = demandOf(request, registry);
  const sources = checkedSources(request);
  const attempt = (limit: number): { state: AllocationState; outcome: AllocationResult | FreestoneError } => {
    const state = new AllocationState(demand, sources, listsOf(demand, sources));
    const spread = demand.spread === undefined ? null : new Spread(demand.spread, state, limit);
    try {
      run(state, registry, spread);
    } catch (error) {
      if (error instanceof FreestoneError && error.code === 'ERR_NO_SPACE') return { state, outcome: error };
      throw error;
    }
    return { state, outcome: resultOf(state, spread?.relaxation(state)) };
  };
  const slotCount = demand.dataAreas + demand.parityAreas;
  for (let limit = 1; demand.spread !== undefined && limit < slotCount; limit++) {
    const settled = attempt(limit);
    if (!(settled.outcome instanceof FreestoneError)) return settled;
  }
  return attempt(slotCount);
}

/** Every source of the request, checked; those with the handle of an earlier one are joined to it (B1) and left empty. */
function checkedSources({ sources }: AllocationRequest): CheckedSource[] {
  const list = sources.map(checkSource);
  const firstWith = new Map<unknown, number>();
  list.forEach((source, i) => {
    if (source.handle === undefined) return;
    const first = firstWith.get(source.handle);
    if (first === undefined) firstWith.set(source.handle, i);
    else {
      list[first] = joined(at(list, first), source, `sources[${first}] with sources[${i}]`);
      list[i] = { ...source, allocatable: false };
    }
  });
  return list;
}

/** The free areas of the sources that may be used, in order of preference (B1, B2). */
function listsOf({ order }: Demand, sources: readonly CheckedSource[]): AreaList[] {
  const lists: AreaList[] = [];
  for (const index of order) {
    const source = at(sources, index);
    if (source.allocatable) lists.push(new AreaList(index, source.tags, usableAreas(source)));
  }
  return lists;
}

/** Places everything in `state`, or throws. */
function run(state: AllocationState, registry: PolicyRegistry, spread: Spread | null): void {
  const { demand } = state;
  const { name, logAreas, dataAreas, areaMultiple } = demand;
  if (state.allocated >= demand.extents && logAreas === 0) return; // C1
  const canSplit = demand.policy.whole !== true; // C3
  const needed = state.slotCount + logAreas;
  if (state.lists.length === 0 && demand.previous === null) throw noUsableSource(); // C4
  if (state.lists.length > 0 && state.lists.length < needed && !demand.policy.sharesSources && demand.separateLogs) {
    throw notEnoughSources(needed, state.lists.length);
  }
  tryAll(state, registry, canSplit, spread);

  // C10
  const missing = demand.extents - state.allocated;
  if (missing > 0) {
    if (state.metadataTooLong && state.batchLengths === 0) throw metadataDoesNotFit(demand.logLength);
    if (!demand.approximate) {
      throw insufficientSuitableExtents(name, !canSplit, Math.floor((missing * dataAreas) / areaMultiple));
    }
    if (state.allocated === demand.existingExtents) throw nothingFound(name, !canSplit);
    if (demand.split && state.batchLengths < dataAreas) throw imagesTooSmall(name, state.batchLengths, dataAreas);
  }
  if (state.logsMissing) throw noRoomForLog(name, logAreas, demand.logLength);
}

function tryAll(state: AllocationState, registry: PolicyRegistry, canSplit: boolean, spread: Spread | null): void {
  const { demand } = state;
  let lastRank = registry.lastRank(demand.policy); // C5
  // A log that the policy asked for could not place may be placed by normal (C8).
  const logRank = registry.all.find(({ name }) => name === 'normal')?.rank ?? lastRank;
  for (const policy of registry.all) {
    if (policy.rank > lastRank) return;
    if (policy.isTried && !policy.isTried(contextOf(state))) continue; // C6
    const before = state.allocated;
    if (!demand.approximate) checkFreeSpace(state); // C7
    state.policiesTried.push(policy.name);
    tryPolicy(state, policy, canSplit, spread);
    if (state.isComplete && state.logsMissing && lastRank < logRank) {
      lastRank = logRank;
      continue;
    }
    // C9
    if (state.isComplete && !state.logsMissing) return;
    if (!canSplit && state.allocated !== before) return;
  }
}

/**
 * C7: gives up before a policy is tried when all free extents together are too few. A call for logs alone is not tested: LVM tries every
 * policy for it and then says that there is no room for the log.
 */
function checkFreeSpace(state: AllocationState): void {
  const { dataAreas, parityAreas, areaMultiple, extents, split, metadataAreas, logLength } = state.demand;
  const rest = extents - state.allocated;
  if (rest <= 0) return;
  const needed =
    Math.floor((rest * dataAreas) / areaMultiple) +
    Math.floor((rest * parityAreas) / areaMultiple) +
    (split ? 0 : metadataAreas) +
    (state.logsMissing ? logLength : 0);
  const available = state.free;
  if (needed > available) throw insufficientFreeSpace(needed, available);
}

/** What the caller gets. */
function resultOf(state: AllocationState, relaxation?: Relaxation): AllocationResult {
  const { demand } = state;
  const isIdle = demand.extents <= demand.existingExtents && demand.logAreas === 0;
  return {
    extentsAllocated: Math.max(0, state.allocated - demand.existingExtents),
    parallelCount: state.slotCount,
    allocated: state.slots,
    metadata: state.metadata,
    logs: state.logs,
    batches: state.batches,
    policiesTried: state.policiesTried,
    warnings: isIdle ? [...demand.warnings, 'allocate called with no work to do'] : demand.warnings,
    ...(relaxation ? { relaxation } : {}),
    ...(state.trace ? { trace: state.trace } : {}),
  };
}
