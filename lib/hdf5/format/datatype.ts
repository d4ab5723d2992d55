// Datatype message (0x0003): HDF5 File Format Specification 3.0, IV.A.2.d. Classes without members have version 1, as
// libhdf5 writes them; enumerations, compounds and arrays have version 3, which packs names and offsets tightly.
import { corrupt, unsupported } from './bytes.js';
import {
  bytes,
  choose,
  derived,
  list,
  mapped,
  sized,
  struct,
  terminatedText,
  u16,
  u24,
  u32,
  u8,
  type Field,
} from './schema.js';

export type StringPad = 'nullterm' | 'null' | 'space';
export type CharacterSet = 'ascii' | 'utf8';

export interface FloatLayout {
  readonly precision: number;
  readonly exponentLocation: number;
  readonly exponentSize: number;
  readonly mantissaSize: number;
  readonly exponentBias: number;
}

export interface CompoundMember {
  readonly name: string;
  readonly offset: number;
  readonly type: DatatypeMessage;
}

/** A datatype as the file describes it; `size` is the bytes of one element. */
export type DatatypeMessage =
  | {
      readonly class: 'integer';
      readonly size: number;
      readonly signed: boolean;
      readonly bigEndian: boolean;
      /** Where not all bits of the size are the number's: how many are, and how many lie below them. The others are zeros. */
      readonly bits?: { readonly precision: number; readonly offset: number };
    }
  | { readonly class: 'float'; readonly size: number; readonly bigEndian: boolean; readonly layout: FloatLayout }
  | { readonly class: 'string'; readonly size: number; readonly pad: StringPad; readonly charset: CharacterSet }
  | { readonly class: 'opaque'; readonly size: number; readonly tag: string }
  | { readonly class: 'compound'; readonly size: number; readonly members: readonly CompoundMember[] }
  | {
      readonly class: 'enum';
      readonly size: number;
      readonly base: DatatypeMessage;
      readonly names: readonly string[];
      readonly values: Uint8Array;
    }
  | {
      readonly class: 'vlen';
      readonly size: number;
      readonly of: 'sequence' | 'string';
      readonly pad: StringPad;
      readonly charset: CharacterSet;
      readonly base: DatatypeMessage;
    }
  | { readonly class: 'array'; readonly size: number; readonly shape: readonly number[]; readonly base: DatatypeMessage };

type ClassName = DatatypeMessage['class'];
const classCodes: Readonly<Record<ClassName, number>> = {
  integer: 0,
  float: 1,
  string: 3,
  opaque: 5,
  compound: 6,
  enum: 8,
  vlen: 9,
  array: 10,
};
const classNames = [
  'integer', 'float', 'time', 'string', 'bitfield', 'opaque', 'compound', 'reference', 'enum', 'variable-length', 'array', 'complex',
];
const pads: readonly StringPad[] = ['nullterm', 'null', 'space'];
const charsets: readonly CharacterSet[] = ['ascii', 'utf8'];
const FLOAT_IMPLIED_MANTISSA_BIT = 0x20;
/** Below the number, or above it. */
const INTEGER_PADDED_WITH_ONES = 6;

interface Wire {
  classAndVersion: number;
  bits: number;
  size: number;
  properties: unknown;
}
type Named<C extends ClassName> = Extract<DatatypeMessage, { class: C }>;

/** How the properties of one class are laid out, and how they and the class bits make the object. */
interface ClassSchema<C extends ClassName, P> {
  readonly version: number;
  properties(parent: Wire): Field<P>;
  bits(type: Named<C>): number;
  toWire(type: Named<C>): P;
  fromWire(properties: P, bits: number, size: number): Named<C>;
}

const none = struct({});
const base = { base: lazily(() => datatype) };

/** Types nest in each other this deep at most, far deeper than anyone needs; each level takes a part of the call stack. */
export const maxTypeDepth = 64;

