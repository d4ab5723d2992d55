// Attribute message (0x000C), version 3: HDF5 File Format Specification 3.0, IV.A.2.m.
import { unsupported } from './bytes.js';
import { dataspace, type Dataspace } from './dataspace.js';
import { datatype, type DatatypeMessage } from './datatype.js';
import { bytes, decode, derived, encode, known, mapped, struct, u16, u8, type Field } from './schema.js';

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
