// What can be done with chunks within the call, when nothing of their dataset is under way: copies into and out of chunks in memory,
// and unfiltered rows straight to and from the file.
import {
  dot,
  intersect,
  positionOf,
  positionsOf,
  product,
  runsOf,
  walkedDimensions,
  type Box,
  type ElementSource,
  type ElementTarget,
} from './box.js';
import type { CachedChunk, ChunkCache } from './chunk-cache.js';
import { copyInto, copyOut, rowBytesThrough } from './chunk-copy.js';
import type { ChunkParts } from './chunk-reads.js';
import { leastRun, mostReadNow } from './file-store.js';
import { checkSource } from './form.js';
import type { RowRun } from './row-run.js';

/** A box in more chunks than these is not read or written within the call. */
const MOST_CHUNKS = 8;
/** Fewer bytes are gathered in memory. */
const LEAST_WRITTEN = 2 ** 16;
/** Of a larger chunk no part is written before the others: all of it might have to be cleared first. */
const MOST_CLEARED = 4 * 2 ** 20;

/** What a box has of a chunk that begins at `start`. */
interface Part {
  readonly number: number;
  readonly start: readonly number[];
  readonly part: Box;
}

export interface ChunksNowOptions extends ChunkParts {
  /** Whether nothing of a chunk that begins at `start` can follow a box. */
  readonly isComplete: (start: readonly number[], box: Box) => boolean;
  /** Takes a chunk out of the cache and starts to store it; the throttle has room. */
  readonly evict: (number: number, cached: CachedChunk) => void;
}

function emptyChunk(cache: ChunkCache): CachedChunk {
  return { buffer: cache.buffer(), dirty: false, filled: 0, isWritten: false };
}

export class ChunksNow {
  readonly #with: ChunksNowOptions;

  constructor(options: ChunksNowOptions) {
    this.#with = options;
  }

  /**
   * Writes one box, if it lies in a few chunks that are in memory or need not be read.
   * @param begins called once, when it will be done, and before anything is
   * @returns whether it did; otherwise nothing has changed
   * @throws what a write failed with; then a part of the box may be written
   */
  write(box: Box, source: ElementSource, begins: () => void): boolean {
    const { shape, elementSize } = this.#with.geometry;
    const position = product(box.count) * elementSize < LEAST_WRITTEN ? positionOf(box, shape) : undefined;
    return position === undefined ? this.#writeParts(box, source, begins) : this.#gather(position, box, source, begins);
  }

