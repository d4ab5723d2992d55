// Slabs of units in 44 size classes, and large blocks above 128 KiB.
import { FreestoneError, checkChoice, checkInteger } from '../errors.js';
import { CallSites, Windows, type Allocator } from '../frames/index.js';
import { native, type NativeHeapStats, type NativeSlabHeap } from '../native.js';
import { ObjectCache, type ObjectCacheOptions } from './object-cache.js';
import { nativeHeapConfig, type HeapOptions } from './options.js';
import { heapToSvg } from './svg.js';

export type { HeapOptions } from './options.js';

/** Names a heap for `Heap.attach` in another thread; can be sent in a message. */
export interface HeapHandle {
  readonly heap: number;
}

/** Exact when no other thread is at work. */
export type HeapStats = NativeHeapStats;

/** A live block. `stack` is where it was allocated, in debug mode; else empty. */
export interface HeapBlock {
  readonly address: number;
  readonly bytes: number;
  readonly stack: string;
}

/** A request that the heap's limit refused. */
export interface HeapLimit {
  readonly requested: number;
  readonly limit: number;
}

/** For tiers above: what C++ knows of a heap. @internal */
export let nativeHeap: (heap: Heap) => NativeSlabHeap;

/** The longest block: a run of frames, which an ArrayBuffer can be. */
const MOST_BYTES = 2 ** 32;

/**
 * A general-purpose heap in five tiers: arenas that all heaps of the process share, cut into segments, slabs and units of one size;
 * above 128 KiB blocks of their own. Several heaps are apart: what one allocated no other frees. One heap may be used by any number
 * of threads, each by an instance of its own (`handle`, `attach`).
 */
export class Heap implements Allocator, Disposable {
  /** Bytes of a unit of each of the 44 classes, ascending. */
  static get sizeClasses(): readonly number[] {
    return Object.freeze([...native().heapClasses()]);
  }

  /** Names this heap for `attach` in another thread. */
  readonly handle: HeapHandle;
  readonly #native: NativeSlabHeap;
  readonly #windows: Windows;
  readonly #sites: CallSites | null;
  readonly #caches = new Set<ObjectCache>();
  #listeners: ((limit: HeapLimit) => void)[] = [];
  static {
    nativeHeap = (heap) => heap.#native;
  }

  #destroyed = false;

  /**
   * @param attachTo the number of a heap to attach to instead; use `attach` @internal
   * @throws {FreestoneError} ERR_INVALID_SIZE, ERR_INVALID_ARGUMENT, ERR_OUT_OF_MEMORY
   */
  constructor(options: HeapOptions = {}, attachTo?: number) {
    const { SlabHeap } = native();
    this.#native = attachTo === undefined ? new SlabHeap(...nativeHeapConfig(options)) : new SlabHeap(checkInteger('attachTo', attachTo, { min: 1 }));
    const { bytes, handle, holder } = this.#native.region();
    this.handle = Object.freeze({ heap: handle });
    this.#windows = new Windows(this.#native, { bytes, frameSize: 1 });
    this.#sites = options.debug === true ? new CallSites(holder) : null;
  }

  /**
   * The heap that a handle names, in this thread. Destroy it here too: its memory lives until the last thread lets go.
   * @throws {FreestoneError} ERR_CLOSED when no thread holds it any more, ERR_INVALID_ARGUMENT also for a heap that was made with
   *   `threadSafe: false`
   */
  static attach(handle: HeapHandle): Heap {
    const number = (handle as Partial<HeapHandle> | null | undefined)?.heap;
    return new Heap({}, checkInteger('handle.heap', number, { min: 1 }));
  }

  /**
   * @param size bytes, 1 to 4 GiB
   * @returns that many bytes at a multiple of 8. What is in them is what was last there, or zero
   * @throws {FreestoneError} ERR_INVALID_SIZE, ERR_OUT_OF_MEMORY, ERR_LIMIT_EXCEEDED (with `requested`), ERR_UNSUPPORTED in engines
   *   that allow no views of memory that is not their own, ERR_CLOSED; nothing changes then
   */
  alloc(size: number): Buffer {
    const bytes = checkSize(size);
    return this.#view(bytes, () => (this.#sites === null ? this.#native.alloc(bytes) : this.#native.alloc(bytes, this.#sites.number())));
  }

