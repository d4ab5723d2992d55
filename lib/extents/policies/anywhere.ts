// Anywhere: parallel slots may share a source, even an area.
import type { AllocationPolicy } from './policy.js';

export const anywhere: AllocationPolicy = {
  name: 'anywhere',
  rank: 5,
  letter: 'a',
  sharesSources: true,
  // D7
  ties: () => ({}),
};
