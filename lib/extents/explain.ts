// Why a placement came out as it did: for each source, why it was taken or passed over, as data and as text.
import { FreestoneError } from '../errors.js';
import { settle } from './allocate.js';
import { lvmPolicies, type PolicyRegistry } from './policies/registry.js';
import type { AllocationState } from './state.js';
import type { AllocationRequest, AllocationResult, TraceEntry, TriedPolicy, Verdict } from './types.js';

export interface SourceExplanation {
  /** The index in `sources`. */
  readonly source: number;
  readonly handle: unknown;
  /** Free extents before the placement, within the source's ranges. */
  readonly free: number;
  /** Extents taken, metadata and logs included. */
  readonly taken: number;
  /** What it came to: `taken` or `taken-for-log` when any extent was, else the last verdict. */
  readonly verdict: Verdict;
  /** Attempt by attempt. */
  readonly steps: readonly TraceEntry[];
}

export interface Explanation {
  readonly ok: boolean;
  readonly result?: AllocationResult;
  readonly error?: FreestoneError;
  readonly policiesTried: readonly TriedPolicy[];
  readonly sources: readonly SourceExplanation[];
  /** All of it to be read. */
  readonly text: string;
}

/**
 * Places as `allocate` would and tells how it came to that. A request that cannot be placed is explained as well, not thrown.
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_OVERLAP for a request that is malformed
 */
export function explain(request: AllocationRequest, registry: PolicyRegistry = lvmPolicies): Explanation {
  const { state, outcome } = settle({ ...request, trace: true }, registry);
  const sources = explainSources(state);
  const failed = outcome instanceof FreestoneError;
  return {
    ok: !failed,
    ...(failed ? { error: outcome } : { result: outcome }),
    policiesTried: state.policiesTried,
    sources,
    text: [headline(state, outcome), ...sources.map(sourceText)].join('\n') + '\n',
  };
}

function explainSources(state: AllocationState): SourceExplanation[] {
  const taken = new Map<number, number>();
  for (const { source, length } of [...state.slots.flat(), ...state.metadata, ...state.logs.flat()]) {
    taken.set(source, (taken.get(source) ?? 0) + length);
  }
  const lists = new Map(state.lists.map((list) => [list.source, list]));
  return state.sources.map(({ handle, allocatable }, source) => {
    const list = lists.get(source);
    const steps = (state.trace ?? []).filter((entry) => entry.source === source);
    const extents = taken.get(source) ?? 0;
    const idle: Verdict = allocatable ? (list ? 'not-needed' : 'not-listed') : 'not-allocatable';
    const success = steps.find(({ verdict }) => verdict === 'taken') ?? steps.find(({ verdict }) => verdict === 'taken-for-log');
    const verdict = success?.verdict ?? steps.at(-1)?.verdict ?? idle;
    return { source, handle, free: (list?.free ?? 0) + extents, taken: extents, verdict, steps };
  });
}

function headline(state: AllocationState, outcome: AllocationResult | FreestoneError): string {
  const { demand } = state;
  const { segmentType, dataAreas, parityAreas, logAreas, extents, existingExtents, policy } = demand;
  const slots = [
    plural(dataAreas, 'data slot'),
    ...(parityAreas > 0 ? [plural(parityAreas, 'parity slot')] : []),
    ...(logAreas > 0 ? [plural(logAreas, 'log')] : []),
  ].join(', ');
  const asked = `${segmentType}, ${slots}, ${plural(extents - existingExtents, 'extent')}, policy ${policy.name}`;
  const tried = state.policiesTried.length > 0 ? `tried ${state.policiesTried.join(', ')}` : 'no policy was tried';
  if (outcome instanceof FreestoneError) return `${asked}: ${outcome.message} (${tried})`;
  const relaxed = outcome.relaxation ? ` ${outcome.relaxation.text}` : '';
  return `${asked}: ${plural(outcome.extentsAllocated, 'extent')} placed (${tried}).${relaxed}`;
}

function sourceText({ source, handle, free, taken, verdict, steps }: SourceExplanation): string {
  const name = typeof handle === 'string' || typeof handle === 'number' ? ` (${handle})` : '';
  const line = `source ${source}${name}, ${free} free, ${taken} taken`;
  if (steps.length === 0) return `${line}: ${sentence({ verdict })}`;
  return [`${line}:`, ...steps.map((step) => `  ${step.policy}, attempt ${step.attempt}: ${sentence(step)}`)].join('\n');
}

function sentence({ verdict, extents = 0, other = 0, slot = 0 }: Pick<TraceEntry, 'verdict' | 'extents' | 'other' | 'slot'>): string {
  switch (verdict) {
    case 'taken':
      return `${plural(extents, 'extent')} taken for slot ${slot}`;
    case 'taken-for-log':
      return `${plural(extents, 'extent')} taken for log ${slot}`;
    case 'not-needed':
      return 'could have been taken; others came first';
    case 'attempt-failed':
      return 'could have been taken; the attempt found too little elsewhere';
    case 'no-free-area':
      return 'nothing is free';
    case 'parallel':
      return 'holds what the new extents must not share a source with';
    case 'parallel-tag':
      return `has a listed tag in common with source ${other}, which the new extents must not be alike`;
    case 'in-use-by-log':
      return 'holds a log of this request already';
    case 'in-use':
      return 'holds a slot of this attempt already';
    case 'too-small':
      return `the longest free area, ${plural(extents, 'extent')}, is too short to hold a slot whole`;
    case 'not-contiguous':
      return 'no free area begins where the volume ends';
    case 'not-cling':
      return 'holds nothing that the new extents could stay with';
    case 'tag-in-use':
      return 'has a listed tag in common with the source of another slot';
    case 'domain-in-use':
      return 'its failure domain holds another slot';
    case 'not-allocatable':
      return 'may not be allocated from';
    case 'not-listed':
      return 'is not in the order of sources';
  }
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
