// What worker threads fetch from a user's memory and put into the file's form.
import { native } from '../../native.js';
import { dot, isContiguous, positions, product, rowMajorStrides, walkedDimensions, type Box, type ElementSource } from './box.js';
import type { FileStore } from './file-store.js';
import { checkSource, copyElementsLater, fetched, fetchPiece, isAsInFile, nativeElements, piecesOf, type Piece } from './form.js';
import { begin, task, wait, type Flight, type Steps } from './steps.js';

/** A worker thread has memory for so many bytes of elements at a time. */
const GATHERED_BYTES = 2 ** 20;
/** For shorter runs and smaller chunks a worker thread costs more than it saves. */
const LEAST_GATHERED = 2 ** 16;

/** Whether worker threads are to fetch elements that come to so many bytes in the file. */
export function isGathered(size: number): boolean {
  return size >= LEAST_GATHERED && native().canGather();
}

/** Elements that lie side by side in the file. */
export interface ElementRun {
  /** Of the first, in the file. */
  readonly at: number;
  readonly count: readonly number[];
  readonly source: ElementSource;
}

/** Whether the bytes in memory are those of the file, and so go there as they are. */
export function isDirect({ count, source }: Pick<ElementRun, 'count' | 'source'>, elementSize: number): boolean {
  return isAsInFile(source) && isContiguous(source, count, elementSize);
}

/**
 * Fetches elements side by side, if that is for worker threads to do.
 * @param memory gives some of our own @returns what it gave, with the elements; undefined where the calling thread copies them as well
 */
export function* gathered(source: ElementSource, count: readonly number[], elementSize: number, memory: () => Buffer): Steps<Buffer | undefined> {
  if (isDirect({ count, source }, elementSize) || !isGathered(product(count) * elementSize)) return undefined;
  const bytes = memory();
  yield* copyElementsLater(bytes, 0, rowMajorStrides(count, elementSize), source, count, elementSize);
  return bytes;
}

/** Copies a piece, on a worker thread where that is for those to do. */
export function* gatheredPiece(piece: Piece, elementSize: number): Steps<Buffer> {
  const { source, count, size } = piece;
  return (yield* gathered(source, count, elementSize, () => Buffer.allocUnsafeSlow(size))) ?? fetchPiece(piece, elementSize);
}

/** The runs of an array of `shape` that a box lies in. @param address of the array's first element */
export function* elementRuns(address: number, box: Box, shape: readonly number[], elementSize: number, source: ElementSource): Generator<ElementRun> {
  const strides = rowMajorStrides(shape, elementSize);
  const outer = walkedDimensions(box, shape);
  const count = box.count.slice(outer);
  const first = address + dot(box.start, strides);
  for (const position of positions(box.count.slice(0, outer).map(() => 0), box.count.slice(0, outer).map((n) => n - 1))) {
    const offset = source.offset + dot(position, source.strides);
    yield { at: first + dot(position, strides), count, source: { ...source, offset, strides: source.strides.slice(outer) } };
  }
}

/** Begins to write a run. The memory must stay until the flight has landed, and be looked at then. */
export function* gatherRun(store: FileStore, flight: Flight, { at, count, source }: ElementRun, elementSize: number): Steps {
  for (const piece of piecesOf(source, count, elementSize, GATHERED_BYTES)) {
    if (flight.failed) return;
    source.signal?.throwIfAborted();
    yield* wait(store.throttle.enter(piece.size));
    flight.add(begin(writePiece(store, at + piece.first * elementSize, piece, elementSize)));
  }
}

/** The throttle has been entered. */
function* writePiece(store: FileStore, at: number, { count, source, size }: Piece, elementSize: number): Steps {
  const isThere = (): void => {
    checkSource(source, count, elementSize);
  };
  try {
    // The memory is the user's, who may have detached it while others had their turn.
    isThere();
    const strides = rowMajorStrides(count, elementSize);
    const gathering = task((ticket) => { store.file.gather(ticket, at, size, ...nativeElements(0, strides, source, count, elementSize)); }, source.bytes);
    yield* fetched(gathering, isThere);
  } finally {
    store.throttle.leave(size);
  }
}
