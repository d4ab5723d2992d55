// Chunked storage: elements are gathered into whole chunks in memory, and a chunk goes through the filters and to the file
// on a worker thread. A chunk that is only partly written stays in memory until it fills up, is pushed out, or is flushed.
import type { Layout } from '../format/layout.js';
import {
  dot,
  intersect,
  isContiguous,
  positionsOf,
  product,
  rowMajorStrides,
  type Box,
  type ElementSource,
  type ElementTarget,
} from './box.js';
import { ChunkCache, type CachedChunk, type ChunkCacheStats } from './chunk-cache.js';
import { copyInto, rowBytesThrough, type ChunkGeometry } from './chunk-copy.js';
import type { ChunkIndex } from './chunk-index.js';
import { ChunkReads, type ChunkParts } from './chunk-reads.js';
import { ChunksNow } from './chunks-now.js';
import { writePieceSize, type FileStore, type MetadataBatch } from './file-store.js';
import { checkSource, isAsInFile } from './form.js';
import { gathered, isGathered } from './gather.js';
import type { RowRun } from './row-run.js';
import { begin, settled, wait, Flight, Line, type Pending, type Steps } from './steps.js';
import { StoredChunks } from './stored-chunks.js';
import { Tail } from './tail.js';

export interface ChunkedOptions {
  readonly shape: readonly number[];
  readonly maxShape: readonly (number | null)[];
  readonly chunkShape: readonly number[];
  readonly elementSize: number;
  /** For each filter: id, number of values, values. */
  readonly filters: Uint32Array;
  /** One element, or null for zeros. */
  readonly fill: Uint8Array | null;
  /** Chunks that are only partly written or read stay in memory up to this many bytes. */
  readonly cacheBytes: number;
}

/** Chunks that are stored by one task: finding places for them takes some microseconds each, which hold up the event loop. */
const MOST_AT_ONCE = 1024;

export class ChunkedStorage {
  readonly #store: FileStore;
  readonly #options: ChunkedOptions;
  readonly #chunks: StoredChunks;
  readonly #chunkBytes: number;
  readonly #chunkStrides: readonly number[];
  readonly #geometry: ChunkGeometry;
  #shape: readonly number[];
  readonly #cache: ChunkCache;
  readonly #storing = new Map<number, Pending>();
  readonly #reads: ChunkReads;
  readonly #now: ChunksNow;
  readonly #line = new Line();
  /** Null as soon as anything else has its turn. */
  #tail: Tail | null = null;
  /** A chunk whose writer did not wait for it could not be stored; it is in the cache again. */
  #hasFailed = false;

