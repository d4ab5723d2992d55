import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { FrameAllocator } from '../../lib/frames/index.js';
import { native } from '../../lib/native.js';
import { Heap } from '../../lib/slab/index.js';

const KIB = 1024;
const MIB = 1024 * KIB;

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof FreestoneError ? error.code : String(error);
  }
  return 'none';
}

describe('a heap', () => {
  it('has the 44 size classes of its one table', () => {
    expect(Heap.sizeClasses).toHaveLength(44);
    expect(Heap.sizeClasses.slice(0, 12)).toEqual([8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 160, 192]);
    expect(Heap.sizeClasses.slice(-4)).toEqual([48 * KIB, 64 * KIB, 96 * KIB, 128 * KIB]);
    // The README names the same ones.
    const named = /^The classes: ([^]*?)\n\n/m.exec(readFileSync(new URL('../../README.md', import.meta.url), 'utf8'))?.[1] ?? '';
    expect(named.match(/\d+/g)?.map(Number)).toEqual(Heap.sizeClasses);
  });

  it('gives Buffers of exactly the size, whose unit is the smallest that holds them', () => {
    using heap = new Heap();
    for (const size of [1, 8, 9, 100, 1000, 1024, 5000, 128 * KIB, 128 * KIB + 1, 3 * MIB]) {
      const buffer = heap.alloc(size);
      expect(buffer).toHaveLength(size);
      const unit = Heap.sizeClasses.find((each) => each >= size);
      if (unit === undefined) expect(heap.usableSize(buffer)).toBeGreaterThanOrEqual(size);
      else expect(heap.usableSize(buffer)).toBe(unit);
      buffer.fill(1);
      expect(heap.owns(buffer)).toBe(true);
      heap.dealloc(buffer);
      expect(heap.owns(buffer)).toBe(false);
    }
    heap.validate();
    expect(heap.stats().allocated).toBe(0);
  });

  it('aligns at every size', () => {
    using heap = new Heap();
    for (const size of [1, 100, 5000, 200 * KIB]) {
      for (let alignment = 1; alignment <= 8 * MIB; alignment *= 8) {
        const buffer = heap.allocAligned(size, alignment);
        const [block] = heap.blocks();
        expect((block?.address ?? 1) % alignment).toBe(0);
        heap.free(buffer);
      }
    }
  });

  it('clears what calloc gives and keeps what realloc moves', () => {
    using heap = new Heap();
    for (const size of [64, 3000, 300 * KIB]) {
      heap.alloc(size).fill(0xab);
      const [dirty] = [heap.alloc(size).fill(0xcd)];
      heap.dealloc(dirty);
      expect(heap.calloc(size).every((byte) => byte === 0)).toBe(true);
      const text = heap.alloc(size);
      text.write('kept over moves');
      const larger = heap.realloc(text, size * 3);
      expect(larger).toHaveLength(size * 3);
      const smaller = heap.realloc(larger, 15);
      expect(smaller.toString('latin1')).toBe('kept over moves');
    }
    heap.validate();
  });

  it('refuses double, foreign and inner frees, and nothing changes', () => {
    using heap = new Heap();
    using other = new Heap();
    using frames = new FrameAllocator({ size: 64 * MIB });
    const small = heap.alloc(100);
    const large = heap.alloc(MIB);
    const freed = heap.alloc(100);
    heap.dealloc(freed);
    const { allocated } = heap.stats();
    const strangers: unknown[] = [
      freed,
      small.subarray(8),
      small.subarray(0, 0),
      large.subarray(64 * KIB),
      other.alloc(100),
      other.alloc(MIB),
      Buffer.alloc(100),
      new Uint8Array(8),
      frames.view(frames.allocate(1), 1),
      undefined,
      null,
      17,
      'text',
      {},
    ];
    for (const stranger of strangers) {
      const buffer = stranger as Buffer;
      expect(codeOf(() => { heap.dealloc(buffer); })).toBe('ERR_INVALID_ADDRESS');
      expect(codeOf(() => { heap.free(buffer); })).toBe('ERR_INVALID_ADDRESS');
      expect(codeOf(() => heap.usableSize(buffer))).toBe('ERR_INVALID_ADDRESS');
      expect(codeOf(() => heap.realloc(stranger as Buffer, 8))).toBe('ERR_INVALID_ADDRESS');
      expect(heap.owns(stranger as Buffer)).toBe(false);
    }
    expect(heap.freeMany(strangers as Buffer[])).toBe(0);
    expect(heap.stats().allocated).toBe(allocated);
    heap.validate();
    heap.dealloc(small);
    heap.dealloc(large);
  });

  it('refuses sizes, alignments and options that there are not', () => {
    using heap = new Heap();
    for (const size of [0, -1, 1.5, NaN, Infinity, 2 ** 32 + 1, 2 ** 53, '8', null, undefined, {}]) {
      expect(codeOf(() => heap.alloc(size as number))).toBe('ERR_INVALID_SIZE');
      expect(codeOf(() => heap.calloc(size as number))).toBe('ERR_INVALID_SIZE');
      expect(codeOf(() => heap.allocMany(size as number, 1))).toBe('ERR_INVALID_SIZE');
    }
    for (const alignment of [0, 3, 48, -8, 2 ** 33, 'x']) {
      expect(codeOf(() => heap.allocAligned(8, alignment as number))).toBe('ERR_INVALID_ALIGNMENT');
    }
    for (const count of [0, -1, 2 ** 21, 'x']) expect(codeOf(() => heap.allocMany(8, count as number))).toBe('ERR_INVALID_ARGUMENT');
    expect(codeOf(() => heap.freeMany(undefined as never))).toBe('ERR_INVALID_ARGUMENT');
    for (const initialArenaSize of [0, 5 * MIB, 2 * MIB, 512 * MIB, 'x']) {
      expect(codeOf(() => new Heap({ initialArenaSize: initialArenaSize as number }))).toBe('ERR_INVALID_SIZE');
    }
    for (const bad of [{ growthBatch: 0 }, { maxGrowthShift: 7 }, { initialArenaSize: 128 * MIB, maxGrowthShift: 2 }, { threadSafe: 1 }, { debug: 'yes' }, { tread: 1 }]) {
      expect(codeOf(() => new Heap(bad as object))).toBe('ERR_INVALID_ARGUMENT');
    }
    for (const handle of [null, {}, { heap: 0 }, { heap: 'x' }]) expect(codeOf(() => Heap.attach(handle as never))).toBe('ERR_INVALID_ARGUMENT');
    expect(codeOf(() => Heap.attach({ heap: 2 ** 40 }))).toBe('ERR_CLOSED');
    expect(codeOf(() => heap.on('limits' as never, () => undefined))).toBe('ERR_INVALID_ARGUMENT');
  });

  it('takes bigints for numbers', () => {
    using heap = new Heap({ limit: BigInt(MIB) as never });
    expect(heap.alloc(100n as never)).toHaveLength(100);
  });

  it('makes views length 0 when it is destroyed, and leaves other heaps alone', () => {
    const heap = new Heap();
    using other = new Heap();
    const views = [heap.alloc(100), heap.alloc(MIB)];
    const kept = other.alloc(100).fill(7);
    heap.destroy();
    for (const view of views) expect(view).toHaveLength(0);
    expect(kept.every((byte) => byte === 7)).toBe(true);
    for (const call of [() => heap.alloc(8), () => { heap.dealloc(kept); }, () => heap.stats(), () => { heap.freeAll(); }, () => heap.trim(), () => heap.toSVG(), () => heap.cache(8).acquire()]) {
      expect(codeOf(call)).toBe('ERR_CLOSED');
    }
    heap.destroy();
    other.dealloc(kept);
  });

  it('gives many blocks at once, or none', () => {
    using heap = new Heap({ limit: 4 * MIB });
    const blocks = heap.allocMany(KIB, 1000);
    expect(blocks.every((block) => block.length === KIB)).toBe(true);
    blocks.forEach((block, i) => block.fill(i & 255));
    expect(blocks.every((block, i) => block.every((byte) => byte === (i & 255)))).toBe(true);
    expect(heap.freeMany(blocks)).toBe(1000);
    expect(codeOf(() => heap.allocMany(KIB, 10_000))).toBe('ERR_LIMIT_EXCEEDED');
    expect(heap.stats().allocated).toBe(0);
  });

  it('tells of its limit and of what it refused', () => {
    using heap = new Heap({ limit: 2 * MIB });
    const refused: unknown[] = [];
    heap.on('limit', (limit) => refused.push(limit));
    const large = heap.alloc(MIB);
    expect(codeOf(() => heap.alloc(2 * MIB))).toBe('ERR_LIMIT_EXCEEDED');
    expect(refused).toEqual([{ requested: 2 * MIB, limit: 2 * MIB }]);
    heap.dealloc(large);
    expect(heap.alloc(2 * MIB)).toHaveLength(2 * MIB);
    expect(heap.stats()).toMatchObject({ limit: 2 * MIB, refused: 1 });
  });

  it('ends every block at once, and gives its memory back', () => {
    using heap = new Heap({ dedicated: true });
    for (let i = 0; i < 2000; i += 1) heap.alloc(1 + ((i * 7919) % 300_000)).fill(1);
    heap.freeAll();
    expect(heap.stats()).toMatchObject({ allocated: 0, committed: 0 });
    expect(heap.blocks()).toEqual([]);
    heap.validate();
    heap.trim();
    expect(heap.stats().freeResidentBytes).toBe(0);
  });

  it('gives back the pages between live blocks when it is trimmed', () => {
    using heap = new Heap({ dedicated: true });
    const blocks = Array.from({ length: 8192 }, (_, i) => heap.alloc(KIB).fill(i & 255));
    const kept = blocks.filter((_, i) => i % 32 === 0);
    expect(heap.freeMany(blocks.filter((_, i) => i % 32 !== 0))).toBe(blocks.length - kept.length);
    const { held } = heap.stats();
    expect(heap.trim()).toBeGreaterThan(held / 2);
    const { allocated, committed } = heap.stats();
    expect(committed).toBeLessThan(held / 2);
    expect(committed).toBeGreaterThanOrEqual(allocated);
    expect(heap.stats().held).toBe(held);
    expect(kept.every((block, i) => block.every((byte) => byte === ((i * 32) & 255)))).toBe(true);
    expect(Array.from({ length: 4096 }, () => heap.calloc(KIB)).every((block) => block.every((byte) => byte === 0))).toBe(true);
    heap.validate();
  });

  it('counts per class and per layer', () => {
    using heap = new Heap();
    const small = Array.from({ length: 1000 }, () => heap.alloc(100));
    heap.dealloc(heap.alloc(MIB));
    heap.dealloc(heap.alloc(MIB));
    const stats = heap.stats();
    const each = stats.perClass.find(({ size }) => size === 112);
    expect(each).toMatchObject({ units: 1000, segments: 2 });
    expect(each?.capacity).toBe(2 * Math.floor((64 * KIB) / 112));
    expect(stats.allocated).toBe(1000 * 112);
    expect(stats.large).toMatchObject({ count: 0, bytes: 0, cachedCount: 1 });
    expect(stats.caches.large).toEqual({ hits: 1, misses: 1 });
    expect(stats.caches.unit.hits + stats.caches.unit.misses).toBe(1000);
    expect(stats.caches.unit.hits).toBeGreaterThan(950);
    expect(heap.freeMany(small)).toBe(1000);
  });

  it('in debug mode tells of writes behind blocks and after their end, and who holds what', () => {
    using heap = new Heap({ debug: true });
    function forgetful(): Buffer {
      return heap.alloc(100);
    }
    const leaked = forgetful();
    expect(leaked[0]).toBe(0xcd);
    expect(heap.blocks()).toHaveLength(1);
    expect(heap.blocks()[0]).toMatchObject({ bytes: 100 });
    expect(heap.blocks()[0]?.stack).toContain('forgetful');
    const whole = Buffer.from(leaked.buffer, leaked.byteOffset, 101);
    const before = whole[100] ?? 0;
    whole[100] = 1;
    expect(codeOf(() => { heap.dealloc(leaked); })).toBe('ERR_OVERLAP');
    expect(codeOf(() => { heap.validate(); })).toBe('ERR_OVERLAP');
    whole[100] = before;
    heap.dealloc(leaked);
    expect(leaked[0]).toBe(0xdd);
    expect(codeOf(() => { heap.dealloc(leaked); })).toBe('ERR_INVALID_ADDRESS');
    leaked[5] = 1;
    heap.trim();
    expect(heap.stats().debug).toMatchObject({ blocks: 0, overruns: 1, lateWrites: 1 });
  });

  it('draws itself', () => {
    using heap = new Heap();
    for (let i = 0; i < 500; i += 1) heap.alloc(1 + ((i * 7919) % 20_000));
    const svg = heap.toSVG();
    expect(svg).toMatch(/^<svg [^]*<\/svg>\n$/);
    expect(svg.match(/<title>/g)?.length).toBe(heap.stats().perClass.reduce((sum, { slabs }) => sum + slabs, 0));
  });

  it('survives any argument to its native part', () => {
    const { SlabHeap } = native();
    const values: unknown[] = [undefined, null, -1, 0, 1.5, NaN, 2 ** 53, 2 ** 60, 'x', {}, [], new Float64Array(3), new Uint8Array(3), () => undefined, Symbol('s'), 8n];
    const heap = new SlabHeap(4 * MIB, 8, 3, 0, 1) as unknown as Record<string, (...args: unknown[]) => unknown>;
    const names = Object.keys(heap).length > 0 ? Object.keys(heap) : Object.getOwnPropertyNames(Object.getPrototypeOf(heap));
    for (const name of ['alloc', 'allocAligned', 'calloc', 'realloc', 'free', 'allocMany', 'freeMany', 'usableSize', 'owns', 'window', ...names]) {
      if (name === 'close' || name === 'constructor') continue;
      for (const first of values) {
        for (const second of values) {
          try {
            heap[name]?.(first, second, first);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        }
      }
    }
    heap['validate']?.();
    heap['close']?.();
  });
});

describe('an object cache', () => {
  it('constructs once, keeps what is released constructed, and destructs at the end', () => {
    using heap = new Heap();
    const log: string[] = [];
    const cache = heap.cache(64, {
      init: (object) => {
        log.push('init');
        object.fill(0);
        object.write('made');
      },
      fini: () => log.push('fini'),
      max: 2,
      reserve: 1,
    });
    expect(log).toEqual(['init']);
    const first = cache.acquire();
    expect(first.toString('latin1', 0, 4)).toBe('made');
    first.write('used', 8);
    cache.release(first);
    expect(cache.acquire().toString('latin1', 8, 12)).toBe('used');
    const more = [cache.acquire(), cache.acquire()];
    expect(cache.stats()).toEqual({ cached: 0, used: 3, hits: 2, misses: 2 });
    for (const object of more) cache.release(object);
    cache.release(first);
    expect(log.filter((entry) => entry === 'fini')).toHaveLength(1);
    expect(codeOf(() => { cache.release(first); })).toBe('ERR_INVALID_ADDRESS');
    expect(codeOf(() => { cache.release(Buffer.alloc(64)); })).toBe('ERR_INVALID_ADDRESS');
    heap.trim();
    expect(log.filter((entry) => entry === 'fini')).toHaveLength(3);
    cache.acquire();
    cache.destroy();
    expect(log.filter((entry) => entry === 'init')).toHaveLength(log.filter((entry) => entry === 'fini').length);
    expect(codeOf(() => cache.acquire())).toBe('ERR_CLOSED');
    expect(heap.stats().allocated).toBe(0);
  });

  it('gives back the object whose construction fails', () => {
    using heap = new Heap();
    const cache = heap.cache(64, {
      init: () => {
        throw new Error('no');
      },
    });
    expect(() => cache.acquire()).toThrow('no');
    expect(() => heap.cache(64, { init: () => { throw new Error('no'); }, reserve: 3 })).toThrow('no');
    expect(heap.stats().allocated).toBe(0);
    for (const bad of [{ init: 1 }, { fini: 'x' }, { max: -1 }, { reserve: 5, max: 4 }, { size: 1 }]) {
      expect(codeOf(() => heap.cache(64, bad as object))).toBe('ERR_INVALID_ARGUMENT');
    }
  });

  it('forgets its objects when the heap ends every block', () => {
    using heap = new Heap();
    const cache = heap.cache(64, { reserve: 4 });
    const object = cache.acquire();
    heap.freeAll();
    expect(cache.stats()).toMatchObject({ cached: 0, used: 0 });
    expect(codeOf(() => { cache.release(object); })).toBe('ERR_INVALID_ADDRESS');
  });
});
