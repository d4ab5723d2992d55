// Local heaps, which hold names: HDF5 File Format Specification 3.0, III.D.
import { ByteReader, corrupt } from './bytes.js';
import { encode, known, length, reserved, signature, struct, u8 } from './schema.js';

export const localHeapPrefixSize = 32;
/** Objects begin at multiples of this. */
const ALIGNMENT = 8;
/** Stands for "no free block": a block cannot begin there. */
const NO_FREE_BLOCK = 1;

const prefix = struct({
  signature: signature('HEAP'),
  version: known(u8, 'version', 0),
  reserved: reserved(3),
  segmentSize: length,
  freeList: length,
  segmentAddress: length,
});

/** The data segment of a heap of names, and where in it each name begins. The first name is the empty one, at 0, as libhdf5 has it. */
export function encodeNames(names: readonly string[]): { segment: Buffer; offsets: number[] } {
  const offsets: number[] = [];
  const parts = [Buffer.alloc(ALIGNMENT)];
  let end = ALIGNMENT;
  for (const name of names) {
    const text = Buffer.from(`${name}\0`, 'utf8');
    const padded = Buffer.alloc(Math.ceil(text.length / ALIGNMENT) * ALIGNMENT);
    padded.set(text);
    offsets.push(end);
    parts.push(padded);
    end += padded.length;
  }
  return { segment: Buffer.concat(parts), offsets };
}

/** The heap itself; its data segment lies elsewhere. */
export function encodeLocalHeap(segmentAddress: number, segmentSize: number): Buffer {
  return encode(prefix, { segmentSize, freeList: NO_FREE_BLOCK, segmentAddress });
}

export interface LocalHeap {
  readonly segmentAddress: number;
  readonly segment: Buffer;
}

/** @param read gives bytes of the file; near its end it may give fewer than were asked for */
export function decodeLocalHeap(read: (address: number, size: number) => Buffer, address: number): LocalHeap {
  const what = `the local heap at 0x${address.toString(16)}`;
  const { segmentSize, segmentAddress } = prefix.decode(new ByteReader(read(address, localHeapPrefixSize), what), {});
  const segment = read(segmentAddress, segmentSize);
  if (segment.length < segmentSize) throw corrupt(`${what} reaches beyond the end of the file`);
  return { segmentAddress, segment };
}

/** The text that begins at an offset of the segment and ends with NUL. */
export function nameAt({ segment }: LocalHeap, offset: number): string {
  const end = offset < segment.length ? segment.indexOf(0, offset) : -1;
  if (end < 0) throw corrupt(`a local heap has no name at ${offset}`);
  return segment.toString('utf8', offset, end);
}
