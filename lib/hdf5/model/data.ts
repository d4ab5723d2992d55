// The forms in which data comes: typed arrays, Buffers, nested arrays, single values, and arrays with strides.
import { FreestoneError, checkInteger, shown } from '../../errors.js';
import { product, rowMajorStrides, type Box, type ElementSource } from '../storage/box.js';
import type { Steps } from '../storage/steps.js';
import { conversionOf, convertedBytes } from './conversion.js';
import { mismatch, numberNameOf, type TypedArray } from './number-kind.js';
import type { ElementType, HeapWriter } from './element-type.js';
import type { DatatypeName } from './datatype.js';
import type { Encoding } from './slices.js';

/** An array with a shape of its own, as ndarray libraries have it. Strides count elements of `data`. */
export interface StridedArray {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
  /** Of the first element, in elements; 0 unless given. */
  readonly offset?: number;
}

/** A single value, or arrays of values nested as deep as the dataset has dimensions. */
export type Value = number | bigint | boolean | string | Readonly<Record<string, unknown>> | readonly Value[];

/** What can be written: typed arrays and Buffers are taken as they are, in row-major order; other values are converted one by one. */
export type Data = TypedArray | StridedArray | Value;

/** The format has no more dimensions. */
export const maxRank = 32;

/** Data that is known to fit a type, as elements of a shape. */
export interface DataBlock {
  /** Null when the data has no shape of its own, as a typed array has none: then `count` elements in a row. */
  readonly shape: readonly number[] | null;
  readonly count: number;
  /** The elements in memory, when they need no conversion but that of their byte order. */
  readonly direct: ((shape: readonly number[]) => ElementSource) | null;
  /** Numbers in memory that become others on their way, once `checkNumbers` has found that all can. */
  readonly numbers?: ((shape: readonly number[]) => ElementSource) | undefined;
  /** Encodes elements `first` to `first + count`, in row-major order, into memory of our own: `into`, if given, of exactly their size. */
  encode(first: number, count: number, heap: HeapWriter, into?: Buffer): Buffer;
  /** Of what consists of several blocks: see `checkedBlock`. */
  readonly checked?: (encoding: Encoding) => Steps<DataBlock>;
}

function isTypedArray(data: unknown): data is TypedArray {
  return ArrayBuffer.isView(data) && !(data instanceof DataView);
}

function isStrided(data: unknown): data is StridedArray {
  return typeof data === 'object' && data !== null && 'data' in data && 'shape' in data && isTypedArray(data.data) && Array.isArray(data.shape);
}

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT for an array that has lost its memory */
function bytesOf(array: TypedArray): Uint8Array {
  try {
    return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  } catch (error) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'the memory of the data has been detached', {}, { cause: error });
  }
}

/** Whether the array's memory is elements of this type. */
function isDirect(array: TypedArray, type: ElementType): boolean {
  return type.arrays.some((constructor) => array instanceof constructor);
}

/** The block for one of the forms. @throws {FreestoneError} ERR_TYPE_MISMATCH, ERR_INVALID_SIZE, ERR_INVALID_ARGUMENT */
export function dataBlock(data: unknown, type: ElementType): DataBlock {
  if (isTypedArray(data)) return typedBlock(data, type);
  if (isStrided(data)) return stridedBlock(data, type);
  if (data instanceof ArrayBuffer || data instanceof DataView || data instanceof SharedArrayBuffer) {
    throw new FreestoneError('ERR_TYPE_MISMATCH', `data is bare memory; wrap it in a typed array that says what is in it`);
  }
  return valuesBlock(data, type);
}

/** Packed rows of a compound come as bytes, and texts of a fixed length. */
function isPacked(array: TypedArray, type: ElementType): boolean {
  return array instanceof Uint8Array && (type.message.class === 'compound' || type.message.class === 'string') && !type.variable;
}

/** Data whose bytes are those of the file. @throws {FreestoneError} as `dataBlock` */
export function bytesAsInFile(data: unknown, type: ElementType): Uint8Array | undefined {
  return isTypedArray(data) && ((type.swap === 1 && isDirect(data, type)) || isPacked(data, type)) ? bytesOf(data) : undefined;
}

