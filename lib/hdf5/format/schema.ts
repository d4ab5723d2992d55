// Field schemas: a structure of the format is declared once, and how it is encoded, decoded and printed follows from that.
import { ByteReader, ByteWriter, corrupt, unsupported } from './bytes.js';

/** The structure that a field belongs to, as far as it is known: all of it when encoding, the fields before when decoding. */
export type Parent = Readonly<Record<string, unknown>>;

/** How a value of the format is encoded, decoded and printed. What an encoder needs, `I`, may be less than what a decoder gives. */
export interface Field<T, I = T> {
  encode(writer: ByteWriter, value: I, parent: Parent): void;
  decode(reader: ByteReader, parent: Parent): T;
  print(value: I, parent: Parent): string;
}

/** A field whose value follows from the rest of its structure, so that an encoder's input need not name it. */
export interface DerivedField<T> extends Field<T> {
  derive(parent: Parent): T;
}

type AnyField = Field<unknown>;
type OutputOf<F> = F extends { decode(reader: ByteReader, parent: Parent): infer T } ? T : never;
type InputOf<F> = F extends { print(value: infer I, parent: Parent): string } ? I : never;
type DerivedKeys<S> = { [K in keyof S]: S[K] extends DerivedField<unknown> ? K : never }[keyof S];

/** The object that a structure decodes to. */
type Output<S> = { [K in keyof S]: OutputOf<S[K]> };
type OptionalKeys<S> = { [K in keyof S]: undefined extends InputOf<S[K]> ? K : never }[keyof S];
/** The object that it is encoded from: derived fields need not be given, nor those that are not there. */
type Input<S> = { [K in Exclude<keyof S, DerivedKeys<S> | OptionalKeys<S>>]: InputOf<S[K]> } & {
  [K in Exclude<OptionalKeys<S>, DerivedKeys<S>>]?: InputOf<S[K]>;
};

/** What a declared structure decodes to, and what it is encoded from. */
export type Decoded<F> = OutputOf<F>;
export type Encodable<F> = InputOf<F>;

function unsigned(size: number): Field<number> {
  return {
    encode: (writer, value) => {
      writer.uint(value, size);
    },
    decode: (reader) => reader.uint(size),
    print: String,
  };
}

export const u8 = unsigned(1);
export const u16 = unsigned(2);
export const u24 = unsigned(3);
export const u32 = unsigned(4);

/** An eight-byte address; null where the format has "undefined". */
export const address: Field<number | null> = {
  encode: (writer, value) => {
    writer.uint64(value);
  },
  decode: (reader) => reader.uint64(),
  print: (value) => (value === null ? 'undefined' : `0x${value.toString(16)}`),
};

/** The largest extent of a dimension; null for "unlimited". */
export const limit: Field<number | null> = { ...address, print: (value) => (value === null ? 'unlimited' : String(value)) };

/** An eight-byte count or size, which is always defined. */
export const length: Field<number> = {
  encode: (writer, value) => {
    writer.uint64(value);
  },
  decode: (reader) => {
    const value = reader.uint64();
    if (value === null) throw corrupt(`${reader.what} holds an undefined length`);
    return value;
  },
  print: String,
};

/** An unsigned integer whose width, 1 to 8 bytes, depends on the structure. */
export function sized(width: (parent: never) => number): Field<number> {
  return {
    encode: (writer, value, parent) => {
      const bytes = width(parent as never);
      if (bytes === 8) writer.uint64(value);
      else writer.uint(value, bytes);
    },
    decode: (reader, parent) => {
      const bytes = width(parent as never);
      return bytes === 8 ? length.decode(reader, parent) : reader.uint(bytes);
    },
    print: String,
  };
}