  /** Copies a few elements into one chunk. */
  #gather(position: readonly number[], box: Box, source: ElementSource, begins: () => void): boolean {
    const { geometry, chunkBytes, store, chunks, cache, storing, isComplete, evict } = this.#with;
    const start = this.#startOf(position);
    const completes = isComplete(start, box);
    if (completes && !store.throttle.hasRoom(chunkBytes)) return false;
    const number = chunks.index.number(position);
    let cached = cache.get(number);
    if (cached === undefined) {
      if (!cache.hasRoom || storing(number) !== undefined || chunks.index.get(number) !== undefined) return false;
      cached = emptyChunk(cache);
    }
    copyInto(geometry, cache, cached, start, box, box, source);
    begins();
    cache.use(number, cached);
    if (completes) evict(number, cached);
    return true;
  }

  #writeParts(box: Box, source: ElementSource, begins: () => void): boolean {
    const { geometry, store, chunks, cache, isComplete, evict } = this.#with;
    const row = this.#rowThrough(box, source);
    const parts = this.#parts(box, row > 0);
    if (parts === undefined || (row > 0 && !store.turns.allow((box.count[0] ?? 0) * row))) return false;
    checkSource(source, box.count, geometry.elementSize);
    begins();
    let from = source.offset;
    for (const { number, start, part } of parts) {
      const bytes = (part.count[0] ?? 0) * row;
      let cached = cache.get(number);
      if (row > 0 && cached === undefined) {
        chunks.putNow(number, ((part.start[0] ?? 0) - (start[0] ?? 0)) * row, source.bytes.subarray(from, from + bytes));
      } else {
        cached ??= emptyChunk(cache);
        copyInto(geometry, cache, cached, start, part, box, source);
        cache.use(number, cached);
        if (isComplete(start, part)) {
          if (row > 0) this.#store(number, cached);
          else evict(number, cached);
        }
      }
      from += bytes;
    }
    return true;
  }

  /** The bytes of a row, if the box is rows that go straight to the file; else 0. */
  #rowThrough(box: Box, source: ElementSource): number {
    const { geometry, chunks } = this.#with;
    const row = chunks.isPlain ? rowBytesThrough(geometry, box, source) : 0;
    return (box.count[0] ?? 0) * row >= LEAST_WRITTEN ? row : 0;
  }

  /** What a box has of each chunk; undefined where that cannot be written within the call. */
  #parts(box: Box, isThrough: boolean): Part[] | undefined {
    const { geometry: { shape }, chunkBytes, fill, store, chunks, cache, storing, isComplete } = this.#with;
    const parts: Part[] = [];
    let [made, completed] = [0, 0];
    for (const position of positionsOf(box, shape)) {
      const number = chunks.index.number(position);
      if (parts.length === MOST_CHUNKS || storing(number) !== undefined) return undefined;
      const start = this.#startOf(position);
      const part = intersect(box, { start, count: shape });
      if (cache.get(number) === undefined) {
        const isStored = chunks.index.get(number) !== undefined;
        const isWhole = part.count.every((n, d) => n === shape[d]);
        if (isThrough ? !isStored && !isWhole && (fill !== null || chunkBytes > MOST_CLEARED) : isStored) return undefined;
        made += 1;
      }
      if (isComplete(start, part)) completed += 1;
      parts.push({ number, start, part });
    }
    // What is gathered in memory must find room there, and at the workers.
    const fits = isThrough || ((made === 0 || (made === 1 && cache.hasRoom)) && (completed === 0 || (completed === 1 && store.throttle.hasRoom(chunkBytes))));
    return fits ? parts : undefined;
  }

  /** Writes a chunk from memory to the file. */
  #store(number: number, cached: CachedChunk): void {
    const { chunks, cache } = this.#with;
    cache.fillUp(cached);
    chunks.putNow(number, 0, cached.buffer);
    cache.delete(number);
    cache.recycle(cached.buffer);
  }

  /** Reads one box, if it lies in a few chunks that are in memory, here or in the system. @returns whether it did; else the target holds anything */
  read(box: Box, target: ElementTarget): boolean {
    const { shape, elementSize } = this.#with.geometry;
    const position = positionOf(box, shape);
    if (position !== undefined) return this.#readChunk(position, box, target);
    // Several chunks are read now where each has a run of rows of what is read.
    const row = product(box.count.slice(1)) * elementSize;
    const isRows = box.count.every((count, d) => d === 0 || ((box.start[d] ?? 0) % (shape[d] ?? 1)) + count <= (shape[d] ?? 1));
    if (!isRows || (box.count[0] ?? 0) > (MOST_CHUNKS - 1) * (shape[0] ?? 1)) return false;
    for (const at of positionsOf(box, shape)) {
      const part = intersect(box, { start: this.#startOf(at), count: shape });
      const to = ((part.start[0] ?? 0) - (box.start[0] ?? 0)) * row;
      const bytes = target.bytes.subarray(to, to + (part.count[0] ?? 0) * row);
      if (!this.#readChunk(at, part, { ...target, bytes })) return false;
    }
    return true;
  }

  /** Reads a box that lies in one chunk. */
  #readChunk(position: readonly number[], box: Box, target: ElementTarget): boolean {
    const { geometry, store, chunks, cache, storing } = this.#with;
    const { shape, strides, elementSize } = geometry;
    const number = chunks.index.number(position);
    if (storing(number) !== undefined) return false;
    const start = this.#startOf(position);
    const cached = cache.get(number);
    if (cached !== undefined) {
      cache.fillUp(cached);
      copyOut(geometry, cached.buffer, start, box, box, target);
      cache.use(number, cached);
      return true;
    }
    const record = chunks.index.get(number);
    const size = product(box.count) * elementSize;
    if (record === undefined || !chunks.isPlain || size > mostReadNow || target.bytes.length !== size) return false;
    const inChunk = { start: box.start.map((first, d) => first - (start[d] ?? 0)), count: box.count };
    if (walkedDimensions(inChunk, shape) === 0) return store.file.readCached(record.address + dot(inChunk.start, strides), target.bytes) === size;
    const { run, starts } = runsOf(inChunk, shape, elementSize);
    if (run < leastRun) return false;
    let to = 0;
    for (const from of starts) {
      if (store.file.readCached(record.address + from, target.bytes.subarray(to, to + run)) < run) return false;
      to += run;
    }
    return true;
  }

  /** The rows of the chunk that has this one, if they lie side by side in the file. @param shape of the dataset */
  rowsAround(row: number, shape: readonly number[]): RowRun | undefined {
    const { geometry, chunks } = this.#with;
    const [chunkRows = 1, ...inRow] = geometry.shape;
    if (!chunks.isPlain || inRow.some((extent, d) => extent !== shape[d + 1])) return undefined;
    // There is one chunk for each position along the first dimension, so that this is its number too.
    const number = Math.floor(row / chunkRows);
    const address = chunks.index.get(number)?.address;
    const first = number * chunkRows;
    return address === undefined ? undefined : { first, end: Math.min(first + chunkRows, shape[0] ?? 0), address, rowBytes: product(inRow) * geometry.elementSize };
  }

  #startOf(position: readonly number[]): number[] {
    return position.map((at, d) => at * (this.#with.geometry.shape[d] ?? 1));
  }
}
