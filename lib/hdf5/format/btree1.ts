// Version-1 B-tree nodes over raw data chunks (node type 1): HDF5 File Format Specification 3.0, III.A.1. Every node has
// its full size in the file however few entries it uses.
import { corrupt, writeAddress, writeWord } from './bytes.js';
import { address, decode, encode, known, length, list, signature, struct, u16, u32, u8, type Decoded } from './schema.js';

/** "Indexed Storage Internal Node K" where a version-2 superblock leaves it at its default. A node holds up to 2K children. */
export const chunkTreeK = 32;
export const maxChildren = 2 * chunkTreeK;

/** What is known of one chunk. `offsets` are elements, one per dimension of the dataset. */
export interface ChunkKey {
  readonly size: number;
  readonly filterMask: number;
  readonly offsets: readonly number[];
}

export interface ChunkEntry extends ChunkKey {
  /** Of the chunk in a leaf, of the node below elsewhere. */
  readonly address: number;
}

const head = struct({
  signature: signature('TREE'),
  type: known(u8, 'node type', 1),
  level: u8,
  entries: u16,
  left: address,
  right: address,
});

const keyOf = (rank: number) => struct({ size: u32, filterMask: u32, offsets: list(() => rank + 1, length) });
const entryOf = (rank: number) => struct({ key: keyOf(rank), address: length });

const HEAD_SIZE = 24;
const keySizeOf = (rank: number): number => 8 + 8 * (rank + 1);

export function chunkNodeSize(rank: number): number {
  return HEAD_SIZE + maxChildren * 8 + (maxChildren + 1) * keySizeOf(rank);
}

/** The nodes of a tree that `ChunkTreeWriter` makes of so many chunks. */
export function chunkNodeCount(chunks: number): number {
  let [count, level] = [0, chunks];
  do {
    level = Math.ceil(level / maxChildren);
    count += level;
  } while (level > 1);
  return count;
}

export interface ChunkNode extends Pick<Decoded<typeof head>, 'level' | 'left' | 'right'> {
  readonly entries: readonly ChunkEntry[];
}

/** Where the nodes of a tree go. */
export interface NodeSpace {
  /** @returns the address of a new node */
  reserve(): number;
  /** @param bytes of one node, to be copied */
  put(address: number, bytes: Buffer): void;
}

/** Where its fields are in `head`. */
const headAt = { entries: 6, left: 8, right: 16 } as const;

/** One chunk as plain numbers: where they are. Its offsets in elements follow, one per dimension of the dataset. */
export const chunkField = { size: 0, filterMask: 1, address: 2, offsets: 3 } as const;

/** The node of one level that is being filled, over and over in the same memory. */
class Level {
  readonly level: number;
  readonly bytes: Buffer;
  /** What the level above is told of it: its first key and its address. */
  readonly entry: Buffer;
  above: Level | null = null;
  entries = 0;
  address: number;

  constructor(rank: number, level: number, address: number) {
    this.level = level;
    this.bytes = Buffer.alloc(chunkNodeSize(rank));
    this.entry = Buffer.alloc(keySizeOf(rank) + 8);
    this.address = address;
    encode(head, { level, entries: 0, left: null, right: null }).copy(this.bytes);
  }
}

/**
 * Encodes a tree from its chunks in order. A node leaves when what comes behind it is known: its right neighbour and the key beyond.
 * Nothing is made for a chunk, not even a number that would be boxed.
 */
export class ChunkTreeWriter {
  readonly #rank: number;
  readonly #keySize: number;
  readonly #space: NodeSpace;
  readonly #entry: Buffer;
  #leaf: Level | null = null;

  constructor(rank: number, space: NodeSpace) {
    this.#rank = rank;
    this.#keySize = keySizeOf(rank);
    this.#space = space;
    this.#entry = Buffer.alloc(this.#keySize + 8);
  }

  /** @param chunk see `chunkField`; it lies behind the one before */
  add(chunk: Float64Array): void {
    this.#encodeKey(chunk);
    writeAddress(this.#entry, chunk[chunkField.address] ?? 0, this.#keySize);
    this.#leaf ??= new Level(this.#rank, 0, this.#space.reserve());
    this.#addTo(this.#leaf, this.#entry);
  }

  /** @param beyond has offsets past all chunks. @returns the root's address, or null of no chunks */
  finish(beyond: Float64Array): number | null {
    if (this.#leaf === null) return null;
    this.#encodeKey(beyond);
    let level = this.#leaf;
    for (; level.above !== null; level = level.above) {
      this.#leave(level, this.#entry, null);
      this.#addTo(level.above, level.entry);
    }
    this.#leave(level, this.#entry, null);
    return level.address;
  }

  #encodeKey(chunk: Float64Array): void {
    writeWord(this.#entry, chunk[chunkField.size] ?? 0, 0);
    writeWord(this.#entry, chunk[chunkField.filterMask] ?? 0, 4);
    // Behind them is the offset within an element, which is always 0.
    for (let d = 0; d < this.#rank; d += 1) writeAddress(this.#entry, chunk[chunkField.offsets + d] ?? 0, 8 + 8 * d);
  }

  #addTo(level: Level, entry: Buffer): void {
    if (level.entries === maxChildren) {
      const next = this.#space.reserve();
      this.#leave(level, entry, next);
      level.above ??= new Level(this.#rank, level.level + 1, this.#space.reserve());
      this.#addTo(level.above, level.entry);
      writeAddress(level.bytes, level.address, headAt.left);
      level.address = next;
      level.entries = 0;
    }
    level.bytes.set(entry, HEAD_SIZE + level.entries * entry.length);
    level.entries += 1;
  }

  /** @param next begins with the key beyond the last entry: the next node's first one, or past the last chunk of all */
  #leave({ bytes, entry, entries, address }: Level, next: Buffer, right: number | null): void {
    bytes.writeUInt16LE(entries, headAt.entries);
    writeAddress(bytes, right, headAt.right);
    const end = HEAD_SIZE + entries * entry.length;
    // By the byte: what a Buffer offers makes garbage.
    for (let i = 0; i < this.#keySize; i += 1) bytes[end + i] = next[i] ?? 0;
    // The node before had more entries.
    bytes.fill(0, end + this.#keySize);
    this.#space.put(address, bytes);
    for (let i = 0; i < this.#keySize; i += 1) entry[i] = bytes[HEAD_SIZE + i] ?? 0;
    writeAddress(entry, address, this.#keySize);
  }
}

export function decodeChunkNode(rank: number, bytes: Uint8Array): ChunkNode {
  const what = 'a node of a chunk B-tree';
  const { level, entries: count, left, right } = decode(head, bytes, what);
  if (count > maxChildren) throw corrupt(`${what} says that it has ${String(count)} entries`);
  const entries = decode(list(() => count, entryOf(rank)), bytes.subarray(HEAD_SIZE), what);
  return {
    level,
    left,
    right,
    entries: entries.map(({ key, address: at }) => ({ ...key, offsets: key.offsets.slice(0, rank), address: at })),
  };
}
