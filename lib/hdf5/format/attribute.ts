// Attribute (0x000C, version 3) and Attribute Info (0x0015) messages: HDF5 File Format Specification 3.0, IV.A.2.m and v.
import { unsupported } from './bytes.js';
import { dataspace, type Dataspace } from './dataspace.js';
import { datatype, type DatatypeMessage } from './datatype.js';
import { address, bytes, decode, derived, encode, known, mapped, struct, u16, u8, when, type Field } from './schema.js';

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
      name: Buffer.from(name).toString().replace(/\0.*$/s, ''),
      type: decode(datatype, type, "an attribute's datatype"),
      space: decode(dataspace, space, "an attribute's dataspace"),
      data,
    };
  },
);

/** What stands before the name: version, flags, three sizes and the character set. */
const HEAD_SIZE = 9;

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
