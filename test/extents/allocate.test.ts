import { describe, expect, it } from 'vitest';
import { allocate, explain, PolicyRegistry, lvmPolicies, type AllocationPolicy } from '../../lib/extents/index.js';
import { drawn, failure, placed, policiesOf, source, whole } from './sketch.js';

const onSource = (index: number, end: number) => ({ first: [{ source: index, end }], last: [{ source: index, end }] });

describe('the order of policies', () => {
  it('C1: with nothing to do there is nothing done, and a warning', () => {
    const result = allocate({ sources: whole(9), extentsNeeded: 0, existingExtents: 4 });
    expect(result).toMatchObject({ extentsAllocated: 0, allocated: [[]], policiesTried: [] });
    expect(result.warnings).toEqual(['allocate called with no work to do']);
  });

  it('C2: extents that do not fill the stripes fail, even approximate ones', () => {
    expect(failure(() => allocate({ sources: whole(9, 9), parallelAreas: 2, extentsNeeded: 3, approximate: true }))).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: 'Number of extents requested (3) needs to be divisible by 2.',
    });
  });

  it('C3: a contiguous volume is not split', () => {
    const sources = [source([[0, 3], [5, 3]])];
    expect(failure(() => allocate({ sources, extentsNeeded: 6, policy: 'contiguous' })).message).toContain('contiguous');
    expect(placed({ sources, extentsNeeded: 6 })).toEqual(['0:0+3 0:5+3']);
  });

  it('C4: too few sources fail at once only where logs must be apart', () => {
    const request = { sources: whole(9), extentsNeeded: 1, mirrors: 2 };
    expect(failure(() => allocate({ ...request, logsRequireSeparateSources: true }))).toMatchObject({ reason: 'not-enough-sources', needed: 2, available: 1 });
    expect(failure(() => allocate(request))).toMatchObject({ reason: 'insufficient-suitable-extents' });
    expect(placed({ ...request, logsRequireSeparateSources: true, policy: 'anywhere' })).toEqual(['0:0+1', '0:1+1']);
  });

  it('C4: no source at all is a failure of its own, unless a volume grows', () => {
    expect(failure(() => allocate({ sources: [], extentsNeeded: 1 }))).toMatchObject({ reason: 'no-usable-source' });
    expect(failure(() => allocate({ sources: [], extentsNeeded: 1, previous: { first: [], last: [] } }))).toMatchObject({ reason: 'insufficient-free-space' });
  });

  it('C5, C6: every policy up to the one asked for is tried, and cling_by_tags only with a tag list', () => {
    const tried = (policy: string, clingTagList: string[] = []) =>
      explain({ sources: whole(4, 4), extentsNeeded: 8, policy, clingTagList }).policiesTried;
    expect(tried('contiguous', ['@x'])).toEqual(['contiguous']);
    expect(tried('cling')).toEqual(['contiguous', 'cling']);
    expect(tried('cling', ['@x'])).toEqual(['contiguous', 'cling', 'cling_by_tags']);
    expect(tried('normal', ['@x'])).toEqual(['contiguous', 'cling', 'cling_by_tags', 'normal']);
  });

  it('C6: what an earlier policy has placed is kept', () => {
    const result = allocate({ sources: whole(4, 3), extentsNeeded: 7 });
    expect(drawn(result.allocated)).toEqual(['0:0+4 1:0+3']);
    expect(policiesOf(result)).toEqual(['contiguous', 'normal']);
    expect(result.batches.map(({ policy, length }) => ({ policy, length }))).toEqual([
      { policy: 'contiguous', length: 4 },
      { policy: 'normal', length: 3 },
    ]);
  });

  it('C7: too few free extents in all fail before a policy is tried, one log being counted', () => {
    const request = { sources: whole(4, 4), extentsNeeded: 8 };
    expect(failure(() => allocate({ ...request, extentsNeeded: 9 }))).toMatchObject({ reason: 'insufficient-free-space', needed: 9, available: 8 });
    expect(failure(() => allocate({ ...request, logAreas: 3, logLength: 2 }))).toMatchObject({ needed: 10 });
    expect(failure(() => allocate({ ...request, metadataAreas: 1 }))).toMatchObject({ needed: 9 });
    expect(failure(() => allocate({ ...request, parallelAreas: 2, parityAreas: 1, sources: whole(4, 4, 3) }))).toMatchObject({ needed: 12, available: 11 });
    expect(allocate({ ...request, extentsNeeded: 9, approximate: true }).extentsAllocated).toBe(8);
  });

  it('C8: a log that cling could not place is placed by normal', () => {
    const result = allocate({ sources: whole(9), extentsNeeded: 0, dataAreas: 0, logAreas: 1, logLength: 1, policy: 'contiguous', parallelAreas: [{ le: 0, len: 1, sources: [0] }] });
    expect(result.logs).toMatchObject([[{ policy: 'normal' }]]);
    expect(result.policiesTried).toEqual(['contiguous', 'cling', 'normal']);
  });

  it('C9: a volume that may not be split is not looked at by a later policy once something is placed', () => {
    const request = { sources: [source([[5, 3]]), ...whole(9)], extentsNeeded: 4, existingExtents: 5, previous: onSource(0, 5), policy: 'contiguous' };
    expect(failure(() => allocate(request))).toMatchObject({ missing: 1, contiguous: true });
  });

  it('C10: an approximate request takes what there is', () => {
    expect(allocate({ sources: whole(4, 3), extentsNeeded: 100, approximate: true })).toMatchObject({ extentsAllocated: 7 });
  });

  it('C11: the request is as it was, whether it succeeds or fails', () => {
    for (const extentsNeeded of [7, 8]) {
      const request = { sources: [source([[4, 3], [0, 4]], { tags: ['a'], ranges: [{ start: 0, length: 9 }] })], extentsNeeded, clingTagList: ['@a'] };
      const before = structuredClone(request);
      try {
        allocate(request);
      } catch {
        // K4: nothing is left half taken
      }
      expect(request).toEqual(before);
    }
  });
});