function typedBlock(array: TypedArray, type: ElementType): DataBlock {
  if (isDirect(array, type)) return packedBlock(bytesOf(array), divided(array.length, type.lanes, type), type, type.swap);
  if (isPacked(array, type)) return packedBlock(bytesOf(array), divided(array.length, type.size, type), type, 1);
  if (type.lanes !== 1) throw mismatch(type.name, array, 'cannot be made of');
  const { length } = array;
  const conversion = conversionOf(array, type);
  const bytes = bytesOf(array);
  const numbers = conversion && ((shape: readonly number[]): ElementSource => ({ bytes, offset: 0, strides: rowMajorStrides(shape, conversion.size), swap: type.swap, conversion }));
  return {
    shape: null,
    count: length,
    direct: null,
    numbers,
    encode: (first, count, heap, into) => {
      checkLength(array, length);
      const converted = conversion && convertedBytes({ bytes, offset: first * conversion.size, strides: [conversion.size], swap: type.swap, conversion }, [count], type.size, into);
      return converted ?? encodeEach(type, count, heap, into, (i) => array[first + i]);
    },
  };
}

function divided(length: number, by: number, type: ElementType): number {
  if (length % by === 0) return length / by;
  throw new FreestoneError('ERR_INVALID_SIZE', `${String(length)} values are no whole number of elements of ${type.name}`, {
    length,
    dtype: type.name,
  });
}

/** Elements as they are in the file, but for the order of their bytes. */
export function packedBlock(bytes: Uint8Array, count: number, type: ElementType, swap: number): DataBlock {
  const { length } = bytes;
  return {
    shape: null,
    count,
    direct: (shape) => ({ bytes, offset: 0, strides: rowMajorStrides(shape, type.size), swap }),
    encode: (first, n, _heap, into) => {
      checkLength(bytes, length);
      const copy = into ?? Buffer.allocUnsafeSlow(n * type.size);
      copy.set(bytes.subarray(first * type.size, (first + n) * type.size));
      if (swap === 2) copy.swap16();
      else if (swap === 4) copy.swap32();
      else if (swap === 8) copy.swap64();
      return copy;
    },
  };
}

function stridedBlock({ data, shape, strides, offset = 0 }: StridedArray, type: ElementType): DataBlock {
  shape.forEach((extent, d) => checkInteger(`data.shape[${String(d)}]`, extent));
  checkInteger('data.offset', offset);
  if (type.lanes !== 1) throw mismatch(type.name, data, 'cannot be made of an array with strides over');
  const steps = strides ?? rowMajorStrides(shape, 1);
  if (!Array.isArray(steps) || steps.length !== shape.length || !steps.every(Number.isSafeInteger)) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'data.strides must have one integer for each dimension of data.shape', { strides });
  }
  const count = product(shape);
  const ends = shape.map((extent, d) => (extent - 1) * (steps[d] ?? 0));
  const lowest = ends.reduce((sum, end) => sum + Math.min(0, end), offset);
  const highest = ends.reduce((sum, end) => sum + Math.max(0, end), offset);
  if (count > 0 && (lowest < 0 || highest >= data.length)) {
    throw new FreestoneError('ERR_INVALID_SIZE', `data.shape and data.strides reach outside the ${String(data.length)} values of data.data`);
  }
  const { length } = data;
  const packed = rowMajorStrides(shape, 1);
  const at = (element: number): number => {
    let rest = element;
    return packed.reduce((sum, stride, d) => {
      const position = Math.floor(rest / stride);
      rest -= position * stride;
      return sum + position * (steps[d] ?? 0);
    }, offset);
  };
  // Now, for memory that is detached later gives no view any more.
  const bytes = bytesOf(data);
  const conversion = conversionOf(data, type);
  // One row may come without the dimension of rows.
  const elements = (of: readonly number[], size: number): ElementSource => ({
    bytes,
    offset: offset * size,
    strides: [...of.slice(steps.length).map(() => 0), ...steps.map((step) => step * size)],
    swap: type.swap,
    ...(conversion === undefined ? {} : { conversion }),
  });
  return {
    shape,
    count,
    direct: isDirect(data, type) ? (of) => elements(of, type.size) : null,
    numbers: conversion && ((of) => elements(of, conversion.size)),
    encode: (first, n, heap, into) => {
      checkLength(data, length);
      const converted = conversion && n === count ? convertedBytes(elements(shape, conversion.size), shape, type.size, into) : undefined;
      return converted ?? encodeEach(type, n, heap, into, (i) => data[at(first + i)]);
    },
  };
}

/** Memory that a caller lent may be gone when its values are taken. @throws {FreestoneError} ERR_INVALID_ARGUMENT */
function checkLength(array: TypedArray, length: number): void {
  if (array.length === length) return;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', 'the data was detached or made shorter while it was being written', { needed: length });
}

