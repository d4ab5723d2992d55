// General allocation from one region, for any number of threads.
import { constants } from 'node:buffer';
import { FreestoneError, checkInteger, checkOptions } from '../errors.js';
import { FrameAllocator, Windows, type Allocator } from '../frames/index.js';
import { native, type NativePool, type NativePoolStats } from '../native.js';

/** Names a pool for `Pool.attach` in another thread; can be sent in a message. */
export interface PoolHandle {
  readonly pool: number;
}

export interface PoolOptions {
  /** Bytes that the pool may hold, in spans of 64 KiB and more, those that it keeps for later included. None unless given. */
  readonly limit?: number | bigint;
  /** Where spans come from; a region of the pool's own unless given. */
  readonly source?: FrameAllocator;
  /** Milliseconds that an empty span waits in the cache before it goes back to the source; 10,000 unless given. */
  readonly purgeDelay?: number;
  /**
   * Finds second frees and writes where no block is, at the price of a span for each block: known bytes lie around blocks and in freed
   * ones, which are not used again soon. `findings` tells.
   */
  readonly hardened?: boolean;
  /** Hardened: bytes of freed blocks that wait before they are used again; 16 MiB unless given. */
  readonly quarantine?: number;
}

/** What a hardened pool found; the order is that of `freestone::pool::Fault` from 1 on. */
const faults = ['underrun', 'overrun', 'use-after-free', 'double-free'] as const;
export interface PoolFinding {
  /** A byte before the block was written, behind it, in it after it was freed; or it was freed again. */
  readonly fault: (typeof faults)[number];
  /** The block, as `blocks` has it. */
  readonly address: number;
  /** The first wrong byte, from the block's start. */
  readonly offset: number;
}

/** Bytes and blocks; exact when no other thread is at work. */
export type PoolStats = NativePoolStats;

const MAX_SIZE = Math.min(2 ** 32, constants.MAX_LENGTH);

/** For tiers above: what C++ knows of a pool. @internal */
export let nativePool: (pool: Pool) => NativePool;

/**
 * Blocks of any size as Buffers over one region, each free checked. One pool may be used by any number of threads, each by an
 * instance of its own (`handle`, `attach`); a block may be freed by any of them.
 */
export class Pool implements Allocator, Disposable {
  /** Names this pool for `attach` in another thread. */
  readonly handle: PoolHandle;
  readonly #native: NativePool;
  readonly #windows: Windows;

  static {
    nativePool = (pool) => pool.#native;
  }

  /**
   * @param attachTo the number of a pool to attach to instead; use `attach` @internal
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_OUT_OF_MEMORY, ERR_CLOSED for a source that is closed
   */
  constructor(options: PoolOptions = {}, attachTo?: number) {
    const { Pool: Native } = native();
    if (attachTo === undefined) {
      checkOptions('the pool', options, ['limit', 'source', 'purgeDelay', 'hardened', 'quarantine']);
      const { source } = options;
      if (source !== undefined && !((source as unknown) instanceof FrameAllocator)) {
        throw new FreestoneError('ERR_INVALID_ARGUMENT', 'source must be a FrameAllocator', { argument: 'source' });
      }
      const limit = checkInteger('limit', options.limit ?? Number.MAX_SAFE_INTEGER, { min: 1 });
      const purgeDelay = checkInteger('purgeDelay', options.purgeDelay ?? 10_000);
      const quarantine = checkInteger('quarantine', options.quarantine ?? 2 ** 24);
      this.#native = new Native(limit, purgeDelay, source?.handle.frames ?? 0, options.hardened ?? false, quarantine);
    } else this.#native = new Native(checkInteger('attachTo', attachTo, { min: 1 }));
    const { bytes, handle } = this.#native.region();
    this.handle = Object.freeze({ pool: handle });
    this.#windows = new Windows(this.#native, { bytes, frameSize: 1 });
  }

  /**
   * The pool that a handle names, in this thread. Destroy it here too: the memory lives until the last thread lets go.
   * @throws {FreestoneError} ERR_CLOSED when no thread holds it any more, ERR_INVALID_ARGUMENT
   */
  static attach(handle: PoolHandle): Pool {
    const number = (handle as Partial<PoolHandle> | null | undefined)?.pool;
    return new Pool({}, checkInteger('handle.pool', number, { min: 1 }));
  }

  /**
   * @param size bytes, 1 to 4 GiB or what a Buffer can hold
   * @returns bytes that nobody else has, at a multiple of 16; their content is anything
   * @throws {FreestoneError} ERR_INVALID_SIZE, ERR_LIMIT_EXCEEDED, ERR_OUT_OF_MEMORY, ERR_CLOSED; nothing changes then
   */
  alloc(size: number): Buffer {
    const bytes = checkSize(size);
    return this.#view(this.#native.alloc(bytes), bytes);
  }

  /** As `alloc`, all zeros. */
  calloc(size: number): Buffer {
    const bytes = checkSize(size);
    return this.#view(this.#native.calloc(bytes), bytes);
  }

