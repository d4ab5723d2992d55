// From Arrow's columns in memory to values.
import { isAscii } from 'node:buffer';
import type { TypedArray } from '../hdf5/index.js';
import type { TimeUnit } from './column-type.js';
import { halfValues } from './npy-values.js';
import { type TypedColumn, type TypedForm, type TypedValues, refusedColumn } from './typed-column.js';

/** What is used of apache-arrow's types. */
export interface ArrowType {
  readonly typeId: number;
  readonly bitWidth?: number;
  readonly isSigned?: boolean;
  readonly precision?: number;
  readonly scale?: number;
  readonly unit?: number;
  readonly listSize?: number;
  readonly children?: readonly ArrowField[];
  /** Of a dictionary: the type of what it holds. */
  readonly dictionary?: ArrowType;
  toString(): string;
}

export interface ArrowField {
  readonly name: string;
  readonly type: ArrowType;
}

/** One column of one record batch. */
export interface ArrowData {
  readonly type: ArrowType;
  readonly length: number;
  readonly offset: number;
  readonly nullCount: number;
  readonly nullBitmap?: Uint8Array;
  readonly values: TypedArray;
  readonly valueOffsets: Int32Array | BigInt64Array;
  readonly children: readonly (ArrowData | undefined)[];
  readonly dictionary?: { readonly data: readonly ArrowData[] };
}

/** As Arrow's format numbers them. */
const typeId = {
  dictionary: -1, null: 1, int: 2, float: 3, utf8: 5, bool: 6, decimal: 7, date: 8, time: 9, timestamp: 10, list: 12, struct: 13, fixedSizeList: 16, duration: 18, largeUtf8: 20, largeList: 21,
} as const;

const units: readonly TimeUnit[] = ['seconds', 'milliseconds', 'microseconds', 'nanoseconds'];
/** Decimals of so many digits come back from a float64 as they were. */
const maxDecimalDigits = 15;

/** A column, and where it is in a record batch. */
export interface ArrowColumn extends TypedColumn {
  /** The indices of the children to go through. */
  readonly at: readonly number[];
}

const isList = ({ typeId: id }: ArrowType): boolean => id === typeId.list || id === typeId.largeList || id === typeId.fixedSizeList;

/** The columns of a schema. @throws {FreestoneError} ERR_UNSUPPORTED for a type that has no place in a table */
export function arrowColumns(file: string, fields: readonly ArrowField[], path: readonly string[] = [], at: readonly number[] = []): ArrowColumn[] {
  return fields.flatMap(({ name, type }, index): ArrowColumn[] => {
    const own = [...path, name];
    const place = [...at, index];
    if (type.typeId === typeId.struct) return arrowColumns(file, type.children ?? [], own, place);
    const value = isList(type) ? type.children?.[0]?.type : type;
    const form = value === undefined ? undefined : formOf(value);
    if (form === undefined) throw refusedColumn(file, own.join('.'), `${String(type)} has no place in a table`);
    return [{ path: own, at: place, form, isList: isList(type) }];
  });
}

function formOf(type: ArrowType): TypedForm | undefined {
  const { typeId: id, bitWidth = 64, isSigned = true, precision = 0, unit = 0 } = type;
  switch (id) {
    case typeId.dictionary:
      return type.dictionary === undefined ? undefined : formOf(type.dictionary);
    case typeId.int:
      return { kind: 'integer', dtype: `${isSigned ? '' : 'u'}int${bitWidth as 8 | 16 | 32 | 64}` };
    case typeId.float:
      return { kind: 'real', dtype: precision === 0 ? 'float16' : precision === 1 ? 'float32' : 'float64' };
    case typeId.bool:
      return { kind: 'boolean' };
    case typeId.null:
    case typeId.utf8:
    case typeId.largeUtf8:
      return { kind: 'text' };
    case typeId.decimal:
      return precision <= maxDecimalDigits ? { kind: 'real', dtype: 'float64' } : { kind: 'text' };
    case typeId.date:
      return { kind: 'time', unit: unit === 0 ? 'days' : 'milliseconds' };
    case typeId.timestamp:
      return { kind: 'time', unit: units[unit] ?? 'seconds' };
    case typeId.time:
    case typeId.duration:
      return { kind: 'duration', unit: units[unit] ?? 'seconds' };
    default:
      return undefined;
  }
}

/** Adds the values that a column says are missing. @returns the sum of both, undefined for none */
function withNulls(data: ArrowData, before: Uint8Array | undefined): Uint8Array | undefined {
  const { nullBitmap, nullCount, length, offset } = data;
  const isAllNull = data.type.typeId === typeId.null;
  if (!isAllNull && (nullCount === 0 || nullBitmap === undefined || nullBitmap.length === 0)) return before;
  const missing = before?.slice() ?? new Uint8Array(length);
  if (isAllNull || nullBitmap === undefined) return missing.fill(1);
  for (let i = 0, bit = offset; i < length; i++, bit++) if (((nullBitmap[bit >> 3] ?? 0) & (1 << (bit & 7))) === 0) missing[i] = 1;
  return missing;
}

/** The values of a column in a record batch. @param batch the batch's own data, a structure of its columns */
export function arrowValues(batch: ArrowData, { at, isList: hasLists }: ArrowColumn): TypedValues {
  const rows = batch.length;
  let missing: Uint8Array | undefined;
  let data: ArrowData | undefined = batch;
  for (const index of at) {
    data = data.children[index];
    if (data === undefined) return { rows, values: Array.from({ length: rows }, () => null), missing: new Uint8Array(rows).fill(1) };
    missing = withNulls(data, missing);
  }
  return hasLists ? listValues(data, missing) : { rows, missing, values: valuesOf(data, missing, 0, rows) };
}