/** A type inside another. */
function lazily<T>(field: () => Field<T>): Field<T> {
  const inner = choose(field);
  return {
    ...inner,
    decode: (reader, parent) => {
      if (reader.depth >= maxTypeDepth) throw unsupported(`a datatype of more than ${String(maxTypeDepth)} levels`);
      reader.depth += 1;
      const value = inner.decode(reader, parent);
      reader.depth -= 1;
      return value;
    },
  };
}

/** Enough bytes for an offset inside an element of this size: version 3, "Byte Offset of Member". */
function offsetWidth(size: number): number {
  let width = 1;
  while (width < 4 && size >= 2 ** (8 * width)) width += 1;
  return width;
}

const integer: ClassSchema<'integer', { offset: number; precision: number }> = {
  version: 1,
  properties: () => struct({ offset: u16, precision: u16 }),
  bits: (type) => (type.bigEndian ? 1 : 0) | (type.signed ? 8 : 0),
  toWire: (type) => type.bits ?? { offset: 0, precision: type.size * 8 },
  fromWire: ({ offset, precision }, bits, size) => {
    const type = { class: 'integer', size, signed: (bits & 8) !== 0, bigEndian: (bits & 1) !== 0 } as const;
    if (precision === size * 8 && offset === 0) return type;
    if (precision === 0 || offset + precision > size * 8) throw corrupt(`an integer has ${String(precision)} bits from bit ${String(offset)} on in ${String(size)} bytes`);
    if ((bits & INTEGER_PADDED_WITH_ONES) !== 0) throw unsupported(`an integer of ${String(precision)} bits among ones`);
    return { ...type, bits: { precision, offset } };
  },
};

const floatFields = struct({
  offset: u16,
  precision: u16,
  exponentLocation: u8,
  exponentSize: u8,
  mantissaLocation: u8,
  mantissaSize: u8,
  exponentBias: u32,
});

const float: ClassSchema<'float', Parameters<typeof floatFields.print>[0]> = {
  version: 1,
  properties: () => floatFields,
  bits: (type) => FLOAT_IMPLIED_MANTISSA_BIT | (type.bigEndian ? 1 : 0) | ((type.layout.precision - 1) << 8),
  toWire: ({ layout }) => ({ offset: 0, mantissaLocation: 0, ...layout }),
  fromWire: (wire, bits, size) => {
    const { offset, mantissaLocation, ...layout } = wire;
    const isUsual = (bits & 0x70) === FLOAT_IMPLIED_MANTISSA_BIT && (bits >> 8 & 0xff) === layout.precision - 1;
    if (offset !== 0 || mantissaLocation !== 0 || !isUsual) throw unsupported('a floating-point type of an unusual form');
    return { class: 'float', size, bigEndian: (bits & 1) !== 0, layout };
  },
};

function textOf(padCode: number, charsetCode: number): { pad: StringPad; charset: CharacterSet } {
  const pad = pads[padCode];
  const charset = charsets[charsetCode];
  if (pad === undefined || charset === undefined) {
    throw unsupported(`a string with padding ${String(padCode)} and character set ${String(charsetCode)}`);
  }
  return { pad, charset };
}

const string: ClassSchema<'string', object> = {
  version: 1,
  properties: () => none,
  bits: (type) => pads.indexOf(type.pad) | (charsets.indexOf(type.charset) << 4),
  toWire: () => ({}),
  fromWire: (_, bits, size) => ({ class: 'string', size, ...textOf(bits & 15, (bits >> 4) & 15) }),
};

const opaque: ClassSchema<'opaque', { tag: Uint8Array }> = {
  version: 1,
  properties: (parent) => struct({ tag: bytes(() => parent.bits & 0xff) }),
  bits: (type) => paddedTag(type.tag).length,
  toWire: (type) => ({ tag: paddedTag(type.tag) }),
  fromWire: ({ tag }, _, size) => ({ class: 'opaque', size, tag: Buffer.from(tag).toString('latin1').replace(/\0+$/, '') }),
};

