// From the bytes of an .npy file's elements to what datasets take.
import { isUtf8 } from 'node:buffer';
import { FreestoneError } from '../errors.js';
import type { TypedArray } from '../hdf5/index.js';
import { arraysOfTypes } from './columns-writer.js';
import type { ColumnType } from './column-type.js';
import type { StringStorage } from './column-profile.js';
import { type NpySource, corruptNpy } from './npy-header.js';
import type { NpyType } from './npy-type.js';

type TextType = Extract<NpyType, { kind: 'text' }>;

const arrays: typeof arraysOfTypes = { ...arraysOfTypes, complex64: Float32Array, complex128: Float64Array };

let halves: Float32Array | undefined;

/** Every float16 as a float32, which holds it exactly. */
export function halfValues(): Float32Array {
  halves ??= Float32Array.from({ length: 65536 }, (_, bits) => {
    const exponent = (bits >> 10) & 31;
    const mantissa = bits & 1023;
    const sign = bits & 0x8000 ? -1 : 1;
    if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
    return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25));
  });
  return halves;
}

/**
 * Elements as their dataset takes them, in a row. Bytes of big-endian numbers are turned round in place.
 * @param bytes begin where a typed array of the elements may begin
 */
export function sameValues(type: Extract<NpyType, { kind: 'same' }>, bytes: Buffer): TypedArray {
  if (type.swap === 2) bytes.swap16();
  else if (type.swap === 4) bytes.swap32();
  else if (type.swap === 8) bytes.swap64();
  const buffer = bytes.buffer as ArrayBuffer;
  if (type.form === 'half') {
    const values = halfValues();
    return Float32Array.from(new Uint16Array(buffer, bytes.byteOffset, bytes.length / 2), (bits) => values[bits] ?? NaN);
  }
  const TypedArrayOf = arrays[type.stored.dtype.replace(/be$/, '')] ?? Uint8Array;
  return new TypedArrayOf(buffer, bytes.byteOffset, bytes.length / (type.form === 'complex' ? type.bytes / 2 : type.bytes));
}

/** One element of text. */
function textOf({ unicode, bytes: size }: TextType, bytes: Buffer, at: number): string {
  if (unicode === false) {
    let end = at + size;
    while (end > at && bytes[end - 1] === 0) end--;
    return bytes.toString('utf8', at, end);
  }
  let end = at + size;
  while (end > at && bytes.readUInt32LE(end - 4) === 0) end -= 4;
  let text = '';
  for (let i = at; i < end; i += 4) text += String.fromCodePoint(unicode === 'big' ? bytes.readUInt32BE(i) : bytes.readUInt32LE(i));
  return text;
}

/** All elements of text, in a row. */
export function textValues(type: TextType, bytes: Buffer): string[] {
  if (type.bytes === 0) return [];
  return Array.from({ length: bytes.length / type.bytes }, (_, i) => textOf(type, bytes, i * type.bytes));
}

/** What pass 1 learns of text. */
export class TextProfile {
  readonly #source: NpySource;
  readonly #type: TextType;
  /** The field that it is of, if it is. */
  readonly #field: string | undefined;
  #count = 0;
  #longest = 0;
  #total = 0;
  #holdsNul = false;

  constructor(source: NpySource, type: TextType, field?: string) {
    this.#source = source;
    this.#type = type;
    this.#field = field;
  }

  /** @throws {FreestoneError} ERR_UNSUPPORTED for bytes that are not UTF-8, ERR_CORRUPT_FILE for what is no character */
  add(bytes: Buffer, at: number): void {
    const length = this.#type.unicode === false ? this.#byteLength(bytes, at) : this.#characterLength(bytes, at);
    this.#count++;
    this.#total += length;
    if (length > this.#longest) this.#longest = length;
  }

  #where(): string {
    return `${this.#field === undefined ? '' : `field ${JSON.stringify(this.#field)}, `}element ${this.#count}`;
  }

  #byteLength(bytes: Buffer, at: number): number {
    let end = at + this.#type.bytes;
    while (end > at && bytes[end - 1] === 0) end--;
    const text = bytes.subarray(at, end);
    if (!isUtf8(text)) {
      throw new FreestoneError('ERR_UNSUPPORTED', `${this.#source.name}: ${this.#where()}: bytes that are not UTF-8 cannot be stored as text`, { file: this.#source.name });
    }
    if (!this.#holdsNul) this.#holdsNul = text.includes(0);
    return end - at;
  }

  #characterLength(bytes: Buffer, at: number): number {
    let end = at + this.#type.bytes;
    while (end > at && bytes.readUInt32LE(end - 4) === 0) end -= 4;
    let length = 0;
    for (let i = at; i < end; i += 4) {
      const code = this.#type.unicode === 'big' ? bytes.readUInt32BE(i) : bytes.readUInt32LE(i);
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) throw corruptNpy(this.#source, `${this.#where()}: 0x${code.toString(16)} is no character`);
      if (code === 0) this.#holdsNul = true;
      length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    }
    return length;
  }

  /** By the rules of the text of tables. @throws {FreestoneError} ERR_TYPE_MISMATCH */
  resolve(strings: StringStorage): ColumnType {
    return textType({ longest: this.#longest, total: this.#total, count: this.#count, holdsNul: this.#holdsNul }, strings, this.#source.name, this.#field);
  }
}

/** What is known of all texts of a column or an array. */
export interface TextFacts {
  /** In bytes. */
  readonly longest: number;
  readonly total: number;
  readonly count: number;
  readonly holdsNul: boolean;
}

const maxAutoFixedBytes = 255;

/** How text is stored. @throws {FreestoneError} ERR_TYPE_MISMATCH for a NUL in text that was to be of variable length */
export function textType({ longest, total, count, holdsNul }: TextFacts, strings: StringStorage, file: string, column?: string): ColumnType {
  if (strings === 'variable' && holdsNul) {
    throw new FreestoneError('ERR_TYPE_MISMATCH', `${file}:${column === undefined ? '' : ` column ${JSON.stringify(column)}:`} a variable-length string ends at its first NUL byte`, {
      file,
      ...(column === undefined ? {} : { column }),
    });
  }
  const fixed = strings === 'fixed' || (strings === 'auto' && (longest <= maxAutoFixedBytes || holdsNul));
  if (fixed) return { kind: 'text', dtype: 'string', bytes: Math.max(1, longest) };
  return { kind: 'long text', dtype: 'string', average: total / Math.max(1, count) };
}

