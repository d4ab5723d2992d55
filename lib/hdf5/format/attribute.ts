// Attribute (0x000C, version 3) and Attribute Info (0x0015) messages: HDF5 File Format Specification 3.0, IV.A.2.m and v.
import { corrupt, unsupported } from './bytes.js';
import { dataspace, type Dataspace } from './dataspace.js';
import { datatype, type DatatypeMessage } from './datatype.js';
import { address, bytes, decode, derived, encode, known, mapped, sharedDecoder, struct, u16, u8, when, type Field } from './schema.js';

export interface AttributeMessage {
  readonly name: string;
  readonly type: DatatypeMessage;
  readonly space: Dataspace;
  /** The elements, one after the other. */
  readonly data: Uint8Array;
}

const UTF8 = 1;

const wire = struct({
  version: known(u8, 'version', 3),
  flags: u8,
  nameSize: derived(u16, (p: { name: Uint8Array }) => p.name.length),
  typeSize: derived(u16, (p: { type: Uint8Array }) => p.type.length),
  spaceSize: derived(u16, (p: { space: Uint8Array }) => p.space.length),
  charset: u8,
  name: bytes((p: { nameSize: number }) => p.nameSize),
  type: bytes((p: { typeSize: number }) => p.typeSize),
  space: bytes((p: { spaceSize: number }) => p.spaceSize),
  data: bytes(),
});

// Attributes of a file are of few types and shapes.
const decodeType = sharedDecoder(datatype);
const decodeSpace = sharedDecoder(dataspace);

export const attribute: Field<AttributeMessage> = mapped(
  wire,
  ({ name, type, space, data }) => ({
    flags: 0,
    charset: UTF8,
    name: Buffer.from(`${name}\0`),
    type: encode(datatype, type),
    space: encode(dataspace, space),
    data,
  }),
  ({ flags, name, type, space, data }) => {
    if (flags !== 0) throw unsupported('an attribute whose datatype or dataspace is shared');
    return {
      name: textOf(name, 0, name.length),
      type: decodeType(type, "an attribute's datatype"),
      space: decodeSpace(space, "an attribute's dataspace"),
      data,
    };
  },
);

/** What stands before the name: version, flags, three sizes and the character set. */
const HEAD_SIZE = 9;

/** Up to a zero byte, if there is one. */
function textOf(bytes: Uint8Array, start: number, end: number): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let last = start;
  let all = 0;
  for (let byte = buffer[last] ?? 0; last < end && byte !== 0; byte = buffer[(last += 1)] ?? 0) all |= byte;
  // ASCII, nearly always, which becomes a string in half the time.
  return buffer.toString(all < 0x80 ? 'latin1' : 'utf8', start, last);
}

/** The name of an attribute, of which all else can wait. */
export function attributeName(body: Uint8Array, what: string): string {
  const end = HEAD_SIZE + ((body[2] ?? 0) | ((body[3] ?? 0) << 8));
  if (body[0] !== 3 || end > body.length) throw body[0] === 3 ? corrupt(`${what} ends within its name`) : unsupported(`${what} with version ${String(body[0])}`);
  return textOf(body, HEAD_SIZE, end);
}

/** What an attribute's elements are, and where in its message they begin. */
export interface AttributeElements {
  readonly type: DatatypeMessage;
  readonly space: Dataspace;
  readonly start: number;
}

/** As `attribute` reads it, by hand: files have very many. */
export function attributeElements(body: Buffer, what: string): AttributeElements {
  if (body.length < HEAD_SIZE || body[0] !== 3 || body[1] !== 0) {
    const { type, space, data } = decode(attribute, body, what);
    return { type, space, start: body.length - data.length };
  }
  const typeStart = HEAD_SIZE + body.readUInt16LE(2);
  const spaceStart = typeStart + body.readUInt16LE(4);
  const start = spaceStart + body.readUInt16LE(6);
  if (start > body.length) throw corrupt(`${what} ends within its datatype or dataspace`);
  if (lastKind !== undefined && isOfKind(lastKind, body, typeStart, spaceStart, start)) return { type: lastKind.type, space: lastKind.space, start };
  const type = decodeType(body.subarray(typeStart, spaceStart), "an attribute's datatype");
  const space = decodeSpace(body.subarray(spaceStart, start), "an attribute's dataspace");
  lastKind = { bytes: Uint8Array.from(body.subarray(typeStart, start)), typeSize: spaceStart - typeStart, type, space };
  return { type, space, start };
}

/** What attributes of one kind have in common, and how many of its bytes are the datatype's. */
interface Kind {
  readonly bytes: Uint8Array;
  readonly typeSize: number;
  readonly type: DatatypeMessage;
  readonly space: Dataspace;
}

/** That of the attribute that was looked at last: the next one is often of the same. */
let lastKind: Kind | undefined;

function isOfKind({ bytes, typeSize }: Kind, body: Uint8Array, typeStart: number, spaceStart: number, end: number): boolean {
  if (bytes.length !== end - typeStart || typeSize !== spaceStart - typeStart) return false;
  for (let i = 0; i < bytes.length; i += 1) if (bytes[i] !== body[typeStart + i]) return false;
  return true;
}

/** The parts of an attribute that many have in common. */
export interface AttributeFrame {
  readonly bytes: Buffer;
  readonly nameSize: number;
  readonly dataSize: number;
}

/** What attributes have in common whose names are `nameSize` bytes and whose type, dataspace and size of data are the same. */
export function attributeFrame(nameSize: number, type: DatatypeMessage, space: Dataspace, dataSize: number): AttributeFrame {
  return { bytes: encode(attribute, { name: 'n'.repeat(nameSize), type, space, data: new Uint8Array(dataSize) }), nameSize, dataSize };
}

/** Fills a frame in. */
export function encodeFramed({ bytes: frame, nameSize, dataSize }: AttributeFrame, name: string, data: Uint8Array): Buffer {
  const body = Buffer.allocUnsafe(frame.length);
  body.set(frame);
  body.write(name, HEAD_SIZE, nameSize, 'utf8');
  body.set(data, body.length - dataSize);
  return body;
}

const TRACKED = 1;
const INDEXED = 2;

/** libhdf5 takes an object whose version-2 header lacks this message to have no attributes, and counts them so. */
export const attributeInfo = struct({
  version: known(u8, 'version', 0),
  flags: u8,
  maxCreationIndex: when((p: { flags: number }) => (p.flags & TRACKED) !== 0, u16),
  heapAddress: address,
  nameIndexAddress: address,
  orderIndexAddress: when((p: { flags: number }) => (p.flags & INDEXED) !== 0, address),
});