/** Bytes that are always the same, such as a signature. */
export function signature(text: string): DerivedField<string> {
  const bytes = Buffer.from(text, 'latin1');
  return {
    derive: () => text,
    encode: (writer) => {
      writer.bytes(bytes);
    },
    decode: (reader) => {
      const found = reader.bytes(bytes.length);
      if (!found.equals(bytes)) throw corrupt(`${reader.what} does not begin with its signature ${JSON.stringify(text)}`);
      return text;
    },
    print: (value) => JSON.stringify(value),
  };
}

/** A number that must have one of the values that this package knows; the first is the one that is written. */
export function known(field: Field<number>, what: string, ...values: [number, ...number[]]): DerivedField<number> {
  return {
    derive: () => values[0],
    encode: (writer, value, parent) => {
      field.encode(writer, value, parent);
    },
    decode: (reader, parent) => {
      const value = field.decode(reader, parent);
      if (!values.includes(value)) throw unsupported(`${reader.what} with ${what} ${String(value)}`);
      return value;
    },
    print: String,
  };
}

/** Zero bytes that the format keeps for itself. */
export function reserved(count: number): DerivedField<null> {
  return {
    derive: () => null,
    encode: (writer) => {
      writer.zeros(count);
    },
    decode: (reader) => {
      reader.bytes(count);
      return null;
    },
    print: () => '-',
  };
}

/** A field whose value is worked out from the others when encoding. */
export function derived<T>(field: Field<T>, derive: (parent: never) => T): DerivedField<T> {
  return { ...field, derive: (parent) => derive(parent as never) };
}

/** A field that is there only when the structure says so; otherwise its value is undefined. */
export function when<T, I>(condition: (parent: never) => boolean, field: DerivedField<T> & Field<T, I>): DerivedField<T | undefined>;
export function when<T, I>(condition: (parent: never) => boolean, field: Field<T, I>): Field<T | undefined, I | undefined>;
export function when<T, I>(
  condition: (parent: never) => boolean,
  field: Field<T, I> | DerivedField<T>,
): Field<T | undefined, I | undefined> {
  return {
    ...('derive' in field
      ? { derive: (parent: Parent) => (condition(parent as never) ? field.derive(parent) : undefined) }
      : {}),
    encode: (writer, value, parent) => {
      if (condition(parent as never)) (field as Field<T, I>).encode(writer, value as I, parent);
    },
    decode: (reader, parent) => (condition(parent as never) ? field.decode(reader, parent) : undefined),
    print: (value, parent) => (value === undefined ? '-' : (field as Field<T, I>).print(value, parent)),
  };
}

/** `count` values in a row. */
export function list<T, I>(count: (parent: never) => number, field: Field<T, I>): Field<readonly T[], readonly I[]> {
  return {
    encode: (writer, values, parent) => {
      for (const value of values) field.encode(writer, value, parent);
    },
    decode: (reader, parent) => {
      const n = count(parent as never);
      if (n > reader.remaining) throw corrupt(`${reader.what} says that ${String(n)} values follow, which cannot be`);
      return Array.from({ length: n }, () => field.decode(reader, parent));
    },
    print: (values, parent) => `[${values.map((value) => field.print(value, parent)).join(', ')}]`,
  };
}

/** Raw bytes, as many as the structure says; without a count, all that is left. */
export function bytes(count?: (parent: never) => number): Field<Uint8Array> {
  return {
    encode: (writer, value) => {
      writer.bytes(value);
    },
    decode: (reader, parent) => reader.bytes(count === undefined ? reader.remaining : count(parent as never)),
    print: (value) => (value.length <= 16 ? Buffer.from(value).toString('hex') : `${String(value.length)} bytes`),
  };
}

/** Text of a length that the structure gives in bytes, without a terminator. */
export function text(count: (parent: never) => number): Field<string> {
  return {
    encode: (writer, value) => {
      writer.bytes(Buffer.from(value));
    },
    decode: (reader, parent) => reader.bytes(count(parent as never)).toString(),
    print: (value) => JSON.stringify(value),
  };
}

