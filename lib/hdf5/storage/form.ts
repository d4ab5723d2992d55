// How elements in memory become those of the file: their bytes in another order, or numbers of another type.
import { FreestoneError } from '../../errors.js';
import { native, type NativeElements } from '../../native.js';
import { checkStillThere, dot, partsOf, product, rowMajorStrides, type ElementSource } from './box.js';
import { task, wait, type Pending, type Steps } from './steps.js';

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

const HEAD = 7;
const OF_DIMENSION = 3;
const MOST_DIMENSIONS = 32;
/** One for all calls, since a new one takes longer than most of them. */
const described = new Float64Array(HEAD + OF_DIMENSION * MOST_DIMENSIONS);

/**
 * As the addon is told of elements: how many dimensions, where the first element is in the target and in the source, the kind of the
 * numbers in memory (as `numberCode`; 0 where elements stay what they are) and in the file, bytes of an element in memory, and of the words
 * that are reversed at last (0 or 1: none); then for each dimension the stride in the target, the stride in the source, and how many there
 * are. All in bytes. Good until the next is described.
 * @param at of the first place, as the strides @param elementSize bytes of one in the file
 */
function boxDescription(at: number, strides: ArrayLike<number>, { offset, strides: sourceStrides, swap, conversion }: ElementSource, count: readonly number[], elementSize: number): Float64Array {
  described[0] = count.length;
  described[1] = at;
  described[2] = offset;
  described[3] = conversion?.from ?? 0;
  described[4] = conversion?.to ?? 0;
  described[5] = conversion?.size ?? elementSize;
  described[6] = swap;
  for (let d = 0, to = HEAD; d < count.length; d += 1, to += OF_DIMENSION) {
    described[to] = strides[d] ?? 0;
    described[to + 1] = sourceStrides[d] ?? 0;
    described[to + 2] = count[d] ?? 0;
  }
  return described;
}

/** Elements and the places that they go to, for a call that begins before another is described. @param strides one per dimension; see `boxDescription` */
export function nativeElements(at: number, strides: ArrayLike<number>, source: ElementSource, count: readonly number[], elementSize: number): NativeElements {
  return [source.bytes, boxDescription(at, strides, source, count, elementSize)];
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
  return native().convertBox(into, source.bytes, boxDescription(at, strides, source, count, elementSize));
}

/**
 * The same on a worker thread. The source is read by the kernel alone.
 * @param into memory that no user holds @throws {FreestoneError} ERR_INVALID_ARGUMENT when the memory of the source has gone or its numbers have changed
 */
export function* copyElementsLater(into: Uint8Array, at: number, strides: readonly number[], source: ElementSource, count: readonly number[], elementSize: number): Steps {
  const isThere = (): void => {
    checkSource(source, count, elementSize);
  };
  isThere();
  yield* fetched(task((ticket) => { native().gatherBox(ticket, into, ...nativeElements(at, strides, source, count, elementSize)); }, [into, source.bytes]), isThere);
  isThere();
}

/** `copyElements` side by side, as the file has them. */
export function fetchNow(into: Uint8Array, source: ElementSource, count: readonly number[], elementSize: number): boolean {
  return copyElements(into, 0, rowMajorStrides(count, elementSize), source, count, elementSize);
}

/** A piece of the elements of a source. */
export interface Piece {
  /** How many elements come before it. */
  readonly first: number;
  readonly count: readonly number[];
  readonly source: ElementSource;
  /** Of its bytes in the file. */
  readonly size: number;
}

/** Elements a piece of at most `most` bytes at a time. */
export function* piecesOf(source: ElementSource, count: readonly number[], elementSize: number, most: number): Generator<Piece> {
  for (const part of partsOf(count, elementSize, most)) {
    const offset = source.offset + dot(part.start, source.strides);
    yield { first: part.first, count: part.count, source: { ...source, offset }, size: product(part.count) * elementSize };
  }
}

/** Copies a piece. @throws {FreestoneError} ERR_INVALID_ARGUMENT when the memory has gone or changed */
export function fetchPiece({ count, source, size }: Piece, elementSize: number): Buffer {
  // The memory is the user's, who may have detached it since the last piece.
  checkSource(source, count, elementSize);
  const bytes = Buffer.allocUnsafeSlow(size);
  if (!fetchNow(bytes, source, count, elementSize)) throw changedMeanwhile();
  return bytes;
}
