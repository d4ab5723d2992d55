import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { FrameAllocator } from '../../lib/frames/index.js';

const BLOCK = 2 * 2 ** 20;
const zones = ['normal', 'device'] as const;

type Step =
  | { readonly do: 'allocate'; readonly frames: number; readonly alignment: number; readonly zone: (typeof zones)[number] | undefined; readonly node: number | undefined }
  | { readonly do: 'free'; readonly which: number }
  | { readonly do: 'wrong'; readonly frame: number; readonly frames: number }
  | { readonly do: 'trim' | 'drain' };

const runLength = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 70 }) }, { weight: 2, arbitrary: fc.integer({ min: 1, max: 511 }) }, fc.integer({ min: 512, max: 1500 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('allocate' as const),
      frames: runLength,
      alignment: fc.constantFrom(1, 1, 1, 2, 16, 512),
      zone: fc.constantFrom(undefined, ...zones),
      node: fc.constantFrom(undefined, 3, 9),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('free' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wrong' as const), frame: fc.nat(4200), frames: runLength }) },
  fc.record({ do: fc.constantFrom('trim' as const, 'drain' as const) }),
);

it('agrees with a plain set of frames, whatever is asked for', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), fc.constantFrom(0, 4096), (steps, cpuCache) => {
      using frames = new FrameAllocator({
        size: 8 * BLOCK,
        cpuCache,
        zones: [
          { kind: 'normal', size: 5 * BLOCK },
          { kind: 'device', size: 3 * BLOCK },
        ],
        nodes: [
          { id: 3, size: 4 * BLOCK, distances: [10, 20] },
          { id: 9, size: 4 * BLOCK, distances: [20, 10] },
        ],
      });
      const total = frames.stats().totalFrames;
      const runs: { first: number; count: number; stamp: number }[] = [];
      const taken = new Set<number>();
      let stamp = 0;
      for (const each of steps) {
        if (each.do === 'allocate') {
          const { frames: count, alignment, zone, node } = each;
          let first: number;
          try {
            first = frames.allocate(count, { alignment, ...(zone === undefined ? {} : { zone }), ...(node === undefined ? {} : { node }) });
          } catch (error) {
            expect(['ERR_OUT_OF_MEMORY', 'ERR_ZONE_DEPLETED']).toContain((error as FreestoneError).code);
            continue;
          }
          expect(first % alignment).toBe(0);
          for (let i = 0; i < count; i += 1) {
            expect(taken.has(first + i)).toBe(false);
            taken.add(first + i);
          }
          stamp += 1;
          frames.view(first, count).writeUInt32LE(stamp, count * 4096 - 4);
          runs.push({ first, count, stamp });
        } else if (each.do === 'free' && runs.length > 0) {
          const [run] = runs.splice(each.which % runs.length, 1);
          if (run === undefined) continue;
          expect(frames.view(run.first, run.count).readUInt32LE(run.count * 4096 - 4)).toBe(run.stamp);
          frames.free(run.first, run.count);
          for (let i = 0; i < run.count; i += 1) taken.delete(run.first + i);
        } else if (each.do === 'wrong' && !runs.some(({ first, count }) => first === each.frame && count === each.frames)) {
          expect(() => { frames.free(each.frame, each.frames); }).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ADDRESS' }) as Error);
        } else if (each.do === 'trim') frames.trim();
        else if (each.do === 'drain') frames.drain();
      }
      frames.validate();
      expect(frames.leaks().map(({ frame, frames: count }) => [frame, count])).toEqual(
        runs.map(({ first, count }) => [first, count]).sort(([a = 0], [b = 0]) => a - b),
      );
      for (const { first, count } of runs) frames.free(first, count);
      frames.validate();
      expect(frames.stats().freeFrames).toBe(total);
    }),
    { numRuns: 150 },
  );
});

it('refuses a hundred thousand frees of what is no run, and is the same afterwards', () => {
  using frames = new FrameAllocator({ size: 16 * BLOCK });
  const runs = new Map<number, number>();
  for (let i = 0; i < 300; i += 1) {
    const count = 1 + ((i * 7) % 40);
    runs.set(frames.allocate(count), count);
  }
  const before = frames.stats().freeFrames;
  let random = 1;
  const next = (limit: number): number => {
    random = (random * 48271) % 2147483647;
    return random % limit;
  };
  let refused = 0;
  for (let i = 0; i < 100_000; i += 1) {
    const frame = next(9000);
    const count = 1 + next(64);
    if (runs.get(frame) === count) continue;
    try {
      frames.free(frame, count);
    } catch (error) {
      if (error instanceof FreestoneError && error.code === 'ERR_INVALID_ADDRESS') refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(99_000);
  expect(frames.stats().freeFrames).toBe(before);
  frames.validate();
  for (const [frame, count] of runs) frames.free(frame, count);
  expect(frames.stats().freeFrames).toBe(frames.stats().totalFrames);
});