  /** As `alloc`, zero. @throws {FreestoneError} as `alloc` */
  calloc(size: number): Buffer {
    const bytes = checkSize(size);
    return this.#view(bytes, () => this.#native.calloc(bytes, this.#sites?.number() ?? 0));
  }

  /**
   * As `alloc`, at a multiple of `alignment`, a power of two up to 4 GiB.
   * @throws {FreestoneError} as `alloc`, and ERR_INVALID_ALIGNMENT
   */
  allocAligned(size: number, alignment: number): Buffer {
    const bytes = checkSize(size);
    const to = checkInteger('alignment', alignment, { min: 1, max: MOST_BYTES, code: 'ERR_INVALID_ALIGNMENT' });
    return this.#view(bytes, () => this.#native.allocAligned(bytes, to, this.#sites?.number() ?? 0));
  }

  /**
   * `count` blocks of `size` bytes, or none; for many, much faster than one by one.
   * @param count 1 to 2^20
   * @throws {FreestoneError} as `alloc`
   */
  allocMany(size: number, count: number): Buffer[] {
    const bytes = checkSize(size);
    const list = new Float64Array(checkInteger('count', count, { min: 1, max: 2 ** 20 }));
    this.#noteLimit(bytes, () => {
      this.#native.allocMany(bytes, list, this.#sites?.number() ?? 0);
    });
    try {
      return Array.from(list, (address) => this.#windows.bytes(address, bytes));
    } catch (error) {
      this.#native.freeMany(list);
      throw error;
    }
  }

  /**
   * The block with another size, here or elsewhere, with the content that fits; the old Buffer must not be used any more.
   * @throws {FreestoneError} as `alloc` and `dealloc`; the block is as it was then
   */
  realloc(buffer: Buffer, size: number): Buffer {
    const bytes = checkSize(size);
    const address = this.#addressOf(buffer);
    return this.#view(bytes, () => this.#native.realloc(address, bytes, this.#sites?.number() ?? 0));
  }

  /**
   * Ends a block. Views of it must not be used any more: they show whoever has the memory next.
   * @param buffer what the heap gave, in this thread
   * @throws {FreestoneError} ERR_INVALID_ADDRESS for what is not the start of a live block of this heap (foreign, inner or already
   *   freed), ERR_OVERLAP in debug mode when the bytes behind it were written, ERR_CLOSED; nothing changes then
   */
  dealloc(buffer: Buffer): void {
    this.#native.free(this.#addressOf(buffer));
  }

  /** As `dealloc`. @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_OVERLAP, ERR_CLOSED */
  free(buffer: Buffer): void {
    this.dealloc(buffer);
  }

  /** Ends those of the Buffers that are live blocks of this heap. @returns how many. @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_CLOSED */
  freeMany(buffers: readonly Buffer[]): number {
    if (!Array.isArray(buffers)) throw new FreestoneError('ERR_INVALID_ARGUMENT', 'buffers must be an array', { argument: 'buffers' });
    return this.#native.freeMany(Float64Array.from(buffers, (buffer) => (isStart(buffer) ? (this.#windows.offsetOf(buffer) ?? -1) : -1)));
  }

  /** Bytes that the block's unit holds: what `realloc` can grow to in place. @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_CLOSED */
  usableSize(buffer: Buffer): number {
    return this.#native.usableSize(this.#addressOf(buffer));
  }

  /** Whether `dealloc` would accept the Buffer. @throws {FreestoneError} ERR_CLOSED */
  owns(buffer: Buffer): boolean {
    const address = isStart(buffer) ? this.#windows.offsetOf(buffer) : null;
    return this.#native.owns(address ?? Number.MAX_SAFE_INTEGER);
  }

  /** Ends every block, of whichever thread. @throws {FreestoneError} ERR_CLOSED */
  freeAll(): void {
    this.#native.freeAll();
    for (const cache of this.#caches) cache.forget();
  }

  /** Every live block: units by address, then large ones. In debug mode the bytes that were asked for, and where. @throws {FreestoneError} ERR_CLOSED */
  blocks(): HeapBlock[] {
    const list = this.#native.blocks();
    return Array.from({ length: list.length / 3 }, (_, i) => {
      const [address = 0, bytes = 0, site = 0] = list.subarray(3 * i, 3 * i + 3);
      return { address, bytes, stack: this.#sites === null ? '' : this.#sites.stack(site) };
    });
  }

  /**
   * A cache of objects of one size that stay constructed while nobody uses them: Bonwick's.
   * @param size bytes of an object
   * @throws {FreestoneError} as `alloc`, ERR_INVALID_ARGUMENT
   */
  cache(size: number, options: ObjectCacheOptions = {}): ObjectCache {
    const cache = new ObjectCache(this, checkSize(size), options, (ended) => this.#caches.delete(ended));
    this.#caches.add(cache);
    return cache;
  }

  /** @throws {FreestoneError} ERR_CLOSED */
  stats(): HeapStats {
    return this.#native.stats();
  }

  /**
   * Gives what is kept for later back to the operating system, that of object caches first, and the pages between live blocks that none
   * of them touches.
   * @returns bytes
   * @throws {FreestoneError} ERR_CLOSED
   */
  trim(): number {
    for (const cache of this.#caches) cache.trim();
    return this.#native.trim();
  }

  /**
   * Compares all that the five layers know about each other, while no other thread uses a heap.
   * @throws {FreestoneError} ERR_OVERLAP for a fault of this package, or in debug mode when bytes that belong to no block were written; ERR_CLOSED
   */
  validate(): void {
    this.#native.validate();
  }

  /** A picture of the heap as an SVG document: its segments by class, their slabs darker the fuller, and the layers' caches. @throws {FreestoneError} ERR_CLOSED */
  toSVG(): string {
    return heapToSvg(this.stats(), this.#native.slabs());
  }

  /** Calls `listener` after the limit refused a request of this instance, before the error is thrown. */
  on(event: 'limit', listener: (limit: HeapLimit) => void): this {
    checkChoice('event', event, ['limit']);
    if (typeof listener !== 'function') throw new FreestoneError('ERR_INVALID_ARGUMENT', 'listener must be a function', { argument: 'listener' });
    this.#listeners.push(listener);
    return this;
  }

  off(event: 'limit', listener: (limit: HeapLimit) => void): this {
    checkChoice('event', event, ['limit']);
    this.#listeners = this.#listeners.filter((each) => each !== listener);
    return this;
  }

  /**
   * Lets go of the heap in this thread: its views have length 0 from here on. With the last thread every block ends. A second call
   * does nothing; every other call is ERR_CLOSED.
   * @throws what the `fini` of an object cache throws, after all the same has been done
   */
  destroy(): void {
    if (this.#destroyed) return;
    try {
      for (const cache of [...this.#caches]) cache.destroy();
    } finally {
      this.#destroyed = true;
      this.#native.close();
      this.#listeners = [];
    }
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  #view(size: number, allocate: () => number): Buffer {
    const address = this.#noteLimit(size, allocate);
    try {
      return this.#windows.bytes(address, size);
    } catch (error) {
      this.#native.free(address);
      throw error;
    }
  }

  #noteLimit<T>(requested: number, allocate: () => T): T {
    try {
      return allocate();
    } catch (error) {
      if (error instanceof FreestoneError && error.code === 'ERR_LIMIT_EXCEEDED' && this.#listeners.length > 0) {
        const { limit } = this.stats();
        for (const each of [...this.#listeners]) each({ requested, limit });
      }
      throw error;
    }
  }

  #addressOf(buffer: Buffer): number {
    if (this.#destroyed) throw new FreestoneError('ERR_CLOSED', 'the heap is destroyed');
    const address = isStart(buffer) ? this.#windows.offsetOf(buffer) : null;
    if (address !== null) return address;
    throw new FreestoneError('ERR_INVALID_ADDRESS', 'this Buffer is not one that this heap gave');
  }
}

/** What has no bytes begins nowhere: it is a piece, or its memory is gone. */
function isStart(buffer: unknown): buffer is Buffer {
  return buffer instanceof Uint8Array && buffer.length > 0;
}

function checkSize(size: number): number {
  // Spelled out: this is on the path of every allocation.
  if (Number.isInteger(size) && size >= 1 && size <= MOST_BYTES) return size;
  return checkInteger('size', size, { min: 1, max: MOST_BYTES, code: 'ERR_INVALID_SIZE' });
}
