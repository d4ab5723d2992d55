// One policy's attempts, one batch after another, until it has nothing more to give (section E).
import { attempt } from './attempt.js';
import { nextStretch } from './parallel.js';
import type { AllocationPolicy, PolicyContext } from './policies/policy.js';
import type { Spread } from './spread.js';
import type { AllocationState } from './state.js';

/** Places as much as the policy can. */
export function tryPolicy(state: AllocationState, policy: AllocationPolicy, canSplit: boolean, spread: Spread | null): void {
  const context = contextOf(state);
  let ties = policy.ties(context);
  do {
    const before = state.allocated;
    attempt({ state, policy, ties, canSplit, spread, ...nextStretch(state) });
    if (state.allocated === before) {
      const next = policy.afterNothing?.(ties, context) ?? null; // E4
      if (next === null) return;
      ties = next;
    } else {
      ties = policy.afterSomething?.(ties, context) ?? ties; // E5
    }
    // E6
  } while (!policy.whole && !state.isComplete && canSplit && (!state.demand.approximate || state.free > 0));
}

export function contextOf(state: AllocationState): PolicyContext {
  const { areaCountMatches, maximiseCling, tagList } = state.demand;
  return { areaCountMatches, maximiseCling, hasTagList: tagList.length > 0, incomplete: !state.isComplete };
}
