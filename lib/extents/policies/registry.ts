// The policies of one allocator, in their order of trial. A value, not a global: adding one gives another registry.
import { FreestoneError } from '../../errors.js';
import { anywhere } from './anywhere.js';
import { clingByTags } from './cling-by-tags.js';
import { cling } from './cling.js';
import { contiguous } from './contiguous.js';
import { inherited } from './inherit.js';
import { normal } from './normal.js';
import type { AllocationPolicy } from './policy.js';

export class PolicyRegistry {
  readonly #policies: readonly AllocationPolicy[];

  /** @throws {FreestoneError} ERR_EXISTS for two policies of one name, ERR_INVALID_ARGUMENT for a rank that is no number */
  constructor(policies: readonly AllocationPolicy[]) {
    const names = new Set<string>(['inherit']);
    for (const { name, rank } of policies) {
      if (names.has(name)) throw new FreestoneError('ERR_EXISTS', `there is a policy ${JSON.stringify(name)} already`, { policy: name });
      if (!Number.isFinite(rank)) {
        throw new FreestoneError('ERR_INVALID_ARGUMENT', `the rank of ${JSON.stringify(name)} must be a number`, { policy: name, value: rank });
      }
      names.add(name);
    }
    this.#policies = policies.toSorted((one, other) => one.rank - other.rank);
  }

  /** A registry with one more policy, which is tried at its rank. @throws {FreestoneError} ERR_EXISTS */
  with(policy: AllocationPolicy): PolicyRegistry {
    return new PolicyRegistry([...this.#policies, policy]);
  }

  /** In order of trial. */
  get all(): readonly AllocationPolicy[] {
    return this.#policies;
  }

  /** The names that a request may ask for. */
  get names(): readonly string[] {
    return [...this.#policies.filter((policy) => !policy.internal).map(({ name }) => name), 'inherit'];
  }

  /**
   * The policy that a request asks for (A1, A2).
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT for one that there is not or that is internal
   */
  requested(policy = 'normal', containerPolicy?: string): AllocationPolicy {
    this.#check('policy', policy);
    if (containerPolicy !== undefined || policy === 'inherit') this.#check('containerPolicy', containerPolicy ?? 'normal');
    const name = inherited(policy, containerPolicy ?? 'normal');
    const found = this.#policies.find((each) => each.name === name);
    if (!found) throw new RangeError(`no policy ${name}`);
    return found;
  }

  /** The rank up to which a request for `policy` tries (C5, C6). */
  lastRank(policy: AllocationPolicy): number {
    return this.#policies.find(({ name }) => name === policy.tries)?.rank ?? policy.rank;
  }

  #check(argument: string, value: unknown): void {
    if (typeof value === 'string' && this.names.includes(value)) return;
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${argument} must be one of ${this.names.join(', ')}, not ${JSON.stringify(value)}`, {
      argument,
      value,
    });
  }
}

/** LVM's policies (A1). */
export const lvmPolicies: PolicyRegistry = new PolicyRegistry([contiguous, cling, clingByTags, normal, anywhere]);
