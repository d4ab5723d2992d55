// Every structure comes back from its bytes as it was, and says in words what it is.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attribute, attributeInfo, attributeName } from '../../../lib/hdf5/format/attribute.js';
import { ChunkTreeWriter, chunkNodeCount, chunkNodeSize, decodeChunkNode, type ChunkEntry } from '../../../lib/hdf5/format/btree1.js';
import { ByteReader, ByteWriter } from '../../../lib/hdf5/format/bytes.js';
import { dataspace } from '../../../lib/hdf5/format/dataspace.js';
import { datatype } from '../../../lib/hdf5/format/datatype.js';
import { fileSpaceInfo } from '../../../lib/hdf5/format/file-space-info.js';
import { fillValue } from '../../../lib/hdf5/format/fill-value.js';
import { filterPipeline } from '../../../lib/hdf5/format/filter-pipeline.js';
import {
  decodeManagerHeader,
  decodeSections,
  encodeManagerHeader,
  encodeSections,
  encodedSectionsSize,
  managerHeaderSize,
} from '../../../lib/hdf5/format/free-space.js';
import { layout } from '../../../lib/hdf5/format/layout.js';
import { groupInfo, link, linkInfo } from '../../../lib/hdf5/format/link.js';
import { describeMessage } from '../../../lib/hdf5/format/message.js';
import { decodeObjectHeader, encodeObjectHeader, messageType } from '../../../lib/hdf5/format/object-header.js';
import { decode, encode, print, sharedDecoder, type Field } from '../../../lib/hdf5/format/schema.js';
import { decodeSuperblock, encodeSuperblock, printSuperblock, superblockSize } from '../../../lib/hdf5/format/superblock.js';
import { encodeChunkNode, encodeChunkTree } from './chunk-node.js';
import * as drawn from './drawn.js';

/** A Buffer and the array that it views are the same bytes. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, part: unknown) => (isBytes(part) ? Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('hex') : asBytes(part))));
const isBytes = (part: unknown): part is Uint8Array => part instanceof Uint8Array;
/** JSON.stringify has turned a Buffer into this before it asks. */
const asBytes = (part: unknown): unknown =>
  typeof part === 'object' && part !== null && 'type' in part && part.type === 'Buffer' ? Buffer.from((part as unknown as { data: number[] }).data).toString('hex') : part;

function roundTrips<T, I extends T>(name: string, field: Field<T, I>, type: number | null, values: fc.Arbitrary<I>): void {
  describe(name, () => {
    it('comes back from its bytes as it was', () => {
      fc.assert(
        fc.property(values, (value) => {
          const bytes = encode(field, value);
          expect(plain(decode(field, bytes, name))).toMatchObject(plain(value) as object);
          // What was decoded encodes to the same bytes.
          expect(encode(field, decode(field, bytes, name) as I).equals(bytes)).toBe(true);
        }),
      );
    });

    it('prints as one line of text that is not empty', () => {
      fc.assert(
        fc.property(values, (value) => {
          expect(print(field, value)).toMatch(/^[^\n]+$/);
          if (type === null) return;
          const described = describeMessage({ type, body: encode(field, value) });
          expect(described.name).not.toMatch(/^message 0x/);
          expect(described.text).not.toBe('');
        }),
      );
    });
  });
}

roundTrips('a dataspace', dataspace, messageType.dataspace, drawn.dataspaces);
roundTrips('a datatype', datatype, messageType.datatype, drawn.datatypes);
roundTrips('an attribute', attribute, messageType.attribute, drawn.attributes);
roundTrips('a fill value', fillValue, messageType.fillValue, drawn.fillValues);
roundTrips('a filter pipeline', filterPipeline, messageType.filterPipeline, drawn.filterPipelines.filter((filters) => filters.length > 0));
roundTrips('a layout', layout, messageType.layout, drawn.layouts);
roundTrips('a link', link as Field<unknown>, messageType.link, drawn.links);
roundTrips('a link info', linkInfo as Field<unknown>, messageType.linkInfo, fc.oneof(
  fc.record({ flags: fc.constant(0), heapAddress: drawn.addresses, nameIndexAddress: drawn.addresses }),
  fc.record({ flags: fc.constant(3), maxCreationIndex: drawn.offsets, heapAddress: drawn.addresses, nameIndexAddress: drawn.addresses, orderIndexAddress: drawn.addresses }),
));
roundTrips('a group info', groupInfo as Field<unknown>, messageType.groupInfo, fc.oneof(
  fc.constant({ flags: 0 }),
  fc.record({ flags: fc.constant(1), maxCompact: fc.nat({ max: 65535 }), minDense: fc.nat({ max: 65535 }) }),
  fc.record({ flags: fc.constant(2), estimatedEntries: fc.nat({ max: 65535 }), estimatedNameSize: fc.nat({ max: 65535 }) }),
));
roundTrips('an attribute info', attributeInfo as Field<unknown>, messageType.attributeInfo, fc.oneof(
  fc.record({ flags: fc.constant(0), heapAddress: drawn.addresses, nameIndexAddress: drawn.addresses }),
  fc.record({ flags: fc.constant(3), maxCreationIndex: fc.nat({ max: 65535 }), heapAddress: drawn.addresses, nameIndexAddress: drawn.addresses, orderIndexAddress: drawn.addresses }),
));

