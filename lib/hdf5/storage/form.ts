// How elements in memory become those of the file: their bytes in another order, or numbers of another type.
import { FreestoneError } from '../../errors.js';
import { native } from '../../native.js';
import { checkStillThere, product, rowMajorStrides, type ElementSource } from './box.js';
import { wait, type Pending, type Steps } from './steps.js';

/** As worker threads know the types of numbers, in the order of `NumberKind` of native/pipeline/convert.h. */
export const numberCode = {
  int8: 1,
  uint8: 2,
  int16: 3,
  uint16: 4,
  int32: 5,
  uint32: 6,
  int64: 7,
  uint64: 8,
  float16: 9,
  float32: 10,
  float64: 11,
} as const;

/** Numbers of one type that become numbers of another. */
export interface Conversion {
  /** See `numberCode`. */
  readonly from: number;
  readonly to: number;
  /** Bytes of a number in memory. */
  readonly size: number;
  /** Whether some of them may not fit. */
  readonly refuses: boolean;
}

/** What worker threads are told of it. @param elementSize bytes of an element in the file */
export function formOf({ swap, conversion }: ElementSource, elementSize: number): Uint32Array {
  return conversion === undefined ? Uint32Array.of(0, 0, elementSize, swap) : Uint32Array.of(conversion.from, conversion.to, conversion.size, swap);
}

/** Bytes of an element in memory. */
export function sizeInMemory({ conversion }: ElementSource, elementSize: number): number {
  return conversion?.size ?? elementSize;
}

/** Whether the elements lie in memory as they do in the file. */
export function isAsInFile({ swap, conversion }: ElementSource): boolean {
  return swap === 1 && conversion === undefined;
}

/** Looks whether elements can still be fetched. @throws {FreestoneError} ERR_INVALID_ARGUMENT when their memory has gone */
export function checkSource(source: ElementSource, count: readonly number[], elementSize: number, offset = source.offset): void {
  checkStillThere(source.bytes, offset, source.strides, count, sizeInMemory(source, elementSize));
}

/** Why a number that did fit when it was looked at does not fit any more. */
export function changedMeanwhile(): FreestoneError {
  return new FreestoneError('ERR_INVALID_ARGUMENT', 'the data was changed while it was being written');
}

/** Waits for a worker thread that fetches elements. @param check throws when their memory has gone @throws {FreestoneError} ERR_INVALID_ARGUMENT also when it has changed */
export function* fetched<T>(pending: Pending<T>, check: () => void): Steps<T> {
  try {
    return yield* wait(pending);
  } catch (error) {
    check();
    throw error instanceof FreestoneError && error.code === 'ERR_TYPE_MISMATCH' ? changedMeanwhile() : error;
  }
}

/** Fetches elements within this call, side by side as the file has them. @returns whether all fit; else any part of the memory may have been written */
export function fetchNow(into: Uint8Array, source: ElementSource, count: readonly number[], elementSize: number): boolean {
  const strides = Float64Array.from(rowMajorStrides(count, elementSize));
  return native().convertBox(into, 0, strides, source.bytes, source.offset, Float64Array.from(source.strides), Float64Array.from(count), formOf(source, elementSize));
}

/** Memory for what is used up within a call. */
let spare = Buffer.alloc(0);
/** More is not kept. */
const MOST_SPARE = 2 ** 21;

/** The same elements converted, in memory that is good until the next call. @throws {FreestoneError} ERR_INVALID_ARGUMENT when one does not fit any more */
export function convertedForNow(source: ElementSource, count: readonly number[], elementSize: number): ElementSource {
  const size = product(count) * elementSize;
  if (spare.length < size && size <= MOST_SPARE) spare = Buffer.allocUnsafeSlow(size);
  const bytes = size <= MOST_SPARE ? spare.subarray(0, size) : Buffer.allocUnsafeSlow(size);
  if (!fetchNow(bytes, source, count, elementSize)) throw changedMeanwhile();
  return { bytes, offset: 0, strides: rowMajorStrides(count, elementSize), swap: 1 };
}
