// The only file that loads the addon. Everything above it talks to these interfaces; bind/ implements them.
import { closeSync, openSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import bindings from 'bindings';
import { FreestoneError, errorCodes, systemError, type ErrorFacts } from './errors.js';

/** How a file is opened; the values are those of `freestone::os::OpenMode`. */
export const openMode = { read: 0, readWrite: 1, create: 2, overwrite: 3 } as const;

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
  /** As `write`, on the calling thread. */
  writeSync(address: number, data: Uint8Array): void;
  /**
   * Puts elements together on a worker thread and writes them side by side. The source is read by the kernel alone; it must be looked
   * at afterwards whether it is still there.
   * @param size bytes of all elements in the file @param form see `ChunkCodec.gather`
   */
  gather(
    ticket: number,
    address: number,
    size: number,
    targetStrides: Float64Array,
    source: Uint8Array,
    sourceOffset: number,
    sourceStrides: Float64Array,
    counts: Float64Array,
    form: Uint32Array,
  ): void;
  /** Exactly `into.length` bytes; a file that ends before is ERR_CORRUPT_FILE. */
  read(ticket: number, address: number, into: Uint8Array): void;
  /** As `read`, on the calling thread: for metadata, a few kilobytes at a time. */
  readSync(address: number, into: Uint8Array): void;
  /** As `readSync`, but only what is in memory already: how many bytes that were, from the first on. */
  readCached(address: number, into: Uint8Array): number;
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
   * @param form kind of the numbers in memory, kind of those in the file, bytes of an element in memory, and of the words that
   * are reversed at last (0 or 1: none); kinds as in `numberCode` of lib/hdf5/storage/form.ts, 0 where elements stay what they are
   */
  gather(
    ticket: number,
    file: NativeFile,
    space: NativeFileSpace,
    address: number | undefined,
    chunkBytes: number,
    chunkStrides: Float64Array,
    fill: Uint8Array,
    source: Uint8Array,
    sourceOffset: number,
    sourceStrides: Float64Array,
    counts: Float64Array,
    form: Uint32Array,
  ): void;
  /** Reads and unfilters one chunk into `into`, which must be exactly the chunk's size and memory that no user holds. */
  load(ticket: number, file: NativeFile, address: number, size: number, filterMask: number, into: Uint8Array): void;
}

/** What a frame allocator says about itself; kinds and levels as numbers. */
export interface NativeFrameStats {
  readonly totalFrames: number;
  readonly freeFrames: number;
  /** Free frames of whole blocks that CPUs keep for themselves; part of `freeFrames`. */
  readonly cached: number;
  readonly allocations: number;
  readonly frees: number;
  /** Requests that were refused for want of memory. */
  readonly failures: number;
  readonly committedBytes: number;
  readonly metadataBytes: number;
  /** Blocks whose 512 frames all came to be in use, and such blocks that lost one again. */
  readonly promotions: number;
  readonly demotions: number;
  /** Blocks that went from the buddy lists to the bitmap, and back. */
  readonly lentBlocks: number;
  readonly returnedBlocks: number;
  readonly perZone: readonly {
    readonly kind: number;
    readonly pressure: number;
    /** The memory of a dma zone is locked; if not, `lockErrno` says why. */
    readonly locked: boolean;
    readonly lockErrno: number;
    /** Made of huge pages that were set aside. */
    readonly huge: boolean;
    /** The system is advised to use huge pages. */
    readonly advised: boolean;
    readonly totalFrames: number;
    readonly freeFrames: number;
    readonly allocations: number;
    readonly frees: number;
    readonly pressureEvents: number;
  }[];
  readonly perNode: readonly {
    readonly id: number;
    /** Its memory is bound to it; false where the system has no such node. */
    readonly bound: boolean;
    readonly totalFrames: number;
    readonly freeFrames: number;
    /** Served here as wanted; served here although another was wanted; wanted here and served elsewhere. */
    readonly hits: number;
    readonly misses: number;
    readonly foreign: number;
  }[];
}

