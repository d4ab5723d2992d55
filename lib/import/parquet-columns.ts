// From what hyparquet reads to values.
import type { TypedArray } from '../hdf5/index.js';
import { decimalText } from './arrow-columns.js';
import type { IntegerType, TimeUnit } from './column-type.js';
import { type TypedColumn, type TypedForm, type TypedValues, refusedColumn } from './typed-column.js';

/** What is used of hyparquet's schema. */
export interface ParquetElement {
  readonly name: string;
  type?: string;
  type_length?: number;
  readonly repetition_type?: string;
  num_children?: number;
  converted_type?: string | undefined;
  logical_type?: { readonly type: string; readonly unit?: string; readonly bitWidth?: number; readonly isSigned?: boolean; readonly precision?: number; readonly scale?: number } | undefined;
  readonly scale?: number;
  readonly precision?: number;
}

export interface ParquetNode {
  readonly element: ParquetElement;
  readonly children: readonly ParquetNode[];
  readonly path: readonly string[];
}

/** How a value as it is stored becomes one of the form. */
type Convert = (value: unknown) => number | bigint | string;

export interface ParquetColumn extends TypedColumn {
  /** The path of the leaf in the file, which for lists is longer. */
  readonly leaf: readonly string[];
  readonly convert: Convert | undefined;
  /** Whether values may be missing. */
  readonly isNullable: boolean;
}

const maxDecimalDigits = 15;
/** Texts that are kept for the rest of a row group. */
const maxKnown = 10_000;
const unitOfLogical: Readonly<Record<string, TimeUnit>> = { MILLIS: 'milliseconds', MICROS: 'microseconds', NANOS: 'nanoseconds' };

function isListNode({ element, children }: ParquetNode): boolean {
  return (element.converted_type === 'LIST' || element.logical_type?.type === 'LIST') && children.length === 1;
}

/** The columns of a schema. @throws {FreestoneError} ERR_UNSUPPORTED for what has no place in a table */
export function parquetColumns(file: string, nodes: readonly ParquetNode[], path: readonly string[] = [], mayLack = false): ParquetColumn[] {
  return nodes.flatMap((node): ParquetColumn[] => {
    const { element, children } = node;
    const own = [...path, element.name];
    const refuse = (what: string): Error => refusedColumn(file, own.join('.'), `${what} has no place in a table`);
    const isNullable = mayLack || element.repetition_type !== 'REQUIRED';
    if (children.length === 0) {
      if (element.repetition_type === 'REPEATED') return [leafColumn(node, own, true, true, refuse)];
      return [leafColumn(node, own, false, isNullable, refuse)];
    }
    if (isListNode(node)) {
      // Three levels, the list, its repeated group, the item; or two, the list and its repeated item.
      const [repeated] = children;
      const item = repeated?.children.length === 1 ? repeated.children[0] : repeated;
      if (item === undefined || item.children.length > 0) throw refuse('a list of lists or structures');
      return [leafColumn(item, own, true, true, refuse)];
    }
    if (element.repetition_type === 'REPEATED' || (element.converted_type ?? element.logical_type?.type ?? '').includes('MAP')) throw refuse('a map or a list of structures');
    return parquetColumns(file, children, own, isNullable);
  });
}

function leafColumn({ element, path }: ParquetNode, own: readonly string[], isList: boolean, isNullable: boolean, refuse: (what: string) => Error): ParquetColumn {
  const found = formOf(element);
  if (found === undefined) throw refuse(element.logical_type?.type ?? element.converted_type ?? element.type ?? 'a value without a type');
  return { path: own, leaf: path, isList, isNullable, ...found };
}

function formOf({ type, type_length: length, converted_type: converted, logical_type: logical, scale, precision }: ParquetElement): { form: TypedForm; convert: Convert | undefined } | undefined {
  const plain = (form: TypedForm, convert?: Convert): { form: TypedForm; convert: Convert | undefined } => ({ form, convert });
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') {
    const digits = logical?.precision ?? precision ?? 0;
    const places = logical?.scale ?? scale ?? 0;
    const textOf: Convert = (value) => decimalText(value instanceof Uint8Array ? bigEndian(value) : BigInt(value as number | bigint), places);
    return digits <= maxDecimalDigits ? plain({ kind: 'real', dtype: 'float64' }, (value) => Number(textOf(value))) : plain({ kind: 'text' }, textOf);
  }
  if (type === 'INT96') return plain({ kind: 'time', unit: 'nanoseconds' });
  if (converted === 'DATE' || logical?.type === 'DATE') return plain({ kind: 'time', unit: 'days' });
  const unit = /MILLIS|MICROS|NANOS/.exec(logical?.unit ?? converted ?? '')?.[0];
  if (unit !== undefined) {
    const named = unitOfLogical[unit] ?? 'nanoseconds';
    const isTime = logical?.type === 'TIMESTAMP' || converted?.startsWith('TIMESTAMP') === true;
    return plain({ kind: isTime ? 'time' : 'duration', unit: named });
  }
  switch (type) {
    case 'BOOLEAN':
      return plain({ kind: 'boolean' }, (value) => Number(value));
    case 'INT32':
    case 'INT64': {
      const [, sign, bits] = /^(U?)INT_(\d+)$/.exec(converted ?? '') ?? [];
      const width = logical?.bitWidth ?? (bits === undefined ? (type === 'INT32' ? 32 : 64) : Number(bits));
      const isUnsigned = logical?.type === 'INTEGER' ? logical.isSigned === false : sign === 'U';
      const dtype = `${isUnsigned ? 'u' : ''}int${width}` as IntegerType;
      if (!isUnsigned) return plain({ kind: 'integer', dtype });
      return plain({ kind: 'integer', dtype }, width === 64 ? (value) => BigInt.asUintN(64, value as bigint) : (value) => Number(value) >>> 0);
    }
    case 'FLOAT':
      return plain({ kind: 'real', dtype: 'float32' });
    case 'DOUBLE':
      return plain({ kind: 'real', dtype: 'float64' });
    case 'BYTE_ARRAY':
      return converted === 'UTF8' || converted === 'ENUM' || converted === 'JSON' || ['STRING', 'ENUM', 'JSON'].includes(logical?.type ?? '') ? plain({ kind: 'text' }, utf8) : undefined;
    case 'FIXED_LEN_BYTE_ARRAY':
      if (logical?.type === 'UUID' && length === 16) return plain({ kind: 'text' }, uuid);
      return logical?.type === 'FLOAT16' ? plain({ kind: 'real', dtype: 'float16' }) : undefined;
    default:
      return undefined;
  }
}