roundTrips('a file space info', fileSpaceInfo as Field<unknown>, messageType.fileSpaceInfo, drawn.fileSpaceInfos);

describe('the name of an attribute', () => {
  it('is found without the rest, and refused where it is cut off', () => {
    fc.assert(
      fc.property(drawn.attributes, (message) => {
        const body = encode(attribute, message);
        expect(attributeName(body, 0, body.length, 'an attribute')).toBe(message.name);
        expect(() => attributeName(body, 0, 9 + Buffer.byteLength(message.name), 'an attribute')).toThrow('ends within its name');
      }),
    );
    expect(() => attributeName(Buffer.of(2, 0, 0, 0), 0, 4, 'an attribute')).toThrow('version 2');
  });
});

describe('a decoder of what many have in common', () => {
  it('gives the same for the same bytes, of which it keeps none, and another for others', () => {
    const shared = sharedDecoder(datatype);
    const bytes = encode(datatype, { class: 'string', size: 8, pad: 'null', charset: 'utf8' });
    const first = shared(bytes, 'a type');
    expect(shared(Buffer.from(bytes), 'a type')).toBe(first);
    expect(shared(new Uint8Array(bytes), 'a type')).toBe(first);
    bytes.fill(0);
    expect(first).toEqual({ class: 'string', size: 8, pad: 'null', charset: 'utf8' });
    for (let size = 1; size < 3000; size += 1) {
      const type = { class: 'string', size, pad: 'space', charset: 'ascii' } as const;
      expect(shared(encode(datatype, type), 'a type')).toEqual(type);
    }
  });
});

describe('a free-space manager', () => {
  it('comes back with its sections from their bytes as they were, at the sizes that were foreseen', () => {
    fc.assert(
      fc.property(drawn.freeSections, drawn.offsets, (sections, at) => {
        const header = encodeManagerHeader(sections, at);
        const list = encodeSections(sections, at);
        expect(header).toHaveLength(managerHeaderSize);
        expect(list).toHaveLength(encodedSectionsSize(sections));
        const decoded = decodeManagerHeader(header);
        expect(decoded).toMatchObject({ sectionsAddress: at, sectionsSize: list.length, totalSections: sections.length });
        expect(decodeSections(decoded, at, list)).toEqual(sections);
      }),
    );
  });

  it('is read from the bytes of libhdf5 1.10.8, and written as them', () => {
    const header = '46534844 0001 3b06000000000000 0300000000000000 0300000000000000 0000000000000000 0300 5000 7800 3f00 ffffffffffffff7f 7a3b000000000000 4700000000000000 4700000000000000 ae8a01b9';
    const list =
      '46535345 00 283b000000000000 01 1500000000000000 b300000000000000 00 01 5200000000000000 ae07000000000000 00 01 d405000000000000 9c29000000000000 00 1521c2f2';
    const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
    const decoded = decodeManagerHeader(bytes(header));
    const sections = decodeSections(decoded, 0x3b28, bytes(list));
    expect(sections).toEqual([
      { offset: 179, size: 21, type: 0 },
      { offset: 1966, size: 82, type: 0 },
      { offset: 10652, size: 1492, type: 0 },
    ]);
    expect(encodeManagerHeader(sections, 0x3b7a).equals(bytes(header))).toBe(true);
    expect(encodeSections(sections, 0x3b28).equals(bytes(list))).toBe(true);
  });
});

describe('an object header', () => {
  it('comes back from its bytes as it was, with the place of its one chunk', () => {
    fc.assert(
      fc.property(drawn.headerMessages, fc.nat({ max: 100 }), (messages, at) => {
        const bytes = encodeObjectHeader(messages);
        const file = Buffer.concat([Buffer.alloc(at, 0xee), bytes, Buffer.alloc(50, 0xee)]);
        const { messages: found, chunks } = decodeObjectHeader((address, size) => file.subarray(address, address + size), at);
        expect(plain(found.map(({ type, constant, body }) => ({ type, constant, body })))).toEqual(plain(messages));
        expect(chunks).toEqual([{ address: at, size: bytes.length }]);
      }),
    );
  });

  it('takes as many bytes for its size as it needs, up to hundreds of kilobytes', () => {
    for (const count of [0, 1, 4, 1000, 5000]) {
      const messages = Array.from({ length: count }, () => ({ type: messageType.attribute, constant: false, body: Buffer.alloc(60, 7) }));
      const bytes = encodeObjectHeader(messages);
      expect(decodeObjectHeader((address, size) => bytes.subarray(address, address + size), 0).messages).toHaveLength(count);
    }
  });

  it('is whole wherever its memory had to grow, whatever was expected, and stays as it is when others are made', () => {
    const headerOf = (sizes: readonly number[], value: number, expected?: number): Buffer =>
      encodeObjectHeader(sizes.map((size) => ({ type: messageType.attribute, constant: false, body: Buffer.alloc(size, value) })), expected);
    const decoded = (bytes: Buffer): number[] =>
      decodeObjectHeader((address, size) => bytes.subarray(address, address + size), 0).messages.flatMap(({ body }) => (body.every((byte) => byte === body[0]) ? [body[0] ?? -1, body.length] : []));
    // Around 64 KiB, where the first memory ends: with and without the header's own first and last bytes.
    for (let size = 5500; size < 5540; size += 1) {
      for (const expected of [undefined, 0, 100, 2 ** 20]) {
        const first = headerOf([60_000, size], 1, expected);
        const second = headerOf([60_000, size], 2, expected);
        expect([decoded(first), decoded(second)]).toEqual([[1, 60_000, 1, size], [2, 60_000, 2, size]]);
      }
    }
  });
});

