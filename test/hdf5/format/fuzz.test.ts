// Damaged bytes give an error that says so, or another value; never an error of another kind, and never no answer.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FreestoneError } from '../../../lib/errors.js';
import { attribute, attributeInfo } from '../../../lib/hdf5/format/attribute.js';
import { decodeChunkNode } from '../../../lib/hdf5/format/btree1.js';
import { lookup3 } from '../../../lib/hdf5/format/checksum.js';
import { dataspace } from '../../../lib/hdf5/format/dataspace.js';
import { datatype } from '../../../lib/hdf5/format/datatype.js';
import { fileSpaceInfo } from '../../../lib/hdf5/format/file-space-info.js';
import { fillValue } from '../../../lib/hdf5/format/fill-value.js';
import { filterPipeline } from '../../../lib/hdf5/format/filter-pipeline.js';
import { decodeCollection, minCollectionSize, writeCollectionHeader, writeFreeObject, writeObjectHeader } from '../../../lib/hdf5/format/global-heap.js';
import { decodeManagerHeader, decodeSections, encodeManagerHeader, encodeSections, managerHeaderSize } from '../../../lib/hdf5/format/free-space.js';
import { layout } from '../../../lib/hdf5/format/layout.js';
import { groupInfo, link, linkInfo } from '../../../lib/hdf5/format/link.js';
import { describeMessage } from '../../../lib/hdf5/format/message.js';
import { decodeObjectHeader, encodeObjectHeader, messageType } from '../../../lib/hdf5/format/object-header.js';
import { decode, encode, type Field } from '../../../lib/hdf5/format/schema.js';
import { decodeSuperblock, encodeSuperblock } from '../../../lib/hdf5/format/superblock.js';
import { encodeChunkNode } from './chunk-node.js';
import * as drawn from './drawn.js';

/** One way to damage bytes. Places are fractions of the length. */
type Damage = { readonly cutAt: number } | { readonly at: number; readonly put: readonly number[] } | { readonly at: number; readonly insert: readonly number[] };

const place = fc.double({ min: 0, max: 1, noNaN: true });
const telling = fc.constantFrom(0, 1, 2, 3, 127, 128, 254, 255);
const run = fc.array(fc.oneof(telling, fc.nat({ max: 255 })), { minLength: 1, maxLength: 9 });
const damages = fc.array(
  fc.oneof<fc.Arbitrary<Damage>[]>(fc.record({ cutAt: place }), fc.record({ at: place, put: run }), fc.record({ at: place, insert: run })),
  { minLength: 1, maxLength: 3 },
);

function damaged(bytes: Uint8Array, list: readonly Damage[]): Buffer {
  return list.reduce<Buffer>((whole, damage) => {
    if ('cutAt' in damage) return whole.subarray(0, Math.floor(damage.cutAt * whole.length));
    const at = Math.floor(damage.at * whole.length);
    const replaced = 'put' in damage ? damage.put.length : 0;
    return Buffer.concat([whole.subarray(0, at), Buffer.from('put' in damage ? damage.put : damage.insert), whole.subarray(at + replaced)]);
  }, Buffer.from(bytes));
}

const allowed = ['ERR_CORRUPT_FILE', 'ERR_UNSUPPORTED'];

/** Whether decoding was refused; anything but a proper refusal fails the test. */
function refuses(decoding: () => unknown): boolean {
  try {
    decoding();
    return false;
  } catch (error) {
    if (!(error instanceof FreestoneError)) throw error;
    expect(allowed).toContain(error.code);
    return true;
  }
}

function survives(name: string, bytes: fc.Arbitrary<Uint8Array>, decoding: (data: Buffer) => unknown): void {
  it(`${name}: what is damaged is refused as such, or read as something else`, () => {
    let refused = 0;
    fc.assert(
      fc.property(bytes, damages, (whole, list) => {
        if (refuses(() => decoding(damaged(whole, list)))) refused += 1;
      }),
      { numRuns: 400 },
    );
    expect(refused).toBeGreaterThan(0);
  });
}

function encoded<T, I>(field: Field<T, I>, values: fc.Arbitrary<unknown>): fc.Arbitrary<Uint8Array> {
  return values.map((value) => encode(field, value as I));
}

