// One attempt to place a batch (sections F to I): reserve candidates, choose among them, place.
import { logOffset, tooSmallForLog } from './logs.js';
import type { Avoidance } from './parallel.js';
import { onePerTag } from './partition.js';
import { placeBatch } from './place.js';
import type { AllocationPolicy, Ties } from './policies/policy.js';
import { scan } from './scan.js';
import { Slots } from './slots.js';
import type { Spread } from './spread.js';
import type { AllocationState } from './state.js';
import { Witness } from './witness.js';

export interface Attempt {
  readonly state: AllocationState;
  readonly policy: AllocationPolicy;
  readonly ties: Ties;
  readonly canSplit: boolean;
  readonly most: number;
  readonly avoid: Avoidance | null;
  readonly spread: Spread | null;
}

/** Places a batch, or nothing. */
export function attempt(request: Attempt): void {
  const { state, policy } = request;
  state.attempts++;
  const slots = new Slots(positionalSlots(request));
  for (const list of state.lists) list.reset(); // F1
  const witness = state.trace ? new Witness(state, policy.name) : null;
  const isWeighted = state.sources.some(({ weight }) => weight !== 1);
  const { logPass } = scan({ ...request, slots, seeAll: isWeighted || request.spread !== null, witness });
  const candidates = new Set<number>();
  if (witness) for (let i = 0; i < slots.end; i++) candidates.add(slots.at(i)?.list.source ?? -1);
  candidates.delete(-1);
  const offset = choose(request, slots, logPass, isWeighted, witness);
  const placed = offset !== null && placeBatch(state, slots, request.most, offset, policy.name, witness);
  witness?.close(candidates, placed ? 'not-needed' : 'attempt-failed');
}

/** How many slots are filled in place (F2): K of the specification. */
function positionalSlots({ state, ties }: Attempt): number {
  if (!ties.positional) return 0;
  if (ties.contiguousToPrevious || ties.clingToPrevious) return state.demand.previous?.last.length ?? 0;
  return ties.clingToAllocated ? state.demand.dataAreas : 0;
}

/** Decides which candidates are used (I1–I6). @returns where the logs begin, or null for no result */
function choose({ state, ties, spread }: Attempt, slots: Slots, logPass: boolean, isWeighted: boolean, witness: Witness | null): number | null {
  const { demand, slotCount, logCount } = state;
  const wanted = slotCount + logCount;
  // I1
  if (slots.preferred < slots.positional && !ties.clingToAllocated && slots.found === 0) return null;
  if (slots.found + slots.preferred < wanted) return null;
  // I2
  const weightOf = isWeighted ? (source: number): number => state.sources[source]?.weight ?? 1 : (): number => 1;
  if (!logPass) slots.sort(slots.positional, weightOf);
  else if (slots.end > slotCount + 1) slots.sort(slotCount, weightOf);
  slots.fillGaps(slotCount);
  if (spread && !spread.arrange(slots, logPass ? slotCount - slots.positional : slots.found, state, witness)) return null;
  let offset = logOffset(slots, logCount, demand.logLength, slotCount, demand.separateLogs);
  if (offset === null) return null;
  if (slots.end < slotCount) return null; // I5
  if (ties.partitionByTags && slots.positional === 0) {
    onePerTag(slots, demand.tagList, offset, witness);
    const tooSmall = logCount > 0 ? tooSmallForLog(slots, demand.logLength) : 0;
    if (slots.end < tooSmall + logCount) return null;
    if (slots.end < slotCount + logCount + tooSmall) return null;
    offset = slots.end - tooSmall - logCount;
  }
  return offset;
}