describe('a writer of bytes', () => {
  it('has all that was written wherever its memory had to grow', () => {
    for (let before = 0; before < 16; before += 1) {
      const writer = new ByteWriter(8);
      writer.zeros(before);
      const values = [2 ** 40 + 1, null, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER, 0, 2 ** 31];
      for (const value of values) writer.uint64(value);
      const reader = new ByteReader(writer.take(0).subarray(before), 'what was written');
      expect(values.map(() => reader.uint64())).toEqual(values);
    }
  });
});

describe('a node of a chunk B-tree', () => {
  it('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(drawn.chunkNodes, ({ rank, node }) => {
        const { end: _, ...rest } = node;
        expect(decodeChunkNode(rank, encodeChunkNode(rank, node))).toEqual(rest);
      }),
    );
  });
});

describe('a chunk B-tree', () => {
  // One node, several of them, and one more level, each just not and just so.
  it.each([1, 2, 63, 64, 65, 128, 129, 4096, 4097, 9000])('of %i chunks has the nodes that the specification asks for', (count) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), drawn.offsets, fc.nat({ max: 0xffffffff }), (rank, last, mask) => {
        const chunks = Array.from({ length: count }, (_, i): ChunkEntry => ({
          size: (i * 2_654_435_761) % 2 ** 32,
          filterMask: i % 3 === 0 ? mask : 0,
          offsets: Array.from({ length: rank }, (_, d) => (d === 0 ? i * 2 ** 33 : (last + i) % 2 ** 53)),
          address: 1000 + i * 2 ** 31,
        }));
        const beyond = { size: 0, filterMask: 0, offsets: Array.from({ length: rank }, (_, d) => last + d <= Number.MAX_SAFE_INTEGER ? last + d : d) };
        const found = new Map<number, Buffer>();
        const levels: number[][] = [];
        let end = 2 ** 35;
        const tree = new ChunkTreeWriter(rank, {
          reserve: () => (end += chunkNodeSize(rank)),
          put: (address, bytes) => {
            found.set(address, Buffer.from(bytes));
            (levels[bytes[5] ?? 0] ??= []).push(address);
          },
        });
        for (const { size, filterMask, offsets, address } of chunks) tree.add(Float64Array.of(size, filterMask, address, ...offsets));
        expect(tree.finish(Float64Array.of(0, 0, 0, ...beyond.offsets))).toBe(levels.at(-1)?.[0]);
        const wanted = encodeChunkTree(rank, chunks, beyond, (level, i) => levels[level]?.[i] ?? -1);
        expect(found.size).toBe(wanted.size);
        expect(chunkNodeCount(count)).toBe(wanted.size);
        for (const [address, bytes] of wanted) expect(found.get(address)?.equals(bytes)).toBe(true);
      }),
      { numRuns: count > 1000 ? 3 : 20 },
    );
  });

  it('of no chunks is none', () => {
    const tree = new ChunkTreeWriter(2, { reserve: () => expect.fail('space was taken'), put: () => expect.fail('something was written') });
    expect(tree.finish(Float64Array.of(0, 0, 0, 0, 0))).toBeNull();
  });
});

describe('a superblock', () => {
  it('comes back from its 48 bytes as it was, and prints', () => {
    fc.assert(
      fc.property(drawn.superblocks, (superblock) => {
        const bytes = encodeSuperblock(superblock);
        expect(bytes).toHaveLength(superblockSize);
        expect(decodeSuperblock(bytes)).toMatchObject(superblock);
        expect(printSuperblock(superblock)).toContain(`consistencyFlags: ${String(superblock.consistencyFlags)}`);
      }),
    );
  });

  it('is refused with any bit of it changed', () => {
    const bytes = encodeSuperblock({ consistencyFlags: 0, baseAddress: 0, extensionAddress: null, endOfFile: 800, rootHeaderAddress: 48 });
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => decodeSuperblock(flipped)).toThrow(expect.objectContaining({ code: expect.stringMatching(/^ERR_(CORRUPT_FILE|UNSUPPORTED)$/) as string }) as Error);
    }
  });
});