/** Nested arrays down to the values; a value of a type with several parts (a complex number) may itself be an array. */
function valuesBlock(data: unknown, type: ElementType): DataBlock {
  const shape: number[] = [];
  const isPair = (value: unknown): boolean =>
    type.lanes === 2 && Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'number');
  let level: unknown = data;
  while (Array.isArray(level) && !isPair(level)) {
    // Also the end of an array that holds itself.
    if (shape.length === maxRank) throw new FreestoneError('ERR_INVALID_ARGUMENT', `data is nested deeper than ${String(maxRank)} dimensions`);
    shape.push(level.length);
    level = level[0];
  }
  const rank = shape.length;
  const flat: unknown[] = rank === 0 ? [data] : rank === 1 ? (data as unknown[]) : [];
  const flatten = (value: unknown, depth: number): void => {
    if (!Array.isArray(value) || value.length !== shape[depth]) {
      throw new FreestoneError('ERR_INVALID_SIZE', `nested arrays must have equal lengths: one has not the ${String(shape[depth])} items of the first`);
    }
    if (depth === rank - 1) for (const item of value) flat.push(item);
    else for (const item of value) flatten(item, depth + 1);
  };
  if (rank > 1) flatten(data, 0);
  return {
    shape,
    count: flat.length,
    direct: null,
    encode: (first, count, heap, into) => {
      if (type.putAll !== undefined && count > 1) {
        const bytes = into ?? Buffer.allocUnsafeSlow(count * type.size);
        if (type.putAll(bytes, count === flat.length ? flat : flat.slice(first, first + count), heap)) return bytes;
      }
      return encodeEach(type, count, heap, into, (i) => flat[first + i]);
    },
  };
}

function encodeEach(type: ElementType, count: number, heap: HeapWriter, into: Buffer | undefined, value: (index: number) => unknown): Buffer {
  const bytes = into?.fill(0) ?? Buffer.alloc(count * type.size);
  for (let i = 0; i < count; i += 1) type.put(bytes, i * type.size, value(i), heap);
  return bytes;
}

/** The type that data has when a user names none. @throws {FreestoneError} ERR_INVALID_ARGUMENT when it does not tell */
export function inferredDatatype(data: unknown): DatatypeName {
  if (isStrided(data)) return inferredDatatype(data.data);
  const number = isTypedArray(data) ? numberNameOf(data) : undefined;
  if (number !== undefined) return number;
  let value = data;
  for (let depth = 0; depth < maxRank && Array.isArray(value); depth += 1) value = value[0];
  switch (typeof value) {
    case 'number':
      return 'float64';
    case 'bigint':
      return 'int64';
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    default:
      throw new FreestoneError('ERR_INVALID_ARGUMENT', 'dtype is needed: it does not follow from this data', { argument: 'dtype' });
  }
}

/** A part of a dataset: the box that begins at `start` and has `count` elements along each dimension. */
export interface Selection {
  readonly start: readonly number[];
  readonly count: readonly number[];
}

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT for a selection that is malformed or reaches outside */
export function checkedBox(selection: Selection, shape: readonly number[]): Box {
  if (typeof selection !== 'object' || (selection as Selection | null) === null) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `selection must be an object with start and count, not ${shown(selection)}`);
  }
  const extra = Object.keys(selection).find((key) => key !== 'start' && key !== 'count');
  if (extra !== undefined) throw new FreestoneError('ERR_UNSUPPORTED', `a selection with ${JSON.stringify(extra)} is not supported`);
  const start = checkedNumbers('selection.start', selection.start, shape.length);
  const count = checkedNumbers('selection.count', selection.count, shape.length);
  shape.forEach((extent, d) => {
    if ((start[d] ?? 0) + (count[d] ?? 0) > extent) {
      throw new FreestoneError(
        'ERR_INVALID_ARGUMENT',
        `the selection reaches outside dimension ${String(d)}: ${String(start[d])} + ${String(count[d])} > ${String(extent)}`,
        { start, count, shape },
      );
    }
  });
  return { start, count };
}

/** One non-negative integer for each dimension, of which there are at most `maxRank`. */
export function checkedNumbers(name: string, values: unknown, rank?: number): number[] {
  if (!Array.isArray(values) || (rank === undefined ? values.length > maxRank : values.length !== rank)) {
    const wanted = rank === undefined ? `up to ${String(maxRank)} integers` : `${String(rank)} integers`;
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${name} must be an array of ${wanted}`, { argument: name, value: values });
  }
  return values.map((value, d) => checkInteger(`${name}[${String(d)}]`, value));
}
