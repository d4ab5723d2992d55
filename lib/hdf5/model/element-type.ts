// What an element is: how values become its bytes, and how the file describes it.
import { endianness } from 'node:os';
import { FreestoneError } from '../../errors.js';
import { readReference, referenceSize, type Reference } from '../format/global-heap.js';
import type { CharacterSet, DatatypeMessage, StringPad } from '../format/datatype.js';
import type { Steps } from '../storage/steps.js';
import { fixedTexts, putFixedTexts } from './fixed-texts.js';
import { joinedTexts, LONGEST_JOINED } from './joined-texts.js';
import { mismatch, numberKinds, type FloatName, type IntegerName, type TypedArrayConstructor } from './number-kind.js';

/** Where variable-length values go. */
export interface HeapWriter {
  insertText(text: string): Reference;
  /**
   * Many at once: in UTF-8, each with a zero byte behind it; the references go where they are wanted.
   * @returns whether there were as many as there is room for references: one with a zero byte in it is taken for two
   */
  insertTexts(texts: Buffer, references: Buffer): boolean;
}

export interface HeapReader {
  read(reference: Reference): Buffer;
  /** Many at once, in UTF-8. @param references 16 bytes each */
  readTexts(references: Buffer): Steps<string[]>;
}

/** A named part of a compound. */
export interface Member {
  readonly name: string;
  readonly type: ElementType;
  /** In an element, in bytes. */
  readonly offset: number;
}

/** A datatype that this package can write. Instances are immutable. */
export interface ElementType {
  /** As a person would write it: `float64`, `string(8)`, `{ x: float32, y: float32 }`. */
  readonly name: string;
  /** As the file describes it. */
  readonly message: DatatypeMessage;
  /** Bytes of one element. */
  readonly size: number;
  /** Whether elements refer to the global heap. */
  readonly variable: boolean;
  /** Typed arrays whose memory holds `lanes` numbers per element, with the bytes of each word in the file's order after `swap`. */
  readonly arrays: readonly TypedArrayConstructor[];
  readonly lanes: number;
  /** The words that must be reversed between memory and file: 1 for none. */
  readonly swap: number;
  /** Of numbers that any number may become. */
  readonly number?: IntegerName | FloatName;
  /** Of a compound that is read as an object. */
  readonly members?: readonly Member[];
  /** Writes one value. @throws ERR_TYPE_MISMATCH for a value that the type cannot hold */
  put(target: Buffer, offset: number, value: unknown, heap: HeapWriter): void;
  /** Writes many values one after the other, to memory with anything in it, where that is faster; false when it has to be done, or refused, one by one. */
  putAll?(target: Buffer, values: readonly unknown[], heap: HeapWriter): boolean;
  /** Reads one value. */
  get(source: Buffer, offset: number, heap: HeapReader): unknown;
  /** Reads all values, where that is faster than one by one. */
  getAll?(source: Buffer, heap: HeapReader): Steps<readonly unknown[]>;
}

const machineIsBigEndian = endianness() === 'BE';

function packed(name: string, message: DatatypeMessage, codec: Pick<ElementType, 'put' | 'get'>, variable = false): ElementType {
  return { name, message, size: message.size, variable, arrays: [], lanes: 1, swap: 1, ...codec };
}

export function numberType(kindName: IntegerName | FloatName, bigEndian: boolean): ElementType {
  const kind = numberKinds[kindName];
  const { size } = kind;
  const name = bigEndian ? `${kindName}be` : kindName;
  const reverse = (target: Buffer, offset: number): void => {
    if (bigEndian) target.subarray(offset, offset + size).reverse();
  };
  return {
    name,
    message: kind.message(bigEndian),
    size,
    variable: false,
    arrays: kind.arrays,
    lanes: 1,
    swap: bigEndian === machineIsBigEndian ? 1 : size,
    number: kindName,
    put: (target, offset, value) => {
      kind.put(target, offset, value);
      reverse(target, offset);
    },
    get: (source, offset) => {
      if (!bigEndian) return kind.get(source, offset);
      const copy = Buffer.from(source.subarray(offset, offset + size)).reverse();
      return kind.get(copy, 0);
    },
  };
}

/** An integer in some of the bits of its bytes: `precision` of them, of which the lowest is bit `offset`. */
export function narrowIntegerType(kindName: IntegerName, bigEndian: boolean, bits: { readonly precision: number; readonly offset: number }): ElementType {
  const { precision, offset } = bits;
  const base = numberType(kindName, bigEndian);
  const name = `${base.name} of ${String(precision)} bits${offset === 0 ? '' : ` from bit ${String(offset)} on`}`;
  const signed = !kindName.startsWith('u');
  const [low, high] = signed ? [-(2n ** BigInt(precision - 1)), 2n ** BigInt(precision - 1) - 1n] : [0n, 2n ** BigInt(precision) - 1n];
  // The same bytes without a sign, in which what is not the number's is zero.
  const raw = numberType(kindName.replace(/^u?/, 'u') as IntegerName, bigEndian);
  const message = { ...base.message, bits } as DatatypeMessage;
  return packed(name, message, {
    put: (target, at, value, heap) => {
      const whole = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : null;
      if (whole === null || whole < low || whole > high) throw mismatch(name, value);
      raw.put(target, at, BigInt.asUintN(precision, whole) << BigInt(offset), heap);
    },
    get: (source, at, heap) => {
      const above = BigInt(raw.get(source, at, heap) as number | bigint) >> BigInt(offset);
      const value = signed ? BigInt.asIntN(precision, above) : BigInt.asUintN(precision, above);
      return base.size === 8 ? value : Number(value);
    },
  });
}