  /**
   * @param onStored called whenever the index has changed
   * @param onThrash called once, when chunks leave the cache and come back all the time
   */
  constructor(store: FileStore, options: ChunkedOptions, onStored: () => void, onThrash: () => void) {
    this.#store = store;
    this.#options = options;
    this.#shape = options.shape;
    this.#chunkBytes = product(options.chunkShape) * options.elementSize;
    this.#chunkStrides = rowMajorStrides(options.chunkShape, options.elementSize);
    this.#chunks = new StoredChunks(store, { ...options, onStored });
    this.#geometry = { shape: options.chunkShape, strides: this.#chunkStrides, elementSize: options.elementSize };
    this.#cache = new ChunkCache(this.#chunkBytes, options.cacheBytes, options.fill, onThrash);
    const parts: ChunkParts = {
      geometry: this.#geometry,
      chunkBytes: this.#chunkBytes,
      fill: options.fill,
      store,
      chunks: this.#chunks,
      cache: this.#cache,
      storing: (number) => this.#storing.get(number),
    };
    this.#reads = new ChunkReads(parts);
    this.#now = new ChunksNow({
      ...parts,
      isComplete: (start, box) => this.#isComplete(start, box),
      evict: (number, cached) => {
        void store.throttle.enter(this.#chunkBytes);
        this.#noteFailure(this.#evictNow(number, cached, !this.#chunks.isPlain));
      },
    });
  }

  get index(): ChunkIndex {
    return this.#chunks.index;
  }

  get cacheStats(): ChunkCacheStats {
    return this.#cache.stats;
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
   * Writes one box at once, if that can be done within the call and nothing is under way.
   * @param shape the dataset's shape from here on, which may have more rows
   * @returns whether it did; otherwise nothing has changed
   * @throws what a write failed with; then the dataset may have the new shape, from which `withdraw` goes back
   */
  take(box: Box, source: ElementSource, shape: readonly number[]): boolean {
    this.#tail = null;
    if (!this.#line.isFree || this.#hasFailed) return false;
    const isGrowing = shape !== this.#shape;
    const isTaken = this.#now.write(box, source, () => {
      this.index.grow(shape);
      this.#shape = shape;
    });
    if (isTaken && isGrowing) this.#tail = Tail.of(this.#cache, { ...this.#options, shape });
    return isTaken;
  }

  /**
   * Adds rows behind those that `take` added last, if they are a part of the same chunk and nothing has been done since that `take` would have to know of.
   * @param bytes as the file has them @returns the shape with them; undefined where nothing has changed, and `take` may see to it
   */
  extend(bytes: Uint8Array): readonly number[] | undefined {
    const rows = this.#hasFailed ? undefined : this.#tail?.extend(bytes);
    if (rows === undefined) return undefined;
    const [extent = 0, ...row] = this.#shape;
    this.#shape = [extent + rows, ...row];
    return this.#shape;
  }

  /**
   * Writes one box. Boxes are gathered in the order of the calls.
   * @param until what is waited for: `written`, all chunks that this call completed have been handed to the operating
   * system; `taken`, the data has been copied: should a chunk fail on its way, `retry` and `flush` try again and say so
   */
  *write(box: Box, source: ElementSource, until: 'written' | 'taken' = 'written'): Steps {
    if (product(box.count) === 0) return;
    const flight = new Flight();
    const gathered = begin(this.#inTurn(() => this.#gatherAll(box, source, flight, until === 'written')));
    yield* settled(gathered);
    const landed = begin(flight.landed());
    // Also where gathering has failed: the memory is in use until then.
    if (until === 'written') yield* settled(landed);
    else this.#noteFailure(landed);
    gathered.check();
    if (until === 'written') landed.check();
  }

  *#inTurn(steps: () => Steps): Steps {
    this.#tail = null;
    yield* this.#line.inTurn(steps);
  }

  /** Of what nobody waits for. */
  #noteFailure(work: Pending): void {
    if (work.isSettled && !work.hasFailed) return;
    work.watch(() => {
      this.#hasFailed ||= work.hasFailed;
    });
  }

  /** @param stays whether the source stays as it is until the flight has landed */
  *#gatherAll(box: Box, source: ElementSource, flight: Flight, stays: boolean): Steps {
    const most = stays ? this.#mostAtOnce(box, source) : 1;
    let stored = 0;
    for (const position of positionsOf(box, this.#options.chunkShape)) {
      if (stored > 1) {
        stored -= 1;
        continue;
      }
      if (flight.failed) break;
      source.signal?.throwIfAborted();
      stored = yield* this.#storeRun(position, box, source, most, flight);
      if (stored > 0) continue;
      if (!stays || !(yield* this.#storeFromSource(position, box, source, flight))) yield* this.#gather(position, box, source, flight);
    }
  }

  /** How many chunks may be written at once: where they lie in the caller's memory one after the other, about as many as contiguous data. */
  #mostAtOnce(box: Box, source: ElementSource): number {
    const areSideBySide = this.#chunks.isPlain && rowBytesThrough(this.#geometry, box, source) > 0;
    return areSideBySide ? Math.min(MOST_AT_ONCE, Math.floor(writePieceSize / this.#chunkBytes)) : 1;
  }

  /** Stores whole chunks that are nowhere yet from the caller's own memory, from a position on along the first dimension. @returns how many; 0 for others */
  *#storeRun(position: readonly number[], box: Box, source: ElementSource, most: number, flight: Flight): Steps<number> {
    const [rows = 1, ...inRow] = this.#options.chunkShape;
    const [at = 0, ...others] = position;
    const before = at * rows - (box.start[0] ?? 0);
    if (most < 2 || before < 0) return 0;
    const numbers: number[] = [];
    for (let left = Math.min(most, Math.floor(((box.count[0] ?? 0) - before) / rows)); left > 0; left -= 1) {
      const number = this.index.number([at + numbers.length, ...others]);
      if (this.index.get(number) !== undefined || this.#cache.get(number) !== undefined || this.#storing.has(number)) break;
      numbers.push(number);
    }
    if (numbers.length < 2) return 0;
    const bytes = numbers.length * this.#chunkBytes;
    yield* wait(this.#store.throttle.enter(bytes));
    const offset = source.offset + before * (source.strides[0] ?? 0);
    this.#checkNow(source, [numbers.length * rows, ...inRow], offset, bytes);
    this.#addStoring(numbers, this.#chunks.putNew(numbers, source.bytes.subarray(offset, offset + bytes)), flight);
    return numbers.length;
  }

  /** Looks whether memory that is the user's is still there when its turn has come; if not, gives back what the throttle let through. */
  #checkNow(source: ElementSource, count: readonly number[], offset: number, bytes: number): void {
    try {
      checkSource(source, count, this.#options.elementSize, offset);
    } catch (error) {
      this.#store.throttle.leave(bytes);
      throw error;
    }
  }

  #addStoring(numbers: readonly number[], put: Steps, flight: Flight): void {
    const stored = begin(this.#storeWhole(numbers, put));
    if (!stored.isSettled) for (const number of numbers) this.#storing.set(number, stored);
    flight.add(stored);
  }

  /** Stores a chunk that the box completes by itself from the caller's own memory, which the kernel alone reads. @returns whether it is such a one */
  *#storeFromSource(position: readonly number[], box: Box, source: ElementSource, flight: Flight): Steps<boolean> {
    const { chunkShape, elementSize } = this.#options;
    const start = position.map((at, d) => at * (chunkShape[d] ?? 1));
    if (start.some((first, d) => first < (box.start[d] ?? 0)) || !this.#isComplete(start, box)) return false;
    const { count } = intersect(box, { start, count: chunkShape });
    const isPlain = this.#chunks.isPlain && isAsInFile(source) && count.every((n, d) => n === chunkShape[d]) && isContiguous(source, count, elementSize);
    if (!isPlain && !isGathered(this.#chunkBytes)) return false;
    const number = this.index.number(position);
    yield* settled(this.#storing.get(number));
    if (this.#cache.get(number) !== undefined) return false;
    yield* wait(this.#store.throttle.enter(this.#chunkBytes));
    const offset = source.offset + dot(start.map((first, d) => first - (box.start[d] ?? 0)), source.strides);
    this.#checkNow(source, count, offset, this.#chunkBytes);
    const put = isPlain ? this.#chunks.putPlain(number, source.bytes.subarray(offset, offset + this.#chunkBytes)) : this.#chunks.putGathered(number, { ...source, offset }, count);
    this.#addStoring([number], put, flight);
    return true;
  }

  /** The throttle has been entered. */
  *#storeWhole(numbers: readonly number[], put: Steps): Steps {
    try {
      yield* put;
    } finally {
      for (const number of numbers) this.#storing.delete(number);
    }
  }

  /** Reads one box at once, if that can be done within the call and nothing is under way. @returns whether it did; else the target holds anything */
  readNow(box: Box, target: ElementTarget): boolean {
    return this.#line.isFree && this.#now.read(box, target);
  }

  /** As `ChunksNow` has it. */
  rowsAround(row: number): RowRun | undefined {
    return this.#now.rowsAround(row, this.#shape);
  }

  /** Reads one box, as all writes that were asked for before have left it. */
  *read(box: Box, target: ElementTarget): Steps {
    if (product(box.count) > 0) yield* this.#inTurn(() => this.#reads.read(box, target, this.#shape));
  }

  /** Stores once more what failed when nobody waited for it. Before anything else is taken, so that memory does not fill up. */
  *retry(): Steps {
    if (this.#hasFailed) yield* this.flush();
  }

  /** Stores all that is only in memory. */
  flush(): Steps {
    return this.#inTurn(() => this.#storeAll());
  }

  *#storeAll(): Steps {
    yield* this.#stored();
    this.#hasFailed = false;
    const flight = new Flight();
    for (const [number, cached] of this.#cache.entries()) {
      if (flight.failed) break;
      if (!cached.dirty) continue;
      yield* wait(this.#store.throttle.enter(this.#chunkBytes));
      flight.add(begin(this.#clean(number, cached)));
    }
    yield* flight.landed();
  }

  *#clean(number: number, cached: CachedChunk): Steps {
    yield* this.#storeChunk(number, cached);
    cached.dirty = false;
  }

  /** All that is on its way to the file is there, or has failed. */
  *#stored(): Steps {
    for (const storing of [...this.#storing.values()]) yield* settled(storing);
  }

  /** Gives the space of all chunks back once all that was asked for has ended. */
  discard(): Steps {
    return this.#inTurn(() => this.#discard());
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
    return this.#inTurn(() => this.#resize(shape, true));
  }

  /** Gives the dataset another shape; chunks that are no longer inside are forgotten, and what is cut off reads as fill. */
  resize(shape: readonly number[]): Steps {
    return this.#inTurn(() => this.#resize(shape));
  }

  *#resize(shape: readonly number[], isTolerant = false): Steps {
    const shrunk = shape.map((extent, d) => extent < (this.#shape[d] ?? 0));
    // Chunks under way are known by number; where numbers stay, as when rows are appended, they need not be waited for.
    if (shrunk.includes(true) || this.index.renumbers(shape)) yield* this.#stored();
    if (shrunk.includes(true)) yield* this.#cutOff(shape, shrunk, isTolerant);
    const renumber = this.index.regrid(shape);
    if (renumber !== null) this.#cache.renumber(renumber);
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
      this.#cache.fillUp(cached);
      const kept: CachedChunk = { buffer: this.#cache.buffer(), dirty: true, filled: 0, isWritten: true };
      this.#cache.fillUp(kept);
      const source = { bytes: cached.buffer, offset: 0, strides: this.#chunkStrides, swap: 1 };
      const all = { start, count: inside };
      copyInto(this.#geometry, this.#cache, kept, start, all, all, source);
      this.#cache.use(number, kept);
      this.#cache.recycle(cached.buffer);
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
    const own = yield* this.#gathered(part, box, source);
    const known = this.#cache.get(number) !== undefined;
    const cached = yield* this.#cached(number, whole);
    try {
      if (own === undefined) copyInto(this.#geometry, this.#cache, cached, start, part, box, source);
      else copyInto(this.#geometry, this.#cache, cached, start, part, part, { bytes: own, offset: 0, strides: rowMajorStrides(part.count, this.#options.elementSize), swap: 1 });
    } catch (error) {
      if (!known && !cached.dirty) {
        this.#cache.delete(number);
        this.#cache.recycle(cached.buffer);
      }
      throw error;
    } finally {
      if (own !== undefined) this.#cache.recycle(own);
    }
    if (this.#isComplete(start, part)) yield* this.#evict(number, cached, flight);
    else yield* this.#shrinkCache(flight);
  }

  /** What the box has of a part, in memory of our own, if worker threads are to put it there. */
  *#gathered(part: Box, box: Box, source: ElementSource): Steps<Buffer | undefined> {
    const offset = source.offset + dot(part.start.map((first, d) => first - (box.start[d] ?? 0)), source.strides);
    return yield* gathered({ ...source, offset }, part.count, this.#options.elementSize, () => this.#cache.buffer());
  }

  /** The chunk in memory, as it was last used; `whole` when all of it is about to be written, so that nothing need be read. */
  *#cached(number: number, whole: boolean): Steps<CachedChunk> {
    yield* settled(this.#storing.get(number));
    const found = this.#cache.get(number);
    if (found === undefined && !whole) return yield* this.#loaded(number);
    const cached = found ?? { buffer: this.#cache.buffer(), dirty: false, filled: 0, isWritten: false };
    this.#cache.use(number, cached);
    return cached;
  }

  /** The chunk as it is now: from memory, from the file, or made of fill values. */
  *#loaded(number: number): Steps<CachedChunk> {
    yield* settled(this.#storing.get(number));
    const found = this.#cache.get(number);
    if (found !== undefined) return found;
    const buffer = this.#cache.buffer();
    const record = this.index.get(number);
    if (record !== undefined) yield* this.#chunks.load(record, buffer);
    this.#cache.noteLoaded(number);
    const cached = { buffer, dirty: false, filled: record === undefined ? 0 : this.#chunkBytes, isWritten: false };
    this.#cache.use(number, cached);
    return cached;
  }

  *#shrinkCache(flight: Flight): Steps {
    for (let oldest = this.#cache.surplus; oldest !== undefined; oldest = this.#cache.surplus) {
      const [number, cached] = oldest;
      this.#cache.noteLeft(number, cached);
      if (cached.dirty) yield* this.#evict(number, cached, flight);
      else {
        this.#cache.delete(number);
        this.#cache.recycle(cached.buffer);
      }
    }
  }

  /** Takes a chunk out of the cache and starts to store it. When that fails it is put back, so that nothing is lost. */
  *#evict(number: number, cached: CachedChunk, flight: Flight): Steps {
    yield* wait(this.#store.throttle.enter(this.#chunkBytes));
    flight.add(this.#evictNow(number, cached));
  }

  /** The throttle has been entered. @param wakes as for `put` */
  #evictNow(number: number, cached: CachedChunk, wakes = true): Pending {
    this.#cache.delete(number);
    const stored = begin(this.#storeEvicted(number, cached, wakes));
    if (!stored.isSettled) this.#storing.set(number, stored);
    return stored;
  }

  *#storeEvicted(number: number, cached: CachedChunk, wakes: boolean): Steps {
    try {
      yield* this.#storeChunk(number, cached, wakes);
      this.#cache.recycle(cached.buffer);
    } catch (error) {
      this.#cache.use(number, cached);
      throw error;
    } finally {
      this.#storing.delete(number);
    }
  }

  /** Stores one chunk; the throttle has been entered. */
  #storeChunk(number: number, cached: CachedChunk, wakes = true): Steps {
    this.#cache.fillUp(cached);
    return this.#chunks.put(number, cached.buffer, wakes);
  }
}
