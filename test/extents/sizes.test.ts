import { describe, expect, it } from 'vitest';
import {
  allocate,
  checkFree,
  checkStripes,
  demandFor,
  mirrorLogExtents,
  moveTargets,
  percentOf,
  raidMetadataExtents,
  roundToStripes,
  sharedSources,
} from '../../lib/extents/index.js';
import { lvmCases } from './lvm-cases.js';
import { failure, whole } from './sketch.js';

describe('metadata and logs', () => {
  const oneMiB = { extentSize: 2048, regionSize: 4096 };

  it('A7: the metadata of a RAID image is 8 KiB and a bit for each region, in whole extents', () => {
    expect(raidMetadataExtents(37)).toBe(1);
    // 8192 + ceil(regions / 8) bytes: the 2048 sectors of an extent are full at 8 323 072 regions, of 2 extents each.
    expect(raidMetadataExtents(2 * (1048576 - 8192) * 8, oneMiB)).toBe(1);
    expect(raidMetadataExtents(2 * ((1048576 - 8192) * 8 + 1), oneMiB)).toBe(2);
  });

  it('A7: a mirror log is a header and a bitset of whole 32-bit words', () => {
    expect(mirrorLogExtents(1)).toBe(1);
    expect(mirrorLogExtents(32 * 8, { extentSize: 1, regionSize: 8 })).toBe(9);
    expect(mirrorLogExtents(512 * 8, { extentSize: 1, regionSize: 1 })).toBe(9);
    expect(mirrorLogExtents(512 * 8 + 1, { extentSize: 1, regionSize: 1 })).toBe(10);
  });

  it('A5 – A8: a volume comes to a demand by its kind', () => {
    expect(demandFor({ segmentType: 'raid5', stripes: 5, extents: 230 })).toMatchObject({ dataAreas: 5, parityAreas: 1, areaMultiple: 5, extentsNeeded: 235, splitMetadataLength: 1, logAreas: 0 });
    expect(demandFor({ segmentType: 'raid1', extents: 10 })).toMatchObject({ dataAreas: 2, areaMultiple: 1, extentsNeeded: 11, splitMetadataLength: 1 });
    expect(demandFor({ segmentType: 'raid10', stripes: 3, extents: 114 })).toMatchObject({ dataAreas: 6, areaMultiple: 3, extentsNeeded: 117 });
    expect(demandFor({ segmentType: 'raid0', stripes: 3, extents: 9 })).toMatchObject({ dataAreas: 3, areaMultiple: 3, extentsNeeded: 9 });
    expect(demandFor({ segmentType: 'striped', stripes: 3, extents: 9 })).toMatchObject({ areaMultiple: 3, splitMetadataLength: 0 });
    expect(demandFor({ segmentType: 'linear', extents: 9 })).toMatchObject({ dataAreas: 1, extentsNeeded: 9 });
    expect(demandFor({ segmentType: 'mirror', mirrors: 3, extents: 9 })).toMatchObject({ dataAreas: 3, logAreas: 1, logLength: 1, extentsNeeded: 9 });
    expect(demandFor({ segmentType: 'thin-pool', extents: 9, metadataExtents: 2 })).toMatchObject({ logAreas: 1, logLength: 2, extentsNeeded: 9 });
    expect(demandFor({ segmentType: 'cache-pool', extents: 9, metadataExtents: 2 })).toMatchObject({ splitMetadataLength: 2, extentsNeeded: 11 });
    expect(demandFor({ segmentType: 'cache-pool', extents: 9, separateMetadata: true })).toMatchObject({ splitMetadataLength: 0, metadataAreas: 1, extentsNeeded: 9 });
  });

  it('A7: a RAID volume that grows gets no metadata', () => {
    expect(demandFor({ segmentType: 'raid5', extents: 4, existingExtents: 8 })).toMatchObject({ splitMetadataLength: 0, extentsNeeded: 4 });
  });

  it('A7: a demand can be spread into a request', () => {
    const result = allocate({ sources: whole(9, 9, 9, 9), ...demandFor({ segmentType: 'raid6', stripes: 2, extents: 8, withMetadata: false }) });
    expect(result.parallelCount).toBe(2);
    const raid6 = allocate({ sources: whole(9, 9, 9, 9, 9), ...demandFor({ segmentType: 'raid6', extents: 9 }) });
    expect(raid6).toMatchObject({ parallelCount: 5, extentsAllocated: 12, metadata: { length: 5 } });
  });

  it('refuses a volume that is none', () => {
    expect(failure(() => demandFor({ segmentType: 'striped', stripes: 0, mirrors: 0, extents: 1 }))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(failure(() => demandFor({ segmentType: 'linear', size: 1 } as never))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(failure(() => raidMetadataExtents(2 ** 52))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});

describe('sizes as commands take them', () => {
  it('J1: extents are rounded up to stripes, a percentage down when up does not fit', () => {
    expect(roundToStripes(10, 3)).toBe(12);
    expect(roundToStripes(12, 3)).toBe(12);
    expect(roundToStripes(10, 3, 12)).toBe(12);
    expect(roundToStripes(10, 3, 11)).toBe(9);
  });

  it('J2: a percentage is of what it says, and mirrors share what is free', () => {
    expect(percentOf({ percent: 50, of: 'free', base: 25 })).toEqual({ extents: 12, approximate: true });
    expect(percentOf({ percent: 150, of: 'origin', base: 25 })).toEqual({ extents: 38, approximate: true });
    expect(percentOf({ percent: 100, of: 'free', base: 25, mirrors: 2 })).toEqual({ extents: 12, approximate: true });
    expect(percentOf({ percent: 100, of: 'free', base: 1, mirrors: 2 }).extents).toBe(1);
    expect(percentOf({ percent: 100, of: 'container', base: Number.MAX_SAFE_INTEGER }).extents).toBe(Number.MAX_SAFE_INTEGER);
    expect(percentOf({ percent: 12.5, of: 'free', base: 16 }).extents).toBe(2);
  });

  it('J2: on extension %VG, %FREE and %PVS without a sign and +%FREE are approximate', () => {
    const approximate = (of: 'container' | 'free' | 'sources' | 'volume', plus: boolean) => percentOf({ percent: 10, of, base: 100, action: 'extend', plus }).approximate;
    expect([approximate('container', false), approximate('free', false), approximate('sources', false), approximate('free', true)]).toEqual([true, true, true, true]);
    expect([approximate('container', true), approximate('sources', true), approximate('volume', false), approximate('volume', true)]).toEqual([false, false, false, false]);
  });

  it('J2: refuses percentages of nothing known', () => {
    expect(failure(() => percentOf({ percent: 10, of: 'vg' as never, base: 1 }))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(failure(() => percentOf({ percent: -1, of: 'free', base: 1 }))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  it('J3: there are 1 to 128 stripes, and no more than sources, except under anywhere', () => {
    expect(failure(() => { checkStripes(129, 200); }).message).toBe('Number of stripes (129) must be between 1 and 128');
    expect(failure(() => { checkStripes(0, 200); }).message).toBe('Number of stripes (0) must be between 1 and 128');
    expect(failure(() => { checkStripes(4, 3); })).toMatchObject({ message: 'Number of stripes (4) must not exceed number of physical volumes (3)', stripes: 4, sources: 3 });
    expect(() => { checkStripes(4, 3, 'anywhere'); }).not.toThrow();
  });

  it('J3, J4: what fails in LVM\'s commands before anything is placed fails here with their words', () => {
    const [stripes, space] = ['pvtags-3', 'space-1'].map((id) => lvmCases.find((each) => each.id === id)?.expected);
    expect(failure(() => { checkStripes(2, 1); }).message).toBe(stripes?.ok === false && stripes.error);
    expect(failure(() => { checkFree('vg', 38, 39); })).toMatchObject({ code: 'ERR_NO_SPACE', message: space?.ok === false && space.error, available: 38, needed: 39 });
    expect(() => { checkFree('vg', 39, 39); }).not.toThrow();
  });

  it('J5: a move does not go to the source being emptied, except under anywhere', () => {
    expect(moveTargets([0, 1, 2], 1)).toEqual([0, 2]);
    expect(moveTargets([1], 1, 'anywhere')).toEqual([1]);
    expect(failure(() => moveTargets([1], 1)).message).toBe('No extents available for allocation');
  });

  it('J6: a RAID volume with two images on one source is told', () => {
    expect(sharedSources(allocate({ sources: whole(9, 9), segmentType: 'raid1', dataAreas: 2, extentsNeeded: 3 }).allocated)).toEqual([]);
    expect(sharedSources(allocate({ sources: whole(9), segmentType: 'raid1', dataAreas: 2, extentsNeeded: 3, policy: 'anywhere' }).allocated)).toEqual([0]);
  });

  it('J7: a replaced image avoids the sources of all the others over the whole length', () => {
    const parallelAreas = [{ le: 0, len: 100, sources: [0, 1] }];
    const result = allocate({ sources: whole(9, 9, 9), segmentType: 'raid5', dataAreas: 1, extentsNeeded: 5, splitMetadataLength: 1, parallelAreas });
    expect(result.allocated).toMatchObject([[{ source: 2, start: 1, length: 4 }]]);
  });
});