/** Two numbers in a compound with members r and i, as h5py has complex numbers. */
export function complexType(part: 'float32' | 'float64', bigEndian: boolean): ElementType {
  const half = numberType(part, bigEndian);
  const name = `complex${String(half.size * 16)}${bigEndian ? 'be' : ''}`;
  const message: DatatypeMessage = {
    class: 'compound',
    size: half.size * 2,
    members: [
      { name: 'r', offset: 0, type: half.message },
      { name: 'i', offset: half.size, type: half.message },
    ],
  };
  return {
    ...packed(name, message, {
      put: (target, offset, value, heap) => {
        const parts: unknown[] = Array.isArray(value) ? value : value !== null && typeof value === 'object' ? [value['re' as never], value['im' as never]] : [];
        if (parts.length !== 2) throw mismatch(name, value, 'needs [real, imaginary] or { re, im }, not');
        half.put(target, offset, parts[0], heap);
        half.put(target, offset + half.size, parts[1], heap);
      },
      get: (source, offset, heap) => ({ re: half.get(source, offset, heap), im: half.get(source, offset + half.size, heap) }),
    }),
    arrays: half.arrays,
    lanes: 2,
    swap: half.swap,
  };
}

export interface StringOptions {
  /** UTF-8 unless given. */
  readonly encoding?: CharacterSet;
  /** What follows a text that is shorter than the type: `null` (zero bytes, the default), `space`, or `nullterm` (zero bytes, at least one). */
  readonly pad?: StringPad;
}

/** @param size bytes, not characters */
export function fixedStringType(size: number, { encoding = 'utf8', pad = 'null' }: StringOptions = {}): ElementType {
  const name = `string(${String(size)})`;
  const room = pad === 'nullterm' ? size - 1 : size;
  const filler = pad === 'space' ? 0x20 : 0;
  const type = packed(name, { class: 'string', size, pad, charset: encoding }, {
    put: (target, offset, value) => {
      if (typeof value !== 'string') throw mismatch(name, value);
      const bytes = checkedText(name, value, encoding);
      if (bytes > room) throw mismatch(name, value, `has room for ${String(room)} bytes of text and cannot hold`);
      if (value.endsWith(pad === 'space' ? ' ' : '\0') || (pad === 'nullterm' && value.includes('\0'))) {
        throw mismatch(name, value, 'would lose the end of');
      }
      const end = offset + target.write(value, offset, size, 'utf8');
      target.fill(filler, end, offset + size);
    },
    get: (source, offset) => {
      const bytes = source.subarray(offset, offset + size);
      if (pad === 'nullterm') {
        const end = bytes.indexOf(0);
        return bytes.toString('utf8', 0, end < 0 ? size : end);
      }
      let end = size;
      while (end > 0 && bytes[end - 1] === filler) end -= 1;
      // Padded with spaces, one that was never written is zeros.
      if (bytes[0] === 0 && bytes.every((byte) => byte === 0)) return '';
      return bytes.toString('utf8', 0, end);
    },
  });
  return {
    ...type,
    putAll: (target, values) => putFixedTexts(target, values, { size, room, filler }),
    getAll: (source, heap) => fixedTexts(source, size, pad, (offset) => type.get(source, offset, heap) as string),
  };
}

/** Bytes of the text. A lone surrogate has no encoding and would be written as something else. */
function checkedText(name: string, value: string, encoding: CharacterSet): number {
  const bytes = Buffer.byteLength(value);
  if (encoding === 'ascii' ? bytes !== value.length : bytes !== value.length && !isWellFormed(value)) {
    throw mismatch(name, value, encoding === 'ascii' ? 'holds ASCII only, not' : 'cannot hold the lone surrogate in');
  }
  return bytes;
}

/** Whether a name survives the file: NUL would end it, and a lone surrogate would come back as something else, as another name may. */
export function isText(name: string): boolean {
  return !name.includes('\0') && isWellFormed(name);
}

function isWellFormed(value: string): boolean {
  return (value as string & { isWellFormed(): boolean }).isWellFormed();
}

const textByte: DatatypeMessage = { class: 'integer', size: 1, signed: false, bigEndian: false };

