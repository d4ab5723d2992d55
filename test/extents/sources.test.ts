import { describe, expect, it } from 'vitest';
import { allocate } from '../../lib/extents/index.js';
import { failure, placed, source, whole } from './sketch.js';

describe('sources and their areas', () => {
  it('B1: a source that is not allocatable is not used', () => {
    expect(placed({ sources: [source([[0, 9]], { allocatable: false }), ...whole(5)], extentsNeeded: 4 })).toEqual(['1:0+4']);
  });

  it('B1: a source named twice in the order counts once', () => {
    const request = { sources: whole(9, 9), sourceOrder: [1, 1], mirrors: 2, extentsNeeded: 1 };
    expect(failure(() => allocate(request))).toMatchObject({ code: 'ERR_NO_SPACE' });
  });

  it('B1: two sources with one handle are one, and their ranges are joined', () => {
    const areas = [{ start: 0, length: 20 }];
    const sources = [
      { handle: 'a', areas, ranges: [{ start: 0, length: 2 }] },
      { handle: 'a', areas, ranges: [{ start: 8, length: 3 }] },
    ];
    expect(placed({ sources, extentsNeeded: 5 })).toEqual(['0:8+3 0:0+2']);
    expect(failure(() => allocate({ sources, extentsNeeded: 1, mirrors: 2 }))).toMatchObject({ code: 'ERR_NO_SPACE' });
  });

  it('B1: ranges of one handle that overlap are refused', () => {
    const areas = [{ start: 0, length: 20 }];
    const sources = [{ handle: 'a', areas }, { handle: 'a', areas, ranges: [{ start: 8, length: 3 }] }];
    expect(failure(() => allocate({ sources, extentsNeeded: 1 }))).toMatchObject({ code: 'ERR_OVERLAP' });
  });

  it('B2: among equals the first in the order given is taken', () => {
    expect(placed({ sources: whole(9, 9, 9), extentsNeeded: 2 })).toEqual(['0:0+2']);
    expect(placed({ sources: whole(9, 9, 9), sourceOrder: [2, 0], extentsNeeded: 2 })).toEqual(['2:0+2']);
  });

  it('B3: a free range is cut to each restriction', () => {
    const sources = [source([[0, 10], [12, 10]], { ranges: [{ start: 8, length: 6 }, { start: 20, length: 5 }] })];
    expect(placed({ sources, extentsNeeded: 6 })).toEqual(['0:8+2 0:12+2 0:20+2']);
  });

  it('B3: restrictions that overlap are refused', () => {
    const sources = [source([[0, 10]], { ranges: [{ start: 4, length: 3 }, { start: 0, length: 5 }] })];
    expect(failure(() => allocate({ sources, extentsNeeded: 1 }))).toMatchObject({ code: 'ERR_OVERLAP', start: 4, end: 5 });
  });

  it('refuses areas that overlap, in whatever order they are given', () => {
    for (const free of [[[0, 5], [4, 2]], [[4, 2], [0, 5]], [[0, 9], [3, 1]]] as [number, number][][]) {
      expect(failure(() => allocate({ sources: [source(free)], extentsNeeded: 1 }))).toMatchObject({ code: 'ERR_OVERLAP' });
    }
  });

  it('passes over empty areas', () => {
    expect(placed({ sources: [source([[3, 0], [1, 4], [7, 0]])], extentsNeeded: 4 })).toEqual(['0:1+4']);
  });

  it('B4: areas given out of order are used as if they were in order', () => {
    const request = (free: [number, number][]) => ({ sources: [source(free)], extentsNeeded: 11, approximate: true });
    expect(placed(request([[20, 3], [0, 4], [10, 4]]))).toEqual(placed(request([[0, 4], [10, 4], [20, 3]])));
  });
});
