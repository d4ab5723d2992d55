import { describe, expect, it } from 'vitest';
import { allocate, type AllocationRequest } from '../../lib/extents/index.js';
import { drawn, failure, source, whole } from './sketch.js';

const fails = (request: AllocationRequest) => failure(() => allocate(request));

describe('failures, in LVM\'s words', () => {
  it('ERR1: extents that do not fill the stripes', () => {
    expect(fails({ sources: whole(9, 9), extentsNeeded: 5, parallelAreas: 2 })).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: 'Number of extents requested (5) needs to be divisible by 2.',
      requested: 5,
      areaMultiple: 2,
    });
  });

  it('ERR2: fewer sources than slots where logs must be apart', () => {
    expect(fails({ sources: whole(9), extentsNeeded: 2, mirrors: 2, logsRequireSeparateSources: true })).toMatchObject({
      code: 'ERR_NO_SPACE',
      message: 'Not enough PVs with free space available for parallel allocation.',
      hint: 'Consider --alloc anywhere if desperate.',
    });
  });

  it('ERR3: too few free extents', () => {
    expect(fails({ sources: whole(4, 4), extentsNeeded: 9 })).toMatchObject({
      code: 'ERR_NO_SPACE',
      message: 'Insufficient free space: 9 extents needed, but only 8 available',
      needed: 9,
      available: 8,
    });
  });

  it('ERR4: free extents that do not suit', () => {
    expect(fails({ sources: whole(4, 2), extentsNeeded: 3, mirrors: 2, name: 'lv' })).toMatchObject({
      code: 'ERR_NO_SPACE',
      message: 'Insufficient suitable allocatable extents for logical volume lv: 2 more required',
      missing: 2,
    });
    expect(fails({ sources: whole(4, 4), extentsNeeded: 5, policy: 'contiguous', name: 'lv' }).message).toBe(
      'Insufficient suitable contiguous allocatable extents for logical volume lv: 5 more required',
    );
  });

  it('ERR5: nothing at all for an approximate request', () => {
    expect(fails({ sources: whole(4), extentsNeeded: 3, mirrors: 2, approximate: true, name: 'lv' })).toMatchObject({
      code: 'ERR_NO_SPACE',
      message: 'Insufficient suitable allocatable extents found for logical volume lv.',
    });
  });

  it('ERR6: less than an extent for each image', () => {
    const sources = whole(1, 1, 1, 1);
    expect(fails({ sources, segmentType: 'raid5', dataAreas: 3, extentsNeeded: 30, splitMetadataLength: 1, approximate: true, name: 'lv' })).toMatchObject({
      code: 'ERR_NO_SPACE',
      message: 'Insufficient suitable allocatable extents for logical volume lv: 1 extents found but at least 3 required (1 extent per data image).',
      found: 1,
      required: 3,
    });
  });

  it('ERR7: no room for the log', () => {
    const request = { sources: whole(9), dataAreas: 0, extentsNeeded: 0, logAreas: 1, logLength: 1, logsRequireSeparateSources: true, name: 'lv' };
    expect(fails({ ...request, parallelAreas: [{ le: 0, len: 1, sources: [0] }] })).toMatchObject({
      code: 'ERR_NO_SPACE',
      message: 'Insufficient free space for log allocation for logical volume lv.',
      logAreas: 1,
      logLength: 1,
    });
  });

  it('ERR8: no source that may be used', () => {
    expect(fails({ sources: [source([[0, 9]], { allocatable: false })], extentsNeeded: 1 })).toMatchObject({
      code: 'ERR_NO_SPACE',
      message: "Couldn't allocate areas array.",
    });
  });

  it('ERR9, K1: metadata that is longer than any area, where LVM\'s length wraps round', () => {
    expect(fails({ sources: whole(2, 2), segmentType: 'raid1', dataAreas: 2, extentsNeeded: 4, splitMetadataLength: 3, approximate: true })).toMatchObject({ reason: 'metadata-does-not-fit' });
    const shortAreas = [source([[0, 2], [5, 2]]), source([[0, 2], [5, 2]])];
    expect(fails({ sources: shortAreas, segmentType: 'raid1', dataAreas: 2, extentsNeeded: 4, splitMetadataLength: 3 })).toMatchObject({
      code: 'ERR_NO_SPACE',
      message: 'Metadata does not fit on a single PV.',
      metadataLength: 3,
    });
  });
});

describe('faults of LVM that are clean failures here', () => {
  it('K1: a batch that is shorter than its metadata is no result', () => {
    // 4 extents in all, 3 of them metadata, on areas of 3 and 2.
    expect(fails({ sources: whole(3, 2, 9), sourceOrder: [0, 1], segmentType: 'raid1', dataAreas: 2, extentsNeeded: 5, splitMetadataLength: 3, approximate: true })).toMatchObject({
      code: 'ERR_NO_SPACE',
    });
  });

  it('K2: a log is not placed on extents that the data takes', () => {
    const request = { sources: whole(6), segmentType: 'thin-pool' as const, extentsNeeded: 5, logAreas: 1, logLength: 2, policy: 'anywhere' };
    expect(fails(request)).toMatchObject({ code: 'ERR_NO_SPACE' });
    const result = allocate({ ...request, extentsNeeded: 4 });
    expect([...drawn(result.allocated), ...drawn(result.logs)]).toEqual(['0:0+4', '0:4+2']);
  });

  it('K2: what counts is what the data takes, not what was reserved for it', () => {
    // 6 are reserved on source 0, but the batch is only 3 long, as source 1 is; the log fits behind it.
    const result = allocate({ sources: whole(6, 3), segmentType: 'mirror', dataAreas: 2, areaMultiple: 1, extentsNeeded: 3, logAreas: 1, logLength: 3, policy: 'anywhere' });
    expect(drawn(result.allocated)).toEqual(['0:0+3', '1:0+3']);
    expect(drawn(result.logs)).toEqual(['0:3+3']);
  });

  it('K4: a call that fails leaves nothing half taken', () => {
    const sources = whole(4, 2);
    expect(fails({ sources, extentsNeeded: 6, mirrors: 2, approximate: false })).toMatchObject({ code: 'ERR_NO_SPACE' });
    expect(allocate({ sources, extentsNeeded: 6 }).extentsAllocated).toBe(6);
  });

  it('K5: numbers beyond 32 bits are exact', () => {
    const size = 2 ** 40;
    const result = allocate({ sources: whole(size, size, size), extentsNeeded: 3 * size, parallelAreas: 3 });
    expect(result.extentsAllocated).toBe(3 * size);
    expect(result.allocated.map(([segment]) => segment?.length)).toEqual([size, size, size]);
  });
});
