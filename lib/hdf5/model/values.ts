// The elements of a dataset as values of JavaScript.
import { FreestoneError } from '../../errors.js';
import { positions, type Box } from '../storage/box.js';
import { turn, wait, type Steps } from '../storage/steps.js';
import type { ElementType, HeapReader } from './element-type.js';
import type { CallOptions } from './call-options.js';
import { mismatch, type TypedArray } from './number-kind.js';

/** What a dataset holds: numbers in a typed array, or other elements one by one, in row-major order; a scalar's one value. */
export type DatasetValues = TypedArray | readonly unknown[] | number | bigint | boolean | string | object;

export interface ReadOptions extends CallOptions {
  /**
   * Where numbers are put: a typed array of the dataset's kind, with as many elements as are read. Of a compound without
   * variable-length members: a Buffer or Uint8Array, for packed rows as `append` takes them; of texts of a fixed length the same.
   */
  readonly into?: TypedArray;
}

/** Some elements of a dataset, with the box that they are. */
export interface DatasetChunk {
  readonly start: readonly number[];
  readonly shape: readonly number[];
  readonly data: DatasetValues;
}

/** Other elements are decoded in slices of this many, between which other work has its turn. */
const SLICE_ELEMENTS = 2 ** 14;

/** @throws {FreestoneError} ERR_TYPE_MISMATCH, ERR_INVALID_SIZE */
export function checkInto(into: unknown, type: ElementType, count: number): void {
  const isPacked = into instanceof Uint8Array && (type.message.class === 'compound' || type.message.class === 'string') && !type.variable && type.arrays.length === 0;
  if (!isPacked && !type.arrays.some((constructor) => into instanceof constructor)) throw mismatch(type.name, into, 'cannot be read into');
  const { length } = into as TypedArray;
  const expected = count * (isPacked ? type.size : type.lanes);
  if (length === expected) return;
  throw new FreestoneError('ERR_INVALID_SIZE', `into has ${String(length)} ${isPacked ? 'bytes' : 'values'}, and ${String(expected)} are read`, {
    expected,
    received: length,
  });
}

/** Elements that are in memory as the file has them. */
export function* decoded(
  bytes: Uint8Array,
  count: number,
  type: ElementType,
  heap: HeapReader,
  { into, isScalar, signal }: { readonly into: TypedArray | undefined; readonly isScalar: boolean; readonly signal?: AbortSignal | undefined },
): Steps<DatasetValues> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [constructor] = type.arrays;
  if (into !== undefined && constructor === undefined) return into;
  if (constructor !== undefined && (!isScalar || into !== undefined)) {
    if (type.swap === 2) buffer.swap16();
    else if (type.swap === 4) buffer.swap32();
    else if (type.swap === 8) buffer.swap64();
    return into ?? new constructor(bytes.buffer, bytes.byteOffset, count * type.lanes);
  }
  if (isScalar) return type.get(buffer, 0, heap) as DatasetValues;
  if (type.getAll !== undefined && count > 1) return yield* type.getAll(buffer.subarray(0, count * type.size), heap);
  const values = new Array<unknown>(count);
  for (let i = 0; i < count; i += 1) {
    if (i % SLICE_ELEMENTS === SLICE_ELEMENTS - 1) {
      yield* wait(turn());
      signal?.throwIfAborted();
    }
    values[i] = type.get(buffer, i * type.size, heap);
  }
  return values;
}

/** The boxes of a grid that a dataset is cut into, in row-major order; those at its rim are smaller. */
export function* boxesOf(shape: readonly number[], part: readonly number[]): Generator<Box> {
  if (shape.includes(0)) return;
  const last = shape.map((extent, d) => Math.ceil(extent / (part[d] ?? 1)) - 1);
  for (const position of positions(shape.map(() => 0), last)) {
    const start = position.map((at, d) => at * (part[d] ?? 1));
    yield { start, count: start.map((first, d) => Math.min(part[d] ?? 1, (shape[d] ?? 0) - first)) };
  }
}
