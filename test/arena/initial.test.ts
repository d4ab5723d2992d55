import { describe, expect, it } from 'vitest';
import { Arena, ArenaPool } from '../../lib/arena/index.js';
import { FrameAllocator } from '../../lib/frames/index.js';
import { native } from '../../lib/native.js';
import { Pool } from '../../lib/pool/index.js';

const code = (name: string): unknown => expect.objectContaining({ name: 'FreestoneError', code: name });

describe("an arena with a caller's initial buffer", () => {
  it('uses it before the first chunk, and again after a reset', () => {
    using pool = new Pool();
    const initial = Buffer.alloc(1024);
    using arena = new Arena(pool, { initial });
    const first = arena.alloc(900).fill(7);
    expect(first.buffer).toBe(initial.buffer);
    expect(initial.includes(Buffer.alloc(900, 7))).toBe(true);
    expect([arena.totalAllocated, arena.chunkCount, pool.stats().liveBlocks]).toEqual([1024, 1, 0]);
    const second = arena.alloc(900).fill(8);
    expect(second.buffer).not.toBe(initial.buffer);
    expect([arena.totalAllocated, arena.chunkCount, pool.stats().liveBlocks]).toEqual([1024 + 4096, 2, 1]);
    expect(arena.waste).toBe(1024 - (arena.totalUsed - 912));
    expect([arena.owns(first), arena.owns(second), arena.owns(Buffer.from(initial.buffer, initial.byteOffset + 1020, 1))]).toEqual([true, true, false]);
    arena.reset();
    expect([arena.totalUsed, arena.owns(first)]).toEqual([0, false]);
    expect(arena.alloc(10).buffer).toBe(initial.buffer);
    expect(arena.alloc(2000).buffer).toBe(second.buffer);
    arena.clear();
    arena.retain(0);
    expect(arena.totalAllocated).toBe(1024);
    expect(arena.highWater).toBe(1024 + 4096);
    arena.destroy();
    expect(first[0]).toBe(7);
    expect(() => arena.alloc(1)).toThrow(code('ERR_CLOSED'));
  });

  it('aligns blocks by their address, in any Buffer', () => {
    const whole = Buffer.allocUnsafeSlow(20_000);
    const remainder = (block: Uint8Array, divisor: number): number => native().addressRemainder(block, divisor);
    for (let front = 0; front < 40; front += 3) {
      using arena = new Arena(undefined, { initial: whole.subarray(front) });
      for (const alignment of [1, 16, 64, 1024, 4096]) {
        const block = arena.allocAligned(10, alignment);
        expect(block.buffer).toBe(whole.buffer);
        expect(remainder(block, Math.max(16, alignment))).toBe(0);
      }
    }
  });

  it('marks, rewinds, resizes and frees in it as in a chunk', () => {
    const initial = Buffer.alloc(1024);
    using arena = new Arena(undefined, { initial });
    const first = arena.alloc(100).fill('a');
    const mark = arena.mark();
    const second = arena.alloc(100);
    const used = arena.totalUsed;
    expect(arena.realloc(second, 200).byteOffset).toBe(second.byteOffset);
    expect(arena.freeLast(Buffer.from(second.buffer, second.byteOffset, 200))).toBe(true);
    // What lies before the mark is not the last block any more.
    expect(arena.freeLast(first)).toBe(false);
    expect(arena.realloc(first, 50).length).toBe(50);
    expect(arena.totalUsed).toBe(used - 112);
    arena.alloc(2000);
    expect(arena.chunkCount).toBe(2);
    expect(arena.freeLast(first)).toBe(false);
    arena.rewind(mark);
    expect(arena.alloc(100).byteOffset).toBe(second.byteOffset);
    const moved = arena.realloc(first, 5000);
    expect(moved.toString('latin1', 0, 100)).toBe('a'.repeat(100));
    expect(arena.strdup('text').toString()).toBe('text');
  });

  it('gives its children none of it', () => {
    const initial = Buffer.alloc(8192);
    using arena = new Arena(undefined, { initial });
    const block = arena.alloc(10);
    const child = arena.child();
    expect(child.alloc(10).buffer).not.toBe(initial.buffer);
    expect(arena.alloc(10).byteOffset).toBe(block.byteOffset + 16);
    expect(arena.totalUsed).toBeGreaterThanOrEqual(4096 + 32);
    const own = arena.child({ initial: Buffer.alloc(100) });
    expect(own.alloc(50).length).toBe(50);
    expect(own.totalAllocated).toBe(100);
  });

  it('refuses what cannot be one, and says so when it is gone', () => {
    for (const wrong of [1, 'x', {}, null, new ArrayBuffer(100), new Uint16Array(100)]) expect(() => new Arena(undefined, { initial: wrong as never })).toThrow(code('ERR_INVALID_ARGUMENT'));
    const gone = Buffer.allocUnsafeSlow(1000);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    for (const wrong of [Buffer.alloc(0), Buffer.alloc(63), gone]) expect(() => new Arena(undefined, { initial: wrong })).toThrow(code('ERR_INVALID_SIZE'));
    expect(() => new ArenaPool({ initial: Buffer.alloc(100) } as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    const initial = Buffer.allocUnsafeSlow(1000);
    using arena = new Arena(undefined, { initial });
    const block = arena.alloc(10);
    structuredClone(initial.buffer, { transfer: [initial.buffer] });
    expect([block.length, arena.owns(block), arena.freeLast(block)]).toEqual([0, false, false]);
    expect(() => arena.alloc(10)).toThrow(code('ERR_INVALID_ADDRESS'));
    arena.reset();
    expect(() => arena.alloc(10)).toThrow(code('ERR_INVALID_ADDRESS'));
  });

  it('counts it towards limits, and leaves it alone in debug mode', () => {
    using bounded = new Arena(undefined, { initial: Buffer.alloc(1000), limit: 5000 });
    bounded.alloc(900);
    expect(() => bounded.alloc(900)).toThrow(code('ERR_LIMIT_EXCEEDED'));
    const initial = Buffer.alloc(1000);
    using arena = new Arena(undefined, { initial, debug: true });
    const block = arena.alloc(100).fill(1);
    arena.reset();
    expect(block.length).toBe(0);
    expect(initial.every((byte) => byte === 0)).toBe(true);
  });
});

describe('an arena over frames of the caller', () => {
  it('takes its chunks there and gives all of them back', () => {
    using frames = new FrameAllocator({ size: 2 ** 24 });
    const free = frames.stats().freeFrames;
    const arena = new Arena(undefined, { source: frames });
    const block = arena.alloc(10_000).fill(3);
    expect(frames.stats().freeFrames).toBeLessThan(free);
    arena.destroy();
    expect(block.length).toBe(0);
    expect(frames.stats().freeFrames).toBe(free);
    for (const wrong of [1, {}, null]) expect(() => new Arena(undefined, { source: wrong as never })).toThrow(code('ERR_INVALID_ARGUMENT'));
    using pool = new Pool();
    expect(() => new Arena(pool, { source: frames })).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => new Arena(undefined, { source: frames, initialChunkSize: 100 })).toThrow(code('ERR_INVALID_SIZE'));
    frames.close();
    expect(() => new Arena(undefined, { source: frames })).toThrow(code('ERR_CLOSED'));
  });
});
