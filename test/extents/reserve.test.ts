import { describe, expect, it } from 'vitest';
import { allocate, extend, free, normalise, previousOf, reserve, type AllocationRequest } from '../../lib/extents/index.js';
import { drawn, failure, placed, source, whole } from './sketch.js';

const areasOf = (sources: readonly { areas: readonly { start: unknown; length: unknown }[] }[]) => sources.map(({ areas }) => areas.map(({ start, length }) => [start, length]));

describe('normal sources', () => {
  it('have their areas in order, neighbours merged, empty ones left out', () => {
    expect(areasOf(normalise([source([[8, 2], [0, 3], [3, 4], [20, 0], [10, 1]])]))).toEqual([[[0, 7], [8, 3]]]);
  });

  it('keep what else was said of them, and do not follow what is changed later', () => {
    const given = { handle: 'd', areas: [{ start: 0, length: 4 }], totalExtents: 9, tags: ['x'], ranges: [{ start: 1, length: 2 }], weight: 2, allocatable: false };
    const normal = normalise([given]);
    (given.areas[0] as { length: number }).length = 9;
    given.tags.push('y');
    expect(normal).toEqual([{ handle: 'd', areas: [{ start: 0, length: 4 }], totalExtents: 9, tags: ['x'], ranges: [{ start: 1, length: 2 }], weight: 2, allocatable: false }]);
    expect(Object.isFrozen(normal[0])).toBe(true);
  });

  it('are given back as they are', () => {
    const normal = normalise(whole(9, 9));
    expect(normalise(normal)[0]).toBe(normal[0]);
    expect(reserve(normal, [{ source: 1, start: 0, length: 2 }])[0]).toBe(normal[0]);
  });

  it('do not merge areas that carry something different', () => {
    expect(areasOf(normalise([{ areas: [{ start: 0, length: 2, handle: 1 }, { start: 2, length: 2, handle: 2 }, { start: 4, length: 2, handle: 2 }] }]))).toEqual([[[0, 2], [2, 4]]]);
    expect(areasOf(normalise([{ areas: [{ start: 0, length: 2, tags: ['a'] }, { start: 2, length: 2, tags: ['a'] }, { start: 4, length: 2 }] }]))).toEqual([[[0, 4], [4, 2]]]);
  });

  it('are neither overlapping nor double', () => {
    expect(failure(() => normalise([source([[0, 4], [3, 2]])]))).toMatchObject({ code: 'ERR_OVERLAP' });
    expect(failure(() => normalise([{ handle: 'a', areas: [] }, { handle: 'a', areas: [] }]))).toMatchObject({ code: 'ERR_EXISTS', source: 1, first: 0 });
  });
});

describe('from one placement to the next', () => {
  it('what was placed is no longer free', () => {
    const sources = whole(9, 9);
    const result = allocate({ sources, extentsNeeded: 4, mirrors: 2 });
    const rest = reserve(sources, result);
    expect(areasOf(rest)).toEqual([[[4, 5]], [[4, 5]]]);
    expect(areasOf(sources)).toEqual([[[0, 9]], [[0, 9]]]);
  });

  it('what is given up is free again and merges with its neighbours', () => {
    const sources = [source([[0, 2], [5, 2]], { totalExtents: 9 })];
    expect(areasOf(free(sources, [{ source: 0, start: 2, length: 3 }]))).toEqual([[[0, 7]]]);
    expect(areasOf(free(sources, [[{ source: 0, start: 8, length: 1 }], { source: 0, start: 3, length: 1 }]))).toEqual([[[0, 2], [3, 1], [5, 2], [8, 1]]]);
  });

  it('nothing is taken twice or given up twice', () => {
    const sources = [source([[0, 2], [5, 2]], { totalExtents: 9 })];
    for (const [start, length] of [[1, 2], [2, 1], [4, 2], [7, 1]] as const) {
      expect(failure(() => reserve(sources, [{ source: 0, start, length }]))).toMatchObject({ code: 'ERR_OVERLAP', source: 0, start, length });
    }
    for (const [start, length] of [[1, 2], [4, 2], [6, 1], [2, 9 - 4]] as const) {
      expect(failure(() => free(sources, [{ source: 0, start, length }]))).toMatchObject({ code: 'ERR_OVERLAP' });
    }
    expect(failure(() => free(sources, [{ source: 0, start: 8, length: 2 }]))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', totalExtents: 9 });
    expect(failure(() => free(sources, [{ source: 0, start: 2, length: 2 }, { source: 0, start: 3, length: 1 }]))).toMatchObject({ code: 'ERR_OVERLAP' });
    expect(failure(() => free(sources, [{ source: 1, start: 2, length: 2 }]))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(failure(() => reserve(sources, 3 as never))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  it('a volume grows behind its end, without metadata', () => {
    const request: AllocationRequest = { sources: whole(9, 9, 9), segmentType: 'raid1', mirrors: 2, extentsNeeded: 4, splitMetadataLength: 1 };
    const result = allocate(request);
    const more = extend(request, result, 5);
    expect(more).toMatchObject({ existingExtents: 3, extentsNeeded: 5, splitMetadataLength: 0, dataAreas: 2, areaMultiple: 1 });
    expect(placed(more)).toEqual(['0:4+5', '1:4+5']);
    const again = extend(more, allocate(more), { extentsNeeded: 1, approximate: true });
    expect(again.existingExtents).toBe(8);
    expect(again.previous?.first).toEqual([{ source: 0, end: 4 }, { source: 1, end: 4 }]);
    expect(failure(() => allocate(again))).toMatchObject({ code: 'ERR_NO_SPACE' });
  });

  it('segments that continue each other are one segment of the volume', () => {
    const result = allocate({ sources: [source([[0, 3], [3, 2]]), ...whole(1)], extentsNeeded: 6 });
    expect(drawn(result.allocated)).toEqual(['0:0+3 0:3+2 1:0+1']);
    expect(previousOf(result)).toEqual({ first: [{ source: 0, end: 5 }], last: [{ source: 1, end: 1 }] });
  });

  it('a volume that is not there does not grow', () => {
    const request = { sources: whole(9), dataAreas: 0, extentsNeeded: 0, logAreas: 1, logLength: 1 };
    expect(failure(() => extend(request, allocate(request), 1))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});
