import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { Heap } from '../../lib/slab/index.js';

type Step =
  | { readonly do: 'alloc'; readonly size: number; readonly alignment: number; readonly zero: boolean }
  | { readonly do: 'realloc'; readonly which: number; readonly size: number }
  | { readonly do: 'free'; readonly which: number }
  | { readonly do: 'wrong'; readonly which: number }
  | { readonly do: 'many'; readonly size: number; readonly count: number }
  | { readonly do: 'trim' }
  | { readonly do: 'freeAll' };

const size = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 600 }) }, { weight: 3, arbitrary: fc.integer({ min: 1, max: 20_000 }) }, fc.integer({ min: 1, max: 400_000 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('alloc' as const), size, alignment: fc.constantFrom(1, 1, 1, 16, 64, 4096, 65536), zero: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('realloc' as const), which: fc.nat(), size }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('free' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wrong' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('many' as const), size: fc.integer({ min: 1, max: 2000 }), count: fc.integer({ min: 1, max: 50 }) }) },
  fc.record({ do: fc.constant('trim' as const) }),
  fc.record({ do: fc.constant('freeAll' as const) }),
);

interface Live {
  readonly buffer: Buffer;
  readonly mark: number;
}

it.each([{ debug: false }, { debug: true }])('a heap agrees with a list of what is live after every step: %j', ({ debug }) => {
  let marks = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
      using heap = new Heap({ debug });
      let live: Live[] = [];
      const add = (buffer: Buffer): void => {
        const mark = (marks += 1) & 255;
        buffer.fill(mark);
        live.push({ buffer, mark });
      };
      const whole = ({ buffer, mark }: Live): boolean => buffer[0] === mark && buffer.at(-1) === mark && buffer[buffer.length >> 1] === mark;
      for (const each of steps) {
        if (each.do === 'alloc') {
          if (each.zero) {
            const buffer = heap.calloc(each.size);
            expect(buffer.subarray(0, 64).every((byte) => byte === 0) && buffer.at(-1) === 0).toBe(true);
            add(buffer);
          } else add(heap.allocAligned(each.size, each.alignment));
        } else if (each.do === 'many') {
          for (const buffer of heap.allocMany(each.size, each.count)) add(buffer);
        } else if (each.do === 'trim') {
          heap.trim();
        } else if (each.do === 'freeAll') {
          heap.freeAll();
          live = [];
        } else if (live.length > 0) {
          const at = each.which % live.length;
          const found = live[at];
          if (found === undefined) continue;
          expect(whole(found)).toBe(true);
          if (each.do === 'realloc') {
            live.splice(at, 1);
            const moved = heap.realloc(found.buffer, each.size);
            expect(moved.subarray(0, Math.min(found.buffer.length, each.size)).every((byte) => byte === found.mark)).toBe(true);
            add(moved);
          } else if (each.do === 'free') {
            live.splice(at, 1);
            heap.dealloc(found.buffer);
            expect(() => { heap.dealloc(found.buffer); }).toThrow(FreestoneError);
          } else if (found.buffer.length > 1) {
            expect(() => { heap.dealloc(found.buffer.subarray(1 + (each.which % (found.buffer.length - 1)))); }).toThrow(FreestoneError);
          }
        }
      }
      heap.validate();
      for (const each of live) expect(whole(each)).toBe(true);
      expect(heap.blocks()).toHaveLength(live.length);
      // No two blocks meet.
      const blocks = heap.blocks().toSorted((a, b) => a.address - b.address);
      blocks.reduce((end, { address, bytes }) => {
        expect(address).toBeGreaterThanOrEqual(end);
        return address + bytes;
      }, 0);
    }),
    { numRuns: 60 },
  );
});
