// How elements in memory become those of the file: their bytes in another order, or numbers of another type.
import { FreestoneError } from '../../errors.js';
import { native } from '../../native.js';
import { checkStillThere, dot, partsOf, product, rowMajorStrides, type ElementSource } from './box.js';
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

/**
 * Puts elements into others' places within this call. Both ends are checked.
 * @param at of the first place, in bytes, as the strides @returns whether all fit; else any part of the places may have been written
 */
export function copyElements(into: Uint8Array, at: number, strides: readonly number[], source: ElementSource, count: readonly number[], elementSize: number): boolean {
  const form = formOf(source, elementSize);
  return native().convertBox(into, at, Float64Array.from(strides), source.bytes, source.offset, Float64Array.from(source.strides), Float64Array.from(count), form);
}

/** The same side by side, as the file has them. */
export function fetchNow(into: Uint8Array, source: ElementSource, count: readonly number[], elementSize: number): boolean {
  return copyElements(into, 0, rowMajorStrides(count, elementSize), source, count, elementSize);
}

/** A piece of the elements of a source, in the form of the file. */
export interface Fetched {
  /** How many elements come before it. */
  readonly first: number;
  /** Of its bytes. */
  readonly size: number;
  /** Copies it. @throws {FreestoneError} ERR_INVALID_ARGUMENT when the memory has gone or changed */
  readonly fetch: () => Buffer;
}

/** Elements a piece of at most `most` bytes at a time. */
export function* piecesOf(source: ElementSource, count: readonly number[], elementSize: number, most: number): Generator<Fetched> {
  for (const part of partsOf(count, elementSize, most)) {
    const elements = { ...source, offset: source.offset + dot(part.start, source.strides) };
    const size = product(part.count) * elementSize;
    const fetch = (): Buffer => {
      // The memory is the user's, who may have detached it since the last piece.
      checkSource(elements, part.count, elementSize);
      const bytes = Buffer.allocUnsafeSlow(size);
      if (!fetchNow(bytes, elements, part.count, elementSize)) throw changedMeanwhile();
      return bytes;
    };
    yield { first: part.first, size, fetch };
  }
}
