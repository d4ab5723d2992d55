// What the addon says of memory: frames, pools, arenas, slab heaps and shared buffers; bind/ implements it.

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

/** The buffers of one pool that threads share, and one thread's membership in them. */
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
