// Chunks of one dataset that are in memory because only a part of them was written or read, within a bound; and whether that bound
// is too low for what is being done.

/** The bound unless another is given. */
export const defaultCacheBytes = 32 * 2 ** 20;
/** Chunk buffers that are kept for the next chunks. */
const SPARE_BUFFERS = 4;
/** So many chunks are remembered that had to leave. */
const MOST_REMEMBERED = 2 ** 16;
/** Fewer chunks that come back are not worth a warning, however small the cache. */
const LEAST_RELOADS = 8;

export interface CachedChunk {
  readonly buffer: Buffer;
  /** It has what the file has not. */
  dirty: boolean;
  /** Bytes from the start on that are the chunk's; behind them is what was in that memory before. */
  filled: number;
  /** A part of it has been written since it came into memory. */
  isWritten: boolean;
}

/** What became of a dataset's chunks that were only partly written. */
export interface ChunkCacheStats {
  /** Chunks in memory, and the bytes of one. */
  readonly chunks: number;
  readonly chunkBytes: number;
  /** The bound in bytes; one chunk may be there however large it is. */
  readonly limit: number;
  /** Chunks that left to make room when only parts of them had been written. */
  readonly evictions: number;
  /** How often one of those was read back because another part of it was written. */
  readonly reloads: number;
}

export class ChunkCache {
  /** In the order of last use. */
  #chunks = new Map<number, CachedChunk>();
  readonly #chunkBytes: number;
  readonly #limit: number;
  readonly #fill: Uint8Array | null;
  readonly #onThrash: () => void;
  readonly #spare: Buffer[] = [];
  /** Numbers of chunks that left after a part of them had been written. */
  readonly #left = new Set<number>();
  #evictions = 0;
  #reloads = 0;
  #hasWarned = false;

  /** @param onThrash called once, when as many bytes as the cache holds have left it incomplete and come back */
  constructor(chunkBytes: number, limit: number, fill: Uint8Array | null, onThrash: () => void) {
    this.#chunkBytes = chunkBytes;
    this.#limit = limit;
    this.#fill = fill;
    this.#onThrash = onThrash;
  }

  get stats(): ChunkCacheStats {
    return { chunks: this.#chunks.size, chunkBytes: this.#chunkBytes, limit: this.#limit, evictions: this.#evictions, reloads: this.#reloads };
  }

  get(number: number): CachedChunk | undefined {
    return this.#chunks.get(number);
  }

  /** Puts a chunk in, or back, as the one that was used last. */
  use(number: number, chunk: CachedChunk): void {
    if (this.#chunks.size > 1) this.#chunks.delete(number);
    this.#chunks.set(number, chunk);
  }

  delete(number: number): void {
    this.#chunks.delete(number);
  }

  clear(): void {
    this.#chunks.clear();
  }

  entries(): IterableIterator<[number, CachedChunk]> {
    return this.#chunks.entries();
  }

  keys(): IterableIterator<number> {
    return this.#chunks.keys();
  }

  /** Whether there is room for one more. */
  get hasRoom(): boolean {
    return (this.#chunks.size + 1) * this.#chunkBytes <= this.#limit;
  }

  /** The chunk that must leave, if there are too many: the one that was used longest ago. */
  get surplus(): [number, CachedChunk] | undefined {
    if (this.#chunks.size <= 1 || this.#chunks.size * this.#chunkBytes <= this.#limit) return undefined;
    return this.#chunks.entries().next().value;
  }

  /** Drops chunks that the file has as they are until there is room for one more. @returns whether there is, or nothing is in the way */
  makeRoom(): boolean {
    for (const [number, chunk] of this.#chunks) {
      if (this.hasRoom) break;
      if (chunk.dirty) continue;
      this.#chunks.delete(number);
      this.noteLeft(number, chunk);
      this.recycle(chunk.buffer);
    }
    return this.#chunks.size === 0 || this.hasRoom;
  }

  /** Chunks have other numbers from here on. */
  renumber(renumbered: (number: number) => number): void {
    this.#chunks = new Map([...this.#chunks].map(([number, chunk]) => [renumbered(number), chunk]));
    this.#left.clear();
  }

  /** A chunk leaves to make room. */
  noteLeft(number: number, { isWritten }: CachedChunk): void {
    if (!isWritten) return;
    this.#evictions += 1;
    if (this.#left.size < MOST_REMEMBERED) this.#left.add(number);
  }

  /** A chunk is read from the file because a part of it is to be written. */
  noteLoaded(number: number): void {
    if (!this.#left.delete(number)) return;
    this.#reloads += 1;
    if (this.#hasWarned || this.#reloads < LEAST_RELOADS || this.#reloads * this.#chunkBytes < this.#limit) return;
    this.#hasWarned = true;
    this.#onThrash();
  }

  /** Gives the fill value to what nothing has been written to. */
  fillUp(chunk: CachedChunk): void {
    if (chunk.filled === this.#chunkBytes) return;
    chunk.buffer.fill(this.#fill ?? 0, chunk.filled);
    chunk.filled = this.#chunkBytes;
  }

  /** Memory for a chunk, with anything in it. */
  buffer(): Buffer {
    // Not from Node's pool: a worker thread reads this memory, and nobody else may hold a part of it.
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#chunkBytes);
  }

  recycle(buffer: Buffer): void {
    if (this.#spare.length < SPARE_BUFFERS) this.#spare.push(buffer);
  }
}
