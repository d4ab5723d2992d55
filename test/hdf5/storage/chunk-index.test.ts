import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FreestoneError } from '../../../lib/errors.js';
import type { ChunkEntry } from '../../../lib/hdf5/format/btree1.js';
import { ChunkIndex, type ChunkRecord } from '../../../lib/hdf5/storage/chunk-index.js';
import type { MetadataBatch } from '../../../lib/hdf5/storage/file-store.js';
import { encodeChunkNode } from '../format/chunk-node.js';

/** Keeps what is placed in it, as a file would. */
class Memory {
  readonly parts = new Map<number, Buffer>();
  #end = 48;

  get batch(): MetadataBatch {
    return {
      reserve: (size: number) => {
        this.#end += size;
        return this.#end - size;
      },
      put: (address: number, bytes: Buffer) => this.parts.set(address, Buffer.from(bytes)),
    } as unknown as MetadataBatch;
  }

  readonly read = (address: number, size: number): Buffer => {
    const part = this.parts.get(address) ?? Buffer.alloc(0);
    return part.subarray(0, size);
  };
}

const record = (address: number): ChunkRecord => ({ address, size: 100 + address, filterMask: 0 });

interface Plan {
  readonly chunkShape: readonly number[];
  readonly shape: readonly number[];
  /** Grid positions. */
  readonly stored: readonly (readonly number[])[];
}

const plans: fc.Arbitrary<Plan> = fc.integer({ min: 1, max: 4 }).chain((rank) =>
  fc
    .record({
      chunkShape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: rank, maxLength: rank }),
      grid: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: rank, maxLength: rank }),
    })
    .chain(({ chunkShape, grid }) =>
      fc.record({
        chunkShape: fc.constant(chunkShape),
        shape: fc.constant(grid.map((extent, d) => extent * (chunkShape[d] ?? 1))),
        stored: fc.uniqueArray(fc.tuple(...grid.map((extent) => fc.nat({ max: extent - 1 }))), { selector: String, maxLength: 200, size: 'max' }),
      }),
    ),
);

function filled({ chunkShape, shape, stored }: Plan): ChunkIndex {
  const index = new ChunkIndex(chunkShape, shape);
  stored.forEach((position, i) => {
    index.set(index.number(position), record(i));
  });
  return index;
}

const byPosition = (a: readonly number[], b: readonly number[]): number => {
  const d = a.findIndex((at, i) => at !== b[i]);
  return d < 0 ? 0 : (a[d] ?? 0) - (b[d] ?? 0);
};

describe('a chunk index', () => {
  it('gives each position a number of its own, and back', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const index = new ChunkIndex(plan.chunkShape, plan.shape);
        const numbers = plan.stored.map((position) => index.number(position));
        expect(new Set(numbers).size).toBe(numbers.length);
        expect(numbers.map((number) => index.position(number))).toEqual(plan.stored);
      }),
    );
  });

  it('lists its chunks by position, the first dimension slowest', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const offsets = [...filled(plan).entries()].map((entry) => entry.offsets);
        const sorted = [...plan.stored].sort(byPosition).map((position) => position.map((at, d) => at * (plan.chunkShape[d] ?? 1)));
        expect(offsets).toEqual(sorted);
      }),
    );
  });

  it('comes back from its B-tree as it was', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const index = filled(plan);
        const memory = new Memory();
        const root = index.encode(memory.batch);
        const back = new ChunkIndex(plan.chunkShape, plan.shape);
        if (root === null) expect(plan.stored).toHaveLength(0);
        else back.decode(root, memory.read);
        expect([...back.entries()]).toEqual([...index.entries()]);
        expect(back.count).toBe(plan.stored.length);
        expect(back.storageSize).toBe(plan.stored.reduce((sum, _, i) => sum + 100 + i, 0));
      }),
    );
  });

  it('of more than 64 * 64 chunks is a tree of three levels whose nodes are linked to their neighbours', () => {
    const index = new ChunkIndex([1], [10_000]);
    for (let i = 0; i < 10_000; i += 1) index.set(i, record(i));
    const memory = new Memory();
    const root = index.encode(memory.batch);
    // 157 leaves, 3 nodes above them and the root.
    expect(memory.parts.size).toBe(161);
    const visited: number[] = [];
    new ChunkIndex([1], [10_000]).decode(root ?? 0, memory.read, (at) => visited.push(at));
    expect(new Set(visited).size).toBe(161);
    const [left, right] = [24 - 16, 24 - 8];
    const leaf = memory.parts.get([...memory.parts.keys()].sort((a, b) => a - b)[1] ?? 0);
    expect(leaf?.readBigUInt64LE(left)).not.toBe(leaf?.readBigUInt64LE(right));
  });

  it('keeps every chunk where it was when the dataset takes another shape', () => {
    fc.assert(
      fc.property(plans, fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 4, maxLength: 4 }), (plan, more) => {
        const index = filled(plan);
        const before = new Map(plan.stored.map((position) => [index.number(position), position]));
        const entries = [...index.entries()];
        const renumber = index.regrid(plan.shape.map((extent, d) => extent + (more[d] ?? 0)));
        expect([...index.entries()]).toEqual(entries);
        for (const [number, position] of before) expect(index.position(renumber === null ? number : renumber(number))).toEqual(position);
      }),
    );
  });

  it('is not renumbered by growth of the first dimension', () => {
    const index = new ChunkIndex([2, 2], [4, 4]);
    expect(index.regrid([400, 4])).toBeNull();
    expect(index.regrid([400, 5])).not.toBeNull();
  });
});

