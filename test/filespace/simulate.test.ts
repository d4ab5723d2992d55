// Traces replayed with several strategies.
import { describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { drawReplays, simulate, type Trace } from '../../lib/filespace/index.js';

/** Holes of 300 and 100 bytes between live blocks, and then a request for 90. */
const trace: Trace = {
  initialOffset: 48,
  operations: [
    ['allocate', 300],
    ['allocate', 10],
    ['allocate', 100],
    ['allocate', 10],
    ['free', 0],
    ['free', 2],
    ['commit'],
    ['allocate', 90],
    ['allocate', 300],
  ],
};

describe('a trace', () => {
  it('gives what each strategy makes of it', () => {
    const replays = simulate(trace);
    expect(replays.map(({ strategy, fileSize, live, free }) => [strategy, fileSize, live, free])).toEqual([
      ['end-of-file', 858, 410, 400],
      ['first-fit', 768, 410, 310],
      ['best-fit', 468, 410, 10],
      ['worst-fit', 768, 410, 310],
    ]);
    for (const { fragmentation, timePerCall, longest, fileSize } of replays) {
      expect(fragmentation).toHaveLength(trace.operations.length);
      expect(fragmentation[0]).toBe(0);
      expect(timePerCall).toBeGreaterThan(0);
      expect(longest).toBeGreaterThanOrEqual(fileSize);
    }
  });

  it('without commits is one that commits after each call, and what finds no room is counted', () => {
    const [replay] = simulate(
      { operations: [['allocate', 100], ['free', 0], ['allocate', 100], ['extend', 1, 150], ['extend', 1, 500], ['allocate', 300], ['free', 2]] },
      { strategies: ['best-fit'], limit: 200, samples: 2 },
    );
    expect(replay).toMatchObject({ fileSize: 150, live: 150, refused: 3 });
    expect(replay?.fragmentation).toHaveLength(2);
  });

  it.each<[string, unknown]>([
    ['no object', 5],
    ['no operations', {}],
    ['an operation that there is not', { operations: [['grow', 1]] }],
    ['a call that is no list', { operations: ['commit'] }],
    ['0 bytes', { operations: [['allocate', 0]] }],
    ['a kind that there is not', { operations: [['allocate', 1, 'small']] }],
    ['an odd alignment', { operations: [['allocate', 1, null, 3]] }],
    ['a block that was never allocated', { operations: [['free', 0]] }],
    ['a block that is free already', { operations: [['allocate', 1], ['free', 0], ['free', 0]] }],
    ['a block that becomes shorter', { operations: [['allocate', 9], ['extend', 0, 5]] }],
  ])('is refused with %s', (_, wrong) => {
    expect(() => simulate(wrong as Trace)).toThrow(FreestoneError);
    expect(() => simulate(wrong as Trace)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }) as Error);
  });

  it('is drawn as a line for each strategy', () => {
    const picture = drawReplays(simulate(trace));
    expect(picture.match(/<polyline/g)).toHaveLength(4);
    expect(picture).not.toContain('NaN');
    expect(drawReplays(simulate({ operations: [] }))).not.toContain('NaN');
  });
});