/** Text that a zero byte ends. */
export const terminatedText: Field<string> = {
  encode: (writer, value) => {
    writer.bytes(Buffer.from(value));
    writer.zeros(1);
  },
  decode: (reader) => reader.terminated().toString(),
  print: (value) => JSON.stringify(value),
};

/** A field that depends on what the structure says, such as the properties of a datatype's class. */
export function choose<T, I = T>(choice: (parent: never) => Field<T, I>): Field<T, I> {
  return {
    encode: (writer, value, parent) => {
      choice(parent as never).encode(writer, value, parent);
    },
    decode: (reader, parent) => choice(parent as never).decode(reader, parent),
    print: (value, parent) => choice(parent as never).print(value, parent),
  };
}

/** The same bytes under another shape. */
export function mapped<W, WI, T>(wire: Field<W, WI>, toWire: (value: T) => WI, fromWire: (value: W) => T): Field<T> {
  return {
    encode: (writer, value, parent) => {
      wire.encode(writer, toWire(value), parent);
    },
    decode: (reader, parent) => fromWire(wire.decode(reader, parent)),
    print: (value, parent) => wire.print(toWire(value), parent),
  };
}

/** Fields one after the other, in the order of their names. */
export function struct<const S extends Readonly<Record<string, AnyField>>>(fields: S): Field<Output<S>, Input<S>> {
  const entries = Object.entries(fields) as [string, Field<unknown> | DerivedField<unknown>][];
  const worked = entries.filter((entry): entry is [string, DerivedField<unknown>] => 'derive' in entry[1]);
  const complete = (value: object): Record<string, unknown> => {
    const record: Record<string, unknown> = { ...value };
    for (const [name, field] of worked) record[name] = field.derive(record);
    return record;
  };
  return {
    encode: (writer, value) => {
      const record = complete(value);
      for (const [name, field] of entries) field.encode(writer, record[name], record);
    },
    decode: (reader) => {
      const record: Record<string, unknown> = {};
      for (const [name, field] of entries) record[name] = field.decode(reader, record);
      return record as Output<S>;
    },
    print: (value) => {
      const record = complete(value);
      return `{ ${entries.map(([name, field]) => `${name}: ${field.print(record[name], record)}`).join(', ')} }`;
    },
  };
}

/** All structures are encoded behind each other here, also one inside another, and copied out. */
const scratch = new ByteWriter();
const noParent: Parent = {};

/** Encodes one value into bytes of its own. */
export function encode<T, I>(field: Field<T, I>, value: I): Buffer {
  const start = scratch.length;
  try {
    field.encode(scratch, value, noParent);
  } catch (error) {
    scratch.drop(start);
    throw error;
  }
  return scratch.take(start);
}

/** Decodes one value. @param what names the structure in messages */
export function decode<T, I>(field: Field<T, I>, data: Uint8Array, what: string): T {
  return field.decode(new ByteReader(data, what), {});
}

/** Messages that are longer are rarely the same. */
const LONGEST_SHARED = 256;
/** So many different ones are remembered. */
const MOST_SHARED = 1024;

/**
 * A decoder of what many objects of a file have in common, such as their datatype: the same bytes give the same value, which is
 * decoded once and must not be changed.
 */
export function sharedDecoder<T, I>(field: Field<T, I>): (data: Uint8Array, what: string) => T {
  const known = new Map<string, T>();
  return (data, what) => {
    if (data.length > LONGEST_SHARED) return decode(field, data, what);
    const bytes = Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const key = bytes.toString('latin1');
    const found = known.get(key);
    if (found !== undefined) return found;
    // Of a copy: views of it must not keep alive what it is a part of.
    const value = decode(field, Buffer.from(bytes), what);
    if (known.size >= MOST_SHARED) known.clear();
    known.set(key, value);
    return value;
  };
}

/** One value as text, field by field. */
export function print<T, I>(field: Field<T, I>, value: I): string {
  return field.print(value, {});
}
