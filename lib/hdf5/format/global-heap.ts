// Global heap collections, which hold variable-length data: HDF5 File Format Specification 3.0, III.E, and the references to
// their objects (IV.A.2.d, class 9; "Disk Format: Global Heap ID").
import { ByteReader, corrupt } from './bytes.js';
import { encode, known, length, reserved, signature, struct, u16, u32, u8, type Decoded } from './schema.js';

export const collectionHeaderSize = 16;
export const objectHeaderSize = 16;
/** The smallest collection, and the unit in which libhdf5 makes them. */
export const minCollectionSize = 4096;
/** Object indices are 16-bit numbers and 0 is the free space. */
export const maxObjects = 65535;
export const referenceSize = 16;

const head = struct({ signature: signature('GCOL'), version: known(u8, 'version', 1), reserved: reserved(3), size: length });
const objectHead = struct({ index: u16, references: u16, reserved: reserved(4), size: length });

/** Where the bytes of a variable-length element are. One that was never written has address and index 0. */
export const reference = struct({ count: u32, address: length, index: u32 });
export type Reference = Decoded<typeof reference>;

export function readReference(source: Buffer, offset: number): Reference {
  return {
    count: source.readUInt32LE(offset),
    address: source.readUInt32LE(offset + 4) + source.readUInt32LE(offset + 8) * 2 ** 32,
    index: source.readUInt32LE(offset + 12),
  };
}

/** Objects are padded to eight bytes. */
export function paddedObjectSize(size: number): number {
  return objectHeaderSize + Math.ceil(size / 8) * 8;
}

/** Writes the header of a collection of `size` bytes at the start of `target`. */
export function writeCollectionHeader(target: Buffer, size: number): void {
  target.set(encode(head, { size }));
}

/** Writes the header of the object at `offset`; its bytes follow it. */
export function writeObjectHeader(target: Buffer, offset: number, index: number, size: number): void {
  // By hand: this runs once for every string of a dataset.
  target.writeUInt16LE(index, offset);
  target.writeUInt16LE(1, offset + 2);
  target.writeUInt32LE(0, offset + 4);
  target.writeUInt32LE(size % 2 ** 32, offset + 8);
  target.writeUInt32LE(Math.floor(size / 2 ** 32), offset + 12);
}

/** What is left of a collection is object 0, whose size includes its header. A rest that is too small for one stays zero. */
export function writeFreeObject(target: Buffer, offset: number, collectionSize: number): void {
  const rest = collectionSize - offset;
  if (rest >= objectHeaderSize) target.set(encode(objectHead, { index: 0, references: 0, size: rest }), offset);
}

/** The size of the collection that begins with these bytes, or null when none does. */
export function collectionSizeAt(bytes: Uint8Array): number | null {
  if (bytes.length < collectionHeaderSize || Buffer.from(bytes.subarray(0, 4)).toString('latin1') !== 'GCOL') return null;
  return head.decode(new ByteReader(bytes, 'a global heap collection'), {}).size;
}

/** The objects of a collection by index, as views. */
export function decodeCollection(bytes: Uint8Array): Map<number, Buffer> {
  const what = 'a global heap collection';
  const reader = new ByteReader(bytes, what);
  const { size } = head.decode(reader, {});
  if (size > bytes.length) throw corrupt(`${what} is cut off`);
  const objects = new Map<number, Buffer>();
  while (size - reader.position >= objectHeaderSize) {
    const object = objectHead.decode(reader, {});
    if (object.index === 0) break;
    objects.set(object.index, reader.bytes(object.size));
    reader.bytes(Math.min(paddedObjectSize(object.size) - objectHeaderSize - object.size, reader.remaining));
  }
  return objects;
}