/** One thread's hold on a frame allocator. */
export interface NativeFrames {
  /** Without a request: anywhere. `zone` 255 and `node` 2^32 - 1 stand for the default; flags: 1 strict, 2 emergency, 4 exact. */
  allocate(frames: number, zone?: number, node?: number, alignment?: number, flags?: number, mover?: number, site?: number): number;
  allocateBatch(
    frames: number,
    into: Float64Array,
    zone?: number,
    node?: number,
    alignment?: number,
    flags?: number,
    mover?: number,
    site?: number,
  ): void;
  free(frame: number, frames: number): void;
  freeBatch(list: Float64Array, frames: number): void;
  isAllocated(frame: number, frames: number): boolean;
  isRun(frame: number, frames: number): boolean;
  /** An ArrayBuffer over a part of the region; `close` detaches it. */
  window(offset: number, size: number): ArrayBuffer;
  region(): { bytes: number; frameSize: number; frameLimit: number; handle: number; holder: number };
  stats(): NativeFrameStats;
  /** By order 0 to 20. */
  fragmentation(): Float64Array;
  map(): Uint8Array;
  /** Zone and node of each block in turn. */
  places(): Uint8Array;
  /** First frame, frames, site and mover of each live run in turn. */
  runs(): Float64Array;
  setTiming(on: boolean): void;
  /** Lowest value and count of each bucket in turn, then the maximum. */
  times(ofFree: boolean): Float64Array;
  compact(move: (mover: number, from: number, to: number, frames: number) => boolean): {
    movedRuns: number;
    movedFrames: number;
    freedBlocks: number;
    before: Float64Array;
    after: Float64Array;
  };
  trim(): number;
  drain(): void;
  validate(): void;
  onPressure(listener: (zone: number, level: number, freeFrames: number) => void): void;
  close(): void;
}

/** What a pool says about itself. Bytes, unless the name says otherwise. */
export interface NativePoolStats {
  readonly liveBlocks: number;
  /** Usable bytes of them. */
  readonly liveBytes: number;
  /** Bytes of spans from the source, and the most there ever were. */
  readonly committed: number;
  readonly highWater: number;
  /** Bytes of spans that hold no block. */
  readonly cached: number;
  /** Blocks above 64 KiB, each in a span of its own; part of the live ones. */
  readonly largeBlocks: number;
  readonly largeBytes: number;
  /** Blocks freed by another thread than the one that allocated them, and taken back by it. */
  readonly crossThreadFrees: number;
  /** Heaps, one a thread, and those whose thread ended and that wait for the next one. */
  readonly heaps: number;
  readonly abandonedHeaps: number;
  readonly perClass: readonly { readonly blockSize: number; readonly spans: number; readonly liveBlocks: number }[];
}

/** One thread's hold on a pool. Addresses are byte offsets in the pool's region. */
export interface NativePool {
  alloc(size: number): number;
  allocAligned(size: number, alignment: number): number;
  calloc(size: number): number;
  realloc(address: number, size: number): number;
  free(address: number): void;
  freeAll(): void;
  owns(address: number): boolean;
  usableSize(address: number): number;
  stats(): NativePoolStats;
  /** Address and usable size of each live block in turn. */
  blocks(): Float64Array;
  /** @param age milliseconds */
  trim(age: number): number;
  /** Fault, address and offset of each finding in turn; they are forgotten then. */
  findings(): Float64Array;
  validate(): void;
  /** An ArrayBuffer over a part of the region; `freeAll` and `close` detach it. */
  window(offset: number, size: number): ArrayBuffer;
  region(): { bytes: number; handle: number };
  close(): void;
}

/** An arena. `used` is how far the caller's cursor is in the current chunk: JavaScript moves it without a call. */
export interface NativeArena {
  /** Says how far the caller's cursor is; the first argument of the others does the same. */
  advance(used: number): void;
  /** Where the block starts in the chunk that is now the current one. */
  alloc(used: number, size: number, alignment: number): number;
  /** Bytes of the current chunk, and how many of them are used. */
  place(): Float64Array;
  /** The ArrayBuffer over the current chunk; detached when the chunk goes back to the pool. */
  chunk(): ArrayBuffer;
  /** An ArrayBuffer over a part of the current chunk. */
  view(used: number, offset: number, size: number): ArrayBuffer;
  /** Detaches the views that were made after the first `count`. */
  detachViews(count: number): void;
  /** Whether the block was the last one and has its new size in place; 0 frees it. */
  resizeLast(used: number, offset: number, oldSize: number, size: number): boolean;
  /** Whether the byte of that chunk lies in a block that has not ended. */
  owns(used: number, chunk: ArrayBuffer, offset: number): boolean;
  reset(used: number): void;
  clear(used: number): void;
  retain(used: number, bytes: number): void;
  /** Generation and depth. */
  mark(used: number): Float64Array;
  rewind(used: number, generation: number, depth: number): void;
  /** totalAllocated, totalUsed, waste, chunkCount, chunkSize, highWater. */
  numbers(used: number): Float64Array;
  /** Event and size of each thing that happened to chunks since the last call. */
  events(): Float64Array;
  close(): void;
}

