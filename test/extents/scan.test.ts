import { describe, expect, it } from 'vitest';
import { allocate, explain } from '../../lib/extents/index.js';
import { drawn, failure, placed, source, whole } from './sketch.js';

const ends = (...list: [number, number][]) => list.map(([index, end]) => ({ source: index, end }));

describe('going through the sources', () => {
  it('G1: a source without free areas is passed over', () => {
    expect(placed({ sources: [source([]), ...whole(4)], extentsNeeded: 2 })).toEqual(['1:0+2']);
  });

  it('G2: a source in parallel is avoided, and so is one with a listed tag in common, except under anywhere', () => {
    const sources = [source([[0, 9]], { tags: ['a'] }), source([[0, 9]], { tags: ['a'] }), source([[0, 9]])];
    const request = { sources, extentsNeeded: 2, parallelAreas: [{ le: 0, len: 2, sources: [0] }] };
    expect(placed(request)).toEqual(['1:0+2']);
    expect(placed({ ...request, clingTagList: ['@a'] })).toEqual(['2:0+2']);
    expect(placed({ ...request, sourceOrder: [0], policy: 'anywhere' })).toEqual(['0:0+2']);
    expect(failure(() => allocate({ ...request, sourceOrder: [0] }))).toMatchObject({ missing: 2 });
  });

  it('G2, G9: a second log goes to another source than the first, if logs may be with data', () => {
    const request = { sources: whole(9, 9), extentsNeeded: 2, mirrors: 2, logAreas: 2, logLength: 1 };
    expect(drawn(allocate(request).logs)).toEqual(['0:2+1', '1:2+1']);
    expect(failure(() => allocate({ ...request, sourceOrder: [0, 1], logsRequireSeparateSources: true }))).toMatchObject({ reason: 'not-enough-sources' });
    expect(failure(() => allocate({ ...request, logAreas: 3 }))).toMatchObject({ code: 'ERR_NO_SPACE' });
  });

  it('G3, G4: the smallest area of a source that is large enough is taken', () => {
    expect(placed({ sources: [source([[0, 20], [30, 12], [50, 6], [60, 2]])], extentsNeeded: 5 })).toEqual(['0:50+5']);
  });

  it('G4: under anywhere every area used is a slot of its own', () => {
    expect(placed({ sources: [source([[0, 5], [10, 4]])], extentsNeeded: 8, parallelAreas: 2, policy: 'anywhere' })).toEqual(['0:0+4', '0:10+4']);
  });

  it('G5: an area between another one and what is left of it is not looked at', () => {
    // 12 is reserved to 7 and goes behind 10 and 8, so that both are missed though they would fit better.
    expect(placed({ sources: [source([[0, 12], [14, 10], [26, 8]])], extentsNeeded: 5 })).toEqual(['0:0+5']);
    expect(placed({ sources: [source([[0, 12], [14, 10], [26, 6]])], extentsNeeded: 5 })).toEqual(['0:26+5']);
  });

  it('G6: under anywhere the scan stops when there are slots enough', () => {
    expect(placed({ sources: whole(2, 9), extentsNeeded: 2, policy: 'anywhere', parallelAreas: 2 })).toEqual(['0:0+1', '1:0+1']);
    const { sources } = explain({ sources: whole(4, 9), extentsNeeded: 2, mirrors: 2, policy: 'anywhere', sourceOrder: [0] });
    expect(sources[1]?.verdict).toBe('not-listed');
  });

  it('G7: under anywhere areas are used again for what is left of them', () => {
    expect(placed({ sources: whole(10), extentsNeeded: 9, parallelAreas: 3, policy: 'anywhere' })).toEqual(['0:0+3', '0:3+3', '0:6+3']);
  });

  it('G8: the second pass is for gaps among positions, which LVM\'s own policies never leave to normal', () => {
    // It takes a policy that fills positions, makes extra passes and clings to what is allocated; LVM's normal has no positions (D6).
    expect(placed({ sources: whole(4, 4, 4), extentsNeeded: 10, mirrors: 1 })).toEqual(['0:0+4 1:0+4 2:0+2']);
  });

  it('G9: a pool\'s metadata goes behind its data when there is no other source', () => {
    const result = allocate({ sources: whole(9), segmentType: 'thin-pool', extentsNeeded: 5, logAreas: 1, logLength: 2 });
    expect(drawn(result.allocated)).toEqual(['0:0+5']);
    expect(drawn(result.logs)).toEqual(['0:5+2']);
  });
});