export function variableStringType(encoding: CharacterSet = 'utf8'): ElementType {
  const name = 'string';
  const message: DatatypeMessage = {
    class: 'vlen', size: referenceSize, of: 'string', pad: 'nullterm', charset: encoding, base: textByte,
  };
  const type = packed(
    name,
    message,
    {
      put: (target, offset, value, heap) => {
        if (typeof value !== 'string') throw mismatch(name, value);
        checkedText(name, value, encoding);
        if (value.includes('\0')) throw mismatch(name, value, 'ends at a NUL, which readers take for the end, so it cannot hold');
        const { count, address, index } = heap.insertText(value);
        target.writeUInt32LE(count, offset);
        target.writeUInt32LE(address % 2 ** 32, offset + 4);
        target.writeUInt32LE(Math.floor(address / 2 ** 32), offset + 8);
        target.writeUInt32LE(index, offset + 12);
      },
      get: (source, offset, heap) => heap.read(readReference(source, offset)).toString('utf8'),
    },
    true,
  );
  return {
    ...type,
    putAll: (target, values, heap) => {
      for (let first = 0; first < values.length; ) {
        const some = joinedTexts(values, first, '\0', LONGEST_JOINED);
        if (some === null || !isWellFormed(some.text) || (encoding === 'ascii' && some.bytes.length !== some.text.length)) return false;
        const end = first + some.lengths.length;
        if (!heap.insertTexts(some.bytes, target.subarray(first * referenceSize, end * referenceSize))) return false;
        first = end;
      }
      return true;
    },
    getAll: (source, heap) => heap.readTexts(source),
  };
}

/** Names for integers. */
export function enumType(base: ElementType, members: Readonly<Record<string, number>>): ElementType {
  const names = Object.keys(members);
  const name = `enum(${base.name}: ${names.join(', ')})`;
  const values = Buffer.alloc(names.length * base.size);
  const byValue = new Map<unknown, string>();
  names.forEach((member, i) => {
    base.put(values, i * base.size, members[member], noHeap);
    byValue.set(members[member], member);
  });
  if (byValue.size !== names.length) throw new FreestoneError('ERR_INVALID_ARGUMENT', `${name} has two names for one value`);
  return {
    ...packed(name, { class: 'enum', size: base.size, base: base.message, names, values }, {
      put: (target, offset, value, heap) => {
        const number = typeof value === 'string' && Object.hasOwn(members, value) ? members[value] : value;
        if (!byValue.has(typeof number === 'bigint' ? Number(number) : number)) throw mismatch(name, value);
        base.put(target, offset, number, heap);
      },
      get: (source, offset, heap) => {
        const value = base.get(source, offset, heap);
        return byValue.get(Number(value)) ?? value;
      },
    }),
  };
}

/** An enumeration FALSE = 0, TRUE = 1 over int8, as h5py has booleans. */
export function booleanType(): ElementType {
  const stored = enumType(numberType('int8', false), { FALSE: 0, TRUE: 1 });
  return {
    ...stored,
    name: 'bool',
    put: (target, offset, value) => {
      if (typeof value !== 'boolean' && value !== 0 && value !== 1) throw mismatch('bool', value);
      target[offset] = Number(value);
    },
    get: (source, offset) => source[offset] !== 0,
  };
}

/** Members one after the other without gaps, as numpy packs them. */
export function compoundType(members: Readonly<Record<string, ElementType>>): ElementType {
  const entries = Object.entries(members);
  if (entries.length === 0) throw new FreestoneError('ERR_INVALID_ARGUMENT', 'a compound needs at least one member');
  let size = 0;
  const placed = entries.map(([name, type]) => {
    const offset = size;
    size += type.size;
    return { name, offset, type };
  });
  return compoundOf(placed, size);
}

export function compoundOf(members: readonly Member[], size: number): ElementType {
  const name = `{ ${members.map((member) => `${member.name}: ${member.type.name}`).join(', ')} }`;
  const type = packed(
    name,
    { class: 'compound', size, members: members.map((member) => ({ ...member, type: member.type.message })) },
    {
      put: (target, offset, value, heap) => {
        if (value === null || typeof value !== 'object') throw mismatch(name, value);
        for (const member of members) {
          const part = (value as Record<string, unknown>)[member.name];
          if (part === undefined) throw mismatch(name, value, `has a member ${JSON.stringify(member.name)}, which is missing in`);
          try {
            member.type.put(target, offset + member.offset, part, heap);
          } catch (error) {
            if (error instanceof FreestoneError) throw new FreestoneError(error.code, `member ${member.name}: ${error.message}`, { member: member.name });
            throw error;
          }
        }
      },
      get: (source, offset, heap) =>
        Object.fromEntries(members.map((member) => [member.name, member.type.get(source, offset + member.offset, heap)])),
    },
    members.some((member) => member.type.variable),
  );
  return { ...type, members };
}

const refuse = (): never => {
  throw new FreestoneError('ERR_UNSUPPORTED', 'a variable-length value cannot stand here');
};
const noHeap: HeapWriter = {
  insertText: refuse,
  insertTexts: refuse,
};

/** Encodes one value that may not refer to the heap, such as a fill value. */
export function encodeFixed(type: ElementType, value: unknown): Buffer {
  const bytes = Buffer.alloc(type.size);
  type.put(bytes, 0, value, noHeap);
  return bytes;
}
