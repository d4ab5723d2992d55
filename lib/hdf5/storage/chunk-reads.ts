// Reading of chunks: those that are in memory are copied from, others fetched by worker threads, several at a time.
import { dot, intersect, isContiguous, positionsOf, rowMajorStrides, type Box, type ElementTarget } from './box.js';
import type { ChunkCache } from './chunk-cache.js';
import { copyOut, type ChunkGeometry } from './chunk-copy.js';
import type { ChunkRecord } from './chunk-index.js';
import type { FileStore } from './file-store.js';
import { begin, flown, settled, wait, Flight, type Pending, type Steps } from './steps.js';
import type { StoredChunks } from './stored-chunks.js';

/** The chunks of a dataset: in memory, in the file, and between them. */
export interface ChunkParts {
  readonly geometry: ChunkGeometry;
  readonly chunkBytes: number;
  /** One element, or null for zeros. */
  readonly fill: Uint8Array | null;
  readonly store: FileStore;
  readonly chunks: StoredChunks;
  readonly cache: ChunkCache;
  /** What settles when a chunk that is on its way to the file has come there, or not. */
  readonly storing: (number: number) => Pending | undefined;
}

export class ChunkReads {
  readonly #with: ChunkParts;

  constructor(parts: ChunkParts) {
    this.#with = parts;
  }

  /** Reads one box, in turn. @param shape of the dataset */
  *read(box: Box, target: ElementTarget, shape: readonly number[]): Steps {
    const flight = new Flight();
    // Chunks stay where they are until they have been read.
    yield* flown(flight, this.#readAll(box, target, shape, flight));
  }

  *#readAll(box: Box, target: ElementTarget, shape: readonly number[], flight: Flight): Steps {
    for (const position of positionsOf(box, this.#with.geometry.shape)) {
      if (flight.failed) break;
      target.signal?.throwIfAborted();
      yield* this.#readChunk([...position], box, target, shape, flight);
    }
  }

  *#readChunk(position: readonly number[], box: Box, target: ElementTarget, shape: readonly number[], flight: Flight): Steps {
    const { geometry, chunkBytes, fill, store, chunks, cache, storing } = this.#with;
    const { shape: chunkShape } = geometry;
    const number = chunks.index.number(position);
    yield* settled(storing(number));
    const start = position.map((at, d) => at * (chunkShape[d] ?? 1));
    const part = intersect(box, { start, count: chunkShape });
    const cached = cache.get(number);
    if (cached !== undefined) {
      cache.fillUp(cached);
      copyOut(geometry, cached.buffer, start, part, box, target);
      cache.use(number, cached);
      return;
    }
    const record = chunks.index.get(number);
    if (record === undefined && fill === null && target.isBlank) return;
    yield* wait(store.throttle.enter(chunkBytes));
    const direct = record === undefined ? undefined : this.#wholeIn(start, part, box, target);
    // What is left of a chunk is likely to be asked for next.
    const isPart = part.count.some((n, d) => n < Math.min(chunkShape[d] ?? 1, (shape[d] ?? 0) - (start[d] ?? 0)));
    const kept = isPart && record !== undefined ? number : undefined;
    flight.add(begin(record !== undefined && direct !== undefined ? this.#fetchWhole(record, direct) : this.#fetch(record, start, part, box, target, kept)));
  }

  /** Where a chunk that is read as a whole lies in the target, if that is memory of our own and the chunk one run of it. */
  #wholeIn(start: readonly number[], part: Box, box: Box, { bytes, isOurs }: ElementTarget): Uint8Array | undefined {
    const { geometry: { shape: chunkShape, elementSize }, chunkBytes } = this.#with;
    if (!isOurs || part.count.some((n, d) => n !== chunkShape[d])) return undefined;
    const strides = rowMajorStrides(box.count, elementSize);
    if (!isContiguous({ strides }, chunkShape, elementSize)) return undefined;
    const at = dot(start.map((first, d) => first - (box.start[d] ?? 0)), strides);
    return bytes.subarray(at, at + chunkBytes);
  }

  /** Reads a chunk to where it is wanted; the throttle has been entered. */
  *#fetchWhole(record: ChunkRecord, into: Uint8Array): Steps {
    const { chunkBytes, store, chunks } = this.#with;
    try {
      yield* chunks.load(record, into);
    } finally {
      store.throttle.leave(chunkBytes);
    }
  }

  /**
   * Reads a chunk that is in the file, or nowhere; the throttle has been entered.
   * @param number under which it is to stay in memory
   */
  *#fetch(record: ChunkRecord | undefined, start: readonly number[], part: Box, box: Box, target: ElementTarget, number: number | undefined): Steps {
    const { geometry, chunkBytes, fill, store, chunks, cache } = this.#with;
    const buffer = cache.buffer();
    let isKept = false;
    try {
      if (record === undefined) buffer.fill(fill ?? 0);
      else yield* chunks.load(record, buffer);
      if (number !== undefined && cache.makeRoom()) {
        cache.use(number, { buffer, dirty: false, filled: chunkBytes, isWritten: false });
        isKept = true;
      }
      copyOut(geometry, buffer, start, part, box, target);
    } finally {
      if (!isKept) cache.recycle(buffer);
      store.throttle.leave(chunkBytes);
    }
  }
}
