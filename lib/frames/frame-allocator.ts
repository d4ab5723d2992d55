// Page frames from one reserved region.
import { FreestoneError, checkChoice, checkInteger } from '../errors.js';
import { native, type NativeFrames, type NativeFrameStats } from '../native.js';
import type { Allocator } from './allocator.js';
import { CallSites, HolderNumbers } from './call-sites.js';
import { newList } from './lists.js';
import { maxRunFrames, nativeConfig, nativeRequest, zoneKinds, type FrameAllocatorOptions, type FrameRequest, type Mover, type ZoneKind } from './request.js';
import { framesToSvg } from './svg.js';
import { Windows } from './windows.js';

/** Names an allocator for `FrameAllocator.attach` in another thread; can be sent in a message. */
export interface FramesHandle {
  readonly frames: number;
}

const pressureLevels = ['none', 'low', 'min'] as const;

/** A zone's watermark was crossed. */
export interface Pressure {
  readonly zone: ZoneKind;
  /** `low`: at the low watermark or below; `min`: only emergency requests are served; `none`: over. */
  readonly level: (typeof pressureLevels)[number];
  readonly freeFrames: number;
}

export interface ZoneStats extends Omit<NativeFrameStats['perZone'][number], 'kind' | 'pressure'> {
  readonly kind: ZoneKind;
  readonly pressure: Pressure['level'];
}

export type NodeStats = NativeFrameStats['perNode'][number];

/** Exact when no other thread is at work; all in frames unless the name says otherwise. */
export interface FrameStats extends Omit<NativeFrameStats, 'perZone'> {
  readonly perZone: readonly ZoneStats[];
  /** By order 0 to 20: the share of the free frames that cannot serve a run of 2^order frames. A walk over all blocks. */
  readonly fragmentation: readonly number[];
}

/** Times in nanoseconds. `buckets` has the lowest value and the count of each bucket that is not empty. */
export interface Times {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly buckets: readonly { readonly from: number; readonly count: number }[];
}

/** A run that is allocated. `stack` is where, if the allocator tracks. */
export interface Leak {
  readonly frame: number;
  readonly frames: number;
  readonly stack: string;
}

/**
 * Page frames from a reserved region, by index. One allocator may be used by any number of threads, each by an instance of its
 * own (`handle`, `attach`). Fewer than 512 frames come from the lock-free bitmap, 512 and more from the buddy lists.
 */
export class FrameAllocator implements Disposable {
  /** Names this allocator for `attach` in another thread. */
  readonly handle: FramesHandle;
  /** Bytes of a frame. */
  readonly frameSize: number;
  readonly #native: NativeFrames;
  readonly #windows: Windows;
  readonly #sites: CallSites | null;
  readonly #moverNumbers: HolderNumbers;
  readonly #movers = new Map<number, Mover>();
  /** The mover of a run by its first frame. */
  readonly #moverAt = new Map<number, number>();
  #listeners: ((pressure: Pressure) => void)[] = [];

  /**
   * @param attachTo the number of an allocator to attach to instead; use `attach` @internal
   * @throws {FreestoneError} ERR_INVALID_SIZE, ERR_INVALID_ARGUMENT, ERR_OUT_OF_MEMORY when there is no address space, or the
   *   system's own for a device zone's file
   */
  constructor(options: FrameAllocatorOptions, attachTo?: number) {
    const { Frames } = native();
    this.#native = attachTo === undefined ? new Frames(...nativeConfig(options)) : new Frames(checkInteger('attachTo', attachTo, { min: 1 }));
    const { bytes, frameSize, handle, holder } = this.#native.region();
    this.handle = Object.freeze({ frames: handle });
    this.frameSize = frameSize;
    this.#windows = new Windows(this.#native, { bytes, frameSize });
    this.#sites = options.track === true ? new CallSites(holder) : null;
    this.#moverNumbers = new HolderNumbers(holder);
  }

  /**
   * The allocator that a handle names, in this thread. Close it here too: the region lives until the last thread lets go.
   * @throws {FreestoneError} ERR_CLOSED when no thread holds it any more, ERR_INVALID_ARGUMENT
   */
  static attach(handle: FramesHandle): FrameAllocator {
    const number = (handle as Partial<FramesHandle> | null | undefined)?.frames;
    return new FrameAllocator({ size: 0 }, checkInteger('handle.frames', number, { min: 1 }));
  }

