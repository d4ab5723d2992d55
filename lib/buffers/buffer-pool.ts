// Buffers for servers: bounded, reused, and never shown to the next holder.
import { AsyncLocalStorage } from 'node:async_hooks';
import { FreestoneError, checkInteger } from '../errors.js';
import { TokenChannel, type ChannelHandle } from './channel.js';
import { acquired, leaked, pressed, released, type LeakReport, type PoolPressure } from './events.js';
import { giveHoldings, type Holdings } from './holdings.js';
import { LeakTracker } from './leaks.js';
import { settingsOf, type BufferPoolOptions, type Settings } from './options.js';
import { Pressure } from './pressure.js';
import { PrivateSource } from './private-source.js';
import { BufferScope, type Lease, type ScopeOptions } from './scope.js';
import { SharedSource, type SharedMemory } from './shared-source.js';
import { LARGEST_UNIT, sizeClasses } from './size-classes.js';
import { Magazine, Slot, Stamp } from './slot.js';
import type { Source } from './source.js';
import { countsOf, type BufferPoolStats } from './stats.js';
import { PoolStreams } from './streams.js';
import { readHandle, readToken, type BufferPoolHandle, type BufferToken } from './tokens.js';
import { Views } from './views.js';
import { Waiters } from './waiters.js';

interface Events {
  leak: [LeakReport];
  pressure: [PoolPressure];
}

/** A magazine is refilled with about so many bytes at once. */
const BATCH_BYTES = 2 ** 16;

/**
 * Buffers that are pooled, bounded, and shared across threads if asked for. Memory comes from a slab heap up to 128 KiB and from page
 * frames above. A released buffer must not be used any more: it shows the next holder's bytes, unless the pool is `strict`.
 */
export class BufferPool extends PoolStreams<Events> implements Disposable {
  readonly name: string;
  /** Bytes that the pool may have, those of other threads included; Number.MAX_SAFE_INTEGER for no bound. */
  readonly maxBytes: number;
  readonly #settings: Settings;
  readonly #source: Source;
  readonly #shared: SharedSource | null;
  readonly #zeroed: boolean;
  readonly #zeroAtAcquire: boolean;
  readonly #lookup: Uint8Array;
  readonly #indexOf: (size: number) => number;
  #magazines: readonly Magazine[];
  readonly #waiters = new Waiters();
  readonly #views: Views;
  readonly #pressure: Pressure;
  readonly #current = new AsyncLocalStorage<BufferScope>();
  readonly #holdings: Holdings;
  readonly #endings = new Set<() => void>();
  #live = 0;
  /** Beyond so many live bytes there is something to note. */
  #noted = 0;
  /** How many buffers were handed out: the serial of the last one. */
  #serial = 0;
  /** Whether a ready view is all that an acquisition needs: no thread, no tracking and no zeroing has a say in it. */
  readonly #simple: boolean;
  /** `#simple`, and nobody waits and there is no pressure. It may be false for longer than that. */
  #quick = false;
  #waits = 0;
  #leakCount = 0;
  #pumping = false;
  #closed = false;

