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

/** The name of the attribute whose message lies in `bytes` from `start` to `end`. All else can wait. */
export function attributeName(bytes: Uint8Array, start: number, end: number, what: string): string {
  const version = start < end ? bytes[start] : undefined;
  const nameEnd = start + HEAD_SIZE + ((bytes[start + 2] ?? 0) | ((bytes[start + 3] ?? 0) << 8));
  if (version !== 3 || nameEnd > end) throw version === 3 ? corrupt(`${what} ends within its name`) : unsupported(`${what} with version ${String(version)}`);
  return textOf(bytes, start + HEAD_SIZE, nameEnd);
}

/** What an attribute's elements are, and where they begin. */
export interface AttributeElements {
  readonly type: DatatypeMessage;
  readonly space: Dataspace;
  readonly start: number;
}

/** As `attribute` reads it, by hand, of the message that lies in `bytes` from `start` to `end`: files have very many. */
export function attributeElements(bytes: Buffer, start: number, end: number, what: string): AttributeElements {
  if (end - start < HEAD_SIZE || bytes[start] !== 3 || bytes[start + 1] !== 0) {
    const { type, space, data } = decode(attribute, bytes.subarray(start, end), what);
    return { type, space, start: end - data.length };
  }
  const typeStart = start + HEAD_SIZE + bytes.readUInt16LE(start + 2);
  const spaceStart = typeStart + bytes.readUInt16LE(start + 4);
  const dataStart = spaceStart + bytes.readUInt16LE(start + 6);
  if (dataStart > end) throw corrupt(`${what} ends within its datatype or dataspace`);
  if (lastKind !== undefined && isOfKind(lastKind, bytes, typeStart, spaceStart, dataStart)) return { type: lastKind.type, space: lastKind.space, start: dataStart };
  const type = decodeType(bytes.subarray(typeStart, spaceStart), "an attribute's datatype");
  const space = decodeSpace(bytes.subarray(spaceStart, dataStart), "an attribute's dataspace");
  lastKind = { bytes: Uint8Array.from(bytes.subarray(typeStart, dataStart)), typeSize: spaceStart - typeStart, type, space };
  return { type, space, start: dataStart };
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

/** Fills a frame in, from `at` on. */
export function writeFramed(into: Buffer, at: number, { bytes: frame, nameSize, dataSize }: AttributeFrame, name: string, data: Uint8Array): void {
  into.set(frame, at);
  into.write(name, at + HEAD_SIZE, nameSize, 'utf8');
  into.set(data, at + frame.length - dataSize);
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
