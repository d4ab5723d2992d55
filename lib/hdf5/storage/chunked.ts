// Chunked storage: elements are gathered into whole chunks in memory, and a chunk goes through the filters and to the file
// on a worker thread. A chunk that is only partly written stays in memory until it fills up, is pushed out, or is flushed.
import { native, type NativeChunkCodec } from '../../native.js';
import type { Layout } from '../format/layout.js';
import { checkStillThere, intersect, isContiguous, positions, product, rowMajorStrides, type Box, type ElementSource } from './box.js';
import { ChunkIndex } from './chunk-index.js';
import { Flight, type FileStore, type MetadataBatch } from './file-store.js';

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
  /** The buffer holds what was in that memory before, until all of the chunk has been copied into it. */
  blank?: boolean;
}

export class ChunkedStorage {
  readonly #store: FileStore;
  readonly #options: ChunkedOptions;
  readonly #codec: NativeChunkCodec;
  readonly #chunkBytes: number;
  readonly #chunkStrides: readonly number[];
  readonly #onStored: () => void;
  #shape: readonly number[];
  readonly index: ChunkIndex;
  /** In the order of last use. */
  #cache = new Map<number, Cached>();
  #storing = new Map<number, Promise<void>>();
  readonly #spare: Buffer[] = [];
  #turn: Promise<void> = Promise.resolve();