  /**
   * @param frames how many adjacent frames, 1 to 2^20
   * @returns the index of the first one. What is in them is what was last there, or zero
   * @throws {FreestoneError} ERR_INVALID_SIZE, ERR_INVALID_ALIGNMENT, ERR_INVALID_ARGUMENT, ERR_OUT_OF_MEMORY, ERR_ZONE_DEPLETED (with
   *   `zone`), ERR_NUMA_NODE_UNAVAILABLE (with `node`), ERR_CLOSED; nothing changes then
   */
  allocate(frames: number, request?: FrameRequest): number {
    checkRunLength(frames);
    if (request === undefined && this.#sites === null) return this.#native.allocate(frames);
    const site = this.#sites?.number() ?? 0;
    const { movable } = request ?? {};
    const mover = movable === undefined ? 0 : this.#moverNumbers.next();
    const frame = withRequest(request, () => this.#native.allocate(frames, ...nativeRequest(request ?? {}), mover, site));
    if (movable !== undefined) {
      this.#movers.set(mover, movable);
      this.#moverAt.set(frame, mover);
    }
    return frame;
  }

  /**
   * `count` runs of `frames` frames each, or none.
   * @returns the first frame of each
   * @throws {FreestoneError} as `allocate`
   */
  allocateBatch(frames: number, count: number, request?: FrameRequest): Float64Array {
    checkRunLength(frames);
    const list = newList(checkInteger('count', count, { min: 1, max: 2 ** 27, code: 'ERR_INVALID_SIZE' }));
    if (request?.movable !== undefined) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', 'the runs of a batch cannot be movable', { argument: 'movable' });
    }
    if (request === undefined && this.#sites === null) this.#native.allocateBatch(frames, list);
    else {
      const site = this.#sites?.number() ?? 0;
      withRequest(request, () => {
        this.#native.allocateBatch(frames, list, ...nativeRequest(request ?? {}), 0, site);
      });
    }
    return list;
  }

  /**
   * Ends a run. Views of it must not be used any more: they show whoever has the frames next.
   * @param frames what was asked for
   * @throws {FreestoneError} ERR_INVALID_ADDRESS for what is not a live run of this length, and nothing changes; ERR_INVALID_SIZE, ERR_CLOSED
   */
  free(frame: number, frames: number): void {
    this.#native.free(frame, frames);
    if (this.#moverAt.size > 0) this.#forgetMover(frame);
  }

  /** Ends all runs of a list, or none. @throws {FreestoneError} as `free`; `address` is the frame that is no run */
  freeBatch(list: Float64Array, frames: number): void {
    this.#native.freeBatch(list, frames);
    if (this.#moverAt.size > 0) for (const frame of list) this.#forgetMover(frame);
  }

  /**
   * The memory of frames that lie in one run; no copy is made.
   * @throws {FreestoneError} ERR_INVALID_ADDRESS for frames that are not allocated, ERR_INVALID_SIZE beyond 4 GiB, ERR_UNSUPPORTED
   *   in engines that allow no views of memory that is not their own, ERR_CLOSED
   */
  view(frame: number, frames: number): Buffer {
    checkRunLength(frames);
    if (!this.isAllocated(frame, frames)) {
      throw new FreestoneError('ERR_INVALID_ADDRESS', `frames ${String(frame)} to ${String(frame + frames - 1)} are not all allocated`, { address: frame });
    }
    return this.#windows.view(frame, frames);
  }

  /** Whether all of these frames are allocated. @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_CLOSED */
  isAllocated(frame: number, frames: number): boolean {
    return this.#native.isAllocated(checkInteger('frame', frame), checkInteger('frames', frames));
  }

  /** This allocator in bytes and Buffers, rounded up to frames. */
  asAllocator(): Allocator {
    const framesOf = (size: number): number => Math.ceil(size / this.frameSize);
    return {
      alloc: (size) => {
        const frames = framesOf(checkInteger('size', size, { min: 1, max: maxRunFrames * this.frameSize, code: 'ERR_INVALID_SIZE' }));
        const frame = this.allocate(frames);
        try {
          return this.#windows.view(frame, frames).subarray(0, size);
        } catch (error) {
          this.free(frame, frames);
          throw error;
        }
      },
      free: (buffer) => {
        const frame = this.#windows.frameOf(buffer);
        if (frame === null || buffer.length === 0) {
          throw new FreestoneError('ERR_INVALID_ADDRESS', 'this Buffer is not one that this allocator gave');
        }
        this.free(frame, framesOf(buffer.length));
      },
    };
  }

  /** @throws {FreestoneError} ERR_CLOSED */
  stats(): FrameStats {
    const stats = this.#native.stats();
    return {
      ...stats,
      perZone: stats.perZone.map((zone) => ({
        ...zone,
        kind: zoneKinds[zone.kind] ?? 'normal',
        pressure: pressureLevels[zone.pressure] ?? 'none',
      })),
      fragmentation: [...this.#native.fragmentation()],
    };
  }

  /** Measures each `allocate` and `free`, batches left out, for `histogram`. Costs two readings of the clock a call. Off at first. */
  setTiming(on: boolean): void {
    this.#native.setTiming(on);
  }

  /** How long calls took while timing was on. @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_CLOSED */
  histogram(operation: 'allocate' | 'free'): Times {
    checkChoice('operation', operation, ['allocate', 'free']);
    const list = this.#native.times(operation === 'free');
    const buckets = Array.from({ length: (list.length - 1) / 2 }, (_, i) => ({ from: list[2 * i] ?? 0, count: list[2 * i + 1] ?? 0 }));
    const total = buckets.reduce((sum, { count }) => sum + count, 0);
    const quantile = (share: number): number => {
      let seen = 0;
      return buckets.find(({ count }) => (seen += count) >= share * total)?.from ?? 0;
    };
    return {
      p50: quantile(0.5),
      p90: quantile(0.9),
      p99: quantile(0.99),
      p999: quantile(0.999),
      max: list.at(-1) ?? 0,
      buckets,
    };
  }

  /** One byte for each block of 512 frames: 0 for empty, 255 for full. */
  map(): Uint8Array {
    return this.#native.map();
  }

  /** Everything that is allocated, ascending; where, if the allocator was made with `track`. */
  leaks(): Leak[] {
    const list = this.#native.runs();
    return Array.from({ length: list.length / 4 }, (_, i) => {
      const [frame = 0, frames = 0, site = 0] = list.subarray(4 * i, 4 * i + 3);
      return { frame, frames, stack: this.#sites === null ? '' : this.#sites.stack(site) };
    });
  }

  /**
   * Empties blocks by moving runs that were allocated `movable` in this thread; each mover is called. While this runs no thread
   * may write to a movable run.
   * @returns the frames that were moved, the blocks that became whole, and the fragmentation by order before and after
   * @throws what a mover throws; its run is not moved then
   */
  compact(): { moved: number; hugeBlocksFreed: number; before: readonly number[]; after: readonly number[] } {
    const done = this.#native.compact((mover, from, to, frames) => {
      const move = this.#movers.get(mover);
      // Runs of other threads stay where they are: their movers cannot be called here.
      if (move === undefined || move(from, to, frames) === false) return false;
      this.#moverAt.delete(from);
      this.#moverAt.set(to, mover);
      return true;
    });
    return { moved: done.movedFrames, hugeBlocksFreed: done.freedBlocks, before: [...done.before], after: [...done.after] };
  }

  /** Gives the memory of free blocks back to the operating system, except of locked and device zones and of pages of 1 GiB. @returns bytes */
  trim(): number {
    return this.#native.trim();
  }

  /** Takes back what the CPUs keep for themselves. */
  drain(): void {
    this.#native.drain();
  }

  /** Calls `listener` in this thread whenever a zone's watermark is crossed, by whatever thread. Keeps no event loop alive. */
  on(event: 'pressure', listener: (pressure: Pressure) => void): this {
    checkChoice('event', event, ['pressure']);
    if (typeof listener !== 'function') throw new FreestoneError('ERR_INVALID_ARGUMENT', 'listener must be a function', { argument: 'listener' });
    if (this.#listeners.length === 0) {
      const kinds = this.stats().perZone.map(({ kind }) => kind);
      this.#native.onPressure((zone, level, freeFrames) => {
        const pressure = { zone: kinds[zone] ?? 'normal', level: pressureLevels[level] ?? 'none', freeFrames };
        for (const each of [...this.#listeners]) each(pressure);
      });
    }
    this.#listeners.push(listener);
    return this;
  }

  off(event: 'pressure', listener: (pressure: Pressure) => void): this {
    checkChoice('event', event, ['pressure']);
    this.#listeners = this.#listeners.filter((each) => each !== listener);
    return this;
  }

  /** Compares all that the allocator knows about itself, while no other thread uses it. @throws {FreestoneError} ERR_OVERLAP for a fault of this package */
  validate(): void {
    this.#native.validate();
  }

  /** A picture of the region as an SVG document: a square for each block, darker the fuller, by zone and node. */
  toSVG(): string {
    return framesToSvg(this.stats(), this.#native.map(), this.#native.places());
  }

  /**
   * Lets go of the region in this thread: its views have length 0 from here on. What other threads hold stays theirs. A second call
   * does nothing; every other call is ERR_CLOSED.
   */
  close(): void {
    this.#native.close();
    this.#listeners = [];
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #forgetMover(frame: number): void {
    const mover = this.#moverAt.get(frame);
    if (mover === undefined) return;
    this.#moverAt.delete(frame);
    this.#movers.delete(mover);
  }
}

function checkRunLength(frames: number): void {
  // Spelled out: this is on the path of every allocation.
  if (Number.isInteger(frames) && frames >= 1 && frames <= maxRunFrames) return;
  checkInteger('frames', frames, { min: 1, max: maxRunFrames, code: 'ERR_INVALID_SIZE' });
}

/** Says which zone or node had no room. */
function withRequest<T>(request: FrameRequest | undefined, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    if (!(error instanceof FreestoneError) || request === undefined) throw error;
    const { zone, node } = request;
    if (error.code === 'ERR_ZONE_DEPLETED') {
      throw new FreestoneError(error.code, `the zone ${zone ?? 'normal'} and its fallbacks have no room`, { zone });
    }
    if (error.code === 'ERR_NUMA_NODE_UNAVAILABLE') {
      throw new FreestoneError(error.code, `node ${String(node)} is not there or has no room`, { node });
    }
    throw error;
  }
}
