import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkStillThere, dot, intersect, isContiguous, positions, product, rowMajorStrides, slicesOf, type Box } from '../../../lib/hdf5/storage/box.js';
import { positionsIn } from '../../interop/model-array.js';

const shapes = fc.array(fc.nat({ max: 5 }), { maxLength: 4 });

function boxes(rank: number): fc.Arbitrary<Box> {
  return fc.record({
    start: fc.array(fc.nat({ max: 6 }), { minLength: rank, maxLength: rank }),
    count: fc.array(fc.nat({ max: 6 }), { minLength: rank, maxLength: rank }),
  });
}

const contains = ({ start, count }: Box, position: readonly number[]): boolean =>
  position.every((at, d) => at >= (start[d] ?? 0) && at < (start[d] ?? 0) + (count[d] ?? 0));

describe('the positions of a grid', () => {
  it('are all of them, the last dimension fastest', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const found = Array.from(positions(shape.map(() => 0), shape.map((extent) => extent - 1)), (position) => [...position]);
        expect(found).toEqual(positionsIn(shape));
      }),
    );
  });
});

describe('the strides of an array', () => {
  it('lead from position to position without gaps', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 16 }), (shape, size) => {
        const strides = rowMajorStrides(shape, size);
        expect(positionsIn(shape).map((position) => dot(position, strides))).toEqual(Array.from({ length: product(shape) }, (_, i) => i * size));
        expect(isContiguous({ strides }, shape, size)).toBe(true);
      }),
    );
  });

  it('of dimensions that have at most one element do not matter', () => {
    const source = { bytes: new Uint8Array(), offset: 0, strides: [999, 4], swap: 1 };
    expect(isContiguous(source, [1, 7], 4)).toBe(true);
    expect(isContiguous(source, [2, 7], 4)).toBe(false);
  });
});

describe('the intersection of two boxes', () => {
  it('is what both contain', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }).chain((rank) => fc.tuple(boxes(rank), boxes(rank))), ([a, b]) => {
        const both = intersect(a, b);
        const everywhere = positionsIn(a.start.map(() => 13));
        const expected = everywhere.filter((position) => contains(a, position) && contains(b, position));
        expect(everywhere.filter((position) => contains(both, position))).toEqual(expected);
        expect(product(both.count)).toBe(expected.length);
      }),
    );
  });
});

describe('memory that was lent', () => {
  it('must still hold the last element', () => {
    const bytes = new Uint8Array(40);
    const check = (length: number) => () => {
      checkStillThere(bytes.subarray(0, length), 4, [16, 4], [2, 3], 4);
    };
    expect(check(32)).not.toThrow();
    expect(check(31)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }) as Error);
    expect(check(0)).toThrow(/detached/);
  });
});

describe('slices of a box', () => {
  const drawn = fc.integer({ min: 0, max: 3 }).chain((rank) =>
    fc.record({
      box: boxes(rank),
      grid: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: rank, maxLength: rank }),
      elementSize: fc.integer({ min: 1, max: 9 }),
      most: fc.integer({ min: 1, max: 300 }),
    }),
  );

  it('are each of its elements once, and whole parts of the grid within the bound', () => {
    fc.assert(
      fc.property(drawn, ({ box, grid, elementSize, most }) => {
        const slices = [...slicesOf(box, grid, elementSize, most)];
        const seen = slices.flatMap(({ start, count }) => positionsIn(count).map((position) => position.map((at, d) => at + (start[d] ?? 0)).join()));
        expect(seen.toSorted()).toEqual(positionsIn(box.count).map((position) => position.map((at, d) => at + (box.start[d] ?? 0)).join()).toSorted());
        for (const { start, count } of slices) {
          const isOnePart = start.every((first, d) => Math.floor(first / (grid[d] ?? 1)) === Math.floor((first + (count[d] ?? 0) - 1) / (grid[d] ?? 1)));
          expect(isOnePart || product(count) * elementSize <= most).toBe(true);
          // Where a slice ends within the box, a part of the grid ends.
          start.forEach((first, d) => {
            const end = first + (count[d] ?? 0);
            expect(first === box.start[d] || first % (grid[d] ?? 1) === 0).toBe(true);
            expect(end === (box.start[d] ?? 0) + (box.count[d] ?? 0) || end % (grid[d] ?? 1) === 0).toBe(true);
          });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are few: rows of many chunks together', () => {
    expect([...slicesOf({ start: [10, 0], count: [1000, 30] }, [7, 10], 1, 3000)].length).toBe(11);
    expect([...slicesOf({ start: [5], count: [1000] }, [1], 10, 2500)].map(({ count }) => count)).toEqual([[250], [250], [250], [250]]);
  });
});
