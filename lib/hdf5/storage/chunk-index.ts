// Which chunk is where: a map in memory, a version-1 B-tree in the file.
import { ChunkTreeWriter, chunkField, chunkNodeCount, chunkNodeSize, decodeChunkNode, type ChunkEntry } from '../format/btree1.js';
import { corrupt } from '../format/bytes.js';
import { ChunkRecords, field, type ChunkRecord } from './chunk-records.js';
import type { MetadataBatch } from './file-store.js';

export type { ChunkRecord };

/** Of a larger tree that grows, the space of one flush fits into that of an earlier one but for its last part. */
const NODES_TOGETHER = 64;

/** Chunks are named by their position in the grid of chunks; the number of a position depends on the grid's extents behind the first. */
export class ChunkIndex {
  readonly chunkShape: readonly number[];
  /** Chunks along each dimension. */
  #grid: readonly number[];
  #strides: readonly number[];
  #records = new ChunkRecords();

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
    return this.#records.count;
  }

  get storageSize(): number {
    let sum = 0;
    this.#records.each((fields, at) => {
      sum += fields[at + field.size] ?? 0;
    });
    return sum;
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

  /** Ascending. None may be set or deleted meanwhile. */
  numbers(): IterableIterator<number> {
    return this.#records.numbers();
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
    const oldStrides = this.#strides;
    this.#strides = stridesOf(this.#grid);
    const renumber = (number: number): number => {
      let rest = number;
      return this.number(
        oldStrides.map((stride) => {
          const at = Math.floor(rest / stride);
          rest -= at * stride;
          return at;
        }),
      );
    };
    const old = this.#records;
    this.#records = new ChunkRecords();
    for (const number of old.numbers()) {
      const record = old.get(number);
      if (record !== undefined) this.set(renumber(number), record);
    }
    return renumber;
  }

  /** All chunks in the order of the file format: by position, the first dimension slowest. */
  *entries(): Generator<ChunkEntry> {
    for (const number of this.#records.numbers()) {
      const record = this.#records.get(number);
      if (record !== undefined) yield { ...record, offsets: this.position(number).map((at, d) => at * (this.chunkShape[d] ?? 1)) };
    }
  }

  /**
   * Encodes the whole tree into new space. What the commit before refers to must stay as it is until the next one is there, and a
   * leaf that has not changed cannot be left where it is: it names both its neighbours, so that one new leaf makes all others new.
   * Numbers go straight from the records to the bytes of a node: an object for each chunk would be garbage by the megabyte at each flush.
   * @returns the root's address, or null while there is no chunk
   */
  encode(batch: MetadataBatch): number | null {
    const { chunkShape } = this;
    const rank = chunkShape.length;
    const strides = this.#strides;
    const size = chunkNodeSize(rank);
    const tree = new ChunkTreeWriter(rank, {
      reserve: nodesTogether(batch, size, chunkNodeCount(this.count)),
      put: (address, bytes) => {
        batch.put(address, bytes);
      },
    });
    const chunk = new Float64Array(chunkField.offsets + rank);
    this.#records.each((fields, at) => {
      chunk[chunkField.size] = fields[at + field.size] ?? 0;
      chunk[chunkField.filterMask] = fields[at + field.filterMask] ?? 0;
      chunk[chunkField.address] = fields[at + field.address] ?? 0;
      let rest = fields[at + field.number] ?? 0;
      for (let d = 0; d < rank; d += 1) {
        const stride = strides[d] ?? 1;
        const position = Math.floor(rest / stride);
        rest -= position * stride;
        chunk[chunkField.offsets + d] = position * (chunkShape[d] ?? 1);
      }
      tree.add(chunk);
    });
    // Past the last chunk in every dimension.
    chunk.fill(0, 0, chunkField.offsets);
    for (let d = 0; d < rank; d += 1) chunk[chunkField.offsets + d] = (chunk[chunkField.offsets + d] ?? 0) + (chunkShape[d] ?? 1);
    return tree.finish(chunk);
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
        if (this.#records.get(number) !== undefined) throw corrupt('a chunk B-tree has one chunk twice', { address: entry.address });
        this.set(number, { address: entry.address, size: entry.size, filterMask: entry.filterMask });
      }
    };
    walk(root, null);
  }
}

/** Nodes that are reserved one by one end up in whatever holes there are, each in another page of what is to be written. */
function nodesTogether(batch: MetadataBatch, size: number, count: number): () => number {
  let [rest, room, at] = [count, 0, 0];
  return () => {
    if (room === 0) {
      room = Math.min(rest, NODES_TOGETHER);
      rest -= room;
      at = batch.reserve(room * size) - size;
    }
    room -= 1;
    at += size;
    return at;
  };
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