  /**
   * @param attachTo memory of a shared pool to attach to instead; use `attach` @internal
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_INVALID_SIZE, ERR_OUT_OF_MEMORY
   */
  constructor(options: BufferPoolOptions = {}, attachTo?: SharedMemory) {
    super();
    this.#settings = settingsOf(options);
    const { maxBytes, shared, name, zero, trackLeaks } = this.#settings;
    this.name = name;
    this.#shared = shared ? new SharedSource(attachTo ?? maxBytes) : null;
    this.#source = this.#shared ?? new PrivateSource(maxBytes, this.#settings);
    this.maxBytes = this.#source.limit;
    this.#zeroed = zero === 'release';
    this.#zeroAtAcquire = zero === 'acquire';
    const { sizes, lookup, indexOf } = sizeClasses();
    this.#lookup = lookup;
    this.#indexOf = indexOf;
    this.#magazines = sizes.map((size, index) => new Magazine(this, index, size, Math.max(1, Math.min(64, Math.floor(BATCH_BYTES / size)))));
    const { strict } = this.#settings;
    const leaks = new LeakTracker(trackLeaks, (slot, size, stack) => {
      this.#onLeak(slot, size, stack);
    });
    this.#views = new Views(this.#source, strict, leaks);
    this.#pressure = new Pressure(this.maxBytes, (live) => {
      this.#tellPressure(live);
    });
    this.#simple = !shared && !strict && leaks.off && !this.#zeroAtAcquire;
    this.#quick = this.#simple;
    this.#holdings = {
      serialOf: (buffer) => this.#slotOf(buffer).serial,
      releaseIf: (buffer, serial) => {
        const slot = this.#find(buffer);
        if (slot?.serial === serial) this.#put(slot, buffer);
      },
      cut: (buffer, size) => (size === buffer.length ? buffer : this.#views.reshape(this.#slotOf(buffer), buffer, size)),
      atClose: (end) => {
        this.#endings.add(end);
        return () => this.#endings.delete(end);
      },
    };
    giveHoldings(this, this.#holdings);
  }

  /**
   * The shared pool that a handle names, in this thread. Close it here too: the memory lives until the last thread lets go.
   * @throws {FreestoneError} ERR_CLOSED when no thread holds it any more, ERR_INVALID_ARGUMENT, ERR_LIMIT_EXCEEDED for more than 511 threads
   */
  static attach(handle: BufferPoolHandle): BufferPool {
    const { options, memory } = readHandle(handle);
    return new BufferPool(options, memory);
  }

  /** Names this pool for `attach` in another thread. @throws {FreestoneError} ERR_UNSUPPORTED for a pool that is not shared */
  get handle(): BufferPoolHandle {
    return { memory: this.#sharing().memory, zero: this.#settings.zero, name: this.name };
  }

  /**
   * @param size bytes, 1 to 4 GiB
   * @returns a Buffer of exactly that length. Unless `zero` is 'none' it is zero
   * @throws {FreestoneError} ERR_INVALID_SIZE, ERR_LIMIT_EXCEEDED (with `requested`, `limit`, `live`) when `maxBytes` is reached or
   *   others wait already, ERR_OUT_OF_MEMORY, ERR_CLOSED; nothing changes then
   */
  acquire(size: number): Buffer {
    const magazine = this.#magazineFor(size);
    const slot = this.#quick ? magazine.takeReady(size) : null;
    if (slot === null) return this.#acquire(magazine, size);
    const view = slot.view ?? this.#views.of(slot, size);
    this.#hold(slot);
    magazine.loans += 1;
    if (acquired.hasSubscribers) acquired.publish({ pool: this.name, buffer: view, size });
    return view;
  }

  /**
   * As `acquire`, but waits its turn while `maxBytes` is reached: first come, first served.
   * @throws {FreestoneError} as `acquire`, ERR_LIMIT_EXCEEDED only for what can never be had; the reason of `signal`
   */
  async acquireAsync(size: number, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Buffer> {
    signal?.throwIfAborted();
    const magazine = this.#magazineFor(size);
    if (magazine.size > this.maxBytes) throw this.#full(size);
    const ready = this.#waiters.length > 0 ? null : this.#tryAcquire(size);
    if (ready !== null) return ready;
    this.#waits += 1;
    this.#quick = false;
    const waiting = this.#waiters.add(size, signal);
    void this.#pump();
    return waiting;
  }

  /**
   * Takes a buffer back.
   * @param buffer what this pool handed out, not a part of it
   * @throws {FreestoneError} ERR_INVALID_ADDRESS for all else, what was released already included; ERR_CLOSED; nothing changes then
   */
  release(buffer: Buffer): void {
    this.#put(this.#slotOf(buffer), buffer);
  }

  /** One buffer, released when the lease is disposed of. @throws {FreestoneError} as `acquire` */
  lease(size: number): Lease {
    const buffer = this.acquire(size);
    const serial = this.#holdings.serialOf(buffer);
    return {
      buffer,
      [Symbol.dispose]: () => {
        this.#holdings.releaseIf(buffer, serial);
      },
    };
  }

  /** Buffers that return together: with `using`, by `end()`, or when `until` closes or aborts. @throws {FreestoneError} ERR_INVALID_ARGUMENT */
  scope(options: ScopeOptions = {}): BufferScope {
    return new BufferScope(this, this.#holdings, this.#current, options);
  }

  /** The scope in whose `run` this is called, also after an await. @throws {FreestoneError} ERR_NOT_FOUND outside of any */
  get current(): BufferScope {
    const scope = this.#current.getStore();
    if (scope === undefined) throw new FreestoneError('ERR_NOT_FOUND', 'no scope of this pool is running here');
    return scope;
  }

  /**
   * The same memory in another length, as another Buffer; `buffer` must not be used any more. For what was filled in part, or grows
   * within its size class. A buffer of a scope is resized by `scope.resize`.
   * @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_INVALID_SIZE for more than `capacity` says, ERR_CLOSED
   */
  resize(buffer: Buffer, size: number): Buffer {
    const slot = this.#slotOf(buffer);
    checkInteger('size', size, { max: slot.magazine.size, code: 'ERR_INVALID_SIZE' });
    if (size === buffer.length) return buffer;
    // What is cut off is not seen by the release.
    if (this.#settings.zero !== 'none' && size < buffer.length) buffer.fill(0, size);
    if (this.#settings.zero === 'acquire' && size > buffer.length) this.#source.view(slot, slot.magazine.size).fill(0, buffer.length, size);
    return this.#views.reshape(slot, buffer, size);
  }

  /** Bytes to which `resize` can grow it. @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_CLOSED */
  capacity(buffer: Buffer): number {
    return this.#slotOf(buffer).magazine.size;
  }

  /** Whether `release` would accept this. */
  owns(buffer: Buffer): boolean {
    return this.#find(buffer) !== null;
  }

  /**
   * Gives a buffer of a shared pool to whoever takes the token, in this thread or another. It is released for this thread: the
   * other one sees the same bytes and releases it.
   * @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_UNSUPPORTED for a pool that is not shared, ERR_CLOSED
   */
  token(buffer: Buffer): BufferToken {
    const shared = this.#sharing();
    const slot = this.#slotOf(buffer);
    const token = { pool: shared.memory.number, offset: slot.offset, length: buffer.length, generation: shared.send(slot) };
    slot.serial = 0;
    slot.magazine.total -= 1;
    this.#live -= slot.magazine.size;
    return token;
  }

  /**
   * The buffer of a token, which is this thread's from here on.
   * @throws {FreestoneError} ERR_INVALID_ADDRESS for what is no token of this pool or was taken already, ERR_UNSUPPORTED, ERR_CLOSED
   */
  fromToken(token: BufferToken): Buffer {
    const shared = this.#sharing();
    const read = readToken(token, shared.memory.number);
    const magazine = read === null ? undefined : this.#magazines[shared.receive(read.offset, read.generation)];
    if (read === null || magazine === undefined) throw new FreestoneError('ERR_INVALID_ADDRESS', 'this is no token of this pool, or somebody took it already');
    const buffer = this.#count(new Slot(magazine, read.offset), Math.min(read.length, magazine.size));
    magazine.total += 1;
    magazine.received += 1;
    return buffer;
  }

  /** A queue of buffers in shared memory, to this thread and others; `handle` names it. @throws {FreestoneError} ERR_UNSUPPORTED, ERR_INVALID_ARGUMENT */
  channel(from: ChannelHandle | { readonly capacity?: number } = {}): TokenChannel {
    this.#sharing();
    return new TokenChannel(this, from);
  }

  /** Takes back every buffer in transit: for when no token will be taken any more, such as after a worker died. @returns how many. @throws {FreestoneError} ERR_UNSUPPORTED, ERR_CLOSED */
  reclaim(): number {
    return this.#sharing().reclaim();
  }

  /** Exact, for this thread; `shared` has what all threads have together. @throws {FreestoneError} ERR_CLOSED */
  stats(): BufferPoolStats {
    this.#check();
    const { name, maxBytes } = this;
    const { perClass, ...counts } = countsOf(this.#magazines);
    return {
      name,
      maxBytes,
      ...counts,
      liveBytes: this.#live,
      highWaterBytes: this.#pressure.highWater,
      waits: this.#waits,
      waiting: this.#waiters.length,
      leaks: this.#leakCount,
      perClass,
      shared: this.#shared?.stats() ?? null,
    };
  }

  /** Gives what nobody holds back to the operating system. @returns bytes. @throws {FreestoneError} ERR_CLOSED */
  trim(): number {
    this.#check();
    this.#shed();
    this.#noted = this.#pressure.forget(this.#live);
    for (const magazine of this.#magazines) magazine.forget();
    return this.#source.trim();
  }

  /** Compares all that is known about the memory, while no other thread uses it. @throws {FreestoneError} ERR_OVERLAP for a fault of this package */
  validate(): void {
    this.#check();
    this.#source.validate();
  }

  /**
   * Ends the pool in this thread. Who waits gets ERR_CLOSED; buffers have length 0 from here on, except shared ones, which must not be
   * used any more. A second call does nothing; every other call is ERR_CLOSED.
   */
  close(): void {
    if (this.#closed) return;
    for (const end of [...this.#endings]) end();
    this.#closed = true;
    for (const magazine of this.#magazines) magazine.pool = null;
    this.#magazines = [];
    this.#waiters.close();
    this.#source.close();
    this.removeAllListeners();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #magazineFor(size: number): Magazine {
    // Whole and of the right type: most sizes, without a call.
    const quick = size >>> 0 === size && size !== 0 && size <= LARGEST_UNIT;
    const magazine = this.#magazines[(quick ? this.#lookup[(size + 63) >>> 6] : this.#indexOf(size)) ?? 0];
    if (magazine !== undefined) return magazine;
    throw new FreestoneError('ERR_CLOSED', `${this.name} is closed`);
  }

  #acquire(magazine: Magazine, size: number): Buffer {
    if (this.#waiters.length > 0) throw this.#full(size);
    return this.#handOut(magazine.take(size) ?? this.#refill(magazine, size), size);
  }

  #tryAcquire(size: number): Buffer | null {
    const magazine = this.#magazineFor(size);
    try {
      return this.#handOut(magazine.take(size) ?? this.#refill(magazine, size), size);
    } catch (error) {
      if (isShortage(error)) return null;
      throw error;
    }
  }

  /** A free slot when the magazine has none: many at once, or one when that is too much, or one instead of what other sizes keep. */
  #refill(magazine: Magazine, size: number): Slot {
    for (let count = magazine.batch; ; ) {
      try {
        this.#source.refill(magazine, count, this.#zeroed);
      } catch (error) {
        if (!isShortage(error)) throw error;
        if (count === 1 && this.#shed() === 0) throw this.#full(size, error);
        count = 1;
        continue;
      }
      magazine.misses += 1;
      const slot = magazine.take(size);
      if (slot !== null) return slot;
    }
  }

  #handOut(slot: Slot, size: number): Buffer {
    try {
      return this.#count(slot, size);
    } catch (error) {
      // No view could be made: the slot is as it was.
      slot.serial = 0;
      slot.magazine.push(slot);
      throw error;
    }
  }

  /** Makes a slot that no magazine has the caller's. */
  #count(slot: Slot, size: number): Buffer {
    // A tracked view notes it.
    slot.serial = this.#serial + 1;
    const view = this.#views.of(slot, size);
    this.#hold(slot);
    if (this.#shared !== null) this.#shared.mark(slot, true);
    if (this.#zeroAtAcquire) view.fill(0);
    slot.magazine.loans += 1;
    if (acquired.hasSubscribers) acquired.publish({ pool: this.name, buffer: view, size });
    return view;
  }

  #hold(slot: Slot): void {
    slot.serial = this.#serial += 1;
    this.#live += slot.magazine.size;
    if (this.#live > this.#noted) this.#rose();
  }

  #rose(): void {
    this.#noted = this.#pressure.rose(this.#live);
    if (this.#pressure.on) this.#quick = false;
  }

  /** Takes a slot from its holder. @param buffer its view; null when that is gone */
  #put(slot: Slot, buffer: Buffer | null): void {
    const { magazine } = slot;
    if (this.#zeroed) (buffer ?? this.#source.view(slot, magazine.size)).fill(0);
    if (slot.lent !== 0) {
      if (buffer !== null) this.#views.recall(slot, buffer);
      slot.lent = 0;
    }
    slot.serial = 0;
    if (this.#shared !== null) this.#shared.mark(slot, false);
    this.#live -= magazine.size;
    magazine.push(slot);
    if (released.hasSubscribers) released.publish({ pool: this.name, size: magazine.size });
    if (!this.#quick || magazine.count > magazine.most) this.#afterRelease(magazine);
  }

  /** There is more room than before: for whom. */
  #afterRelease(magazine: Magazine): void {
    if (this.#pressure.on) this.#noted = this.#pressure.fell(this.#live);
    if (this.#waiters.length > 0) this.#serve();
    else if (magazine.count > magazine.most) this.#source.drain(magazine.surplus());
    else if (this.#shared?.starved === true) this.#shed();
    this.#quick = this.#simple && !this.#pressure.on && this.#waiters.length === 0;
  }

  /** Gives back all that is kept. @returns bytes */
  #shed(): number {
    let bytes = 0;
    for (const magazine of this.#magazines) {
      if (magazine.count === 0) continue;
      bytes += magazine.count * magazine.size;
      this.#source.drain(magazine.drop(0));
    }
    return bytes;
  }

  #serve(): void {
    this.#waiters.serve((size) => this.#tryAcquire(size));
  }

  /** Serves those who wait when other threads give memory back. One loop at a time. */
  async #pump(): Promise<void> {
    if (this.#shared === null || this.#pumping) return;
    this.#pumping = true;
    // Closing empties the queue.
    while (this.#waiters.length > 0) {
      await this.#shared.freed();
      this.#serve();
    }
    this.#pumping = false;
  }

  #onLeak(slot: Slot, size: number, stack: string): void {
    if (this.#closed) return;
    this.#leakCount += 1;
    this.#put(slot, null);
    const report: LeakReport = { pool: this.name, size, stack };
    if (leaked.hasSubscribers) leaked.publish(report);
    this.emit('leak', report);
  }

  #tellPressure(liveBytes: number): void {
    const event: PoolPressure = { pool: this.name, level: this.#pressure.on ? 'high' : 'none', liveBytes, maxBytes: this.maxBytes };
    if (pressed.hasSubscribers) pressed.publish(event);
    // Not from within an acquisition or a release, which a listener might begin again.
    if (this.listenerCount('pressure') > 0) queueMicrotask(() => this.emit('pressure', event));
  }

  /** The slot of a held buffer, or null. */
  #find(buffer: unknown): Slot | null {
    const slot = Stamp.slotOf(buffer);
    return slot?.magazine.pool === this ? slot : null;
  }

  #slotOf(buffer: unknown): Slot {
    const slot = this.#find(buffer);
    if (slot !== null) return slot;
    this.#check();
    throw new FreestoneError('ERR_INVALID_ADDRESS', `this is not a buffer that ${this.name} handed out and did not take back`);
  }

  #sharing(): SharedSource {
    this.#check();
    if (this.#shared !== null) return this.#shared;
    throw new FreestoneError('ERR_UNSUPPORTED', 'only a pool made with shared: true can be used by other threads');
  }

  #full(size: number, cause?: unknown): FreestoneError {
    if (cause instanceof FreestoneError && cause.code === 'ERR_OUT_OF_MEMORY') return cause;
    const { maxBytes } = this;
    return new FreestoneError('ERR_LIMIT_EXCEEDED', `${this.name}: ${String(size)} bytes would exceed the ${String(maxBytes)} that the pool may have`, {
      requested: size,
      limit: maxBytes,
      live: this.#live,
      waiting: this.#waiters.length,
    });
  }

  #check(): void {
    if (this.#closed) throw new FreestoneError('ERR_CLOSED', `${this.name} is closed`);
  }
}

function isShortage(error: unknown): boolean {
  return error instanceof FreestoneError && (error.code === 'ERR_LIMIT_EXCEEDED' || error.code === 'ERR_OUT_OF_MEMORY');
}
