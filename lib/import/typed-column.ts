// Columns of formats that have types of their own (Arrow, Parquet): what is learnt of them, and what they become.
import { endianness } from 'node:os';
import { FreestoneError } from '../errors.js';
import type { TypedArray } from '../hdf5/index.js';
import type { StringStorage } from './column-profile.js';
import { type IntegerType, type RealType, type StoredType, type TimeUnit, elementBytes, integerFill } from './column-type.js';
import { arraysOfTypes } from './columns-writer.js';
import { textType } from './npy-values.js';

/** What the values of a column are. */
export type TypedForm =
  | { readonly kind: 'integer'; readonly dtype: IntegerType }
  /** float16 comes as float32. */
  | { readonly kind: 'real'; readonly dtype: RealType | 'float16' }
  /** 0 and 1, a byte each. */
  | { readonly kind: 'boolean' }
  /** Since 1970. */
  | { readonly kind: 'time'; readonly unit: TimeUnit }
  /** A number of units. */
  | { readonly kind: 'duration'; readonly unit: TimeUnit }
  | { readonly kind: 'text' };

/** A column as its format's schema has it. Structures are so many columns with dotted names. */
export interface TypedColumn {
  readonly path: readonly string[];
  readonly form: TypedForm;
  readonly isList: boolean;
}

/** Values of some rows. Of lists, `values` has the items, and each row is to have as many. */
export interface TypedValues {
  readonly rows: number;
  /** Numbers in an array of their kind, texts in a plain one; what stands where a value is missing does not matter. */
  readonly values: TypedArray | readonly (string | null)[];
  /** 1 for each value that is missing; undefined where none is. */
  readonly missing: Uint8Array | undefined;
  /** Of lists: the items of each row, or -1 where rows have different numbers of them. */
  readonly listLength?: number;
}

/** The upper half of 2^53. */
const exactUpper = 2 ** 21;

/** What pass 1 learns. */
export class TypedProfile {
  readonly column: TypedColumn;
  missing = 0;
  /** Items of a row's list, once one was seen. */
  listLength: number | undefined;
  /** Whether there are integers beyond 2^53, and among them the one that stands for a missing one. */
  #isWide = false;
  #usesFill = false;
  #longest = 0;
  #total = 0;
  #count = 0;
  #holdsNul = false;
  readonly #file: string;

  constructor(column: TypedColumn, file: string) {
    this.column = column;
    this.#file = file;
  }

  get name(): string {
    return this.column.path.join('.');
  }

  refuse(reason: string): FreestoneError {
    return refusedColumn(this.#file, this.name, reason);
  }

  /** @throws {FreestoneError} ERR_UNSUPPORTED for lists of several lengths */
  add({ values, missing, rows, listLength }: TypedValues): void {
    if (this.column.isList && rows > 0) {
      this.listLength ??= listLength;
      if (listLength === -1 || listLength !== this.listLength) throw this.refuse('its lists are not all of one length');
    }
    if (missing !== undefined) for (const one of missing) this.missing += one;
    if (this.column.form.kind === 'text') this.#addTexts(values as readonly (string | null)[]);
    else if (this.column.form.kind === 'integer' && (values instanceof BigInt64Array || values instanceof BigUint64Array)) this.#addWide(values, missing);
  }

  /** What a file's statistics say of a column that is not read in pass 1. */
  note(missing: number): void {
    this.missing += missing;
  }

  #addTexts(values: readonly (string | null)[]): void {
    for (const value of values) {
      if (value === null) continue;
      const length = Buffer.byteLength(value);
      this.#total += length;
      if (length > this.#longest) this.#longest = length;
      if (!this.#holdsNul && value.includes('\0')) {
        if (value.endsWith('\0')) throw this.refuse('a text that ends with a NUL cannot be told from its padding');
        this.#holdsNul = true;
      }
    }
    this.#count += values.length;
  }

  /** Should values be missing, then it matters whether a float64 holds all that are there. Only the halves of each are looked at, for speed. */
  #addWide(values: BigInt64Array | BigUint64Array, missing: Uint8Array | undefined): void {
    const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
    const high = endianness() === 'LE' ? 1 : 0;
    const isSigned = values instanceof BigInt64Array;
    for (let i = 0; i < values.length; i++) {
      const upper = halves[i * 2 + high] ?? 0;
      if ((upper >= -exactUpper && upper < exactUpper && (isSigned || upper >= 0)) || missing?.[i] === 1) continue;
      const lower = halves[i * 2 + 1 - high] ?? 0;
      if (upper === exactUpper && lower === 0) continue;
      this.#isWide = true;
      if (isSigned ? upper === -(2 ** 31) && lower === 0 : upper === -1 && lower === -1) this.#usesFill = true;
    }
  }

