// A node of a chunk B-tree as plain as the specification has it, to compare with and to damage.
import { chunkNodeSize, maxChildren, type ChunkEntry, type ChunkKey, type ChunkNode } from '../../../lib/hdf5/format/btree1.js';

/** @param end the key beyond the last entry */
export function encodeChunkNode(rank: number, { level, left, right, entries, end }: ChunkNode & { readonly end: ChunkKey }): Buffer {
  const bytes = Buffer.alloc(chunkNodeSize(rank));
  let at = 0;
  const uint = (value: number, size: 1 | 2 | 4): void => {
    at = bytes.writeUIntLE(value, at, size);
  };
  const uint64 = (value: number | null): void => {
    at = bytes.writeBigUInt64LE(value === null ? 2n ** 64n - 1n : BigInt(value), at);
  };
  const key = ({ size, filterMask, offsets }: ChunkKey): void => {
    uint(size, 4);
    uint(filterMask, 4);
    for (const offset of [...offsets, 0]) uint64(offset);
  };
  at = bytes.write('TREE', 'latin1');
  uint(1, 1);
  uint(level, 1);
  uint(entries.length, 2);
  uint64(left);
  uint64(right);
  for (const entry of entries) {
    key(entry);
    uint64(entry.address);
  }
  key(end);
  return bytes;
}

/** A whole tree, level by level. @param address where the next node is to be. @returns the nodes by their addresses */
export function encodeChunkTree(rank: number, chunks: readonly ChunkEntry[], beyond: ChunkKey, address: (level: number, i: number) => number): Map<number, Buffer> {
  const bytes = new Map<number, Buffer>();
  let entries = chunks;
  for (let level = 0; level === 0 || entries.length > 1; level += 1) {
    const count = Math.ceil(entries.length / maxChildren);
    const nodes = Array.from({ length: count }, (_, i) => entries.slice(i * maxChildren, (i + 1) * maxChildren));
    const at = (i: number): number | null => (i < 0 || i >= count ? null : address(level, i));
    nodes.forEach((children, i) => {
      const end = nodes[i + 1]?.[0] ?? beyond;
      bytes.set(address(level, i), encodeChunkNode(rank, { level, left: at(i - 1), right: at(i + 1), entries: children, end }));
    });
    entries = nodes.flatMap(([first], i) => (first === undefined ? [] : [{ ...first, address: address(level, i) }]));
  }
  return bytes;
}