  /** @param onStored called whenever the index has changed */
  constructor(store: FileStore, options: ChunkedOptions, onStored: () => void) {
    this.#store = store;
    this.#options = options;
    this.#shape = options.shape;
    this.#codec = new (native().ChunkCodec)(options.filters);
    this.#chunkBytes = product(options.chunkShape) * options.elementSize;
    this.#chunkStrides = rowMajorStrides(options.chunkShape, options.elementSize);
    this.#onStored = onStored;
    this.index = new ChunkIndex(options.chunkShape, options.shape);
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
   * Writes one box. Boxes are gathered in the order of the calls; the promise settles when all chunks that this call
   * completed have been handed to the operating system.
   */
  async write(box: Box, source: ElementSource): Promise<void> {
    if (product(box.count) === 0) return;
    const flight = new Flight();
    await this.#inTurn(async () => {
      const { chunkShape } = this.#options;
      const from = box.start.map((first, d) => Math.floor(first / (chunkShape[d] ?? 1)));
      const to = box.start.map((first, d) => Math.floor((first + (box.count[d] ?? 0) - 1) / (chunkShape[d] ?? 1)));
      for (const position of positions(from, to)) {
        if (flight.failed) break;
        await this.#gather(position, box, source, flight);
      }
    });
    await flight.landed();
  }

  /** Stores all that is only in memory. */
  async flush(): Promise<void> {
    await this.#inTurn(async () => {
      await Promise.allSettled(this.#storing.values());
      const flight = new Flight();
      for (const [number, cached] of this.#cache) {
        if (flight.failed) break;
        if (!cached.dirty) continue;
        await this.#store.throttle.enter(this.#chunkBytes);
        flight.add(
          this.#storeChunk(number, cached.buffer).then(() => {
            cached.dirty = false;
          }),
        );
      }
      await flight.landed();
    });
  }

  /** Gives the dataset another shape; chunks that are no longer inside are forgotten, and what is cut off reads as fill. */
  async resize(shape: readonly number[]): Promise<void> {
    await this.#inTurn(async () => {
      const shrunk = shape.map((extent, d) => extent < (this.#shape[d] ?? 0));
      // Chunks under way are known by number; where numbers stay, as when rows are appended, they need not be waited for.
      if (shrunk.includes(true) || this.index.renumbers(shape)) await Promise.allSettled(this.#storing.values());
      if (shrunk.includes(true)) await this.#cutOff(shape, shrunk);
      const renumber = this.index.regrid(shape);
      if (renumber !== null) this.#cache = new Map([...this.#cache].map(([number, cached]) => [renumber(number), cached]));
      this.#shape = shape;
    });
  }

  async #cutOff(shape: readonly number[], shrunk: readonly boolean[]): Promise<void> {
    const { chunkShape, filters } = this.#options;
    const flight = new Flight();
    const outside: number[] = [];
    for (const number of new Set([...this.index.numbers(), ...this.#cache.keys()])) {
      const start = this.index.position(number).map((at, d) => at * (chunkShape[d] ?? 1));
      if (start.some((first, d) => first >= (shape[d] ?? 0))) {
        outside.push(number);
        continue;
      }
      if (!start.some((first, d) => shrunk[d] === true && first + (chunkShape[d] ?? 1) > (shape[d] ?? 0))) continue;
      const cached = await this.#loaded(number);
      const inside = start.map((first, d) => Math.min(chunkShape[d] ?? 1, (shape[d] ?? 0) - first));
      const kept = this.#buffer();
      this.#fillChunk(kept);
      this.#copy(kept, start.map(() => 0), cached.buffer, 0, this.#chunkStrides, inside, 1);
      this.#cache.set(number, { buffer: kept, dirty: true });
      this.#recycle(cached.buffer);
      // It is stored anew: in its place the file has what the last commit says, which a crash brings back.
      if (filters.length === 0) this.#forget(number);
      await this.#shrinkCache(flight);
    }
    // Only now is nothing on its way to the file that would be noted in the index when it arrives. What could not be stored
    // is in memory again, and the next flush tries again.
    await flight.landed().catch(() => undefined);
    for (const number of outside) {
      this.#forget(number);
      this.#cache.delete(number);
    }
  }

  /** Takes a chunk out of the index and gives its space back. */
  #forget(number: number): void {
    const record = this.index.get(number);
    if (record === undefined) return;
    this.index.delete(number);
    this.#store.release(record);
  }

  /** Runs one operation after the other. */
  #inTurn(operation: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(operation);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** Copies what the box has of one chunk, and stores the chunk when the box reaches its end. */
  async #gather(position: readonly number[], box: Box, source: ElementSource, flight: Flight): Promise<void> {
    const { chunkShape, maxShape } = this.#options;
    const number = this.index.number(position);
    const start = position.map((at, d) => at * (chunkShape[d] ?? 1));
    const extent = start.map((first, d) => Math.min(chunkShape[d] ?? 1, (this.#shape[d] ?? 0) - first));
    const part = intersect(box, { start, count: chunkShape });
    const whole = part.count.every((n, d) => n === extent[d]);
    const cached = await this.#cached(number, whole, extent);
    const from = part.start.reduce(
      (offset, first, d) => offset + (first - (box.start[d] ?? 0)) * (source.strides[d] ?? 0),
      source.offset,
    );
    const inside = part.start.map((first, d) => first - (start[d] ?? 0));
    try {
      this.#copy(cached.buffer, inside, source.bytes, from, source.strides, part.count, source.swap);
    } catch (error) {
      if (cached.blank === true) {
        this.#cache.delete(number);
        this.#recycle(cached.buffer);
      }
      throw error;
    }
    cached.blank = false;
    cached.dirty = true;
    // A chunk at the rim is complete where the dataset can grow no further.
    const complete = part.start.every((first, d) => {
      const end = Math.min((start[d] ?? 0) + (chunkShape[d] ?? 1), maxShape[d] ?? Infinity);
      return first + (part.count[d] ?? 0) >= end;
    });
    if (complete) await this.#evict(number, cached, flight);
    else await this.#shrinkCache(flight);
  }

  /** The chunk in memory, as it was last used; `whole` when all of it is about to be written, so that nothing need be read. */
  async #cached(number: number, whole: boolean, extent: readonly number[]): Promise<Cached> {
    await this.#storing.get(number)?.catch(() => undefined);
    const found = this.#cache.get(number);
    if (found === undefined && !whole) return this.#loaded(number);
    const cached = found ?? { buffer: this.#buffer(), dirty: false, blank: true };
    if (found === undefined && extent.some((n, d) => n < (this.#options.chunkShape[d] ?? 1))) this.#fillChunk(cached.buffer);
    this.#cache.delete(number);
    this.#cache.set(number, cached);
    return cached;
  }

  /** The chunk as it is now: from memory, from the file, or made of fill values. */
  async #loaded(number: number): Promise<Cached> {
    await this.#storing.get(number)?.catch(() => undefined);
    const found = this.#cache.get(number);
    if (found !== undefined) return found;
    const buffer = this.#buffer();
    const record = this.index.get(number);
    if (record === undefined) this.#fillChunk(buffer);
    else await this.#codec.load(this.#store.file, record.address, record.size, record.filterMask, buffer);
    const cached = { buffer, dirty: false };
    this.#cache.set(number, cached);
    return cached;
  }

  async #shrinkCache(flight: Flight): Promise<void> {
    while (this.#cache.size > 1 && this.#cache.size * this.#chunkBytes > CACHE_BYTES) {
      const oldest = this.#cache.entries().next().value;
      if (oldest === undefined) return;
      const [number, cached] = oldest;
      if (cached.dirty) await this.#evict(number, cached, flight);
      else {
        this.#cache.delete(number);
        this.#recycle(cached.buffer);
      }
    }
  }

  /** Takes a chunk out of the cache and starts to store it. When that fails it is put back, so that nothing is lost. */
  async #evict(number: number, cached: Cached, flight: Flight): Promise<void> {
    await this.#store.throttle.enter(this.#chunkBytes);
    this.#cache.delete(number);
    const stored = this.#storeChunk(number, cached.buffer).then(
      () => {
        this.#storing.delete(number);
        this.#recycle(cached.buffer);
      },
      (error: unknown) => {
        this.#storing.delete(number);
        this.#cache.set(number, cached);
        throw error;
      },
    );
    this.#storing.set(number, stored);
    flight.add(stored);
  }

  /** Filters and writes one chunk; the throttle has been entered. */
  async #storeChunk(number: number, buffer: Buffer): Promise<void> {
    try {
      const record = this.index.get(number);
      if (record !== undefined && this.#options.filters.length === 0) {
        // Without filters a chunk has one size for ever and is rewritten where it is.
        await this.#store.file.write(record.address, buffer);
        return;
      }
      const [address = 0, size = 0, filterMask = 0] = await this.#codec.store(this.#store.file, this.#store.space.native, buffer);
      this.#forget(number);
      this.index.set(number, { address, size, filterMask });
      this.#onStored();
    } finally {
      this.#store.throttle.leave(this.#chunkBytes);
    }
  }

  #copy(
    chunk: Buffer,
    inside: readonly number[],
    bytes: Uint8Array,
    offset: number,
    strides: readonly number[],
    count: readonly number[],
    swap: number,
  ): void {
    const { elementSize } = this.#options;
    checkStillThere(bytes, offset, strides, count, elementSize);
    const to = inside.reduce((sum, at, d) => sum + at * (this.#chunkStrides[d] ?? 0), 0);
    if (count.length === 1 && swap === 1 && isContiguous({ bytes, offset, strides, swap }, count, elementSize)) {
      chunk.set(bytes.subarray(offset, offset + (count[0] ?? 0) * elementSize), to);
      return;
    }
    native().copyBox(
      chunk,
      to,
      Float64Array.from(this.#chunkStrides),
      bytes,
      offset,
      Float64Array.from(strides),
      Float64Array.from(count),
      elementSize,
      swap,
    );
  }

  #fillChunk(buffer: Buffer): void {
    buffer.fill(this.#options.fill ?? 0);
  }

  #buffer(): Buffer {
    // Not from Node's pool: a worker thread reads this memory, and nobody else may hold a part of it.
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#chunkBytes);
  }

  #recycle(buffer: Buffer): void {
    if (this.#spare.length < SPARE_BUFFERS) this.#spare.push(buffer);
  }
}