describe('the ties of a policy', () => {
  const two = [source([[5, 3], [20, 6]]), source([[5, 9]])];

  it('D1, D2: contiguous goes on exactly where the volume ends', () => {
    expect(placed({ sources: two, extentsNeeded: 3, existingExtents: 5, previous: onSource(0, 5), policy: 'contiguous' })).toEqual(['0:5+3']);
  });

  it('D1: a previous segment with another number of areas ties nothing', () => {
    const previous = { first: [{ source: 1, end: 5 }, { source: 1, end: 9 }], last: [{ source: 1, end: 5 }, { source: 1, end: 9 }] };
    expect(placed({ sources: two, extentsNeeded: 3, existingExtents: 5, previous })).toEqual(['0:20+3']);
  });

  it('D1, F2: a striped mirror never has as many areas as slots', () => {
    const ends = [0, 1, 2, 3].map((index) => ({ source: index, end: 5 }));
    const sources = [...ends.map(() => source([[5, 2]])), ...whole(9, 9, 9, 9)];
    const request = { sources, segmentType: 'mirror' as const, mirrors: 2, dataAreas: 4, extentsNeeded: 4, existingExtents: 10, previous: { first: ends, last: ends } };
    expect(placed(request)).toEqual(['0:5+2', '1:5+2', '2:5+2', '3:5+2']);
    expect(placed({ ...request, extentsNeeded: 6 })).toEqual(['4:0+3', '5:0+3', '6:0+3', '7:0+3']);
    expect(placed({ ...request, segmentType: 'raid10', extentsNeeded: 4 })).toEqual(['0:5+2', '1:5+2', '2:5+2', '3:5+2']);
  });

  it('D2: cling stays on the source of the previous segment', () => {
    expect(placed({ sources: two, extentsNeeded: 6, existingExtents: 5, previous: onSource(0, 4), policy: 'cling' })).toEqual(['0:20+6']);
  });

  it('D3: a new volume with policy cling lives on the sources of its first batch', () => {
    expect(placed({ sources: [source([[0, 4], [6, 3]]), ...whole(4)], extentsNeeded: 7, policy: 'cling' })).toEqual(['0:0+4 0:6+3']);
    expect(failure(() => allocate({ sources: [source([[0, 4], [6, 2]]), ...whole(4)], extentsNeeded: 7, policy: 'cling' }))).toMatchObject({ missing: 1 });
  });

  it('D4: cling_by_tags takes sources alike', () => {
    const tagged = [source([[0, 4]], { tags: ['a'] }), source([[0, 3]]), source([[0, 3]], { tags: ['a'] })];
    const result = allocate({ sources: tagged, extentsNeeded: 6, policy: 'cling', clingTagList: ['@a'] });
    expect(drawn(result.allocated)).toEqual(['0:0+4 2:0+2']);
    expect(policiesOf(result)).toEqual(['contiguous', 'cling_by_tags']);
  });

  it('D5: a tag list makes the first attempt partition by tags', () => {
    const tagged = [source([[0, 9]], { tags: ['a'] }), source([[0, 8]], { tags: ['a'] }), source([[0, 4]], { tags: ['b'] })];
    expect(placed({ sources: tagged, extentsNeeded: 4, mirrors: 2, clingTagList: ['@a', '@b'] })).toEqual(['0:0+4', '2:0+4']);
    expect(placed({ sources: tagged, extentsNeeded: 4, mirrors: 2 })).toEqual(['0:0+4', '1:0+4']);
  });

  it('D6: normal prefers sources in use as long as maximiseCling is on', () => {
    const sources = [source([[0, 5], [10, 2]]), ...whole(4)];
    expect(placed({ sources, extentsNeeded: 9 })).toEqual(['0:0+5 0:10+2 1:0+2']);
    expect(allocate({ sources, extentsNeeded: 9, maximiseCling: false }).allocated[0]?.map(({ policy }) => policy)).toEqual(['contiguous', 'cling', 'normal']);
  });

  it('D7: anywhere may put parallel slots on one source', () => {
    expect(placed({ sources: whole(9), extentsNeeded: 6, parallelAreas: 3, policy: 'anywhere' })).toEqual(['0:0+2', '0:2+2', '0:4+2']);
  });
});

