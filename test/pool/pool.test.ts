import { describe, expect, it } from 'vitest';
import { FrameAllocator } from '../../lib/frames/index.js';
import { native } from '../../lib/native.js';
import { Pool } from '../../lib/pool/index.js';

const code = (name: string): unknown => expect.objectContaining({ name: 'FreestoneError', code: name });

describe('a pool', () => {
  it('gives Buffers of the size asked for, apart from each other', () => {
    using pool = new Pool();
    const blocks = Array.from({ length: 2000 }, (_, i) => pool.alloc(1 + ((i * 37) % 5000)).fill(i & 255));
    blocks.forEach((block, i) => {
      expect(block.length).toBe(1 + ((i * 37) % 5000));
      if (block[0] !== (i & 255) || block.at(-1) !== (i & 255)) expect.fail(`block ${String(i)} was written by another`);
    });
    expect(pool.stats().liveBlocks).toBe(2000);
    expect(pool.blocks()).toHaveLength(2000);
    for (const block of blocks) pool.free(block);
    expect(pool.stats().liveBlocks).toBe(0);
    pool.validate();
  });

  it('clears, aligns, resizes and copies texts', () => {
    using pool = new Pool();
    const dirty = pool.alloc(500).fill(255);
    pool.free(dirty);
    expect(pool.calloc(500).every((byte) => byte === 0)).toBe(true);
    expect(pool.usableSize(pool.allocAligned(100, 4096))).toBeGreaterThanOrEqual(100);
    expect(pool.allocAligned(100, 4096).byteOffset % 4096).toBe(0);
    const small = pool.alloc(100).fill('x');
    const large = pool.realloc(small, 100_000);
    expect(large.toString('utf8', 0, 100)).toBe('x'.repeat(100));
    expect(pool.owns(small)).toBe(false);
    for (const text of ['', 'a', 'a\0b', 'ä€😀', 'long'.repeat(30_000)]) {
      const copy = pool.strdup(text);
      expect(copy.toString()).toBe(text);
      pool.free(copy);
    }
  });

  it('resizes large blocks where they are, and gives back what they lose', () => {
    using pool = new Pool();
    const block = pool.alloc(1_000_000).fill('x');
    const shorter = pool.realloc(block, 300_000);
    expect(shorter.byteOffset).toBe(block.byteOffset);
    expect(pool.stats().committed).toBe(303_104);
    const longer = pool.realloc(shorter, 900_000);
    expect([longer.byteOffset, longer.length]).toEqual([block.byteOffset, 900_000]);
    expect(longer.toString('latin1', 0, 300_000)).toBe('x'.repeat(300_000));
    expect(pool.stats().committed).toBe(901_120);
    pool.validate();
    pool.free(longer);
    expect(() => pool.realloc(longer, 10)).toThrow(code('ERR_INVALID_ADDRESS'));
  });

  it('refuses foreign, inner, second and stale frees, and changes nothing', () => {
    const pool = new Pool();
    using other = new Pool();
    const block = pool.alloc(64);
    const freed = pool.alloc(64);
    pool.free(freed);
    const before = pool.stats();
    const wrong: unknown[] = [freed, block.subarray(1), block.subarray(16), Buffer.alloc(64), other.alloc(64), null, undefined, 1, {}, 'x', new Uint8Array(8), new ArrayBuffer(8)];
    for (const value of wrong) {
      expect(() => { pool.free(value as Buffer); }).toThrow(code('ERR_INVALID_ADDRESS'));
      expect(pool.owns(value as Buffer)).toBe(false);
    }
    expect(pool.stats()).toEqual(before);
    pool.free(block.subarray(0, 1));
    pool.destroy();
    expect(block.length).toBe(0);
    expect(() => { pool.free(block); }).toThrow(code('ERR_CLOSED'));
    expect(() => pool.alloc(1)).toThrow(code('ERR_CLOSED'));
    pool.destroy();
  });

  it('is not harmed by writing through a stale view', () => {
    using pool = new Pool();
    const blocks = Array.from({ length: 500 }, () => pool.alloc(32));
    for (const block of blocks) pool.free(block);
    for (const block of blocks) block.fill(0xff);
    const again = new Set(Array.from({ length: 500 }, () => pool.alloc(32).byteOffset));
    expect(again.size).toBe(500);
    pool.validate();
  });

  it.each([0, -1, 1.5, NaN, 2 ** 53, '1', null, undefined, {}, 5n * 2n ** 40n])('refuses the size %s', (size) => {
    using pool = new Pool();
    const call = (name: 'alloc' | 'calloc') => () => pool[name](size as number);
    expect(call('alloc')).toThrow(code('ERR_INVALID_SIZE'));
    expect(call('calloc')).toThrow(code('ERR_INVALID_SIZE'));
    expect(() => pool.allocAligned(16, 3)).toThrow(code('ERR_INVALID_ALIGNMENT'));
    expect(pool.stats().committed).toBe(0);
  });

  it('refuses wrong options and handles', () => {
    expect(() => new Pool({ size: 1 } as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => new Pool({ limit: 0 })).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => new Pool({ source: {} as never })).toThrow(code('ERR_INVALID_ARGUMENT'));
    for (const handle of [null, undefined, {}, { pool: 'x' }, { pool: -1 }]) expect(() => Pool.attach(handle as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => Pool.attach({ pool: 2 ** 40 })).toThrow(code('ERR_CLOSED'));
  });

  it('says in a hardened pool what was written where no block is, and what was freed again', () => {
    using pool = new Pool({ hardened: true, quarantine: 2 ** 18 });
    const block = pool.alloc(100).fill(1);
    const [place] = pool.blocks();
    new Uint8Array(block.buffer)[block.byteOffset + 100] = 1;
    expect(() => {
      pool.free(block);
    }).toThrow(code('ERR_OVERLAP'));
    expect(pool.findings()).toEqual([{ fault: 'overrun', address: place?.address, offset: 100 }]);
    expect(() => {
      pool.free(block);
    }).toThrow(code('ERR_INVALID_ADDRESS'));
    expect(pool.findings()).toEqual([{ fault: 'double-free', address: place?.address, offset: 0 }]);
    block[7] = 1;
    for (let i = 0; i < 100; i += 1) pool.free(pool.alloc(100));
    expect(pool.findings()).toEqual([{ fault: 'use-after-free', address: place?.address, offset: 7 }]);
    expect(pool.findings()).toEqual([]);
    expect(pool.stats().liveBlocks).toBe(0);
    pool.validate();
  });

  it('refuses bad frees however often, and changes nothing', () => {
    using pool = new Pool();
    const block = pool.alloc(4096);
    const freed = pool.alloc(64);
    pool.free(freed);
    const inner = block.subarray(16);
    let refused = 0;
    for (let i = 0; i < 10_000; i += 1) {
      for (const bad of [inner, freed]) {
        try {
          pool.free(bad);
        } catch {
          refused += 1;
        }
      }
    }
    expect(refused).toBe(20_000);
    expect(pool.stats().liveBlocks).toBe(1);
    pool.validate();
    pool.free(block);
  });

  it('keeps to its limit and fails cleanly at it', () => {
    using pool = new Pool({ limit: 2 ** 20 });
    const blocks: Buffer[] = [];
    expect(() => {
      for (;;) blocks.push(pool.alloc(1000));
    }).toThrow(code('ERR_LIMIT_EXCEEDED'));
    expect(pool.stats().committed).toBe(2 ** 20);
    expect(blocks.length).toBeGreaterThan(900);
    for (const block of blocks) pool.free(block);
    pool.free(pool.alloc(900_000));
  });

  it('ends everything at once, and shows nothing of it any more', () => {
    using pool = new Pool();
    const blocks = Array.from({ length: 100 }, (_, i) => pool.alloc(1 + i * 1000));
    pool.freeAll();
    expect(blocks.every(({ length }) => length === 0)).toBe(true);
    for (const block of blocks) expect(() => { pool.free(block); }).toThrow(code('ERR_INVALID_ADDRESS'));
    expect(pool.stats().liveBlocks).toBe(0);
    expect(pool.alloc(10).length).toBe(10);
    expect(pool.trim()).toBeGreaterThan(0);
  });

  it('takes its spans from a frame allocator and gives them back', () => {
    using frames = new FrameAllocator({ size: 64 * 2 ** 20 });
    const pool = new Pool({ source: frames });
    pool.alloc(100_000);
    expect(frames.stats().freeFrames).toBeLessThan(frames.stats().totalFrames);
    pool.freeAll();
    pool.trim();
    expect(frames.stats().freeFrames).toBe(frames.stats().totalFrames);
    pool.destroy();
  });

  it('is reached by its handle for as long as somebody holds it', () => {
    const pool = new Pool();
    const second = Pool.attach(pool.handle);
    const block = pool.alloc(100).fill('y');
    second.validate();
    expect(second.stats().liveBlocks).toBe(1);
    pool.destroy();
    expect(block.length).toBe(0);
    expect(second.stats().liveBlocks).toBe(1);
    second.destroy();
    expect(() => Pool.attach(second.handle)).toThrow(code('ERR_CLOSED'));
  });

  it('agrees with a list of blocks, whatever is asked of it', () => {
    using pool = new Pool();
    const model = new Map<Buffer, number>();
    let random = 12345;
    const next = (limit: number): number => (random = (random * 48271) % 2147483647) % limit;
    for (let i = 0; i < 20_000; i += 1) {
      const list = [...model.keys()];
      const any = list[next(Math.max(1, list.length))];
      if (any === undefined || (next(2) === 0 && list.length < 300)) {
        const stamp = next(256);
        model.set(pool.alloc(1 + next(next(20) === 0 ? 200_000 : 3000)).fill(stamp), stamp);
      } else {
        const stamp = model.get(any) ?? 0;
        if (any[0] !== stamp || any.at(-1) !== stamp) expect.fail('a block was written by another');
        model.delete(any);
        if (next(4) === 0) {
          const size = 1 + next(3000);
          const moved = pool.realloc(any, size);
          if (moved[0] !== stamp || moved[Math.min(size, any.length) - 1] !== stamp) expect.fail('a resized block lost its content');
          model.set(moved.fill(stamp), stamp);
        } else pool.free(any);
      }
      if (i % 5000 === 0) pool.validate();
    }
    expect(pool.stats().liveBlocks).toBe(model.size);
  });
});

describe('the native class', () => {
  it('throws at whatever it is given', () => {
    const { Pool: Native } = native();
    for (const argument of [undefined, null, -1, 1.5, 'x', {}, 2 ** 60]) {
      expect(() => new Native(argument as never)).toThrow();
      expect(() => new Native(argument as never, argument as never, argument as never, argument as never, argument as never)).toThrow();
    }
    const pool = new Native(2 ** 40, 0, 0, false, 0);
    for (const name of ['alloc', 'allocAligned', 'calloc', 'realloc', 'free', 'owns', 'usableSize', 'trim', 'window'] as const) {
      const method = (...values: unknown[]): unknown => (pool[name] as (...values: unknown[]) => unknown)(...values);
      for (const argument of [undefined, null, -1, 1.5, 'x', {}, Symbol('x'), 2 ** 60]) expect(() => method(argument, argument)).toThrow();
    }
    for (let address = 0; address < 100_000; address += 997) expect(() => { pool.free(address * 65_536 + address); }).toThrow(code('ERR_INVALID_ADDRESS'));
    for (const address of [2 ** 53 - 1, 2 ** 47, 2 ** 40]) expect(pool.owns(address)).toBe(false);
    pool.close();
    pool.close();
    expect(() => pool.alloc(1)).toThrow(code('ERR_CLOSED'));
  });
});
