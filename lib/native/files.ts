// What the addon says of a file and its addresses; bind/ implements it.

/**
 * Elements in memory, where they go to and what becomes of them: `boxDescription` of lib/hdf5/storage/form.ts says how. It is read within
 * the call.
 */
export type NativeElements = [source: Uint8Array, box: Float64Array];

/** One file's addresses. Any number of threads may use one. */
export interface NativeFileSpace {
  /** What another thread makes a `FileSpace` of, the same addresses; valid while an object that gave or took it lives. */
  handle(): number;
  /** @param alignment a power of two; 1 for none  @param kind position in `kinds` of lib/filespace */
  allocate(size: number, alignment?: number, kind?: number): number;
  allocateMany(sizes: Float64Array, kind?: number): Float64Array;
  /** @param kind what it served, where that is not known */
  free(offset: number, size: number, kind?: number): void;
  freeRange(offset: number, size: number, kind?: number): void;
  extend(offset: number, oldSize: number, newSize: number): boolean;
  shrinkTail(): number;
  releaseBlocks(): void;
  commit(): void;
  rollback(): void;
  /** Position in `strategies` of lib/filespace. */
  strategy(): number;
  setStrategy(strategy: number): void;
  /** @param free offset, size and kind in turn, ascending by offset */
  restore(end: number, free: Float64Array): void;
  initialOffset(): number;
  endOfFile(): number;
  isAllocated(offset: number, size: number): boolean;
  /** Offset and size in turn, ascending by offset. */
  blocks(): Float64Array;
  /** Offset, size, state and kind in turn, ascending by offset. */
  holes(): Float64Array;
  /** The end, then offset, size and kind in turn, ascending by offset: what `restore` takes. */
  freeState(): Float64Array;
  sections(): Float64Array;
  /** See `stats` of lib/filespace. */
  stats(): Float64Array;
  validateNoOverlaps(): void;
  validate(): void;
}

/**
 * An open file. What takes a ticket runs on the worker threads, several at once, and ends with that ticket among those that
 * the listener of `onJobsDone` is told of; until then the caller holds the memory that it was given. What throws has not begun.
 */
export interface NativeFile {
  /** All of `data` or an error; `wakes` as for `ChunkCodec.store`. The memory is read by the kernel alone, so a buffer that is detached meanwhile can at worst give EFAULT. */
  write(ticket: number, address: number, data: Uint8Array, wakes?: boolean): void;
  /** As `write`, on the calling thread. @returns whether the thread may have slept, as it does when the device is behind */
  writeSync(address: number, data: Uint8Array): boolean;
  /**
   * Puts elements together on a worker thread and writes them side by side. The source is read by the kernel alone; it must be looked
   * at afterwards whether it is still there.
   * @param size bytes of all elements in the file
   */
  gather(ticket: number, address: number, size: number, ...elements: NativeElements): void;
  /** Exactly `into.length` bytes; a file that ends before is ERR_CORRUPT_FILE. */
  read(ticket: number, address: number, into: Uint8Array): void;
  /** As `read`, on the calling thread: for metadata, a few kilobytes at a time. */
  readSync(address: number, into: Uint8Array): void;
  /** As `readSync`, into any typed array, but only what is in memory already: how many bytes that were, from the first on. */
  readCached(address: number, into: ArrayBufferView): number;
  /** Takes the file system's space for what is about to be written, so that a full disk is known before the first byte. */
  reserve(ticket: number, address: number, size: number): void;
  size(): number;
  truncate(ticket: number, size: number): void;
  /** Data and size reach the device. */
  sync(ticket: number): void;
  /**
   * Unlocks and closes once what is under way has ended. Every later call is ERR_CLOSED; a second close does nothing.
   * @param most the file is cut to this size if it is longer
   */
  close(ticket: number, most?: number): void;
}

/** The filters of one dataset, in the order in which they are applied on write. */
export interface NativeChunkCodec {
  /**
   * Filters `chunk`, allocates the file space that the result needs and writes it there, on a worker thread.
   * `chunk` must be memory that no user holds: a worker reads it. Its content is left as it was.
   * Its results are address, stored size and filter mask. With `wakes` false a worker is woken only when all sleep.
   */
  store(ticket: number, file: NativeFile, space: NativeFileSpace, chunk: Uint8Array, wakes?: boolean): void;
  /**
   * Puts a chunk together on a worker thread and stores it as `store` does, with the same results. The source is read by the kernel
   * alone; it must be looked at afterwards whether it is still there.
   * @param address where a chunk without filters has its place already
   * @param fill one element of the file for what the box leaves out, which must be memory that no user holds; empty for zeros
   */
  gather(
    ticket: number,
    file: NativeFile,
    space: NativeFileSpace,
    address: number | undefined,
    chunkBytes: number,
    fill: Uint8Array,
    ...elements: NativeElements
  ): void;
  /** Reads and unfilters one chunk into `into`, which must be exactly the chunk's size and memory that no user holds. */
  load(ticket: number, file: NativeFile, address: number, size: number, filterMask: number, into: Uint8Array): void;
}
