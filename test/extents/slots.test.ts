import { describe, expect, it } from 'vitest';
import { SourceAreas } from '../../lib/extents/area-order.js';
import { Slots } from '../../lib/extents/slots.js';
import { allocate } from '../../lib/extents/index.js';
import { AreaList } from '../../lib/extents/areas.js';
import { drawn, failure, placed, source, whole } from './sketch.js';

describe('choosing and placing', () => {
  it('I1: fewer candidates than slots are no result', () => {
    expect(failure(() => allocate({ sources: whole(9, 9), extentsNeeded: 3, parallelAreas: 3 }))).toMatchObject({ missing: 3 });
  });

  it('I2: the larger reservations come first, and equal ones in the order of the scan', () => {
    expect(placed({ sources: whole(2, 5, 3, 5), extentsNeeded: 9, parallelAreas: 3 })).toEqual(['1:0+3', '2:0+3', '3:0+3']);
    expect(placed({ sources: whole(2, 5, 3, 5), extentsNeeded: 15, parallelAreas: 3, approximate: true }).map((slot) => slot.split(' ')[0])).toEqual(['1:0+3', '3:0+3', '2:0+3']);
  });

  it('I3: gaps among positions are filled, in order, with the first of the sorted candidates', () => {
    const slots = new Slots(3);
    const candidate = (index: number, used: number) => ({ list: new AreaList(index, [], SourceAreas.of({ starts: [], counts: [], labels: undefined })), area: null, used });
    slots.prefer(1, candidate(9, 4));
    for (const [i, used] of [2, 7, 5].entries()) slots.put(slots.open(true), candidate(i, used));
    slots.sort(slots.positional, () => 1);
    slots.fillGaps(3);
    expect([0, 1, 2].map((s) => slots.at(s)?.list.source)).toEqual([1, 9, 2]);
    expect(slots.found).toBe(1);
    expect(slots.at(slots.end - 1)?.list.source).toBe(0);
  });

  it('I4: a log goes to the smallest candidate that is long enough', () => {
    const request = { sources: whole(9, 2, 4, 1), extentsNeeded: 6, logAreas: 1, logLength: 2 };
    expect(drawn(allocate(request).logs)).toEqual(['1:0+2']);
    expect(drawn(allocate({ ...request, logLength: 3 }).logs)).toEqual(['2:0+3']);
  });

  it('I4: logs that must be apart are not placed when the data takes all that is long enough', () => {
    const request = { sources: whole(9, 1), extentsNeeded: 3, logAreas: 1, logLength: 2, segmentType: 'thin-pool' as const };
    expect(drawn(allocate(request).logs)).toEqual(['0:3+2']);
    expect(failure(() => allocate({ ...request, logsRequireSeparateSources: true }))).toMatchObject({ code: 'ERR_NO_SPACE' });
  });

  it('I5: logs do not take the place of data', () => {
    expect(failure(() => allocate({ sources: whole(3, 3), extentsNeeded: 3, mirrors: 2, logAreas: 1, logLength: 3 }))).toMatchObject({ code: 'ERR_NO_SPACE' });
  });

  it('I6: of sources with a listed tag in common only the first is kept; those without tags always are', () => {
    const sources = [source([[0, 9]], { tags: ['a', 'b'] }), source([[0, 8]], { tags: ['b'] }), source([[0, 7]]), source([[0, 6]])];
    expect(placed({ sources, extentsNeeded: 6, mirrors: 3, clingTagList: ['@a', '@b'] })).toEqual(['0:0+6', '2:0+6', '3:0+6']);
    expect(placed({ sources, extentsNeeded: 6, mirrors: 3, clingTagList: ['@a'] })).toEqual(['0:0+6', '1:0+6', '2:0+6']);
  });

  it('I6: at the logs a new set of tags begins', () => {
    const tagged = (size: number, tag: string) => source([[0, size]], { tags: [tag] });
    const result = allocate({ sources: [tagged(9, 'a'), tagged(8, 'b'), tagged(3, 'a')], extentsNeeded: 6, mirrors: 2, logAreas: 1, logLength: 1, clingTagList: ['@*'] });
    expect(drawn(result.allocated)).toEqual(['0:0+6', '1:0+6']);
    expect(drawn(result.logs)).toEqual(['2:0+1']);
  });

  it('I6: a partition that is impossible is given up', () => {
    const sources = [source([[0, 9]], { tags: ['a'] }), source([[0, 8]], { tags: ['a'] })];
    const result = allocate({ sources, extentsNeeded: 6, mirrors: 2, clingTagList: ['@a'] });
    expect(drawn(result.allocated)).toEqual(['0:0+6', '1:0+6']);
    expect(result.policiesTried).toEqual(['contiguous', 'cling', 'cling_by_tags', 'normal']);
  });

  it('I7: a batch is as long as its shortest slot', () => {
    const result = allocate({ sources: whole(9, 3, 9), extentsNeeded: 12, parallelAreas: 3, approximate: true });
    expect(result.batches[0]?.length).toBe(3);
    expect(failure(() => allocate({ sources: whole(9, 3, 9), extentsNeeded: 12, parallelAreas: 3, parityAreas: 0, policy: 'contiguous' }))).toMatchObject({ code: 'ERR_NO_SPACE' });
  });

  it('I8: metadata is cut from the front of each slot, in the first batch only', () => {
    const sources = [source([[0, 4], [6, 4]]), source([[0, 4], [6, 4]])];
    const result = allocate({ sources, segmentType: 'raid1', dataAreas: 2, extentsNeeded: 7, splitMetadataLength: 1 });
    expect(drawn([result.metadata])).toEqual(['0:0+1 1:0+1']);
    expect(result.metadata.map(({ area }) => area)).toEqual([0, 1]);
    expect(drawn(result.allocated)).toEqual(['0:1+3 0:6+3', '1:1+3 1:6+3']);
  });

  it('I8: a batch of metadata alone has no data segment', () => {
    const sources = [source([[0, 1], [2, 1]]), source([[0, 1], [2, 1]])];
    const result = allocate({ sources, segmentType: 'raid1', dataAreas: 2, extentsNeeded: 2, splitMetadataLength: 1 });
    expect(drawn(result.allocated)).toEqual(['0:2+1', '1:2+1']);
    expect(result.batches).toHaveLength(1);
  });

  it('I9: what is allocated counts metadata, times the area multiple', () => {
    const result = allocate({ sources: whole(9, 9, 9), segmentType: 'raid5', dataAreas: 2, extentsNeeded: 8, splitMetadataLength: 1 });
    expect(result).toMatchObject({ extentsAllocated: 8, parallelCount: 3 });
    expect(drawn(result.allocated)).toEqual(['0:1+3', '1:1+3', '2:1+3']);
  });

  it('I10: segments of one batch have one length', () => {
    const result = allocate({ sources: whole(9, 4, 7, 5), extentsNeeded: 14, parallelAreas: 2, approximate: true });
    for (const { length, segments } of result.batches) expect(segments.every((segment) => segment.length === length)).toBe(true);
    expect(result.batches.flatMap(({ segments }) => segments).length).toBe(result.allocated.flat().length);
  });

  it('I11: slot 0 gets the largest reservation, and parity comes after data', () => {
    const result = allocate({ sources: whole(3, 9, 5), extentsNeeded: 10, parallelAreas: 2, parityAreas: 1, approximate: true });
    expect(result.allocated.map((slot) => slot[0]?.source)).toEqual([1, 2, 0]);
  });
});
