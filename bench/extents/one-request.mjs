// A process of its own for one form of the sources, so that its memory is what that form takes: tells its parent the times and the peak.
import { allocate, normalise } from '../../dist/extents/index.js';
import { fragmented, randomNumbers } from './sources.mjs';

const WARM_UPS = 10;

const { form, sources: count, areas, stripes, rounds } = JSON.parse(process.argv[2]);
let sources = fragmented(count, areas, randomNumbers(1));
if (form === 'normalised') sources = normalise(sources);

const peak = () => process.resourceUsage().maxRSS * 1024;
allocate({ sources, segmentType: 'striped', dataAreas: stripes, extentsNeeded: stripes * 100 });
const firstPeakBytes = peak();

const rows = [1, 100, 900].map((extents) => {
  const request = { sources, segmentType: 'striped', dataAreas: stripes, extentsNeeded: stripes * extents };
  for (let i = 0; i < WARM_UPS; i += 1) allocate(request); // until the engine has compiled what is measured
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    allocate(request);
    return performance.now() - start;
  });
  return { form, extents, times };
});
process.send({ rows, firstPeakBytes, peakBytes: peak() });
