// Runs of the file whose elements worker threads fetch from a user's memory and put into the file's form.
import { native } from '../../native.js';
import { dot, isContiguous, partsOf, positions, product, rowMajorStrides, walkedDimensions, type Box, type ElementSource } from './box.js';
import type { FileStore } from './file-store.js';
import { checkSource, fetched, formOf, isAsInFile } from './form.js';
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
  for (const part of partsOf(count, elementSize, GATHERED_BYTES)) {
    if (flight.failed) return;
    source.signal?.throwIfAborted();
    const size = product(part.count) * elementSize;
    yield* wait(store.throttle.enter(size));
    const piece = { at: at + part.first * elementSize, count: part.count, source: { ...source, offset: source.offset + dot(part.start, source.strides) } };
    flight.add(begin(gatherPiece(store, piece, elementSize, size)));
  }
}

/** The throttle has been entered. */
function* gatherPiece(store: FileStore, { at, count, source }: ElementRun, elementSize: number, size: number): Steps {
  const isThere = (): void => {
    checkSource(source, count, elementSize);
  };
  try {
    // The memory is the user's, who may have detached it while others had their turn.
    isThere();
    const { bytes, offset } = source;
    const targetStrides = Float64Array.from(rowMajorStrides(count, elementSize));
    const strides = Float64Array.from(source.strides);
    const gathering = task((ticket) => {
      store.file.gather(ticket, at, size, targetStrides, bytes, offset, strides, Float64Array.from(count), formOf(source, elementSize));
    }, bytes);
    yield* fetched(gathering, isThere);
  } finally {
    store.throttle.leave(size);
  }
}