/** What a slab heap says about itself; bytes unless the name says otherwise. */
export interface NativeHeapStats {
  /** Arenas that all heaps of the process share, and their address space. */
  readonly arenas: number;
  readonly arenaBytes: number;
  /** Free slots of arenas whose memory the system has not got back. */
  readonly freeResidentBytes: number;
  readonly metadataBytes: number;
  /** Threads share up to 16 of them. */
  readonly localHeaps: number;
  /** Of live units and large blocks. */
  readonly allocated: number;
  /** Of segments and large blocks, kept ones included: what the limit is about. */
  readonly held: number;
  /** Of these, what the system has not got back: less the pages that `trim` gave back and that nobody used since. */
  readonly committed: number;
  readonly limit: number;
  /** Requests that the limit refused. */
  readonly refused: number;
  /** Units freed by another local heap than that which allocated them, and the batches in which they were taken over. */
  readonly remoteFrees: number;
  readonly remoteBatches: number;
  /** How often each layer's hint served and how often not. */
  readonly caches: Readonly<Record<'unit' | 'slab' | 'arena' | 'large', { readonly hits: number; readonly misses: number }>>;
  readonly large: { readonly count: number; readonly bytes: number; readonly cachedCount: number; readonly cachedBytes: number };
  readonly perClass: readonly {
    readonly size: number;
    /** Live ones. */
    readonly units: number;
    readonly capacity: number;
    readonly slabs: number;
    readonly emptySlabs: number;
    readonly segments: number;
    readonly committed: number;
  }[];
  /** In debug mode. */
  readonly debug?: { readonly blocks: number; readonly delayed: number; readonly overruns: number; readonly lateWrites: number };
}

/** One thread's hold on a slab heap. Blocks are byte offsets in the region that all heaps of the process share. */
export interface NativeSlabHeap {
  alloc(size: number, site?: number): number;
  allocAligned(size: number, alignment: number, site?: number): number;
  calloc(size: number, site?: number): number;
  realloc(address: number, size: number, site?: number): number;
  free(address: number): void;
  /** All or none. */
  allocMany(size: number, into: Float64Array, site?: number): void;
  /** Passes over what is no live block; how many it freed. */
  freeMany(addresses: Float64Array): number;
  usableSize(address: number): number;
  owns(address: number): boolean;
  freeAll(): void;
  trim(): number;
  /** Address, bytes and site of each live block in turn. */
  blocks(): Float64Array;
  /** Class, units in use, capacity, address of the segment and position in it, of each slab in turn. */
  slabs(): Float64Array;
  stats(): NativeHeapStats;
  validate(): void;
  /** An ArrayBuffer over a part of the region; `close` detaches it. */
  window(offset: number, size: number): ArrayBuffer;
  /** An ArrayBuffer over the beginning of a block, which is not kept alive here; `recall` and `close` detach it. */
  lend(offset: number, size: number): ArrayBuffer;
  /** Detaches what `lend` gave, and nothing else. */
  recall(memory: ArrayBuffer): void;
  /** Zeroes the beginning of a live block whose memory is of no file; pages of it that have no memory get none. */
  zero(offset: number, size: number): void;
  region(): { bytes: number; handle: number; holder: number };
  close(): void;
}

export interface NativeSharedBuffers {
  /** As many blocks of `size` bytes as `offsets` is long, or none. @param zeroed 1 or 0 */
  refill(sizeClass: number, size: number, zeroed: number, offsets: Float64Array): void;
  /** Passes over what this member does not have cached; how many it gave back. */
  drain(offsets: Float64Array): number;
  /** Gives back what is in transit; how many. */
  reclaim(): number;
  trim(): number;
  validate(): void;
  stats(): {
    limit: number;
    blocks: number;
    bytes: number;
    members: number;
    transitBlocks: number;
    transitBytes: number;
    lostBlocks: number;
    lostBytes: number;
  };
  membership(): { handle: number; member: number };
  /** Leaves; how many blocks were held. */
  close(): number;
}

