// What a column can become.
import { FreestoneError } from '../errors.js';
import type { DatatypeSpec } from '../hdf5/index.js';

export const integerTypes = ['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'] as const;
export const realTypes = ['float32', 'float64'] as const;
export type IntegerType = (typeof integerTypes)[number];
export type RealType = (typeof realTypes)[number];

/** What `--types` can name: the datatypes of the file, and the two kinds of time, which become int64. */
export const typeNames = [...integerTypes, ...realTypes, 'bool', 'string', 'date', 'timestamp'] as const;
export type TypeName = (typeof typeNames)[number];

export type TimeUnit = 'days' | 'seconds' | 'milliseconds' | 'microseconds' | 'nanoseconds';

/** What all values of a column have in common, in the terms of the file. */
export type ColumnType =
  /** `fill` stands for a missing value, if there is one. */
  | { readonly kind: 'integer'; readonly dtype: IntegerType; readonly fill?: bigint }
  /** A missing value is NaN. */
  | { readonly kind: 'real'; readonly dtype: RealType }
  | { readonly kind: 'boolean'; readonly dtype: 'bool' | 'int8'; readonly fill?: bigint }
  /** int64, counted from 1970-01-01 00:00:00 UTC. */
  | { readonly kind: 'time'; readonly dtype: 'int64'; readonly unit: TimeUnit; readonly fill?: bigint }
  /** UTF-8 in `bytes` bytes with zeros behind it. */
  | { readonly kind: 'text'; readonly dtype: 'string'; readonly bytes: number }
  /** UTF-8 of any length; `average` bytes of it a value. */
  | { readonly kind: 'long text'; readonly dtype: 'string'; readonly average: number };

/** The types whose elements have a size. */
export type FixedType = Exclude<ColumnType, { kind: 'long text' }>;

/** What a column of a binary format can be besides. */
export interface OtherType {
  readonly kind: 'other';
  /** As a person names it. */
  readonly dtype: string;
  readonly datatype: DatatypeSpec;
  readonly bytes: number;
  /** What a number counts, such as `hours since 1970-01-01 00:00:00`. */
  readonly units?: string;
  /** What stands for a missing value. */
  readonly fill?: bigint;
}

/** What a column of the file can be. */
export type StoredType = ColumnType | OtherType;

/** Smallest and largest value of an integer type. */
export function integerRange(dtype: IntegerType): readonly [bigint, bigint] {
  const bits = BigInt(/\d+$/.exec(dtype)?.[0] ?? 64);
  return dtype.startsWith('u') ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
}

/** The value that stands for a missing one: as far from the others as it can be. */
export function integerFill(dtype: IntegerType): bigint {
  const [lowest, highest] = integerRange(dtype);
  return dtype.startsWith('u') ? highest : lowest;
}

/** Bytes of one element in the file. */
export function elementBytes(type: StoredType): number {
  if (type.kind === 'text' || type.kind === 'other') return type.bytes;
  if (type.kind === 'long text') return 16;
  return type.dtype === 'bool' ? 1 : Number(/\d+$/.exec(type.dtype)?.[0] ?? 64) / 8;
}

/** As a person names it. */
export function typeLabel(type: StoredType): string {
  if (type.kind === 'text') return `string(${type.bytes})`;
  return type.dtype;
}

/** The CF convention's words for what an integer counts. */
export function timeUnits(unit: TimeUnit): string {
  return unit === 'days' ? 'days since 1970-01-01' : `${unit} since 1970-01-01 00:00:00`;
}

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT for a name that is no type */
export function checkTypeName(column: string, name: string): TypeName {
  const found = typeNames.find((known) => known === name);
  if (found !== undefined) return found;
  throw new FreestoneError(
    'ERR_INVALID_ARGUMENT',
    `the type of column ${JSON.stringify(column)} cannot be ${JSON.stringify(name)}; there are ${typeNames.join(', ')}`,
    { column, type: name },
  );
}
