// The end of the rows in a chunk that is in memory: few steps for what an append is nearly always, a copy behind the last one.
import type { CachedChunk, ChunkCache } from './chunk-cache.js';

export interface GrowingShape {
  readonly shape: readonly number[];
  readonly maxShape: readonly (number | null)[];
  readonly chunkShape: readonly number[];
  readonly elementSize: number;
}

/** Good as long as nothing else is written, stored or resized. */
export class Tail {
  readonly #cached: CachedChunk;
  readonly #rowBytes: number;
  /** Of the next row, in the chunk. */
  #at: number;
  /** Where nothing of the chunk can follow. */
  readonly #end: number;

  private constructor(cached: CachedChunk, rowBytes: number, at: number, end: number) {
    this.#cached = cached;
    this.#rowBytes = rowBytes;
    this.#at = at;
    this.#end = end;
  }

  /** @returns null where the chunk that has the end is not in memory up to there, or rows do not lie side by side in it */
  static of(cache: ChunkCache, { shape, maxShape, chunkShape, elementSize }: GrowingShape): Tail | null {
    const [rows = 0] = shape;
    const [chunkRows = 1] = chunkShape;
    let rowBytes = elementSize;
    for (let d = 1; d < shape.length; d += 1) {
      if (shape[d] !== chunkShape[d]) return null;
      rowBytes *= shape[d] ?? 1;
    }
    // Numbers of chunks are row-major positions, and there is one for each position along the first dimension.
    const number = Math.floor(rows / chunkRows);
    const cached = cache.get(number);
    const first = number * chunkRows;
    const at = (rows - first) * rowBytes;
    if (cached === undefined || cached.filled < at) return null;
    return new Tail(cached, rowBytes, at, Math.min(chunkRows, (maxShape[0] ?? Infinity) - first) * rowBytes);
  }

  /** Copies rows behind the last. @param bytes as the file has them @returns how many rows; undefined, and nothing is done, where they are not whole or would complete the chunk */
  extend(bytes: Uint8Array): number | undefined {
    const rows = bytes.length / this.#rowBytes;
    const at = this.#at + bytes.length;
    if (at >= this.#end || !Number.isInteger(rows)) return undefined;
    const cached = this.#cached;
    cached.buffer.set(bytes, this.#at);
    cached.filled = Math.max(cached.filled, at);
    cached.dirty = true;
    cached.isWritten = true;
    this.#at = at;
    return rows;
  }
}
