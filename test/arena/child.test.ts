import { describe, expect, it } from 'vitest';
import { Arena } from '../../lib/arena/index.js';
import { native } from '../../lib/native.js';
import { Pool } from '../../lib/pool/index.js';

const code = (name: string): unknown => expect.objectContaining({ name: 'FreestoneError', code: name });
const KIB = 1024;

describe('an arena within an arena', () => {
  it('takes its chunks from the other one, between its blocks, and gives back what lies at the end', () => {
    using pool = new Pool();
    using arena = new Arena(pool);
    const before = arena.alloc(100).fill(1);
    const used = arena.totalUsed;
    const child = arena.child({ initialChunkSize: 1024 });
    expect(child.totalAllocated).toBe(0);
    const inner = child.alloc(200).fill(2);
    expect(arena.totalUsed).toBe(used + 1024);
    expect(arena.owns(inner)).toBe(true);
    expect(child.owns(before)).toBe(false);
    const after = arena.alloc(100).fill(3);
    const more = Array.from({ length: 100 }, () => child.alloc(1000).fill(4));
    expect(pool.stats().liveBlocks).toBe(arena.chunkCount);
    for (const [view, byte] of [[before, 1], [inner, 2], [after, 3], ...more.map((one) => [one, 4])] as [Buffer, number][]) {
      if (view.some((one) => one !== byte)) expect.fail(`a block of ${String(byte)} was written by another`);
    }
    child.destroy();
    expect([inner.length, more[99]?.length]).toEqual([0, 0]);
    expect(before[0]).toBe(1);
    expect(() => child.alloc(1)).toThrow(code('ERR_CLOSED'));
    // Its last chunk was the last block.
    const last = arena.child();
    last.alloc(10);
    const withChild = arena.totalUsed;
    last.destroy();
    expect(arena.totalUsed).toBe(withChild - 4 * KIB);
  });

  it.each(['reset', 'clear', 'destroy'] as const)('is destroyed when the other one calls %s', (call) => {
    using pool = new Pool();
    const arena = new Arena(pool);
    const child = arena.child();
    const grandchild = child.child();
    const calls: string[] = [];
    arena.defer(() => calls.push('arena'));
    child.defer(() => calls.push('child'));
    grandchild.defer(() => calls.push('grandchild'));
    const views = [child.alloc(5000), grandchild.alloc(5000), child.alloc(10)];
    arena[call]();
    expect(views.map(({ length }) => length)).toEqual([0, 0, 0]);
    expect([child.destroyed, grandchild.destroyed]).toEqual([true, true]);
    expect(calls).toEqual(['grandchild', 'child', 'arena']);
    for (const use of [() => child.alloc(1), () => child.strdup('x'), () => { child.reset(); }, () => child.child()]) expect(use).toThrow(code('ERR_CLOSED'));
    child.destroy();
    if (call !== 'destroy') {
      const kept = arena.child();
      kept.alloc(10);
      arena.retain(2 ** 20);
      expect(kept.destroyed).toBe(true);
      expect(arena.totalUsed).toBe(0);
      arena.destroy();
    }
    expect(pool.stats().liveBlocks).toBe(0);
    expect(() => arena.child()).toThrow(code('ERR_CLOSED'));
  });

  it('ends at a rewind to before it was made or took memory, and not at others', () => {
    using arena = new Arena();
    const early = arena.child();
    const kept = early.alloc(10).fill(9);
    const growing = arena.child();
    growing.alloc(10);
    const mark = arena.mark();
    const late = arena.child();
    const idle = arena.child();
    late.alloc(10);
    // Through an arena between them as well.
    const middle = arena.child();
    const deep = middle.child();
    deep.alloc(10);
    growing.alloc(50_000);
    const inner = arena.mark();
    arena.rewind(inner);
    expect([late, growing, idle, middle, deep].map(({ destroyed }) => destroyed)).toEqual([false, false, false, false, false]);
    arena.rewind(mark);
    expect([late, growing, idle, middle, deep].map(({ destroyed }) => destroyed)).toEqual([true, true, true, true, true]);
    expect(early.destroyed).toBe(false);
    arena.alloc(3000).fill(0);
    expect(kept.every((byte) => byte === 9)).toBe(true);
    expect(early.alloc(100).fill(1).length).toBe(100);
    expect(kept[0]).toBe(9);
  });

  it('is as strict as the other one: views are dead in debug mode, and limits hold', () => {
    using arena = new Arena(undefined, { debug: true });
    const child = arena.child();
    const ended = child.alloc(100);
    expect(child.liveAllocations()).toEqual([{ size: 100, stack: expect.stringContaining('child.test') as string }]);
    child.reset();
    expect(ended.length).toBe(0);
    const view = child.alloc(100);
    expect(view[0]).toBe(0xdd);
    arena.reset();
    expect(view.length).toBe(0);
    using bounded = new Arena(undefined, { limit: 8 * KIB });
    const within = bounded.child();
    expect(() => within.alloc(20 * KIB)).toThrow(code('ERR_LIMIT_EXCEEDED'));
    expect(within.totalAllocated).toBe(0);
    expect(within.alloc(100).length).toBe(100);
    expect(() => bounded.child({ limit: 1 }).alloc(10)).toThrow(code('ERR_LIMIT_EXCEEDED'));
    expect(() => bounded.child({ source: 1 } as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('never lets blocks of the two meet, whatever is asked of them', () => {
    using arena = new Arena();
    let random = 7;
    const next = (limit: number): number => (random = (random * 48271) % 2147483647) % limit;
    let children: Arena[] = [];
    let blocks: { of: Arena; view: Buffer; stamp: number }[] = [];
    const drop = (of: Arena): void => { blocks = blocks.filter((one) => one.of !== of); };
    for (let i = 0; i < 20_000; i += 1) {
      const choice = next(1000);
      const child = children[next(Math.max(1, children.length))];
      const of = choice % 3 === 0 || child === undefined ? arena : child;
      if (choice < 900) {
        const stamp = next(256);
        blocks.push({ of, view: of.alloc(1 + next(choice < 5 ? 50_000 : 300)).fill(stamp), stamp });
      } else if (choice < 920) children.push(arena.child({ initialChunkSize: 256 }));
      else if (choice < 960 && child !== undefined) {
        child.reset();
        drop(child);
      } else if (choice < 975 && child !== undefined) {
        child.clear();
        drop(child);
      } else if (choice < 985 && child !== undefined) {
        child.destroy();
        drop(child);
        children = children.filter((one) => one !== child);
      } else if (choice > 997) {
        arena.reset();
        expect(children.every(({ destroyed }) => destroyed)).toBe(true);
        children = [];
        blocks = [];
      }
      if (blocks.length > 3000) blocks = blocks.slice(-2000);
      const any = blocks[next(Math.max(1, blocks.length))];
      if (any !== undefined && (any.view[0] !== any.stamp || any.view.at(-1) !== any.stamp || !any.of.owns(any.view))) expect.fail('a block was written by another');
    }
  });

  it('is closed by the native class too, when nobody else does it', () => {
    const { Arena: Native, Pool: NativePool } = native();
    const pool = new NativePool(2 ** 40, 0, 0, false, 0);
    const make = (from: typeof pool | InstanceType<typeof Native>): InstanceType<typeof Native> => new Native(from, 4096, 65536, 16, 2 ** 40, 2 ** 40, false);
    const outer = make(pool);
    const inner = make(outer);
    const unused = make(outer);
    inner.alloc(0, 100, 16);
    const chunk = inner.chunk();
    outer.reset(4096);
    expect(chunk.byteLength).toBe(0);
    expect(() => inner.place()).toThrow(code('ERR_CLOSED'));
    expect(unused.place()[0]).toBe(0);
    outer.close();
    expect(() => unused.alloc(0, 1, 16)).toThrow(code('ERR_CLOSED'));
    expect(() => make(outer)).toThrow(code('ERR_CLOSED'));
    expect(() => { outer.advance(0); }).toThrow(code('ERR_CLOSED'));
    expect(pool.stats().liveBlocks).toBe(0);
    pool.close();
  });
});
