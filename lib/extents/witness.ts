// The record of one attempt for `trace` and `explain`: what became of each source.
import type { AllocationState } from './state.js';
import type { TraceEntry, TriedPolicy, Verdict } from './types.js';

type Facts = Pick<TraceEntry, 'extents' | 'other' | 'slot'>;

export class Witness {
  readonly #policy: TriedPolicy;
  readonly #state: AllocationState;
  readonly #seen = new Map<number, TraceEntry>();

  constructor(state: AllocationState, policy: TriedPolicy) {
    this.#state = state;
    this.#policy = policy;
  }

  /** The last word about a source holds. */
  saw(source: number, verdict: Verdict, facts: Facts = {}): void {
    this.#seen.set(source, { policy: this.#policy, attempt: this.#state.attempts, source, verdict, ...facts });
  }

  /** Whatever has no verdict yet was a candidate that came to nothing. */
  close(candidates: Iterable<number>, verdict: 'not-needed' | 'attempt-failed'): void {
    for (const source of candidates) if (!this.#seen.has(source)) this.saw(source, verdict);
    this.#state.trace?.push(...[...this.#seen.values()].sort((one, other) => one.source - other.source));
  }
}
