// Version-1 B-tree nodes over raw data chunks (node type 1): HDF5 File Format Specification 3.0, III.A.1. Every node has
// its full size in the file however few entries it uses.
import { corrupt } from './bytes.js';
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

export function chunkNodeSize(rank: number): number {
  const keySize = 8 + 8 * (rank + 1);
  return HEAD_SIZE + maxChildren * 8 + (maxChildren + 1) * keySize;
}

export interface ChunkNode extends Pick<Decoded<typeof head>, 'level' | 'left' | 'right'> {
  readonly entries: readonly ChunkEntry[];
  /** The key beyond the last entry: the next node's first one, or past the last chunk of all. */
  readonly end: ChunkKey;
}

/** Encodes one node at its full size. */
export function encodeChunkNode(rank: number, node: ChunkNode): Buffer {
  const key = keyOf(rank);
  const onDisk = ({ size, filterMask, offsets }: ChunkKey) => ({ size, filterMask, offsets: [...offsets, 0] });
  const parts = [
    encode(head, { level: node.level, entries: node.entries.length, left: node.left, right: node.right }),
    encode(
      list(() => 0, entryOf(rank)),
      node.entries.map((entry) => ({ key: onDisk(entry), address: entry.address })),
    ),
    encode(key, onDisk(node.end)),
  ];
  const bytes = Buffer.alloc(chunkNodeSize(rank));
  Buffer.concat(parts).copy(bytes);
  return bytes;
}

export function decodeChunkNode(rank: number, bytes: Uint8Array): Omit<ChunkNode, 'end'> {
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