function paddedTag(tag: string): Buffer {
  const written = Buffer.alloc(Math.ceil((tag.length + 1) / 8) * 8);
  written.write(tag, 'latin1');
  return written;
}

const compound: ClassSchema<'compound', { members: readonly CompoundMember[] }> = {
  version: 3,
  properties: (parent) =>
    struct({
      members: list(
        () => parent.bits & 0xffff,
        struct({ name: terminatedText, offset: sized(() => offsetWidth(parent.size)), type: lazily(() => datatype) }),
      ),
    }),
  bits: (type) => type.members.length,
  toWire: ({ members }) => ({ members }),
  fromWire: ({ members }, _, size) => ({ class: 'compound', size, members }),
};

const enumeration: ClassSchema<'enum', { base: DatatypeMessage; names: readonly string[]; values: Uint8Array }> = {
  version: 3,
  properties: (parent) =>
    struct({
      ...base,
      names: list(() => parent.bits & 0xffff, terminatedText),
      values: bytes(() => (parent.bits & 0xffff) * parent.size),
    }),
  bits: (type) => type.names.length,
  toWire: (type) => ({ base: type.base, names: type.names, values: type.values }),
  fromWire: (wire, _, size) => ({ class: 'enum', size, base: wire.base, names: wire.names, values: wire.values }),
};

const vlen: ClassSchema<'vlen', { base: DatatypeMessage }> = {
  version: 1,
  properties: () => struct({ ...base }),
  bits: (type) =>
    type.of === 'sequence' ? 0 : 1 | (pads.indexOf(type.pad) << 4) | (charsets.indexOf(type.charset) << 8),
  toWire: (type) => ({ base: type.base }),
  fromWire: (wire, bits, size) => ({
    class: 'vlen',
    size,
    of: (bits & 15) === 0 ? 'sequence' : 'string',
    ...textOf((bits >> 4) & 15, (bits >> 8) & 15),
    base: wire.base,
  }),
};

const array: ClassSchema<'array', { shape: readonly number[]; base: DatatypeMessage }> = {
  version: 3,
  properties: () =>
    struct({
      rank: derived(u8, (p: { shape: readonly number[] }) => p.shape.length),
      shape: list((p: { rank: number }) => p.rank, u32),
      ...base,
    }),
  bits: () => 0,
  toWire: (type) => ({ shape: type.shape, base: type.base }),
  fromWire: (wire, _, size) => ({ class: 'array', size, shape: wire.shape, base: wire.base }),
};

const schemas = { integer, float, string, opaque, compound, enum: enumeration, vlen, array } as unknown as Readonly<
  Record<ClassName, ClassSchema<ClassName, unknown>>
>;

function schemaOf(classAndVersion: number): ClassSchema<ClassName, unknown> {
  const code = classAndVersion & 15;
  const version = classAndVersion >> 4;
  const name = (Object.keys(classCodes) as ClassName[]).find((key) => classCodes[key] === code);
  if (name === undefined) throw unsupported(`the datatype class ${classNames[code] ?? String(code)}`);
  const schema = schemas[name];
  // Versions differ only in how members are packed: what has none reads the same in all of them.
  if (version === 0 || version > 3 || (schema.version === 3 && version !== 3)) {
    throw unsupported(`version ${String(version)} of the datatype class ${name}`);
  }
  return schema;
}

const wire: Field<Wire> = struct({
  classAndVersion: u8,
  bits: u24,
  size: u32,
  properties: choose((p: Wire) => schemaOf(p.classAndVersion).properties(p)),
});

export const datatype: Field<DatatypeMessage> = mapped(
  wire,
  (type) => {
    const schema = schemas[type.class];
    return {
      classAndVersion: classCodes[type.class] | (schema.version << 4),
      bits: schema.bits(type),
      size: type.size,
      properties: schema.toWire(type),
    };
  },
  ({ classAndVersion, bits, size, properties }) => schemaOf(classAndVersion).fromWire(properties, bits, size),
);