/** hyparquet is to give values as they are stored, but for those that it alone can decode. */
export function withoutConversions(element: ParquetElement): ParquetElement {
  if (element.type === undefined || element.logical_type?.type === 'FLOAT16') return element;
  return { ...element, converted_type: undefined, logical_type: undefined };
}

function bigEndian(bytes: Uint8Array): bigint {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  return hex === '' ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`));
}

function utf8(value: unknown): string {
  const bytes = value as Uint8Array;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

function uuid(value: unknown): string {
  return Buffer.from(value as Uint8Array).toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

const arrayOf: Readonly<Record<string, new (length: number) => TypedArray>> = {
  int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array, uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, uint64: BigUint64Array, float16: Float32Array, float32: Float32Array, float64: Float64Array,
};

function emptyValues({ kind, ...form }: TypedForm, count: number): TypedArray {
  if (kind === 'boolean') return new Uint8Array(count);
  if (kind === 'time' || kind === 'duration') return new BigInt64Array(count);
  return new (arrayOf['dtype' in form ? form.dtype : 'float64'] ?? Float64Array)(count);
}

/** Values of one column. @param parts what hyparquet gave, one after the other, each with a value for each row */
export function parquetValues(column: ParquetColumn, parts: readonly ArrayLike<unknown>[]): TypedValues {
  const rows = parts.reduce((sum, { length }) => sum + length, 0);
  const below = column.path.slice(1);
  const valueAt = (row: unknown): unknown => below.reduce((value: unknown, name) => (value === null || value === undefined ? undefined : (value as Record<string, unknown>)[name]), row);
  if (!column.isList) {
    const [only] = parts;
    if (below.length === 0 && parts.length === 1 && column.convert === undefined && isOfForm(only, column.form)) return { rows, values: only, missing: undefined };
    return { rows, ...converted(column, rows, parts, below.length === 0 ? undefined : valueAt) };
  }
  let listLength: number | undefined;
  const items: unknown[] = [];
  const lists = parts.flatMap((part) => Array.from(part, valueAt)) as (ArrayLike<unknown> | null | undefined)[];
  for (const list of lists) {
    // A list that is missing has no items to stand for the missing ones.
    const length = list?.length ?? -1;
    listLength ??= length;
    if (length !== listLength) listLength = -1;
    if (listLength === -1) return { rows, values: [], missing: undefined, listLength };
    for (let i = 0; i < length; i++) items.push(list?.[i]);
  }
  return { rows, ...converted(column, items.length, [items], undefined), listLength: listLength ?? 0 };
}

function isOfForm(values: unknown, form: TypedForm): values is TypedArray {
  return ArrayBuffer.isView(values) && form.kind !== 'text' && values.constructor === emptyValues(form, 0).constructor;
}

function converted({ form, convert }: ParquetColumn, count: number, parts: readonly ArrayLike<unknown>[], valueAt: ((row: unknown) => unknown) | undefined): Pick<TypedValues, 'values' | 'missing'> {
  const isText = form.kind === 'text';
  const values: (string | null)[] | TypedArray = isText ? new Array<string | null>(count) : emptyValues(form, count);
  const into = values as Record<number, unknown>;
  const isWide = values instanceof BigInt64Array || values instanceof BigUint64Array;
  // The values of a dictionary come as the same objects again and again.
  const known = new Map<unknown, unknown>();
  let missing: Uint8Array | undefined;
  let at = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++, at++) {
      const value = valueAt === undefined ? part[i] : valueAt(part[i]);
      if (value === null || value === undefined) {
        (missing ??= new Uint8Array(count))[at] = 1;
        if (isText) into[at] = null;
      } else {
        let own = isText ? known.get(value) : undefined;
        own ??= convert === undefined ? value : convert(value);
        if (isText && known.size < maxKnown) known.set(value, own);
        into[at] = isWide && typeof own === 'number' ? BigInt(own) : own;
      }
    }
  }
  return { values, missing };
}
