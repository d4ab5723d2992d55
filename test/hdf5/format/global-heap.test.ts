import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  collectionHeaderSize,
  collectionSizeAt,
  decodeCollection,
  minCollectionSize,
  objectHeaderSize,
  paddedObjectSize,
  reference,
  writeCollectionHeader,
  writeFreeObject,
  writeObjectHeader,
} from '../../../lib/hdf5/format/global-heap.js';
import { decode, encode } from '../../../lib/hdf5/format/schema.js';
import { offsets } from './drawn.js';

/** A collection that holds these objects and has so many bytes left. */
function collection(objects: readonly Uint8Array[], rest: number): Buffer {
  const used = objects.reduce((sum, object) => sum + paddedObjectSize(object.length), collectionHeaderSize);
  const bytes = Buffer.alloc(used + rest);
  writeCollectionHeader(bytes, bytes.length);
  let at = collectionHeaderSize;
  objects.forEach((object, i) => {
    writeObjectHeader(bytes, at, i + 1, object.length);
    bytes.set(object, at + objectHeaderSize);
    at += paddedObjectSize(object.length);
  });
  writeFreeObject(bytes, at, bytes.length);
  return bytes;
}

describe('a global heap collection', () => {
  it('gives its objects back, empty ones too, however much room is left', () => {
    const objects = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 30 });
    fc.assert(
      fc.property(objects, fc.constantFrom(0, 8, 16, 24, minCollectionSize), (content, rest) => {
        const bytes = collection(content, rest);
        expect(collectionSizeAt(bytes)).toBe(bytes.length);
        const found = decodeCollection(bytes);
        expect([...found.keys()]).toEqual(content.map((_, i) => i + 1));
        content.forEach((object, i) => {
          expect([...(found.get(i + 1) ?? [])]).toEqual([...object]);
        });
      }),
    );
  });

  it('has free space of which the size includes its header, or less than a header', () => {
    const bytes = collection([Buffer.from('abc')], 40);
    const free = bytes.subarray(collectionHeaderSize + paddedObjectSize(3));
    expect(free.readUInt16LE(0)).toBe(0);
    expect(free.readBigUInt64LE(8)).toBe(40n);
    expect([...collection([], 8).subarray(collectionHeaderSize)]).toEqual(Array(8).fill(0));
  });

  it('is told by its signature, and nothing else is one', () => {
    const bytes = collection([], 100);
    expect(collectionSizeAt(bytes.subarray(0, 15))).toBeNull();
    expect(collectionSizeAt(Buffer.concat([Buffer.from('X'), bytes]))).toBeNull();
  });

  it('that ends too early or holds an object that is too long is corrupt', () => {
    const bytes = collection([Buffer.from('abc')], 0);
    const corrupt = expect.objectContaining({ code: 'ERR_CORRUPT_FILE' }) as Error;
    expect(() => decodeCollection(bytes.subarray(0, -1))).toThrow(corrupt);
    const long = Buffer.from(bytes);
    long.writeUInt32LE(1000, collectionHeaderSize + 8);
    expect(() => decodeCollection(long)).toThrow(corrupt);
  });
});

describe('a reference to an object', () => {
  it('comes back from its 16 bytes', () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffffffff }), offsets, fc.nat({ max: 65535 }), (count, address, index) => {
        const bytes = encode(reference, { count, address, index });
        expect(bytes).toHaveLength(16);
        expect(decode(reference, bytes, 'a reference')).toEqual({ count, address, index });
      }),
    );
  });
});