  /** By the rules of text tables. @throws {FreestoneError} ERR_UNSUPPORTED, ERR_TYPE_MISMATCH */
  resolve(strings: StringStorage): StoredType {
    const { form, isList } = this.column;
    const lacks = this.missing > 0;
    switch (form.kind) {
      case 'integer': {
        if (!lacks) return { kind: 'integer', dtype: form.dtype };
        if (!this.#isWide) return { kind: 'real', dtype: 'float64' };
        if (this.#usesFill) throw this.refuse(`it has missing values, and the value of ${form.dtype} that would stand for them is in use`);
        return { kind: 'integer', dtype: form.dtype, fill: integerFill(form.dtype) };
      }
      case 'real':
        return form.dtype === 'float16' ? { kind: 'other', dtype: 'float16', datatype: 'float16', bytes: 2 } : { kind: 'real', dtype: form.dtype };
      case 'boolean':
        return lacks ? { kind: 'boolean', dtype: 'int8', fill: -1n } : { kind: 'boolean', dtype: 'bool' };
      case 'time':
        return { kind: 'time', dtype: 'int64', unit: form.unit, ...(lacks ? { fill: integerFill('int64') } : {}) };
      case 'duration':
        return { kind: 'other', dtype: 'int64', datatype: 'int64', bytes: 8, units: form.unit, ...(lacks ? { fill: integerFill('int64') } : {}) };
      case 'text':
        if (isList) throw this.refuse('lists of texts have no place in a table');
        return textType({ longest: this.#longest, total: this.#total, count: this.#count, holdsNul: this.#holdsNul }, strings, this.#file, this.name);
    }
  }
}

/** The error for a column that has no place in the file. */
export function refusedColumn(file: string, name: string, reason: string): FreestoneError {
  return new FreestoneError('ERR_UNSUPPORTED', `${file}: column ${JSON.stringify(name)}: ${reason}`, { file, column: name });
}

/** Values as a dataset of the type takes them: with what stands for the missing ones in their places. */
export function storedValues(type: StoredType, { values, missing }: TypedValues): TypedArray | string[] {
  if (type.kind === 'text' || type.kind === 'long text') return (values as readonly (string | null)[]).map((value) => value ?? '');
  const given = values as TypedArray;
  const name = type.dtype === 'float16' ? 'float32' : type.dtype;
  const TypedArrayOf = arraysOfTypes[name] ?? Uint8Array;
  const isSame = given instanceof TypedArrayOf;
  if (isSame && missing === undefined) return given;
  const result = isSame ? given.slice() : new TypedArrayOf(new ArrayBuffer(given.length * (name === 'float32' ? 4 : elementBytes(type))), 0, given.length);
  const isWide = result instanceof BigInt64Array || result instanceof BigUint64Array;
  const fill = 'fill' in type ? type.fill : 0n;
  const stand = isWide ? fill : type.dtype.startsWith('float') ? NaN : Number(fill);
  if (!isSame) {
    for (let i = 0; i < given.length; i++) {
      const value = given[i] ?? 0;
      (result as Record<number, number | bigint>)[i] = isWide ? BigInt(value) : Number(value);
    }
  }
  if (missing !== undefined) for (let i = 0; i < missing.length; i++) if (missing[i] === 1) (result as Record<number, number | bigint>)[i] = stand;
  return result;
}