describe('whether an area may be used', () => {
  it('H1: an area that is reserved whole is not used again', () => {
    expect(failure(() => allocate({ sources: whole(3), extentsNeeded: 6, parallelAreas: 2, policy: 'anywhere' }))).toMatchObject({ code: 'ERR_NO_SPACE' });
  });

  it('H2a: contiguous looks at the last segment, slot by slot', () => {
    const previous = { first: ends([0, 2], [1, 2]), last: ends([1, 5], [0, 7]) };
    const sources = [source([[7, 4]]), source([[5, 4]])];
    expect(placed({ sources, extentsNeeded: 4, existingExtents: 8, parallelAreas: 2, previous, policy: 'contiguous' })).toEqual(['1:5+2', '0:7+2']);
  });

  it('H2b: with maximiseCling cling looks at the first segment, without it at the last', () => {
    const previous = { first: ends([0, 5]), last: ends([1, 5]) };
    const request = { sources: [source([[7, 9]]), source([[7, 9]])], extentsNeeded: 4, existingExtents: 8, previous };
    expect(placed(request)).toEqual(['0:7+4']);
    expect(placed({ ...request, maximiseCling: false })).toEqual(['1:7+4']);
  });

  it('H2c: what this call has placed ties only once no log is missing', () => {
    const result = allocate({ sources: [source([[0, 5], [10, 3]]), ...whole(4)], extentsNeeded: 8, logAreas: 1, logLength: 1 });
    expect(drawn(result.allocated)).toEqual(['0:0+5 0:10+3']);
    expect(drawn(result.logs)).toEqual(['1:0+1']);
  });

  it('H2d, H2f: without a tie the source is passed over, the larger areas of others included', () => {
    const previous = { first: ends([0, 5]), last: ends([0, 5]) };
    expect(placed({ sources: [source([[7, 3]]), ...whole(20)], extentsNeeded: 5, existingExtents: 5, previous })).toEqual(['0:7+3 1:0+2']);
  });

  it('H2e: by tags, the source of the previous segment is compared', () => {
    const previous = { first: ends([0, 5]), last: ends([0, 5]) };
    const sources = [source([[7, 1]], { tags: ['a'] }), ...whole(20), source([[0, 20]], { tags: ['a'] })];
    expect(placed({ sources, extentsNeeded: 5, existingExtents: 5, previous, clingTagList: ['@a'] })).toEqual(['0:7+1 2:0+4']);
  });

  it('H3: a request that may be split takes the largest area of a source even when it is too small', () => {
    expect(placed({ sources: [source([[0, 3], [5, 4]])], extentsNeeded: 7 })).toEqual(['0:5+4 0:0+3']);
  });

  it('H3: with logs even contiguous takes areas that are too small', () => {
    const request = { sources: whole(3, 3, 3), extentsNeeded: 3, policy: 'contiguous' };
    expect(placed({ ...request, logAreas: 1, logLength: 1 })).toEqual(['0:0+3']);
    expect(failure(() => allocate({ ...request, extentsNeeded: 4 }))).toMatchObject({ missing: 4 });
    expect(failure(() => allocate({ ...request, extentsNeeded: 4, logAreas: 1, logLength: 1 }))).toMatchObject({ missing: 1 });
  });

  it('H4: a tied area fills its own slot whole', () => {
    const previous = { first: ends([1, 5], [0, 5]), last: ends([1, 5], [0, 5]) };
    const sources = [source([[5, 9]]), source([[5, 3]])];
    expect(placed({ sources, extentsNeeded: 4, existingExtents: 10, parallelAreas: 2, previous })).toEqual(['1:5+2', '0:5+2']);
  });

  it('H5: the wildcard matches any tag in common, and entries are tried in their order', () => {
    const sources = [source([[0, 3]], { tags: ['x', 'y'] }), source([[0, 9]], { tags: ['z'] }), source([[0, 3]], { tags: ['y'] })];
    expect(placed({ sources, sourceOrder: [0, 1, 2], extentsNeeded: 3, mirrors: 2, clingTagList: ['@*'] })).toEqual(['0:0+3', '1:0+3']);
    expect(placed({ sources: [sources[0], sources[2]] as never, extentsNeeded: 6, policy: 'cling', clingTagList: ['@*'] })).toEqual(['0:0+3 1:0+3']);
    expect(failure(() => allocate({ sources: sources.slice(0, 2), extentsNeeded: 10, policy: 'cling', clingTagList: ['@*'] }))).toMatchObject({ missing: 1 });
  });
});
