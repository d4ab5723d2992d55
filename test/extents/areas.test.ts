import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceAreas } from '../../lib/extents/area-order.js';
import { AreaList } from '../../lib/extents/areas.js';

function listOf(...free: [number, number][]): AreaList {
  return new AreaList(0, [], SourceAreas.of({ starts: free.map(([start]) => start), counts: free.map(([, count]) => count), labels: undefined }));
}

const shown = (areas: AreaList): string => areas.list.map(({ start, count, unreserved }) => `${start}+${count}${unreserved === count ? '' : `(${unreserved})`}`).join(' ');

function reserveAt(areas: AreaList, index: number, amount: number): number {
  const area = areas.list[index];
  if (!area) throw new Error('no such area');
  return areas.reserve(index, area, amount);
}

describe('the free areas of a source', () => {
  it('B4: stand longest first, equal ones in the order of their listing', () => {
    expect(shown(listOf([0, 3], [10, 7], [20, 3], [30, 9]))).toBe('30+9 10+7 0+3 20+3');
  });

  it('B5: a reserved area moves to where its remainder would stand, though others are compared by their real length', () => {
    const areas = listOf([0, 12], [14, 10], [26, 8]);
    expect(reserveAt(areas, 0, 3)).toBe(1);
    expect(shown(areas)).toBe('14+10 0+12(9) 26+8');
    // 7 is left of the 10, and the 12 that stands at 9 is still compared as 12.
    expect(reserveAt(areas, 0, 3)).toBe(2);
    expect(shown(areas)).toBe('0+12(9) 26+8 14+10(7)');
  });

  it('B5: an area of which nothing is left stays where it is', () => {
    const areas = listOf([0, 5], [10, 5]);
    expect(reserveAt(areas, 0, 9)).toBe(0);
    expect(shown(areas)).toBe('0+5(0) 10+5');
  });

  it('B6: extents are taken from the front, and the remainder is put in its place', () => {
    const areas = listOf([0, 12], [14, 10], [26, 8]);
    const [first] = areas.list;
    expect(first && areas.consume(first, 3)).toBe(0);
    expect(shown(areas)).toBe('14+10 3+9 26+8');
    expect(areas.free).toBe(27);
    expect(first && areas.consume(first, 9)).toBe(3);
    expect(shown(areas)).toBe('14+10 26+8');
  });

  it('F1: voiding reservations follows an area that moves, and leaves those in between as they are', () => {
    const areas = listOf([0, 5], [10, 5], [20, 5]);
    reserveAt(areas, 0, 5);
    reserveAt(areas, 1, 5);
    areas.reset();
    // The first goes behind its equals, and the walk ends there: the second is still reserved.
    expect(shown(areas)).toBe('10+5(0) 20+5 0+5');
    areas.reset();
    expect(shown(areas)).toBe('20+5 0+5 10+5');
  });

  it('a walk that was put off comes to the same as one done at once', () => {
    const areas = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(areas, fc.integer({ min: 1, max: 14 }), fc.boolean(), fc.integer({ min: 0, max: 2 }), (lengths, need, whole, again) => {
        const free = lengths.map((length, i): [number, number] => [i * 20, length]);
        const lazy = listOf(...free);
        const eager = listOf(...free);
        expect(eager.list).toHaveLength(free.length);
        const request = { need, amount: need, whole };
        for (let i = 0; i <= again; i++) {
          const [one, other] = [lazy.fit(request), eager.fit(request)];
          expect(one?.used).toBe(other?.used);
          if (i < again) {
            lazy.reset();
            eager.reset();
          } else if (one && other) {
            expect((one.area ?? lazy.fittedArea()).start).toBe((other.area ?? eager.fittedArea()).start);
          }
        }
        expect(shown(lazy)).toBe(shown(eager));
      }),
      { numRuns: 2000 },
    );
  });
});