describe('a chunk B-tree that is damaged', () => {
  const tree = (nodes: Readonly<Record<number, { level: number; entries: readonly Partial<ChunkEntry>[] }>>) => (address: number): Buffer => {
    const node = nodes[address];
    if (node === undefined) return Buffer.alloc(0);
    const entries = node.entries.map((entry) => ({ size: 1, filterMask: 0, offsets: [0], address: 0, ...entry }));
    return encodeChunkNode(1, { level: node.level, left: null, right: null, entries, end: { size: 0, filterMask: 0, offsets: [100] } });
  };
  const decodeAt = (read: (address: number) => Buffer, chunkShape = [2]) => () => {
    new ChunkIndex(chunkShape, [1000]).decode(1, read);
  };

  it.each<[string, ReturnType<typeof tree>]>([
    ['leads nowhere', tree({})],
    ['leads to itself', tree({ 1: { level: 1, entries: [{ address: 1 }] } })],
    ['leads back up', tree({ 1: { level: 2, entries: [{ address: 2 }] }, 2: { level: 1, entries: [{ address: 1 }] } })],
    ['leaves out a level', tree({ 1: { level: 2, entries: [{ address: 2 }] }, 2: { level: 0, entries: [] } })],
    ['has a chunk off the grid', tree({ 1: { level: 0, entries: [{ offsets: [3] }] } })],
    ['has one chunk twice', tree({ 1: { level: 0, entries: [{ offsets: [2] }, { offsets: [2] }] } })],
  ])('because it %s is corrupt', (_, read) => {
    expect(decodeAt(read)).toThrow(expect.objectContaining({ code: 'ERR_CORRUPT_FILE' }) as Error);
  });

  it('by a chunk outside the dataset is read without it', () => {
    // Its number would be that of a chunk in the next row.
    const node = encodeChunkNode(2, {
      level: 0,
      left: null,
      right: null,
      entries: [[0, 0], [0, 6], [2, 0], [8, 0]].map((offsets, i) => ({ ...record(i), offsets })),
      end: { size: 0, filterMask: 0, offsets: [100, 100] },
    });
    const index = new ChunkIndex([2, 2], [4, 6]);
    index.decode(1, () => node);
    expect([...index.entries()].map(({ offsets }) => offsets)).toEqual([[0, 0], [2, 0]]);
  });

  it('because every entry of every node leads to the same one below is refused at once', () => {
    // 64^50 ways lead to the leaf.
    const nodes = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [i + 1, { level: 49 - i, entries: i === 49 ? [] : Array.from({ length: 64 }, () => ({ address: i + 2 })) }]),
    );
    expect(decodeAt(tree(nodes))).toThrow(FreestoneError);
  });
});
