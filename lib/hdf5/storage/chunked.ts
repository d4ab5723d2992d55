// Chunked storage: elements are gathered into whole chunks in memory, and a chunk goes through the filters and to the file
// on a worker thread. A chunk that is only partly written stays in memory until it fills up, is pushed out, or is flushed.
import { native } from '../../native.js';
import type { Layout } from '../format/layout.js';
import {
  checkStillThere,
  checkTarget,
  dot,
  intersect,
  isContiguous,
  positions,
  product,
  rowMajorStrides,
  type Box,
  type ElementSource,
  type ElementTarget,
} from './box.js';
import type { ChunkIndex, ChunkRecord } from './chunk-index.js';
import type { FileStore, MetadataBatch } from './file-store.js';
import { begin, settled, wait, Flight, Line, type Pending, type Steps } from './steps.js';
import { StoredChunks } from './stored-chunks.js';

/** Partly written chunks of one dataset stay in memory up to this many bytes. */
const CACHE_BYTES = 32 * 2 ** 20;
/** Chunk buffers that are kept for the next chunks. */
const SPARE_BUFFERS = 4;

export interface ChunkedOptions {
  readonly shape: readonly number[];
  readonly maxShape: readonly (number | null)[];
  readonly chunkShape: readonly number[];
  readonly elementSize: number;
  /** For each filter: id, number of values, values. */
  readonly filters: Uint32Array;
  /** One element, or null for zeros. */
  readonly fill: Uint8Array | null;
}

interface Cached {
  readonly buffer: Buffer;
  dirty: boolean;
  /** Bytes from the start on that are the chunk's; behind them is what was in that memory before. */
  filled: number;
}

export class ChunkedStorage {
  readonly #store: FileStore;
  readonly #options: ChunkedOptions;
  readonly #chunks: StoredChunks;
  readonly #chunkBytes: number;
  readonly #chunkStrides: readonly number[];
  #shape: readonly number[];
  /** In the order of last use. */
  #cache = new Map<number, Cached>();
  #storing = new Map<number, Pending>();
  readonly #spare: Buffer[] = [];
  readonly #line = new Line();
  /** A chunk whose writer did not wait for it could not be stored; it is in the cache again. */
  #hasFailed = false;

  /** @param onStored called whenever the index has changed */
  constructor(store: FileStore, options: ChunkedOptions, onStored: () => void) {
    this.#store = store;
    this.#options = options;
    this.#shape = options.shape;
    this.#chunkBytes = product(options.chunkShape) * options.elementSize;
    this.#chunkStrides = rowMajorStrides(options.chunkShape, options.elementSize);
    const { chunkShape, shape, filters } = options;
    this.#chunks = new StoredChunks(store, { chunkShape, shape, chunkBytes: this.#chunkBytes, filters, onStored });
  }

  get index(): ChunkIndex {
    return this.#chunks.index;
  }

  get storageSize(): number {
    return this.index.storageSize;
  }

