import { describe, expect, it } from 'vitest';
import { FrameAllocator } from '../../lib/frames/index.js';

const BLOCK = 2 * 2 ** 20;

describe('what an allocator shows', () => {
  it('is counted exactly', () => {
    using frames = new FrameAllocator({ size: 16 * BLOCK });
    const list = frames.allocateBatch(3, 100);
    const large = frames.allocate(512);
    const stats = frames.stats();
    expect(stats.totalFrames).toBe(16 * 512);
    expect(stats.freeFrames).toBe(16 * 512 - 300 - 512);
    expect(stats.allocations).toBe(101);
    expect(stats.committedBytes).toBeGreaterThanOrEqual((300 + 512) * 4096);
    expect(stats.metadataBytes).toBeLessThan((16 * BLOCK) / 100);
    frames.freeBatch(list, 3);
    frames.free(large, 512);
    expect(frames.stats().frees).toBe(101);
  });

  it('names the call site of what was not freed', () => {
    using frames = new FrameAllocator({ size: 4 * BLOCK, track: true });
    function forgetful(): number {
      return frames.allocate(2);
    }
    const first = forgetful();
    frames.free(frames.allocate(5), 5);
    const leaks = frames.leaks();
    expect(leaks).toMatchObject([{ frame: first, frames: 2 }]);
    expect(leaks[0]?.stack).toContain('forgetful');
    expect(leaks[0]?.stack).not.toContain('FrameAllocator.allocate');
  });

  it('has times only while timing is on', () => {
    using frames = new FrameAllocator({ size: 4 * BLOCK });
    frames.free(frames.allocate(1), 1);
    expect(frames.histogram('allocate').buckets).toEqual([]);
    frames.setTiming(true);
    for (let i = 0; i < 1000; i += 1) frames.free(frames.allocate(1), 1);
    const times = frames.histogram('free');
    expect(times.buckets.reduce((sum, { count }) => sum + count, 0)).toBe(1000);
    expect(times.p50).toBeGreaterThan(0);
    expect(times.p50).toBeLessThanOrEqual(times.p999);
    expect(times.p999).toBeLessThanOrEqual(times.max);
  });

  it('is a byte for each block, and a picture', () => {
    using frames = new FrameAllocator({ size: 8 * BLOCK });
    frames.allocate(1024);
    frames.allocate(200);
    const map = frames.map();
    expect(map.length).toBe(8);
    expect([...map].filter((share) => share === 255).length).toBe(2);
    expect([...map].filter((share) => share > 0 && share < 255).length).toBe(1);
    const svg = frames.toSVG();
    expect(svg.startsWith('<svg ')).toBe(true);
    expect(svg.match(/<title>/g)?.length).toBe(8);
    expect(svg).toContain('1224 of 4096 frames in use');
  });
});

describe('compaction', () => {
  it('moves movable runs out of sparse blocks, with their content, and nothing else', () => {
    using frames = new FrameAllocator({ size: 32 * BLOCK, cpuCache: 0 });
    const place = new Map<number, number>();
    const content = new Map<number, number>();
    const all: { id: number; first: number }[] = [];
    for (let id = 0; id < 1024; id += 1) {
      const first = frames.allocate(8, {
        movable: (from, to, count) => {
          expect(count).toBe(8);
          expect(place.get(id)).toBe(from);
          place.set(id, to);
        },
      });
      place.set(id, first);
      frames.view(first, 8).writeUInt32LE(id + 1, 100);
      content.set(id, id + 1);
      all.push({ id, first });
    }
    const fixed = frames.allocate(3);
    frames.view(fixed, 3).fill(9);
    for (const { id, first } of all) {
      if (id % 8 === 0) continue;
      frames.free(first, 8);
      place.delete(id);
    }
    const done = frames.compact();
    expect(done.moved).toBeGreaterThan(0);
    expect(done.hugeBlocksFreed).toBeGreaterThan(0);
    for (const [id, first] of place) expect(frames.view(first, 8).readUInt32LE(100)).toBe(content.get(id));
    expect(frames.view(fixed, 3).every((byte) => byte === 9)).toBe(true);
    frames.validate();
    for (const first of place.values()) frames.free(first, 8);
    frames.free(fixed, 3);
    expect(frames.stats().freeFrames).toBe(frames.stats().totalFrames);
  });

  it('passes on what a mover throws, and leaves its run where it was', () => {
    using frames = new FrameAllocator({ size: 32 * BLOCK, cpuCache: 0 });
    const runs = Array.from({ length: 600 }, () =>
      frames.allocate(8, {
        movable: () => {
          throw new Error('no');
        },
      }),
    );
    const kept = runs.filter((_, i) => i % 16 === 0);
    for (const run of runs) if (!kept.includes(run)) frames.free(run, 8);
    expect(() => frames.compact()).toThrow('no');
    frames.validate();
    for (const run of kept) frames.free(run, 8);
    expect(frames.stats().freeFrames).toBe(frames.stats().totalFrames);
  });

  it('cannot be begun from within', () => {
    using frames = new FrameAllocator({ size: 32 * BLOCK, cpuCache: 0 });
    const runs = Array.from({ length: 600 }, () => frames.allocate(8, { movable: () => frames.compact() }));
    runs.forEach((run, i) => {
      if (i % 16 !== 0) frames.free(run, 8);
    });
    expect(() => frames.compact()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }) as Error);
  });
});
