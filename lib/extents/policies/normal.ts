// Normal: no two parallel slots on one source; otherwise the largest areas, and sources in use before others.
import type { AllocationPolicy } from './policy.js';

export const normal: AllocationPolicy = {
  name: 'normal',
  rank: 4,
  letter: 'n',
  extraPasses: true,
  // D6
  ties: ({ maximiseCling, incomplete }) => ({ clingToAllocated: maximiseCling && incomplete }),
  // E4 and E5: exhaust the sources in use, make one free choice, exhaust those, and so on.
  afterNothing: (ties) => (ties.clingToAllocated ? { ...ties, clingToAllocated: false } : null),
  afterSomething: (ties, { maximiseCling }) => (maximiseCling ? { ...ties, clingToAllocated: true } : ties),
};