const messages: readonly (readonly [string, number, Field<unknown>, fc.Arbitrary<unknown>])[] = [
  ['a dataspace', messageType.dataspace, dataspace, drawn.dataspaces],
  ['a datatype', messageType.datatype, datatype, drawn.datatypes],
  ['an attribute', messageType.attribute, attribute, drawn.attributes],
  ['a fill value', messageType.fillValue, fillValue, drawn.fillValues],
  ['a filter pipeline', messageType.filterPipeline, filterPipeline, drawn.filterPipelines],
  ['a layout', messageType.layout, layout, drawn.layouts],
  ['a link', messageType.link, link, drawn.links],
  ['a link info', messageType.linkInfo, linkInfo, fc.record({ flags: fc.constant(0), heapAddress: drawn.addresses, nameIndexAddress: drawn.addresses })],
  ['a group info', messageType.groupInfo, groupInfo, fc.constant({ flags: 1, maxCompact: 8, minDense: 6 })],
  ['a file space info', messageType.fileSpaceInfo, fileSpaceInfo, drawn.fileSpaceInfos],
  ['an attribute info', messageType.attributeInfo, attributeInfo, fc.record({ flags: fc.constant(0), heapAddress: drawn.addresses, nameIndexAddress: drawn.addresses })],
];

describe('a header message', () => {
  for (const [name, , field, values] of messages) survives(name, encoded(field, values), (data) => decode(field, data, name));

  it.each(messages)('%s: a damaged one that can be read can be shown', (_, type, field, values) => {
    fc.assert(
      fc.property(encoded(field, values), damages, (whole, list) => {
        const body = damaged(whole, list);
        const refused = refuses(() => decode(field, body, 'a message'));
        expect(refuses(() => describeMessage({ type, body }))).toBe(refused);
      }),
    );
  });

  it('a datatype that nests in itself thousands of times is refused', () => {
    // Each level is the eight bytes of a variable-length sequence's head.
    const deep = Buffer.alloc(65_528);
    for (let at = 0; at < deep.length; at += 8) deep.set([0x19, 0, 0, 0, 16, 0, 0, 0], at);
    expect(refuses(() => decode(datatype, deep, 'a datatype'))).toBe(true);
  });
});

/** Ends with the right checksum, whatever comes before it. */
function resealed(bytes: Buffer): Buffer {
  if (bytes.length < 4) return bytes;
  const whole = Buffer.from(bytes);
  whole.writeUInt32LE(lookup3(whole, 0, whole.length - 4), whole.length - 4);
  return whole;
}

const readFrom = (file: Buffer) => (address: number, size: number): Buffer => file.subarray(address, address + size);

describe('a larger structure', () => {
  const headers = drawn.headerMessages.map((list) => encodeObjectHeader(list));
  survives('an object header', headers, (data) => decodeObjectHeader(readFrom(data), 0));
  survives('an object header whose checksum is right', headers, (data) => decodeObjectHeader(readFrom(resealed(data)), 0));
  survives('a superblock whose checksum is right', drawn.superblocks.map((value) => encodeSuperblock(value)), (data) => decodeSuperblock(resealed(data.subarray(0, 48))));
  survives('a node of a chunk B-tree', drawn.chunkNodes.map(({ rank, node }) => encodeChunkNode(rank, node)), (data) => decodeChunkNode(2, data));
  const managers = drawn.freeSections.map((sections) => encodeManagerHeader(sections, 200));
  survives('a free-space manager', managers, decodeManagerHeader);
  survives('a free-space manager whose checksum is right', managers, (data) => decodeManagerHeader(resealed(data.subarray(0, managerHeaderSize))));
  const lists = drawn.freeSections.map((sections) => Buffer.concat([encodeManagerHeader(sections, 200), encodeSections(sections, 100)]));
  // The header may be damaged, or the list, or both.
  survives('a list of free sections whose checksum is right', lists, (data) =>
    decodeSections(decodeManagerHeader(resealed(data.subarray(0, managerHeaderSize))), 100, resealed(data.subarray(managerHeaderSize))),
  );
  survives('a global heap collection', fc.uint8Array({ maxLength: 100 }).map((object) => {
    const bytes = Buffer.alloc(minCollectionSize);
    writeCollectionHeader(bytes, bytes.length);
    writeObjectHeader(bytes, 16, 1, object.length);
    bytes.set(object, 32);
    writeFreeObject(bytes, 32 + Math.ceil(object.length / 8) * 8, bytes.length);
    return bytes;
  }), decodeCollection);

  it('an object header that continues into itself is refused', () => {
    const body = Buffer.alloc(16);
    body.writeUInt32LE(100, 8);
    const continued = encodeObjectHeader([{ type: messageType.continuation, body }]);
    expect(refuses(() => decodeObjectHeader(readFrom(Buffer.concat([continued, Buffer.alloc(200)])), 0))).toBe(true);
  });
});

describe('random bytes', () => {
  it.each(messages)('as %s are refused or mean something', (name, _type, field) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.option(fc.nat({ max: 4 })), (data, version) => {
        if (version !== null && data.length > 0) data[0] = version;
        refuses(() => decode(field, data, name));
      }),
      { numRuns: 500 },
    );
  });
});
