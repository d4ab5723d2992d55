// Which chunk is where: a map in memory, a version-1 B-tree in the file.
import {
  chunkNodeSize,
  decodeChunkNode,
  encodeChunkNode,
  maxChildren,
  type ChunkEntry,
  type ChunkKey,
} from '../format/btree1.js';
import { corrupt } from '../format/bytes.js';
import type { MetadataBatch } from './file-store.js';

/** Where a chunk is stored: `size` bytes at `address`, without the filters that `filterMask` names by position. */
export interface ChunkRecord {
  readonly address: number;
  readonly size: number;
  readonly filterMask: number;
}

/** Chunks are named by their position in the grid of chunks; the number of a position depends on the grid's extents behind the first. */
export class ChunkIndex {
  readonly chunkShape: readonly number[];
  /** Chunks along each dimension. */
  #grid: readonly number[];
  #strides: readonly number[];
  #records = new Map<number, ChunkRecord>();

  constructor(chunkShape: readonly number[], shape: readonly number[]) {
    this.chunkShape = chunkShape;
    this.#grid = this.#gridOf(shape);
    this.#strides = stridesOf(this.#grid);
  }

  #gridOf(shape: readonly number[]): number[] {
    return shape.map((extent, d) => Math.ceil(extent / (this.chunkShape[d] ?? 1)));
  }

  /** The number of the chunk at a grid position. */
  number(position: readonly number[]): number {
    let number = 0;
    for (let d = 0; d < position.length; d += 1) number += (position[d] ?? 0) * (this.#strides[d] ?? 0);
    return number;
  }

  /** The grid position of a chunk's number. */
  position(number: number): number[] {
    let rest = number;
    return this.#strides.map((stride) => {
      const at = Math.floor(rest / stride);
      rest -= at * stride;
      return at;
    });
  }

  get count(): number {
    return this.#records.size;
  }

  get storageSize(): number {
    let size = 0;
    for (const record of this.#records.values()) size += record.size;
    return size;
  }

  get(number: number): ChunkRecord | undefined {
    return this.#records.get(number);
  }

  set(number: number, record: ChunkRecord): void {
    this.#records.set(number, record);
  }

  delete(number: number): void {
    this.#records.delete(number);
  }

  numbers(): IterableIterator<number> {
    return this.#records.keys();
  }

  /** Takes a shape that differs in its first extent alone, which gives no chunk another number. */
  grow(shape: readonly number[]): void {
    const chunks = Math.ceil((shape[0] ?? 0) / (this.chunkShape[0] ?? 1));
    if (chunks !== this.#grid[0]) this.#grid = [chunks, ...this.#grid.slice(1)];
  }

  /** Whether another shape of the dataset gives chunks other numbers. The first dimension's extent is in none of them. */
  renumbers(shape: readonly number[]): boolean {
    return stridesOf(this.#gridOf(shape)).some((stride, d) => stride !== this.#strides[d]);
  }

  /**
   * Renumbers the chunks for another shape of the dataset.
   * @returns a function from old numbers to new ones, or null when none changed
   */
  regrid(shape: readonly number[]): ((number: number) => number) | null {
    const same = !this.renumbers(shape);
    this.#grid = this.#gridOf(shape);
    if (same) return null;
    const old = [...this.#records].map(([number, record]) => ({ position: this.position(number), record }));
    const oldStrides = this.#strides;
    this.#strides = stridesOf(this.#grid);
    this.#records = new Map(old.map(({ position, record }) => [this.number(position), record]));
    return (number) => {
      let rest = number;
      return this.number(
        oldStrides.map((stride) => {
          const at = Math.floor(rest / stride);
          rest -= at * stride;
          return at;
        }),
      );
    };
  }

  /** All chunks in the order of the file format: by position, the first dimension slowest. */
  *entries(): Generator<ChunkEntry> {
    for (const number of [...this.#records.keys()].sort((a, b) => a - b)) {
      const record = this.#records.get(number);
      if (record === undefined) continue;
      yield { ...record, offsets: this.position(number).map((at, d) => at * (this.chunkShape[d] ?? 1)) };
    }
  }

  /** Encodes the whole tree into new space. @returns the root's address, or null while there is no chunk */
  encode(batch: MetadataBatch): number | null {
    const rank = this.chunkShape.length;
    let level = 0;
    let entries: ChunkEntry[] = [...this.entries()];
    const last = entries.at(-1);
    if (last === undefined) return null;
    const beyond: ChunkKey = {
      size: 0,
      filterMask: 0,
      offsets: last.offsets.map((offset, d) => offset + (this.chunkShape[d] ?? 1)),
    };
    for (;;) {
      const nodes: ChunkEntry[][] = [];
      for (let at = 0; at < entries.length; at += maxChildren) nodes.push(entries.slice(at, at + maxChildren));
      const addresses = nodes.map(() => batch.reserve(chunkNodeSize(rank)));
      nodes.forEach((children, i) => {
        const node = {
          level,
          left: addresses[i - 1] ?? null,
          right: addresses[i + 1] ?? null,
          entries: children,
          end: nodes[i + 1]?.[0] ?? beyond,
        };
        batch.put(addresses[i] ?? 0, encodeChunkNode(rank, node));
      });
      if (nodes.length === 1) return addresses[0] ?? null;
      entries = nodes.map((children, i) => ({ ...(children[0] ?? { ...beyond, address: 0 }), address: addresses[i] ?? 0 }));
      level += 1;
    }
  }

  /** Reads a tree from a file. @param visit is told each node's address and size */
  decode(
    root: number,
    read: (address: number, size: number) => Buffer,
    visit: (address: number, size: number) => void = () => undefined,
  ): void {
    const rank = this.chunkShape.length;
    const size = chunkNodeSize(rank);
    const seen = new Set<number>();
    const walk = (at: number, expected: number | null): void => {
      // A node that is reached twice makes the tree a cycle, or as wide as its depth allows.
      if (seen.has(at)) throw corrupt('a chunk B-tree leads to one node in two ways', { address: at });
      seen.add(at);
      const node = decodeChunkNode(rank, read(at, size));
      if (expected !== null && node.level !== expected) throw corrupt('a chunk B-tree has a node on the wrong level', { address: at });
      visit(at, size);
      for (const entry of node.entries) {
        if (node.level > 0) {
          walk(entry.address, node.level - 1);
          continue;
        }
        const position = entry.offsets.map((offset, d) => offset / (this.chunkShape[d] ?? 1));
        if (!position.every(Number.isInteger)) throw corrupt('a chunk lies off the grid of its dataset', { address: entry.address });
        // What lies outside the dataset is no part of it, and its number would be another chunk's.
        if (position.some((at, d) => at >= (this.#grid[d] ?? 0))) continue;
        const number = this.number(position);
        if (this.#records.has(number)) throw corrupt('a chunk B-tree has one chunk twice', { address: entry.address });
        this.set(number, { address: entry.address, size: entry.size, filterMask: entry.filterMask });
      }
    };
    walk(root, null);
  }
}

/** Of the numbers of chunks: the first dimension's extent is in none of them. */
function stridesOf(grid: readonly number[]): number[] {
  const strides = new Array<number>(grid.length);
  let stride = 1;
  for (let d = grid.length - 1; d >= 0; d -= 1) {
    strides[d] = stride;
    stride *= Math.max(1, grid[d] ?? 0);
  }
  return strides;
}
