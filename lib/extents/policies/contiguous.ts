// Contiguous: every slot in one piece, continuing the previous segment if there is one.
import type { AllocationPolicy } from './policy.js';

export const contiguous: AllocationPolicy = {
  name: 'contiguous',
  rank: 1,
  letter: 'c',
  whole: true,
  // D2 for a volume that grows. For a new one with a tag list, D5: this first attempt is the one that partitions by tags.
  ties: ({ areaCountMatches, hasTagList }) => ({
    contiguousToPrevious: areaCountMatches,
    positional: areaCountMatches,
    partitionByTags: hasTagList,
  }),
};
