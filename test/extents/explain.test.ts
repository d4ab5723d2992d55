import { describe, expect, it } from 'vitest';
import { allocate, explain } from '../../lib/extents/index.js';
import { failure, source, whole } from './sketch.js';

describe('explanations', () => {
  it('tell of each source why it was taken or passed over', () => {
    const sources = [
      source([[0, 9]], { handle: 'sda', tags: ['a'] }),
      source([[0, 8]], { handle: 'sdb', tags: ['a'] }),
      source([[0, 9]], { handle: 'sdc' }),
      source([[0, 2]], { handle: 'sdd' }),
      source([], { handle: 'sde' }),
      source([[0, 9]], { handle: 'sdf', allocatable: false }),
      source([[0, 7]], { handle: 'sdg' }),
      source([[0, 9]], { handle: 'sdh' }),
    ];
    const explanation = explain({ sources, sourceOrder: [0, 1, 2, 3, 4, 5, 6], extentsNeeded: 5, policy: 'contiguous', clingTagList: ['@a'], parallelAreas: [{ le: 0, len: 9, sources: [0] }] });
    expect(explanation.ok).toBe(true);
    expect(explanation.sources.map(({ verdict }) => verdict)).toEqual(['parallel', 'parallel-tag', 'taken', 'too-small', 'no-free-area', 'not-allocatable', 'not-needed', 'not-listed']);
    expect(explanation.sources[2]).toMatchObject({ handle: 'sdc', free: 9, taken: 5 });
    expect(explanation.text).toContain('linear, 1 data slot, 5 extents, policy contiguous: 5 extents placed (tried contiguous).');
    expect(explanation.text).toContain('source 1 (sdb), 8 free, 0 taken:\n  contiguous, attempt 1: has a listed tag in common with source 0');
    expect(explanation.text).toContain('5 extents taken for slot 0');
  });

  it('tell it of every attempt', () => {
    const { sources, policiesTried } = explain({ sources: whole(4, 3), extentsNeeded: 7 });
    expect(policiesTried).toEqual(['contiguous', 'cling', 'normal']);
    expect(sources[1]?.steps.map(({ policy, verdict }) => `${policy} ${verdict}`)).toEqual(['contiguous not-needed', 'cling not-cling', 'normal not-cling', 'normal taken']);
  });

  it('tell why there is no placement', () => {
    const { ok, error, sources, text, result } = explain({ sources: whole(4, 2), extentsNeeded: 3, mirrors: 2, logAreas: 1, logLength: 1 });
    expect(ok).toBe(false);
    expect(result).toBeUndefined();
    expect(error).toMatchObject({ code: 'ERR_NO_SPACE' });
    expect(sources).toHaveLength(2);
    expect(text).toContain('mirror, 2 data slots, 1 log, 3 extents');
  });

  it('do not change what is placed', () => {
    const request = { sources: whole(4, 3, 9), extentsNeeded: 12, mirrors: 1 };
    const { trace, ...result } = explain(request).result ?? {};
    expect(result).toEqual(allocate(request));
    expect(trace?.length).toBeGreaterThan(0);
  });

  it('are not given of a request that is none', () => {
    expect(failure(() => explain({ sources: whole(9), extentsNeeded: -1 }))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});
