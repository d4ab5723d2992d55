import { describe, expect, it } from 'vitest';
import { allocate, areaMultipleOf, dataAreasOf, lvmPolicies, parityAreasOf, type AllocationRequest } from '../../lib/extents/index.js';
import { failure, placed, source, whole } from './sketch.js';

const base = { sources: whole(10, 10), extentsNeeded: 2 };

describe('what a request may say', () => {
  it('A1: policies are tried in the order contiguous, cling, cling_by_tags, normal, anywhere, and have LVM\'s letters', () => {
    expect(lvmPolicies.all.map(({ name, letter }) => `${letter} ${name}`)).toEqual(['c contiguous', 'l cling', 't cling_by_tags', 'n normal', 'a anywhere']);
  });

  it('A1: cling_by_tags cannot be asked for', () => {
    expect(failure(() => allocate({ ...base, policy: 'cling_by_tags' }))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', argument: 'policy' });
  });

  it('A2: inherit is the policy of the container, which is normal unless given', () => {
    const sources = [source([[0, 3], [5, 3]])];
    const split = { sources, extentsNeeded: 6, policy: 'inherit' };
    expect(placed(split)).toEqual(['0:0+3 0:5+3']);
    expect(failure(() => allocate({ ...split, containerPolicy: 'contiguous' }))).toMatchObject({ code: 'ERR_NO_SPACE', contiguous: true });
  });

  it('A2: a container may not inherit', () => {
    expect(failure(() => allocate({ ...base, containerPolicy: 'inherit' }))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', argument: 'containerPolicy' });
  });

  it('A3: maximiseCling is on, logs may share sources, and there is no tag list unless given', () => {
    const previous = { first: [{ source: 0, end: 5 }], last: [{ source: 1, end: 5 }] };
    const grow = { sources: [source([[6, 4]]), source([[6, 4]])], extentsNeeded: 4, existingExtents: 10, previous };
    expect(placed(grow)).toEqual(placed({ ...grow, maximiseCling: true }));
    expect(allocate({ sources: whole(10), extentsNeeded: 2, logAreas: 1, logLength: 1 }).logs).toHaveLength(1);
    expect(allocate(grow).policiesTried).not.toContain('cling_by_tags');
  });

  it('A4: entries that are no strings, are empty, do not start with @ or are @ alone are ignored, each with a warning', () => {
    const clingTagList = [7, '', 'fast', '@', '@fast'] as unknown as string[];
    const { warnings, policiesTried } = allocate({ ...base, sources: whole(1, 1), clingTagList });
    expect(warnings).toHaveLength(4);
    expect(warnings.join()).toMatch(/invalid string.*empty string.*not starting with @: fast.*empty tag/);
    expect(policiesTried).toContain('cling_by_tags');
    expect(allocate({ ...base, sources: whole(1, 1), clingTagList: ['fast'] }).policiesTried).not.toContain('cling_by_tags');
  });

  it('A5: mirrors without stripes have one stripe each, and slots are mirrors times stripes', () => {
    expect([dataAreasOf(0, 3), dataAreasOf(2, 3), dataAreasOf(4, 1), dataAreasOf(4, 0)]).toEqual([3, 6, 4, 4]);
  });

  it('A5: no parity when there are no more data slots than parity, which is a replacement', () => {
    expect(parityAreasOf('raid6', 2)).toBe(0);
    expect(parityAreasOf('raid6', 3)).toBe(2);
    expect(parityAreasOf('raid5', 1)).toBe(0);
    expect(parityAreasOf('raid4', 2)).toBe(1);
    expect(parityAreasOf('striped', 9)).toBe(0);
  });

  it('A5: neither data nor log is refused', () => {
    expect(failure(() => allocate({ ...base, dataAreas: 0 }))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  it.each([
    ['striped', 0, 4, 1],
    ['striped', 3, 3, 3],
    ['raid4', 4, 3, 3],
    ['raid5', 6, 5, 5],
    ['raid5', 1, 1, 1],
    ['raid6', 6, 4, 4],
    ['raid6', 2, 2, 1],
    ['raid10', 6, 3, 3],
    ['raid10', 6, 1, 3],
    ['raid10', 4, 0, 2],
    ['linear', 1, 0, 1],
    ['raid1', 3, 0, 1],
    ['mirror', 2, 0, 1],
    ['mirror', 8, 4, 4],
  ] as const)('A6: %s over %i areas with %i stripes has the area multiple %i', (type, areas, stripes, multiple) => {
    expect(areaMultipleOf(type, areas, stripes)).toBe(multiple);
  });

  it('A8: the demand is what there is and what is asked for', () => {
    const previous = { first: [{ source: 0, end: 5 }], last: [{ source: 0, end: 5 }] };
    const result = allocate({ sources: [source([[5, 5]])], extentsNeeded: 3, existingExtents: 5, previous });
    expect(result.extentsAllocated).toBe(3);
  });

  it('A9: a call for a log alone places it off the sources of the images', () => {
    const result = allocate({ sources: whole(9, 9, 9), dataAreas: 0, extentsNeeded: 0, logAreas: 1, logLength: 2, parallelAreas: [{ le: 0, len: 4, sources: [0, 1] }] });
    expect(result.logs).toMatchObject([[{ source: 2, start: 0, length: 2 }]]);
    expect(result.parallelCount).toBe(0);
  });

  it('A9: a conversion places an image and its log in one call', () => {
    const result = allocate({
      sources: whole(9, 9, 9),
      segmentType: 'mirror',
      dataAreas: 1,
      extentsNeeded: 4,
      logAreas: 1,
      logLength: 1,
      parallelAreas: [{ le: 0, len: 4, sources: [0] }],
    });
    expect(result.allocated).toMatchObject([[{ source: 1, length: 4 }]]);
    expect(result.logs).toMatchObject([[{ source: 2, length: 1 }]]);
  });
});

describe('the conveniences of the seed design', () => {
  const three = whole(9, 9, 9, 9);

  it('M: a number of parallel areas is a number of stripes', () => {
    expect(placed({ sources: three, extentsNeeded: 6, parallelAreas: 3 })).toEqual(['0:0+2', '1:0+2', '2:0+2']);
  });

  it('M: parity areas make it RAID', () => {
    expect(placed({ sources: three, extentsNeeded: 6, parallelAreas: 2, parityAreas: 1 })).toEqual(['0:0+3', '1:0+3', '2:0+3']);
  });

  it('M: mirrors hold the whole each, and a part of it with stripes', () => {
    expect(placed({ sources: three, extentsNeeded: 6, mirrors: 2 })).toEqual(['0:0+6', '1:0+6']);
    expect(placed({ sources: three, extentsNeeded: 6, mirrors: 2, parallelAreas: 2 })).toEqual(['0:0+3', '1:0+3', '2:0+3', '3:0+3']);
  });

  it('M: clingSources keeps a volume on sources, clingTag on sources alike, partitionByTags off them', () => {
    const sources = [source([[0, 4]], { tags: ['a'] }), source([[0, 9]], { tags: ['b'] }), source([[0, 8]], { tags: ['a'] })];
    expect(placed({ sources, extentsNeeded: 4, clingSources: [0] })).toEqual(['0:0+4']);
    expect(placed({ sources, extentsNeeded: 8, clingSources: [0], clingTag: 'a', policy: 'cling' })).toEqual(['0:0+4 2:0+4']);
    expect(placed({ sources, extentsNeeded: 3, mirrors: 2 })).toEqual(['0:0+3', '1:0+3']);
    expect(placed({ sources: [sources[0], sources[2], sources[1]] as never, extentsNeeded: 3, mirrors: 2, partitionByTags: true })).toEqual(['0:0+3', '2:0+3']);
  });

  it('M: a result names the caller\'s own handle and the handle of the area', () => {
    const [handle, areaHandle] = [{ disk: 1 }, { piece: 2 }];
    const { allocated } = allocate({ sources: [{ handle, areas: [{ start: 3, length: 4, handle: areaHandle }] }], extentsNeeded: 2 });
    expect(allocated[0]?.[0]?.handle).toBe(handle);
    expect(allocated[0]?.[0]?.areaHandle).toBe(areaHandle);
  });

  it('M: tags of an area count beside those of its source', () => {
    const sources: AllocationRequest['sources'] = [source([[0, 4]], { tags: ['a'] }), { areas: [{ start: 0, length: 9 }, { start: 10, length: 5, tags: ['a'] }] }];
    expect(placed({ sources, extentsNeeded: 8, clingSources: [0], clingTag: 'a', policy: 'cling' })).toEqual(['0:0+4 1:10+4']);
  });
});

describe('what is refused', () => {
  it.each<[string, Partial<Record<keyof AllocationRequest | 'polcy', unknown>>]>([
    ['a field that there is not', { polcy: 'normal' }],
    ['a policy that there is not', { policy: 'worst' }],
    ['a kind of segment that there is not', { segmentType: 'raid7' }],
    ['a kind that is only inherited', { segmentType: 'toString' }],
    ['half an extent', { extentsNeeded: 1.5 }],
    ['no number of extents', { extentsNeeded: undefined }],
    ['less than nothing', { extentsNeeded: -1 }],
    ['a text for a number', { dataAreas: '2' }],
    ['K5: more than 2^53 extents in all', { extentsNeeded: Number.MAX_SAFE_INTEGER, dataAreas: 2, segmentType: 'raid1' }],
    ['no list of sources', { sources: {} }],
    ['no source', { sources: [null] }],
    ['a source with an option that there is not', { sources: [{ areas: [], tag: ['a'] }] }],
    ['a source without areas', { sources: [{}] }],
    ['an area that is no object', { sources: [{ areas: [3] }] }],
    ['an area beyond its source', { sources: [{ areas: [{ start: 3, length: 3 }], totalExtents: 5 }] }],
    ['an area beyond 2^53', { sources: [{ areas: [{ start: Number.MAX_SAFE_INTEGER, length: 3 }] }] }],
    ['tags that are no texts', { sources: [{ areas: [], tags: [1] }] }],
    ['a weight of nothing', { sources: [{ areas: [], weight: 0 }] }],
    ['allocatable neither true nor false', { sources: [{ areas: [], allocatable: 1 }] }],
    ['an order with an index beyond the sources', { sourceOrder: [2] }],
    ['a previous segment on a source that there is not', { previous: { first: [], last: [{ source: 5, end: 1 }] } }],
    ['a previous segment without ends', { previous: { first: [] } }],
    ['previous and clingSources together', { previous: { first: [], last: [] }, clingSources: [0] }],
    ['parallel areas with a field that there is not', { parallelAreas: [{ le: 0, len: 1, srcs: [0] }] }],
    ['parallel areas that are a text', { parallelAreas: 'x' }],
    ['logs and split metadata together', { logAreas: 1, logLength: 1, splitMetadataLength: 1 }],
    ['stripes that contradict the data areas', { dataAreas: 3, parallelAreas: 2 }],
    ['mirrors that contradict the data areas', { dataAreas: 3, mirrors: 2 }],
    ['a flag that is a number', { approximate: 1 }],
    ['a name that is a number', { name: 1 }],
  ])('%s', (_what, fields) => {
    expect(failure(() => allocate({ ...base, ...fields } as AllocationRequest))).toMatchObject({ name: 'FreestoneError', code: 'ERR_INVALID_ARGUMENT' });
  });

  it('takes a bigint for any number', () => {
    expect(placed({ sources: [{ areas: [{ start: 2n, length: 8n }], totalExtents: 10n }], extentsNeeded: 4n })).toEqual(['0:2+4']);
  });
});
