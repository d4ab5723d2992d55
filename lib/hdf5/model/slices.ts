// Values on their way into a dataset: all are looked at before anything changes, and then encoded and written a slice at a time, so
// that however many there are a few MiB of memory are enough.
import { partsOf, product, rowMajorStrides, type BoxPart, type ElementSource } from '../storage/box.js';
import { Throttle, type FileStore } from '../storage/file-store.js';
import { withSpare } from '../storage/spare.js';
import { begin, done, turn, wait, type Flight, type Steps } from '../storage/steps.js';
import { checkNumbers } from './conversion.js';
import { packedBlock, type DataBlock } from './data.js';
import type { ElementType, HeapWriter } from './element-type.js';

/** Values are encoded in slices of about this many bytes, between which other work has its turn. */
export const SLICE_BYTES = 2 ** 20;
/** One is encoded while others are on their way. */
const SLICES = 4;
/** What was encoded to be looked at is kept up to this size. More is encoded once more when it is written. */
const MOST_KEPT = 2 ** 25;

/** How values come into a file. */
export interface Encoding {
  readonly type: ElementType;
  readonly store: FileStore;
  readonly heap: HeapWriter;
  readonly signal: AbortSignal | undefined;
}

/** For texts that are only looked at. */
const nowhere: HeapWriter = {
  insertText: () => ({ count: 0, address: 0, index: 0 }),
  insertTexts: () => true,
};

/**
 * Looks at all values of a block.
 * @returns a block with the same elements, of which all can be what they are to become
 * @throws {FreestoneError} what is wrong with the first of which that is not so
 */
export function* checkedBlock(block: DataBlock, count: readonly number[], encoding: Encoding): Steps<DataBlock> {
  const { type, store, heap, signal } = encoding;
  const size = block.count * type.size;
  if (block.direct !== null) return block;
  if (block.checked !== undefined) return yield* block.checked(encoding);
  if (block.numbers !== undefined && size > SLICE_BYTES) {
    yield* checkNumbers({ ...block.numbers(count), signal }, count, store, (from, n) => block.encode(from, n, heap));
    return block;
  }
  const kept = size <= MOST_KEPT ? Buffer.allocUnsafeSlow(size) : undefined;
  for (const { first, count: [n = 0] } of partsOf([block.count], type.size, SLICE_BYTES)) {
    if (first > 0) yield* wait(turn());
    signal?.throwIfAborted();
    if (kept === undefined) withSpare(n * type.size, (memory) => block.encode(first, n, nowhere, memory));
    else block.encode(first, n, heap, kept.subarray(first * type.size, (first + n) * type.size));
    if (type.variable) yield* wait(store.behind.pressure() ?? done);
  }
  return kept === undefined ? block : packedBlock(kept, block.count, type, 1);
}

/**
 * Begins to write a block that has been checked, in the order of its elements.
 * @param write begins to write a part, and ends when its memory is not needed any more
 * @param flight gets what is under way
 */
export function* writeSlices(block: DataBlock, count: readonly number[], encoding: Encoding, write: (part: BoxPart, source: ElementSource) => Steps, flight: Flight): Steps {
  const { type, heap, store, signal } = encoding;
  const whole = block.direct ?? (block.count * type.size > SLICE_BYTES ? block.numbers : undefined);
  if (whole !== undefined) {
    flight.add(begin(write({ start: count.map(() => 0), count, first: 0 }, { ...whole(count), signal })));
    return;
  }
  const spare: Buffer[] = [];
  const inFlight = new Throttle(SLICES, SLICES * SLICE_BYTES);
  for (const part of partsOf(count, type.size, SLICE_BYTES)) {
    if (part.first > 0) yield* wait(turn());
    const n = product(part.count);
    const size = n * type.size;
    yield* wait(inFlight.enter(size));
    if (flight.failed) return;
    signal?.throwIfAborted();
    const found = spare.pop();
    // Not from Node's pool: worker threads use this memory, and nobody else may hold a part of it.
    const memory = found !== undefined && found.length >= size ? found : Buffer.allocUnsafeSlow(size);
    const bytes = memory.subarray(0, size);
    block.encode(part.first, n, heap, bytes);
    const source = { bytes, offset: 0, strides: rowMajorStrides(part.count, type.size), swap: 1, signal };
    const written = begin(write(part, source));
    written.watch(() => {
      spare.push(memory);
      inFlight.leave(size);
    });
    flight.add(written);
    if (type.variable) yield* wait(store.behind.pressure() ?? done);
  }
}
