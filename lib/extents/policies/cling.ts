// Cling: only the sources of the previous segment, or of what this call has placed already.
import type { AllocationPolicy, PolicyContext, Ties } from './policy.js';

/** D2 and D3: tied to the previous segment when the areas match, else to what the call has placed. */
export function clingTies({ areaCountMatches }: PolicyContext): Ties {
  return areaCountMatches ? { clingToPrevious: true, positional: true } : { clingToAllocated: true, positional: true };
}

/** E4: a second round in which the areas need not go to the slots that they are tied to. */
export function clingAfterNothing(ties: Ties, { maximiseCling }: PolicyContext): Ties | null {
  return maximiseCling && ties.clingToPrevious && ties.positional ? { ...ties, positional: false } : null;
}

export const cling: AllocationPolicy = {
  name: 'cling',
  rank: 2,
  letter: 'l',
  tries: 'cling_by_tags',
  ties: clingTies,
  afterNothing: clingAfterNothing,
};