function listValues(data: ArrowData, missing: Uint8Array | undefined): TypedValues {
  const { length: rows, type, valueOffsets, children: [items] } = data;
  if (items === undefined || rows === 0) return { rows, missing: undefined, values: [], listLength: 0 };
  const isFixed = type.typeId === typeId.fixedSizeList;
  const startOf = (row: number): number => (isFixed ? (data.offset + row) * (type.listSize ?? 0) : Number(valueOffsets[row] ?? 0));
  const width = isFixed ? (type.listSize ?? 0) : startOf(1) - startOf(0);
  // A list that is missing has no items of its own to stand for the missing ones, unless all have their places.
  for (let row = 0; row < rows; row++) if (startOf(row + 1) - startOf(row) !== width) return { rows, missing: undefined, values: [], listLength: -1 };
  const first = startOf(0);
  const count = rows * width;
  let lacking = withNulls(items, undefined)?.subarray(first, first + count);
  if (missing !== undefined) {
    lacking = lacking?.slice() ?? new Uint8Array(count);
    for (let i = 0; i < count; i++) if (missing[Math.floor(i / width)] === 1) lacking[i] = 1;
  }
  return { rows, missing: lacking, values: valuesOf(items, lacking, first, count), listLength: width };
}

/** @param missing of these `count` values, which begin at `first` */
function valuesOf(data: ArrowData, missing: Uint8Array | undefined, first: number, count: number): TypedValues['values'] {
  const { type, values } = data;
  const part = (): TypedArray => values.subarray(first, first + count);
  switch (type.typeId) {
    case typeId.null:
      return Array.from({ length: count }, () => null);
    case typeId.dictionary:
      return fromDictionary(data, missing, first, count);
    case typeId.float:
      return type.precision === 0 ? halves(part() as Uint16Array) : part();
    case typeId.bool: {
      const bits = values as Uint8Array;
      return Uint8Array.from({ length: count }, (_, i) => ((bits[(data.offset + first + i) >> 3] ?? 0) >> ((data.offset + first + i) & 7)) & 1);
    }
    case typeId.utf8:
    case typeId.largeUtf8:
      return texts(data, missing, first, count);
    case typeId.decimal:
      return decimals(data, first, count);
    default:
      return part();
  }
}

function halves(bits: Uint16Array): Float32Array {
  const values = halfValues();
  return Float32Array.from(bits, (bit) => values[bit] ?? NaN);
}

function fromDictionary({ values, dictionary }: ArrowData, missing: Uint8Array | undefined, first: number, count: number): TypedValues['values'] {
  const parts = (dictionary?.data ?? []).map((data) => valuesOf(data, undefined, 0, data.length));
  const indexOf = (i: number): number => (missing?.[i] === 1 ? 0 : Number(values[first + i] ?? 0));
  const [one] = parts;
  if (one === undefined) return Array.from({ length: count }, () => null);
  if (Array.isArray(one)) {
    const entries = (parts as (string | null)[][]).flat();
    return Array.from({ length: count }, (_, i) => (missing?.[i] === 1 ? null : (entries[indexOf(i)] ?? null)));
  }
  const entries = parts as TypedArray[];
  const all = entries.flatMap((part) => Array.from<number | bigint>(part as Iterable<number | bigint>));
  const Same = (one as TypedArray).constructor as new (length: number) => TypedArray;
  const result = new Same(count);
  const zero = result instanceof BigInt64Array || result instanceof BigUint64Array ? 0n : 0;
  for (let i = 0; i < count; i++) (result as Record<number, number | bigint>)[i] = all[indexOf(i)] ?? zero;
  return result;
}

function texts({ values, valueOffsets }: ArrowData, missing: Uint8Array | undefined, first: number, count: number): (string | null)[] {
  const from = Number(valueOffsets[first] ?? 0);
  const to = Number(valueOffsets[first + count] ?? 0);
  const bytes = Buffer.from(values.buffer, values.byteOffset + from, to - from);
  // Of ASCII, all is made a text at once, and cut.
  const whole = isAscii(bytes) && bytes.length < 2 ** 28 ? bytes.toString('latin1') : undefined;
  return Array.from({ length: count }, (_, i) => {
    if (missing?.[i] === 1) return null;
    const start = Number(valueOffsets[first + i] ?? 0) - from;
    const end = Number(valueOffsets[first + i + 1] ?? 0) - from;
    return whole === undefined ? bytes.toString('utf8', start, end) : whole.slice(start, end);
  });
}

/** Two's complement in words of 32 bits, the lowest first. */
function decimals({ values, type }: ArrowData, first: number, count: number): Float64Array | string[] {
  const { bitWidth = 128, scale = 0, precision = 0 } = type;
  const words = bitWidth / 32;
  const raw = values as Uint32Array;
  const textOf = (i: number): string => {
    let value = 0n;
    for (let word = words - 1; word >= 0; word--) value = (value << 32n) | BigInt(raw[(first + i) * words + word] ?? 0);
    return decimalText(BigInt.asIntN(bitWidth, value), scale);
  };
  return precision <= maxDecimalDigits ? Float64Array.from({ length: count }, (_, i) => Number(textOf(i))) : Array.from({ length: count }, (_, i) => textOf(i));
}

/** A decimal number as it is written. */
export function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = String(unscaled < 0n ? -unscaled : unscaled);
  if (scale <= 0) return sign + digits + '0'.repeat(unscaled === 0n ? 0 : -scale);
  const padded = digits.padStart(scale + 1, '0');
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}