describe('the rounds of a policy', () => {
  it('E2: a batch ends where the parallel area does, and its sources are avoided', () => {
    const parallelAreas = [{ le: 0, len: 2, sources: [0] }, { le: 2, len: 3, sources: [1] }];
    expect(placed({ sources: whole(9, 9), extentsNeeded: 5, parallelAreas })).toEqual(['1:0+2 0:0+3']);
  });

  it('E2: the position counts the extents that a growing volume has', () => {
    const parallelAreas = [{ le: 0, len: 4, sources: [0] }, { le: 4, len: 3, sources: [1] }];
    expect(placed({ sources: whole(9, 9), extentsNeeded: 3, existingExtents: 4, parallelAreas })).toEqual(['0:0+3']);
  });

  it('E2: metadata that is cut off does not count as data at the position', () => {
    const parallelAreas = [{ le: 0, len: 2, sources: [0] }, { le: 2, len: 9, sources: [1] }];
    const result = allocate({ sources: whole(9, 9), segmentType: 'raid1', dataAreas: 1, extentsNeeded: 3, splitMetadataLength: 1, parallelAreas });
    expect(drawn(result.allocated)).toEqual(['1:1+2']);
    expect(result.metadata).toMatchObject([{ area: 0, source: 1, start: 0, length: 1 }]);
  });

  it('E4: cling gives up the order of slots before it gives up', () => {
    const ends = [{ source: 0, end: 5 }, { source: 1, end: 5 }];
    // Both slots are on source 0 and 1; only the slots change places, since each finds its source whatever the order.
    const sources = [source([[7, 4]]), source([[7, 4]])];
    expect(placed({ sources, extentsNeeded: 8, existingExtents: 10, parallelAreas: 2, previous: { first: ends, last: ends }, policy: 'cling' })).toEqual(['0:7+4', '1:7+4']);
  });

  it('E4: with one slot to fill on one of several sources, cling without positions takes the largest area among those that it is tied to', () => {
    const ends = [{ source: 0, end: 5 }, { source: 0, end: 9 }];
    const sources = [source([[12, 4], [20, 4]])];
    expect(failure(() => allocate({ sources, extentsNeeded: 4, existingExtents: 10, parallelAreas: 2, previous: { first: ends, last: ends }, policy: 'cling' }))).toMatchObject({
      code: 'ERR_NO_SPACE',
    });
  });

  it('E5: normal exhausts the sources in use, chooses freely once, and exhausts those', () => {
    const sources = [source([[0, 6], [10, 1], [20, 1]]), source([[0, 5], [10, 2]]), ...whole(4)];
    expect(placed({ sources, extentsNeeded: 17 })).toEqual(['0:0+6 0:10+1 0:20+1 1:0+5 1:10+2 2:0+2']);
  });

  it('E6: contiguous makes one attempt', () => {
    const sources = [source([[5, 3], [8, 3]])];
    // The second area would go on where the first ends, but is not looked at any more.
    const request = { sources, extentsNeeded: 6, existingExtents: 5, previous: onSource(0, 5), policy: 'contiguous' };
    expect(failure(() => allocate(request))).toMatchObject({ missing: 3 });
  });
});

describe('a registry of policies', () => {
  const reluctant: AllocationPolicy = { name: 'reluctant', rank: 4.5, letter: 'r', extraPasses: true, ties: () => ({}) };

  it('takes another policy, which is tried at its rank', () => {
    const registry = lvmPolicies.with(reluctant);
    const request = { sources: whole(2, 2), extentsNeeded: 5, approximate: true };
    expect(allocate({ ...request, policy: 'reluctant' }, registry).policiesTried).toEqual(['contiguous', 'cling', 'normal', 'reluctant']);
    expect(allocate({ sources: whole(4), extentsNeeded: 3, policy: 'reluctant' }, new PolicyRegistry([reluctant])).policiesTried).toEqual(['reluctant']);
  });

  it('is not changed by the addition, and refuses a second policy of one name', () => {
    const registry = lvmPolicies.with(reluctant);
    expect(lvmPolicies.names).not.toContain('reluctant');
    expect(failure(() => registry.with(reluctant))).toMatchObject({ code: 'ERR_EXISTS' });
    expect(failure(() => registry.with({ ...reluctant, name: 'inherit' }))).toMatchObject({ code: 'ERR_EXISTS' });
    expect(failure(() => registry.with({ ...reluctant, name: 'x', rank: Number.NaN }))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});
