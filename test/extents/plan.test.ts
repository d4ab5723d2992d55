import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocate, free, plan, reserve, type Extents } from '../../lib/extents/index.js';
import { failure, source, whole } from './sketch.js';

const used = (...runs: [number, number, number][]): Extents[] => runs.map(([index, start, length]) => ({ source: index, start, length }));

describe('rebalancing', () => {
  it('drains a source by moving exactly what is on it', () => {
    const sources = [source([[6, 4]], { totalExtents: 10 }), ...whole(10, 5)];
    const { moves, extents, before, after, remaining } = plan(sources, used([0, 0, 6]), { drain: 0 });
    expect(extents).toBe(6);
    expect(moves).toEqual([{ from: { handle: undefined, source: 0, start: 0 }, to: { handle: undefined, source: 1, start: 0 }, length: 6 }]);
    expect([before, after, remaining]).toEqual([[6, 0, 0], [0, 6, 0], 0]);
  });

  it('moves in pieces when there is no room for the whole', () => {
    const sources = [source([], { totalExtents: 6 }), ...whole(4, 3)];
    expect(plan(sources, used([0, 0, 6]), { drain: [0] }).moves.map(({ from, to, length }) => [from.start, to.source, length])).toEqual([[0, 1, 4], [4, 2, 2]]);
  });

  it('says how much cannot be drained', () => {
    expect(failure(() => plan([source([], { totalExtents: 6 }), ...whole(4)], used([0, 0, 6]), { drain: 0 }))).toMatchObject({ code: 'ERR_NO_SPACE', missing: 2 });
  });

  it('says what stays on a drained source because no segment covers it', () => {
    expect(plan([source([], { totalExtents: 6 }), ...whole(9)], used([0, 0, 4]), { drain: 0 }).remaining).toBe(2);
  });

  it('keeps the slots of a volume apart', () => {
    const sources = [source([], { totalExtents: 4 }), source([[4, 20]], { totalExtents: 24 }), ...whole(5)];
    const slots = [used([0, 0, 4]), used([1, 0, 4])];
    expect(plan(sources, slots, { drain: 0 }).moves[0]?.to.source).toBe(2);
    expect(failure(() => plan(sources.slice(0, 2), slots, { drain: 0 }))).toMatchObject({ code: 'ERR_NO_SPACE' });
  });

  it('moves a placed volume with its metadata', () => {
    const sources = whole(9, 9, 9);
    const result = allocate({ sources, segmentType: 'raid1', mirrors: 2, extentsNeeded: 4, splitMetadataLength: 1 });
    const { moves, extents } = plan(reserve(sources, result), [result], { drain: 0 });
    expect(extents).toBe(4);
    expect(new Set(moves.map(({ to }) => to.source))).toEqual(new Set([2]));
  });

  it('levels by moving only what is above the mean', () => {
    const sources = [source([[9, 1]], { totalExtents: 10 }), source([[1, 9]], { totalExtents: 10 }), source([[2, 8]], { totalExtents: 10 })];
    const { extents, after } = plan(sources, used([0, 0, 9], [1, 0, 1], [2, 0, 2]), { level: true });
    expect(extents).toBe(5);
    expect(after).toEqual([4, 4, 4]);
  });

  it('levels in proportion to the size of a source', () => {
    const sources = [source([], { totalExtents: 10 }), ...whole(30)];
    expect(plan(sources, used([0, 0, 10]), { level: true }).after).toEqual([3, 7]);
  });

  it('leaves alone what is near enough to the mean', () => {
    const sources = [source([[6, 4]], { totalExtents: 10 }), source([[4, 6]], { totalExtents: 10 })];
    expect(plan(sources, used([0, 0, 6], [1, 0, 4]), { level: 0.1 }).moves).toEqual([]);
    expect(plan(sources, used([0, 0, 6], [1, 0, 4]), { level: true }).extents).toBe(1);
  });

  it('drains and levels at once', () => {
    const sources = [source([], { totalExtents: 6 }), source([[6, 4]], { totalExtents: 10 }), ...whole(10)];
    const { extents, after } = plan(sources, used([0, 0, 6], [1, 0, 6]), { drain: 0, level: true });
    expect([extents, after]).toEqual([6, [0, 6, 6]]);
  });

  it('refuses goals and segments that are none', () => {
    const sources = [source([[4, 2]], { totalExtents: 6 })];
    expect(failure(() => plan(sources, used([0, 3, 2]), { drain: 0 }))).toMatchObject({ code: 'ERR_OVERLAP' });
    expect(failure(() => plan(sources, used([0, 0, 9]), { drain: 0 }))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    for (const goal of [{}, { drain: 4 }, { level: 2 }, { level: 'x' }, { drian: 0 }, { drain: 'all' }]) {
      expect(failure(() => plan(sources, [], goal as never))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
  });

  it('comes to sources on which everything has a place of its own, moving no more than it must', () => {
    const runs = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 })), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(runs, { minLength: 2, maxLength: 5 }), fc.boolean(), (layout, drain) => {
        const segments: Extents[] = [];
        const sources = layout.map((pieces, i) => {
          let end = 0;
          const areas = pieces.map(([inUse, count]) => {
            segments.push({ source: i, start: end, length: inUse });
            const start = end + inUse;
            end = start + count;
            return { start, length: count };
          });
          return { areas, totalExtents: end };
        });
        const goal = drain ? { drain: 0 } : { level: true };
        const room = sources.slice(1).flatMap(({ areas }) => areas).reduce((sum, { length }) => sum + length, 0);
        const amounts = sources.map((_, i) => segments.filter((each) => each.source === i).reduce((sum, { length }) => sum + Number(length), 0));
        if (drain && (amounts[0] ?? 0) > room) return;
        const { moves, extents, before, after } = plan(sources, segments, goal);
        expect(before).toEqual(amounts);
        expect(after.reduce((a, b) => a + b, 0)).toBe(before.reduce((a, b) => a + b, 0));
        const all = sources.reduce((sum, { totalExtents }) => sum + totalExtents, 0);
        const mean = all === 0 ? 0 : before.reduce((a, b) => a + b, 0) / all;
        const above = sources.map(({ totalExtents }, i) => (before[i] ?? 0) - Math.ceil(mean * totalExtents));
        const below = sources.map(({ totalExtents }, i) => Math.floor(mean * totalExtents) - (before[i] ?? 0));
        const sum = (list: number[]): number => list.reduce((total, each) => total + Math.max(0, each), 0);
        expect(extents).toBe(drain ? amounts[0] : Math.max(sum(above), sum(below)));
        // Done in their order: what each target takes is free at that time.
        let state = sources as ReturnType<typeof reserve>;
        for (const { to, length } of moves) state = reserve(state, [{ source: to.source, start: to.start, length }]);
        state = free(state, moves.map(({ from, length }) => ({ source: from.source, start: from.start, length })));
        expect(state.map(({ areas, totalExtents }) => Number(totalExtents) - areas.reduce((total, { length }) => total + Number(length), 0))).toEqual(after);
      }),
      { numRuns: 800 },
    );
  });
});