  /** As `alloc`. @param alignment of the address, a power of two up to 1 GiB @throws {FreestoneError} ERR_INVALID_ALIGNMENT as well */
  allocAligned(size: number, alignment: number): Buffer {
    const bytes = checkSize(size);
    const multiple = checkInteger('alignment', alignment, { min: 1, max: 2 ** 30, code: 'ERR_INVALID_ALIGNMENT' });
    return this.#view(this.#native.allocAligned(bytes, multiple), bytes);
  }

  /**
   * The block in another size, with its content up to the shorter of the two; where its size still suits it does not move.
   * @returns its Buffer from here on; `buffer` must not be used any more
   * @throws {FreestoneError} as `alloc` and `free`; the block is as it was then
   */
  realloc(buffer: Buffer, size: number): Buffer {
    const bytes = checkSize(size);
    return this.#view(this.#native.realloc(this.#address(buffer), bytes), bytes);
  }

  /** The text in UTF-8. An empty one is a block as well, to be freed. @throws {FreestoneError} as `alloc`, ERR_INVALID_ARGUMENT */
  strdup(text: string): Buffer {
    const given: unknown = text;
    if (typeof given !== 'string') throw new FreestoneError('ERR_INVALID_ARGUMENT', 'text must be a string', { argument: 'text' });
    const size = Buffer.byteLength(text);
    const bytes = checkSize(Math.max(size, 1));
    const copy = this.#view(this.#native.alloc(bytes), size);
    copy.write(text);
    return copy;
  }

  /**
   * Ends a block. Views of it must not be used any more: they show whoever has the memory next.
   * @param buffer what an allocation of this pool returned, or a part of it that begins where it does
   * @throws {FreestoneError} ERR_INVALID_ADDRESS for what is not a live block of this pool, and nothing changes; ERR_CLOSED. ERR_OVERLAP
   *   in a hardened pool when bytes around the block were written; it is freed all the same
   */
  free(buffer: Buffer): void {
    this.#native.free(this.#address(buffer));
  }

  /** Ends every block, of all threads. The views of this thread have length 0 from here on. @throws {FreestoneError} ERR_CLOSED */
  freeAll(): void {
    this.#native.freeAll();
  }

  /** Whether `free` would accept this. @throws {FreestoneError} ERR_CLOSED */
  owns(buffer: Buffer): boolean {
    const address = this.#find(buffer);
    return this.#native.owns(address ?? Number.MAX_SAFE_INTEGER);
  }

  /** Bytes of the block, at least those asked for. @throws {FreestoneError} as `free` */
  usableSize(buffer: Buffer): number {
    return this.#native.usableSize(this.#address(buffer));
  }

  /** A walk over all spans. @throws {FreestoneError} ERR_CLOSED */
  stats(): PoolStats {
    return this.#native.stats();
  }

  /** Every live block: its place in the region and its usable size. @throws {FreestoneError} ERR_CLOSED */
  blocks(): { readonly address: number; readonly size: number }[] {
    const list = this.#native.blocks();
    return Array.from({ length: list.length / 2 }, (_, i) => ({ address: list[2 * i] ?? 0, size: list[2 * i + 1] ?? 0 }));
  }

  /**
   * Gives the memory of empty spans back to the operating system: this thread's, those of threads that ended, and the cache's.
   * @param age milliseconds that a span must have been empty; 0 unless given
   * @returns bytes that left the pool
   */
  trim(age = 0): number {
    return this.#native.trim(checkInteger('age', age));
  }

  /** What a hardened pool found since the last call, oldest first; a write to a freed block when its wait ends. @throws {FreestoneError} ERR_CLOSED */
  findings(): PoolFinding[] {
    const list = this.#native.findings();
    return Array.from({ length: list.length / 3 }, (_, i) => ({
      fault: faults[(list[3 * i] ?? 1) - 1] ?? 'underrun',
      address: list[3 * i + 1] ?? 0,
      offset: list[3 * i + 2] ?? 0,
    }));
  }

  /** Compares all that the pool knows about itself, while no other thread uses it. @throws {FreestoneError} ERR_OVERLAP for a fault of this package */
  validate(): void {
    this.#native.validate();
  }

  /**
   * Lets go of the pool in this thread: its views have length 0 from here on. What other threads hold stays theirs, and arenas over
   * the pool keep its memory. A second call does nothing; every other call is ERR_CLOSED.
   */
  destroy(): void {
    this.#native.close();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  #view(address: number, size: number): Buffer {
    try {
      return this.#windows.bytes(address, size);
    } catch (error) {
      this.#native.free(address);
      throw error;
    }
  }

  #find(buffer: Buffer): number | null {
    const given: unknown = buffer;
    if (!(given instanceof Uint8Array)) return null;
    // A window that was detached says nothing of where its views began.
    return given.buffer.byteLength === 0 ? null : this.#windows.offsetOf(buffer);
  }

  #address(buffer: Buffer): number {
    const address = this.#find(buffer);
    if (address !== null) return address;
    this.#native.region(); // ERR_CLOSED says more
    throw new FreestoneError('ERR_INVALID_ADDRESS', 'this is not a Buffer that this pool gave');
  }
}

function checkSize(size: number): number {
  // Spelled out: this is on the path of every allocation.
  if (Number.isInteger(size) && size >= 1 && size <= MAX_SIZE) return size;
  return checkInteger('size', size, { min: 1, max: MAX_SIZE, code: 'ERR_INVALID_SIZE' });
}