export interface NativeAddon {
  /** Called once per environment: how C++ makes errors. `code` is a position in `errorCodes` counted from 1, or 0 for a system error. */
  setErrorFactory(factory: (code: number, message: string, facts: ErrorFacts) => Error): void;
  /** A new allocator (the arguments are those of `nativeConfig` in lib/frames), or the one of a handle. */
  Frames: new (
    sizeOrHandle: number,
    frameSize?: number,
    hugePages?: number,
    cpuCache?: number,
    track?: boolean,
    zones?: Float64Array,
    paths?: (string | null)[],
    nodes?: Float64Array,
    distances?: Float64Array,
    fallbacks?: Float64Array,
  ) => NativeFrames;
  /** A new pool, or the one of a handle. `source` is the number of a frame allocator, or 0. */
  Pool: new (limitOrHandle: number, purgeDelay?: number, source?: number, hardened?: boolean, quarantine?: number) => NativePool;
  /** The remainder of the array's address when divided by a power of two. */
  addressRemainder(bytes: Uint8Array, divisor: number): number;
  Arena: new (
    from: NativePool | NativeArena,
    initialChunkSize: number,
    maxChunkSize: number,
    alignment: number,
    limit: number,
    softLimit: number,
    debug: boolean,
  ) => NativeArena;
  /** A new heap, or that of a handle. flags: 1 thread-safe, 2 dedicated arenas, 4 debug. `source` is the number of a frame allocator, or 0. */
  SlabHeap: new (initialArenaSizeOrHandle: number, growthBatch?: number, maxGrowthShift?: number, limit?: number, flags?: number, source?: number) => NativeSlabHeap;
  /** How many bytes after the beginning an address is a multiple of `multiple`, a power of two. */
  bytesToMultiple(bytes: Uint8Array, multiple: number): number;
  /** Takes an ArrayBuffer from its views, and its memory with it. @returns whether it could be */
  detach(memory: ArrayBufferLike): boolean;
  /** New shared buffers in that memory, or a membership in those of a handle, which lie there. */
  SharedBuffers: new (blocks: Uint8Array, words: Uint32Array, limitOrHandle: number, attach?: true) => NativeSharedBuffers;
  /** Bytes of a unit of each size class of a slab heap, ascending. */
  heapClasses(): Float64Array;
  /**
   * A new space, or the one of a handle. Settings: strategy, alignment's threshold and value, metadata block, small-data block, page
   * size, and 1 for tracking.
   */
  FileSpace: new (initialOffsetOrHandle: number, limit?: number, settings?: Float64Array) => NativeFileSpace;
  /** Opens and locks, shared for reading and exclusive for writing, as libhdf5 does with flock. `create` refuses an existing file with ERR_EXISTS. */
  /** @param direct large writes pass the page cache by, where the file system can do that */
  File: new (path: string, mode: number, direct?: boolean) => NativeFile;
  /** @param filters for each filter: its HDF5 id, the number of its values, the values */
  ChunkCodec: new (filters: Uint32Array) => NativeChunkCodec;
  /**
   * Copies a box of elements between two arrays, reversing the bytes of each `swapSize`-byte word when `swapSize` > 1.
   * Offsets and strides are bytes and the strides are one per dimension, as `counts`. Both ends are checked.
   */
  copyBox(
    target: Uint8Array,
    targetOffset: number,
    targetStrides: Float64Array,
    source: Uint8Array,
    sourceOffset: number,
    sourceStrides: Float64Array,
    counts: Float64Array,
    elementSize: number,
    swapSize: number,
  ): void;
  /**
   * As `copyBox`, with elements that become others on the way; within this call. An empty target with strides of 0: elements are only
   * looked at.
   * @param form see `ChunkCodec.gather`
   * @returns false when a number cannot be what it is to become; any part of the target may have been written then
   */
  convertBox(
    target: Uint8Array,
    targetOffset: number,
    targetStrides: Float64Array,
    source: Uint8Array,
    sourceOffset: number,
    sourceStrides: Float64Array,
    counts: Float64Array,
    form: Uint32Array,
  ): boolean;
  /**
   * Looks on a worker thread whether all numbers can be what they are to become; ends with ERR_TYPE_MISMATCH if not. The source is
   * read by the kernel alone.
   */
  checkElements(ticket: number, source: Uint8Array, sourceOffset: number, sourceStrides: Float64Array, counts: Float64Array, form: Uint32Array): void;
  /** Whether worker threads can read memory that may be taken away: not on systems that have no way, or forbid it. */
  canGather(): boolean;
  /**
   * Puts the texts of references of 16 bytes one after the other, each with a zero byte behind it: as many as lie in collections
   * that are in memory as a whole, and as there is room for.
   * @param range bytes of the file, from `address` on
   * @returns how many references were followed, the bytes of `into`, 1 if all of these are ASCII, 1 if a text has a zero byte inside
   */
  gatherTexts(references: Uint8Array, range: Uint8Array, address: number, into: Uint8Array): Float64Array;
  /**
   * Puts texts, each with a zero byte behind it, into a global heap collection and writes their references, as many as have room.
   * @param used bytes of the collection @param objects in the collection @param address of the collection in the file
   * @returns how many bytes of `texts` and how many texts were taken, and how many bytes of the collection are used now
   */
  packTexts(texts: Uint8Array, collection: Uint8Array, used: number, objects: number, address: number, references: Uint8Array): Float64Array;
  /** Who does the work of the filter with this HDF5 id; nobody where a library is missing. */
  filterLibraries(id: number): string[];
  /** How many worker threads the process has for filters and files. */
  workerCount(): number;
  /**
   * Who is told of tasks that have ended, many at once: for each its ticket and three results, and at its place among `errors`
   * why it failed. Must not throw.
   */
  onJobsDone(listener: (numbers: Float64Array, errors: readonly unknown[] | undefined) => void): void;
  /** Tells the listener within this call. Where nothing has ended, it does such work or waits. @returns false when nothing is under way */
  settleJobs(): boolean;
}

