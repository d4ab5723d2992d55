// Cling by tags: as cling, and a source with a listed tag in common will do.
import { clingAfterNothing, clingTies } from './cling.js';
import type { AllocationPolicy } from './policy.js';

export const clingByTags: AllocationPolicy = {
  name: 'cling_by_tags',
  rank: 3,
  letter: 't',
  internal: true,
  isTried: ({ hasTagList }) => hasTagList,
  // D4
  ties: (context) => ({ ...clingTies(context), byTags: true }),
  afterNothing: clingAfterNothing,
};