  layout(indexAddress: number | null): Layout {
    return { kind: 'chunked', indexAddress, chunkShape: this.#options.chunkShape, elementSize: this.#options.elementSize };
  }

  encodeIndex(batch: MetadataBatch): number | null {
    return this.index.encode(batch);
  }

  /**
   * Writes one box at once, if it lies in one chunk that is in memory, or need not be read, and is not complete with it.
   * @param shape the dataset's shape from here on, which may have more rows
   * @returns whether it did; otherwise nothing has changed
   */
  take(box: Box, source: ElementSource, shape: readonly number[]): boolean {
    if (!this.#line.isFree || this.#hasFailed) return false;
    const { chunkShape } = this.#options;
    const position: number[] = [];
    for (let d = 0; d < chunkShape.length; d += 1) {
      const extent = chunkShape[d] ?? 1;
      const first = box.start[d] ?? 0;
      const count = box.count[d] ?? 0;
      const at = Math.floor(first / extent);
      if (count === 0 || first + count > (at + 1) * extent) return false;
      position.push(at);
    }
    const start = position.map((at, d) => at * (chunkShape[d] ?? 1));
    if (this.#isComplete(start, box)) return false;
    const number = this.index.number(position);
    let cached = this.#cache.get(number);
    if (cached === undefined) {
      const room = (this.#cache.size + 1) * this.#chunkBytes <= CACHE_BYTES;
      if (!room || this.#storing.has(number) || this.index.get(number) !== undefined) return false;
      cached = { buffer: this.#buffer(), dirty: false, filled: 0 };
    }
    this.#copyInto(cached, start, box, box, source);
    // Now it is the one that was used last.
    if (this.#cache.size > 1) this.#cache.delete(number);
    this.#cache.set(number, cached);
    this.index.grow(shape);
    this.#shape = shape;
    return true;
  }

  /**
   * Writes one box. Boxes are gathered in the order of the calls.
   * @param until what is waited for: `written`, all chunks that this call completed have been handed to the operating
   * system; `taken`, the data has been copied: should a chunk fail on its way, `retry` and `flush` try again and say so
   */
  *write(box: Box, source: ElementSource, until: 'written' | 'taken' = 'written'): Steps {
    if (product(box.count) === 0) return;
    const flight = new Flight();
    yield* this.#line.inTurn(() => this.#gatherAll(box, source, flight, until === 'written'));
    const landed = begin(flight.landed());
    if (until === 'written') yield* wait(landed);
    else if (!landed.isSettled || landed.hasFailed) {
      landed.watch(() => {
        this.#hasFailed ||= landed.hasFailed;
      });
    }
  }

  /** @param stays whether the source stays as it is until the flight has landed */
  *#gatherAll(box: Box, source: ElementSource, flight: Flight, stays: boolean): Steps {
    const isPlain = stays && this.#chunks.isPlain && source.swap === 1;
    for (const position of this.#positions(box)) {
      if (flight.failed) break;
      if (!isPlain || !(yield* this.#storeFromSource(position, box, source, flight))) yield* this.#gather(position, box, source, flight);
    }
  }

  /** Stores a chunk that the box holds as the file will have it, from the caller's own memory, which the kernel alone reads. @returns whether it is such a one */
  *#storeFromSource(position: readonly number[], box: Box, source: ElementSource, flight: Flight): Steps<boolean> {
    const { chunkShape, elementSize } = this.#options;
    const { bytes, offset, strides } = source;
    const start = position.map((at, d) => at * (chunkShape[d] ?? 1));
    const isWhole = start.every((first, d) => first >= (box.start[d] ?? 0) && first + (chunkShape[d] ?? 1) <= (box.start[d] ?? 0) + (box.count[d] ?? 0));
    if (!isWhole || !isContiguous(source, chunkShape, elementSize)) return false;
    const number = this.index.number(position);
    yield* settled(this.#storing.get(number));
    if (this.#cache.has(number)) return false;
    // The memory is the user's, who may have detached it meanwhile: it is looked at when its turn has come.
    yield* wait(this.#store.throttle.enter(this.#chunkBytes));
    try {
      checkStillThere(bytes, offset, strides, box.count, elementSize);
    } catch (error) {
      this.#store.throttle.leave(this.#chunkBytes);
      throw error;
    }
    const from = offset + dot(start.map((first, d) => first - (box.start[d] ?? 0)), strides);
    const stored = begin(this.#storeWhole(number, bytes.subarray(from, from + this.#chunkBytes)));
    if (!stored.isSettled) this.#storing.set(number, stored);
    flight.add(stored);
    return true;
  }

  /** The throttle has been entered. */
  *#storeWhole(number: number, bytes: Uint8Array): Steps {
    try {
      yield* this.#chunks.putPlain(number, bytes);
    } finally {
      this.#storing.delete(number);
    }
  }

  /** The positions of the chunks that a box touches. */
  #positions({ start, count }: Box): Iterable<readonly number[]> {
    const { chunkShape } = this.#options;
    const from = start.map((first, d) => Math.floor(first / (chunkShape[d] ?? 1)));
    return positions(from, start.map((first, d) => Math.floor((first + (count[d] ?? 0) - 1) / (chunkShape[d] ?? 1))));
  }

  /** Reads one box, as all writes that were asked for before have left it. */
  *read(box: Box, target: ElementTarget): Steps {
    if (product(box.count) > 0) yield* this.#line.inTurn(() => this.#readAll(box, target));
  }

  *#readAll(box: Box, target: ElementTarget): Steps {
    const flight = new Flight();
    for (const position of this.#positions(box)) {
      if (flight.failed) break;
      yield* this.#readChunk([...position], box, target, flight);
    }
    // Chunks stay where they are until they have been read.
    yield* flight.landed();
  }

  *#readChunk(position: readonly number[], box: Box, target: ElementTarget, flight: Flight): Steps {
    const { chunkShape, fill } = this.#options;
    const number = this.index.number(position);
    yield* settled(this.#storing.get(number));
    const start = position.map((at, d) => at * (chunkShape[d] ?? 1));
    const part = intersect(box, { start, count: chunkShape });
    const cached = this.#cache.get(number);
    if (cached !== undefined) {
      this.#fillUp(cached);
      this.#copyOut(cached.buffer, start, part, box, target);
      return;
    }
    const record = this.index.get(number);
    if (record === undefined && fill === null && target.isOurs) return;
    yield* wait(this.#store.throttle.enter(this.#chunkBytes));
    const direct = record === undefined ? undefined : this.#wholeIn(start, part, box, target);
    flight.add(begin(record !== undefined && direct !== undefined ? this.#fetchWhole(record, direct) : this.#fetch(record, start, part, box, target)));
  }

  /** Where a chunk that is read as a whole lies in the target, if that is memory of our own and the chunk one run of it. */
  #wholeIn(start: readonly number[], part: Box, box: Box, { bytes, isOurs }: ElementTarget): Uint8Array | undefined {
    const { chunkShape, elementSize } = this.#options;
    if (!isOurs || part.count.some((n, d) => n !== chunkShape[d])) return undefined;
    const strides = rowMajorStrides(box.count, elementSize);
    if (!isContiguous({ strides }, chunkShape, elementSize)) return undefined;
    const at = dot(start.map((first, d) => first - (box.start[d] ?? 0)), strides);
    return bytes.subarray(at, at + this.#chunkBytes);
  }

  /** Reads a chunk to where it is wanted; the throttle has been entered. */
  *#fetchWhole(record: ChunkRecord, into: Uint8Array): Steps {
    try {
      yield* this.#chunks.load(record, into);
    } finally {
      this.#store.throttle.leave(this.#chunkBytes);
    }
  }

  /** Reads a chunk that is in the file, or nowhere; the throttle has been entered. */
  *#fetch(record: ChunkRecord | undefined, start: readonly number[], part: Box, box: Box, target: ElementTarget): Steps {
    const buffer = this.#buffer();
    try {
      if (record === undefined) buffer.fill(this.#options.fill ?? 0);
      else yield* this.#chunks.load(record, buffer);
      this.#copyOut(buffer, start, part, box, target);
    } finally {
      this.#recycle(buffer);
      this.#store.throttle.leave(this.#chunkBytes);
    }
  }

  /** Copies `part` of a chunk that begins at `start` to where it is in `box`. */
  #copyOut(chunk: Buffer, start: readonly number[], part: Box, box: Box, target: ElementTarget): void {
    const { elementSize } = this.#options;
    checkTarget(target, product(box.count) * elementSize);
    const strides = rowMajorStrides(box.count, elementSize);
    native().copyBox(
      target.bytes,
      dot(part.start.map((first, d) => first - (box.start[d] ?? 0)), strides),
      Float64Array.from(strides),
      chunk,
      dot(part.start.map((first, d) => first - (start[d] ?? 0)), this.#chunkStrides),
      Float64Array.from(this.#chunkStrides),
      Float64Array.from(part.count),
      elementSize,
      1,
    );
  }

  /** Stores once more what failed when nobody waited for it. Before anything else is taken, so that memory does not fill up. */
  *retry(): Steps {
    if (this.#hasFailed) yield* this.flush();
  }

  /** Stores all that is only in memory. */
  flush(): Steps {
    return this.#line.inTurn(() => this.#storeAll());
  }

  *#storeAll(): Steps {
    yield* this.#stored();
    this.#hasFailed = false;
    const flight = new Flight();
    for (const [number, cached] of this.#cache) {
      if (flight.failed) break;
      if (!cached.dirty) continue;
      yield* wait(this.#store.throttle.enter(this.#chunkBytes));
      flight.add(begin(this.#clean(number, cached)));
    }
    yield* flight.landed();
  }

  *#clean(number: number, cached: Cached): Steps {
    yield* this.#storeChunk(number, cached);
    cached.dirty = false;
  }

  /** All that is on its way to the file is there, or has failed. */
  *#stored(): Steps {
    for (const storing of [...this.#storing.values()]) yield* settled(storing);
  }

  /** Gives the space of all chunks back once all that was asked for has ended. */
  discard(): Steps {
    return this.#line.inTurn(() => this.#discard());
  }

  *#discard(): Steps {
    yield* this.#stored();
    this.#cache.clear();
    for (const number of [...this.index.numbers()]) this.#chunks.forget(number);
  }

  /**
   * Goes back to a shape from before rows were added that could not all be written. A chunk that cannot be read keeps what it has
   * behind the end, where the next rows are written over it.
   */
  withdraw(shape: readonly number[]): Steps {
    return this.#line.inTurn(() => this.#resize(shape, true));
  }

  /** Gives the dataset another shape; chunks that are no longer inside are forgotten, and what is cut off reads as fill. */
  resize(shape: readonly number[]): Steps {
    return this.#line.inTurn(() => this.#resize(shape));
  }

  *#resize(shape: readonly number[], isTolerant = false): Steps {
    const shrunk = shape.map((extent, d) => extent < (this.#shape[d] ?? 0));
    // Chunks under way are known by number; where numbers stay, as when rows are appended, they need not be waited for.
    if (shrunk.includes(true) || this.index.renumbers(shape)) yield* this.#stored();
    if (shrunk.includes(true)) yield* this.#cutOff(shape, shrunk, isTolerant);
    const renumber = this.index.regrid(shape);
    if (renumber !== null) this.#cache = new Map([...this.#cache].map(([number, cached]) => [renumber(number), cached]));
    this.#shape = shape;
  }

  *#cutOff(shape: readonly number[], shrunk: readonly boolean[], isTolerant: boolean): Steps {
    const { chunkShape } = this.#options;
    const flight = new Flight();
    const outside: number[] = [];
    for (const number of new Set([...this.index.numbers(), ...this.#cache.keys()])) {
      const start = this.index.position(number).map((at, d) => at * (chunkShape[d] ?? 1));
      if (start.some((first, d) => first >= (shape[d] ?? 0))) {
        outside.push(number);
        continue;
      }
      if (!start.some((first, d) => shrunk[d] === true && first + (chunkShape[d] ?? 1) > (shape[d] ?? 0))) continue;
      const loading = begin(this.#loaded(number));
      yield* settled(loading);
      if (loading.hasFailed && isTolerant) continue;
      const cached = loading.value;
      const inside = start.map((first, d) => Math.min(chunkShape[d] ?? 1, (shape[d] ?? 0) - first));
      this.#fillUp(cached);
      const kept: Cached = { buffer: this.#buffer(), dirty: true, filled: 0 };
      this.#fillUp(kept);
      const source = { bytes: cached.buffer, offset: 0, strides: this.#chunkStrides, swap: 1 };
      const all = { start, count: inside };
      this.#copyInto(kept, start, all, all, source);
      this.#cache.set(number, kept);
      this.#recycle(cached.buffer);
      // It is stored anew: in its place the file has what the last commit says, which a crash brings back.
      if (this.#chunks.isPlain) this.#chunks.forget(number);
      yield* this.#shrinkCache(flight);
    }
    // Only now is nothing on its way to the file that would be noted in the index when it arrives. What could not be stored
    // is in memory again, and the next flush tries again.
    yield* settled(begin(flight.landed()));
    for (const number of outside) {
      this.#chunks.forget(number);
      this.#cache.delete(number);
    }
  }

  /** Whether nothing of a chunk can follow what a box writes of it: a chunk at the rim is complete where the dataset can grow no further. */
  #isComplete(start: readonly number[], { start: first, count }: Box): boolean {
    const { chunkShape, maxShape } = this.#options;
    return start.every((from, d) => (first[d] ?? 0) + (count[d] ?? 0) >= Math.min(from + (chunkShape[d] ?? 1), maxShape[d] ?? Infinity));
  }

  /** Copies what the box has of one chunk, and stores the chunk when the box reaches its end. */
  *#gather(position: readonly number[], box: Box, source: ElementSource, flight: Flight): Steps {
    const { chunkShape } = this.#options;
    const number = this.index.number(position);
    const start = position.map((at, d) => at * (chunkShape[d] ?? 1));
    const part = intersect(box, { start, count: chunkShape });
    const whole = part.count.every((n, d) => n === Math.min(chunkShape[d] ?? 1, (this.#shape[d] ?? 0) - (start[d] ?? 0)));
    const known = this.#cache.has(number);
    const cached = yield* this.#cached(number, whole);
    try {
      this.#copyInto(cached, start, part, box, source);
    } catch (error) {
      if (!known && !cached.dirty) {
        this.#cache.delete(number);
        this.#recycle(cached.buffer);
      }
      throw error;
    }
    if (this.#isComplete(start, part)) yield* this.#evict(number, cached, flight);
    else yield* this.#shrinkCache(flight);
  }

  /** The chunk in memory, as it was last used; `whole` when all of it is about to be written, so that nothing need be read. */
  *#cached(number: number, whole: boolean): Steps<Cached> {
    yield* settled(this.#storing.get(number));
    const found = this.#cache.get(number);
    if (found === undefined && !whole) return yield* this.#loaded(number);
    const cached = found ?? { buffer: this.#buffer(), dirty: false, filled: 0 };
    this.#cache.delete(number);
    this.#cache.set(number, cached);
    return cached;
  }

  /** The chunk as it is now: from memory, from the file, or made of fill values. */
  *#loaded(number: number): Steps<Cached> {
    yield* settled(this.#storing.get(number));
    const found = this.#cache.get(number);
    if (found !== undefined) return found;
    const buffer = this.#buffer();
    const record = this.index.get(number);
    if (record !== undefined) yield* this.#chunks.load(record, buffer);
    const cached = { buffer, dirty: false, filled: record === undefined ? 0 : this.#chunkBytes };
    this.#cache.set(number, cached);
    return cached;
  }

  *#shrinkCache(flight: Flight): Steps {
    while (this.#cache.size > 1 && this.#cache.size * this.#chunkBytes > CACHE_BYTES) {
      const oldest = this.#cache.entries().next().value;
      if (oldest === undefined) return;
      const [number, cached] = oldest;
      if (cached.dirty) yield* this.#evict(number, cached, flight);
      else {
        this.#cache.delete(number);
        this.#recycle(cached.buffer);
      }
    }
  }

  /** Takes a chunk out of the cache and starts to store it. When that fails it is put back, so that nothing is lost. */
  *#evict(number: number, cached: Cached, flight: Flight): Steps {
    yield* wait(this.#store.throttle.enter(this.#chunkBytes));
    this.#cache.delete(number);
    const stored = begin(this.#storeEvicted(number, cached));
    if (!stored.isSettled) this.#storing.set(number, stored);
    flight.add(stored);
  }

  *#storeEvicted(number: number, cached: Cached): Steps {
    try {
      yield* this.#storeChunk(number, cached);
      this.#recycle(cached.buffer);
    } catch (error) {
      this.#cache.set(number, cached);
      throw error;
    } finally {
      this.#storing.delete(number);
    }
  }

  /** Stores one chunk; the throttle has been entered. */
  #storeChunk(number: number, cached: Cached): Steps {
    this.#fillUp(cached);
    return this.#chunks.put(number, cached.buffer);
  }

  /** Copies `part` of what the elements of `box` are into a chunk that begins at `start`. */
  #copyInto(cached: Cached, start: readonly number[], part: Box, box: Box, source: ElementSource): void {
    const { elementSize, chunkShape } = this.#options;
    const { bytes, strides, swap } = source;
    let from = source.offset;
    let to = 0;
    // How many of the chunk's bytes one element takes of the outermost dimension that is not whole: what is written is one run if nothing outside of it is left out.
    let run = elementSize;
    let isRun = true;
    let inner = true;
    for (let d = chunkShape.length - 1; d >= 0; d -= 1) {
      const first = part.start[d] ?? 0;
      const count = part.count[d] ?? 0;
      from += (first - (box.start[d] ?? 0)) * (strides[d] ?? 0);
      to += (first - (start[d] ?? 0)) * (this.#chunkStrides[d] ?? 0);
      if (!inner && count !== 1) isRun = false;
      run *= count;
      if (count !== chunkShape[d]) inner = false;
    }
    checkStillThere(bytes, from, strides, part.count, elementSize);
    if (isRun && to <= cached.filled) cached.filled = Math.max(cached.filled, to + run);
    else this.#fillUp(cached);
    cached.dirty = true;
    if (swap === 1 && isRun && isContiguous(source, part.count, elementSize)) {
      cached.buffer.set(bytes.subarray(from, from + run), to);
      return;
    }
    native().copyBox(
      cached.buffer,
      to,
      Float64Array.from(this.#chunkStrides),
      bytes,
      from,
      Float64Array.from(strides),
      Float64Array.from(part.count),
      elementSize,
      swap,
    );
  }

  /** Gives the fill value to what nothing has been written to. */
  #fillUp(cached: Cached): void {
    if (cached.filled === this.#chunkBytes) return;
    cached.buffer.fill(this.#options.fill ?? 0, cached.filled);
    cached.filled = this.#chunkBytes;
  }

  #buffer(): Buffer {
    // Not from Node's pool: a worker thread reads this memory, and nobody else may hold a part of it.
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#chunkBytes);
  }

  #recycle(buffer: Buffer): void {
    if (this.#spare.length < SPARE_BUFFERS) this.#spare.push(buffer);
  }
}