const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..');
let loaded: NativeAddon | undefined;

/** Where the path of its dynamic linker is near the beginning of an executable. */
const EXECUTABLE_HEAD_BYTES = 4096;

/** The tag that prebuildify puts into a file's name; it says glibc wherever the system is not musl. */
function libcTag(): string {
  if (process.platform !== 'linux') return '.glibc';
  // Node's own report knows it too, and takes ten milliseconds to be made.
  const head = Buffer.alloc(EXECUTABLE_HEAD_BYTES);
  try {
    const executable = openSync(process.execPath, 'r');
    readSync(executable, head);
    closeSync(executable);
  } catch {
    // Whether the addon can be loaded will be seen.
  }
  return head.includes('/ld-musl-') ? '.musl' : '.glibc';
}

/** C++ knows codes by number and says what it was doing; this makes the error that a caller meets. */
function makeError(code: number, message: string, facts: ErrorFacts): Error {
  if (code === 0) {
    const { errno, syscall, path, ...rest } = facts as { errno: number; syscall: string; path?: string };
    return systemError(errno, syscall, path, rest);
  }
  return new FreestoneError(errorCodes[code - 1] ?? 'ERR_INVALID_ARGUMENT', message, facts);
}

/**
 * The addon of this platform, loaded on first use: `build/Release` of a clone, then `prebuilds`.
 * @throws {FreestoneError} ERR_ADDON_NOT_FOUND, with the files that were tried and how to build
 */
export function native(): NativeAddon {
  if (loaded !== undefined) return loaded;
  const platform = `${process.platform}-${process.arch}`;
  try {
    loaded = bindings({
      bindings: 'freestone.node',
      module_root: packageRoot,
      try: [
        ['module_root', 'build', 'Release', 'bindings'],
        ['module_root', 'prebuilds', platform, `freestone${libcTag()}.node`],
      ],
    }) as NativeAddon;
  } catch (cause) {
    const tried = (cause as { tries?: string[] }).tries ?? [];
    const reason = cause instanceof Error && tried.length === 0 ? ` (${cause.message})` : '';
    throw new FreestoneError(
      'ERR_ADDON_NOT_FOUND',
      `no freestone addon for ${platform}${reason}; tried ${tried.join(', ') || 'the build and prebuilds folders'}. ` +
        `To build it from source: cd ${packageRoot} && npx node-gyp rebuild (needs python3, make and a C++20 compiler)`,
      { platform, tried },
      { cause },
    );
  }
  loaded.setErrorFactory(makeError);
  return loaded;
}
