import { describe, expect, it } from 'vitest';
import { Arena, ArenaPool, type ChunkEvent } from '../../lib/arena/index.js';
import { native } from '../../lib/native.js';
import { Pool } from '../../lib/pool/index.js';

const code = (name: string): unknown => expect.objectContaining({ name: 'FreestoneError', code: name });
const KIB = 1024;

describe('an arena', () => {
  it('needs one chunk for fifty small objects, and 4 + 8 + 16 + 32 + 64 KiB for a hundred kilobytes of them', () => {
    using arena = new Arena();
    for (let i = 0; i < 50; i += 1) arena.alloc(40);
    expect(arena.chunkCount).toBe(1);
    expect(arena.totalUsed).toBe(50 * 48);
    arena.reset();
    for (let i = 0; i < 100_000; i += 16) arena.alloc(16);
    expect(arena.totalAllocated).toBe((4 + 8 + 16 + 32 + 64) * KIB);
    expect(arena.chunkSize).toBe(64 * KIB);
    expect(arena.waste).toBe(0);
  });

  it('keeps blocks apart and aligned, also across chunks', () => {
    using arena = new Arena();
    const blocks = Array.from({ length: 3000 }, (_, i) => arena.alloc(1 + ((i * 31) % 700)).fill(i & 255));
    blocks.forEach((block, i) => {
      if (block.byteOffset % 16 !== 0 || block.some((byte) => byte !== (i & 255))) expect.fail(`block ${String(i)}`);
    });
    expect(arena.allocAligned(10, 4096).byteOffset % 64).toBe(0);
    expect(arena.calloc(300).every((byte) => byte === 0)).toBe(true);
    expect(arena.alloc(300_000).length).toBe(300_000);
  });

  it('copies texts, whole or in part, and formats as util.format does', () => {
    using arena = new Arena();
    for (const text of ['', 'abc', 'a\0b', 'ä€😀', 'long'.repeat(50_000), '\ud800']) expect(arena.strdup(text).toString()).toBe(Buffer.from(text).toString());
    expect(arena.strndup('abcdef', 3).toString()).toBe('abc');
    expect(arena.strndup('ä€😀', 2).toString()).toBe('ä');
    expect(arena.strndup('ä€😀', 8).toString()).toBe('ä€');
    expect(arena.strndup('ä€😀', 9).toString()).toBe('ä€😀');
    expect(arena.strndup('abc', 0).length).toBe(0);
    expect(arena.sprintf('%s has %d of %j', 'x', 3, { a: 1 }).toString()).toBe('x has 3 of {"a":1}');
  });

  it('keeps its chunks at a reset, the first at a clear, and as many as fit at a retain', () => {
    using arena = new Arena();
    const first = arena.alloc(16);
    for (let i = 0; i < 5000; i += 1) arena.alloc(32);
    const held = arena.totalAllocated;
    arena.reset();
    expect(arena.totalUsed).toBe(0);
    expect(arena.totalAllocated).toBe(held);
    expect(arena.alloc(16).byteOffset).toBe(first.byteOffset);
    arena.retain(20 * KIB);
    expect(arena.totalAllocated).toBe(12 * KIB);
    const later = arena.alloc(5000);
    arena.clear();
    expect(later.length).toBe(0);
    expect(arena.totalAllocated).toBe(4 * KIB);
    expect(arena.highWater).toBe(held);
  });

  it('rewinds to marks, in order, and refuses others', () => {
    using arena = new Arena();
    arena.alloc(100);
    const used = arena.totalUsed;
    const outer = arena.mark();
    for (let i = 0; i < 1000; i += 1) arena.alloc(100);
    const inner = arena.mark();
    arena.rewind(outer);
    expect(arena.totalUsed).toBe(used);
    for (const wrong of [outer, inner, { generation: 1, depth: 1 }, null]) expect(() => { arena.rewind(wrong as never); }).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(arena.scope((within) => within.alloc(5000).length)).toBe(5000);
    expect(arena.totalUsed).toBe(used);
  });

  it('calls what was deferred in reverse order, once, and not what was taken back', () => {
    const arena = new Arena();
    const calls: string[] = [];
    arena.defer(() => calls.push('a'));
    const mark = arena.mark();
    arena.defer(() => calls.push('b'));
    arena.defer(() => calls.push('x'))();
    arena.defer(() => calls.push('c'));
    arena.rewind(mark);
    expect(calls).toEqual(['c', 'b']);
    arena.destroy();
    expect(calls).toEqual(['c', 'b', 'a']);
  });

  it('frees and resizes its last block in place, and no other', () => {
    using arena = new Arena();
    const first = arena.alloc(100).fill('a');
    const grown = arena.realloc(first, 1000);
    expect(grown.byteOffset).toBe(first.byteOffset);
    const second = arena.alloc(10);
    expect(arena.freeLast(first)).toBe(false);
    expect(arena.freeLast(second)).toBe(true);
    expect(arena.owns(second)).toBe(false);
    const third = arena.alloc(10);
    const moved = arena.realloc(grown, 2000);
    expect(moved.byteOffset).not.toBe(grown.byteOffset);
    expect(moved.toString('utf8', 0, 100)).toBe('a'.repeat(100));
    expect(arena.owns(third)).toBe(true);
    expect(() => arena.realloc(Buffer.alloc(8), 20)).toThrow(code('ERR_INVALID_ADDRESS'));
  });

  it('writes pieces into one view, and many blocks into one', () => {
    using arena = new Arena();
    const writer = arena.writer();
    let expected = '';
    for (let i = 0; i < 3000; i += 1) {
      writer.append(i).append(' €');
      expected += `${String(i)} €`;
    }
    expect(writer.append(Buffer.from('!')).finish().toString()).toBe(`${expected}!`);
    expect(() => writer.append('x')).toThrow(code('ERR_CLOSED'));
    const { buffer, offsets } = arena.allocMany([1, 16, 17, 5]);
    expect([...offsets]).toEqual([0, 16, 32, 64]);
    expect(buffer.length).toBe(80);
    expect(() => arena.allocMany([1, 0])).toThrow(code('ERR_INVALID_SIZE'));
  });

  it('tells of its chunks, and fails cleanly at its limit', () => {
    const events: ChunkEvent[] = [];
    const arena = new Arena(undefined, { limit: 20 * KIB, softLimit: 5 * KIB, onChunk: (event) => events.push(event) });
    expect(() => {
      for (;;) arena.alloc(64);
    }).toThrow(code('ERR_LIMIT_EXCEEDED'));
    expect(arena.totalAllocated).toBe(12 * KIB);
    arena.destroy();
    expect(events.map(({ event }) => event)).toEqual(['allocated', 'grown', 'allocated', 'limit', 'grown', 'freed', 'freed']);
  });

  it('in debug mode shows nothing of what has ended, and lists what has not', () => {
    using arena = new Arena(undefined, { debug: true });
    const kept = arena.alloc(10);
    const mark = arena.mark();
    const rewound = arena.alloc(20);
    arena.rewind(mark);
    expect([kept.length, rewound.length]).toEqual([10, 0]);
    expect(arena.liveAllocations()).toEqual([{ size: 10, stack: expect.stringContaining('arena.test') as string }]);
    arena.reset();
    expect(kept.length).toBe(0);
    const cleared = arena.alloc(10);
    expect(cleared.every((byte) => byte === 0xdd)).toBe(true);
    arena.clear();
    expect(cleared.length).toBe(0);
  });

  it('gives everything back to its pool when it is destroyed, and is closed then', () => {
    using pool = new Pool();
    const arena = new Arena(pool);
    const view = arena.alloc(10_000);
    expect(pool.stats().liveBlocks).toBe(1);
    arena.destroy();
    arena.destroy();
    expect(view.length).toBe(0);
    expect(pool.stats().liveBlocks).toBe(0);
    for (const call of [() => arena.alloc(1), () => { arena.reset(); }, () => arena.mark(), () => arena.totalUsed, () => arena.strdup('')]) expect(call).toThrow(code('ERR_CLOSED'));
  });

  it('keeps its memory when its pool is destroyed before it', () => {
    const pool = new Pool();
    const arena = new Arena(pool);
    const view = arena.alloc(100).fill(7);
    pool.destroy();
    expect(view[99]).toBe(7);
    expect(arena.alloc(100_000).length).toBe(100_000);
    arena.destroy();
  });

  it.each([0, -1, 1.5, NaN, 2 ** 30 + 1, '1', null, undefined])('refuses the size %s', (size) => {
    using arena = new Arena();
    expect(() => arena.alloc(size as number)).toThrow(code('ERR_INVALID_SIZE'));
    expect(arena.chunkCount).toBe(0);
  });

  it('refuses options that cannot be', () => {
    expect(() => new Arena(undefined, { size: 1 } as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => new Arena({} as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => new Arena(undefined, { initialChunkSize: 100 })).toThrow(code('ERR_INVALID_SIZE'));
    expect(() => new Arena(undefined, { alignment: 3 })).toThrow(code('ERR_INVALID_ALIGNMENT'));
    expect(() => new Arena(undefined, { onChunk: 1 as never })).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('is a stack of blocks, whatever is asked of it', () => {
    using arena = new Arena();
    let random = 99;
    const next = (limit: number): number => (random = (random * 48271) % 2147483647) % limit;
    let blocks: { view: Buffer; stamp: number }[] = [];
    let marks: { mark: ReturnType<Arena['mark']>; count: number }[] = [];
    for (let i = 0; i < 20_000; i += 1) {
      const choice = next(1000);
      if (choice < 850) {
        const stamp = next(256);
        blocks.push({ view: arena.alloc(1 + next(choice < 5 ? 100_000 : 200)).fill(stamp), stamp });
      } else if (choice < 920) marks.push({ mark: arena.mark(), count: blocks.length });
      else if (choice < 998) {
        const depth = next(Math.max(1, marks.length));
        const open = marks[depth];
        if (open !== undefined) {
          arena.rewind(open.mark);
          blocks = blocks.slice(0, open.count);
          marks = marks.slice(0, depth);
        }
      } else {
        arena.reset();
        blocks = [];
        marks = [];
      }
      const any = blocks[next(Math.max(1, blocks.length))];
      if (any !== undefined && (any.view[0] !== any.stamp || any.view.at(-1) !== any.stamp || !arena.owns(any.view))) expect.fail('a block was written by another');
    }
  });
});

describe('a pool of arenas', () => {
  it('uses an arena that was disposed again, empty and with its chunks', () => {
    using arenas = new ArenaPool({ max: 2 });
    const first = arenas.acquire();
    first.alloc(100_000);
    const held = first.totalAllocated;
    first[Symbol.dispose]();
    expect(arenas.size).toEqual({ out: 0, idle: 1 });
    const again = arenas.acquire();
    expect(again).toBe(first);
    expect([again.totalUsed, again.totalAllocated]).toEqual([0, held]);
    arenas.acquire();
    expect(() => arenas.acquire()).toThrow(code('ERR_LIMIT_EXCEEDED'));
    again[Symbol.dispose]();
    expect(arenas.trim()).toBe(1);
    expect(again.destroyed).toBe(true);
    arenas.destroy();
    expect(() => arenas.acquire()).toThrow(code('ERR_CLOSED'));
  });
});

describe('the native class', () => {
  it('throws at whatever it is given', () => {
    const { Arena: Native, Pool: NativePool } = native();
    const pool = new NativePool(2 ** 40, 0, 0, false, 0);
    for (const wrong of [undefined, null, {}, 1]) expect(() => new Native(wrong as never, 4096, 65536, 16, 1, 1, false)).toThrow();
    const arena = new Native(pool, 4096, 65536, 16, 2 ** 40, 2 ** 40, false);
    expect(() => arena.chunk()).toThrow(code('ERR_INVALID_ARGUMENT'));
    arena.alloc(0, 100, 16);
    for (const used of [undefined, null, -1, 50, 5000, 2 ** 52, 'x', {}]) {
      for (const name of ['alloc', 'view', 'resizeLast', 'owns', 'reset', 'clear', 'retain', 'mark', 'rewind', 'numbers'] as const) {
        expect(() => (arena[name] as (...values: unknown[]) => unknown)(used, 1, 1, 1)).toThrow();
      }
    }
    expect(() => { arena.rewind(112, 1, 7); }).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(() => arena.view(112, 100, 2 ** 40)).toThrow(code('ERR_INVALID_ARGUMENT'));
    expect(arena.resizeLast(112, 2 ** 50, 16, 16)).toBe(false);
    arena.close();
    pool.close();
  });
});
