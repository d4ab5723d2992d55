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
import { Loans } from './loans.js';
import { Magazine, Shelves, placeOf, type Shelf } from './magazine.js';
import { sizeClasses } from './size-classes.js';
import type { Source } from './source.js';
import { countsOf, type BufferPoolStats } from './stats.js';
import { PoolStreams } from './streams.js';
import { readHandle, readToken, type BufferPoolHandle, type BufferToken } from './tokens.js';
import { HELD, Lent, Loan, View, clear, lengthOf } from './view.js';
import { Waiters } from './waiters.js';

interface Events {
  leak: [LeakReport];
  pressure: [PoolPressure];
}

// An import is looked up and checked each time it is used, a constant of this file is not: a quarter of an acquisition.
const { shelfOf, hold, free } = View as { [Name in 'shelfOf' | 'hold' | 'free']: OmitThisParameter<(typeof View)[Name]> };
const placeFor = placeOf;
const acquires = acquired;
const releases = released;

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
  readonly #indexOf: (size: number) => number;
  #magazines: readonly Magazine[];
  readonly #shelves: Shelves;
  /** Where most acquisitions find theirs. */
  readonly #ready: readonly (Shelf | undefined)[];
  readonly #waiters = new Waiters();
  readonly #loans: Loans;
  readonly #pressure: Pressure;
  readonly #current = new AsyncLocalStorage<BufferScope>();
  readonly #holdings: Holdings;
  readonly #endings = new Set<() => void>();
  /** Bytes of slots: those that are held, and all. */
  #live = 0;
  #total = 0;
  /** The most that was live when slots were last wanted; a little less each time that too many are kept. */
  #high = 0;
  /** Above so many live bytes there is something to see to before an acquisition, and below so many after a release: all that is seldom is in these two. */
  #above = -1;
  #below = 0;
  /** Whether a ready view is all that an acquisition needs. */
  readonly #simple: boolean;
  /** The last number that a holder was told from others by. */
  #tickets = 1;
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
    const { sizes, indexOf } = sizeClasses();
    this.#indexOf = indexOf;
    this.#magazines = sizes.map((size, index) => new Magazine(this, this.#source, index, size, Math.max(1, Math.min(64, Math.floor(BATCH_BYTES / size)))));
    this.#shelves = new Shelves();
    this.#ready = this.#shelves.ready;
    const { strict } = this.#settings;
    const leaks = new LeakTracker(trackLeaks, (loan, size, stack) => {
      this.#onLeak(loan, size, stack);
    });
    this.#loans = new Loans(this.#source, strict, leaks);
    this.#pressure = new Pressure(this.maxBytes, (live) => {
      this.#tellPressure(live);
    });
    this.#simple = !strict && leaks.off && !this.#zeroAtAcquire;
    this.#settle();
    this.#holdings = {
      serialOf: (buffer) => this.#ticketOf(buffer, this.#heldBy(buffer)),
      releaseIf: (buffer, serial) => {
        const holder = this.#find(buffer);
        if (holder !== null && this.#ticketOf(buffer, holder) === serial) this.release(buffer);
      },
      cut: (buffer, size) => (size === lengthOf(buffer) ? buffer : this.#reshape(buffer, this.#heldBy(buffer), size)),
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
    if (typeof size !== 'number') return this.#acquire(size);
    const shelf = this.#ready[placeFor(size)];
    if (shelf?.length !== size) return this.#acquire(size);
    const live = this.#live + shelf.size;
    if (live > this.#above) return this.#acquire(size);
    const view = shelf.free.pop();
    if (view === undefined) return this.#acquire(size);
    hold(view);
    if (this.#shared !== null) this.#shared.mark(view, true);
    this.#live = live;
    shelf.loans += 1;
    if (acquires.hasSubscribers) acquires.publish({ pool: this.name, buffer: view, size });
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
    const ready = this.#waiters.length > 0 ? null : this.#tryAcquire(magazine, size);
    if (ready !== null) return ready;
    this.#waits += 1;
    const waiting = this.#waiters.add(size, signal);
    this.#settle();
    void this.#pump();
    return waiting;
  }

  /**
   * Takes a buffer back.
   * @param buffer what this pool handed out, not a part of it
   * @throws {FreestoneError} ERR_INVALID_ADDRESS for all else, what was released already included; ERR_CLOSED; nothing changes then
   */
  release(buffer: Buffer): void {
    const shelf = shelfOf(buffer);
    if (shelf?.pool !== this) {
      this.#releaseElse(buffer);
      return;
    }
    if (this.#zeroed) clear(buffer);
    free(buffer);
    if (this.#shared !== null) this.#shared.mark(buffer, false);
    shelf.free.push(buffer);
    const live = this.#live - shelf.size;
    this.#live = live;
    if (releases.hasSubscribers) releases.publish({ pool: this.name, size: shelf.size });
    if (live < this.#below) this.#fell();
    else if (this.#shared?.starved === true) this.#shed();
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
    const holder = this.#heldBy(buffer);
    const { magazine } = holder;
    checkInteger('size', size, { max: magazine.size, code: 'ERR_INVALID_SIZE' });
    const length = lengthOf(buffer);
    if (size === length) return buffer;
    // What is cut off is not seen by the release.
    if (this.#settings.zero !== 'none' && size < length) clear(buffer.subarray(size));
    if (this.#settings.zero === 'acquire' && size > length) clear(this.#source.view(this.#offsetOf(buffer, holder), size).subarray(length));
    return this.#reshape(buffer, holder, size);
  }

  /** Bytes to which `resize` can grow it. @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_CLOSED */
  capacity(buffer: Buffer): number {
    return this.#heldBy(buffer).magazine.size;
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
    const { magazine } = this.#heldBy(buffer);
    const offset = shared.offsetOf(buffer);
    const token = { pool: shared.memory.number, offset, length: lengthOf(buffer), generation: shared.send(offset) };
    View.free(buffer);
    magazine.total -= 1;
    this.#total -= magazine.size;
    this.#live -= magazine.size;
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
    const length = Math.min(read.length, magazine.size);
    const shelf = this.#shelves.of(magazine, length);
    const buffer = shared.view(read.offset, length);
    new View(buffer, shelf);
    magazine.total += 1;
    magazine.received += 1;
    this.#total += magazine.size;
    return this.#handedOut(buffer, shelf, length);
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
    this.#high = this.#live;
    this.#pressure.forget(this.#live);
    this.#settle();
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
    for (const magazine of this.#magazines) magazine.close();
    this.#magazines = [];
    this.#shelves.close();
    this.#settle();
    this.#waiters.close();
    this.#source.close();
    this.removeAllListeners();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #magazineFor(size: number): Magazine {
    const magazine = this.#magazines[this.#indexOf(size)];
    if (magazine !== undefined) return magazine;
    throw new FreestoneError('ERR_CLOSED', `${this.name} is closed`);
  }

  #acquire(size: number): Buffer {
    const magazine = this.#magazineFor(size);
    if (this.#waiters.length > 0) throw this.#full(size);
    return this.#handOut(magazine, size);
  }

  #tryAcquire(magazine: Magazine, size: number): Buffer | null {
    try {
      return this.#handOut(magazine, size);
    } catch (error) {
      if (isShortage(error)) return null;
      throw error;
    }
  }

  /** @throws {FreestoneError} ERR_LIMIT_EXCEEDED, ERR_OUT_OF_MEMORY */
  #handOut(magazine: Magazine, size: number): Buffer {
    const kind = this.#loans.next();
    if (kind !== 'no') return this.#lend(magazine, size, kind === 'watched');
    const shelf = this.#shelves.of(magazine, size);
    let view = magazine.take(size, shelf);
    if (view === null) {
      this.#refill(magazine, size);
      view = magazine.take(size, shelf);
      if (view === null) throw new TypeError('a refill brought nothing');
    }
    View.hold(view);
    if (this.#shared !== null) this.#shared.mark(view, true);
    return this.#handedOut(view, shelf, size);
  }

  #lend(magazine: Magazine, size: number, watched: boolean): Buffer {
    let offset = magazine.takeBare();
    if (offset === null) {
      this.#refill(magazine, size);
      offset = magazine.takeBare();
      if (offset === null) throw new TypeError('a refill brought nothing');
    }
    let view: Buffer;
    try {
      view = this.#loans.lend(magazine, offset, size, watched);
    } catch (error) {
      magazine.bare.push(offset);
      throw error;
    }
    return this.#handedOut(view, magazine.loose, size);
  }

  #handedOut(view: Buffer, shelf: Shelf, size: number): Buffer {
    if (this.#zeroAtAcquire) clear(view);
    shelf.loans += 1;
    this.#live += shelf.size;
    if (this.#live > this.#above) {
      this.#pressure.rose(this.#live);
      this.#settle();
    }
    if (acquired.hasSubscribers) acquired.publish({ pool: this.name, buffer: view, size });
    return view;
  }

  /** Free slots for a magazine that has none: many at once, or one when that is too much, or one instead of what other sizes keep. */
  #refill(magazine: Magazine, size: number): void {
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
      this.#total += count * magazine.size;
      this.#high = Math.max(this.#high, this.#live + magazine.size);
      this.#settle();
      return;
    }
  }

  /** Takes back what is no view of a shelf: one whose shelf was given up, or what was lent. */
  #releaseElse(buffer: Buffer): void {
    const holder = this.#heldBy(buffer);
    const { magazine } = holder;
    if (this.#zeroed) clear(buffer);
    if (!(holder instanceof Loan)) {
      View.free(buffer);
      if (this.#shared !== null) this.#shared.mark(buffer, false);
      magazine.adopt(buffer);
    } else {
      this.#loans.recall(holder, buffer);
      magazine.bare.push(holder.offset);
    }
    this.#returned(magazine);
  }

  #returned(magazine: Magazine): void {
    this.#live -= magazine.size;
    if (released.hasSubscribers) released.publish({ pool: this.name, size: magazine.size });
    if (this.#live < this.#below) this.#fell();
  }

  /** There is more room than before: for whom. */
  #fell(): void {
    this.#pressure.fell(this.#live);
    if (this.#waiters.length > 0) this.#serve();
    else if (this.#total - this.#live > this.#most) {
      this.#high = Math.max(this.#live, this.#high - this.#high / 8);
      for (const magazine of this.#magazines) this.#drain(magazine, magazine.count >>> 1);
    }
    this.#settle();
  }

  /**
   * How many bytes may be kept: half of the most that were held, so that what comes and goes at random seldom meets the bound. With those
   * that are held they are never many more than the most that were held, since slots are made only when there is none.
   */
  get #most(): number {
    return BATCH_BYTES + this.#high / 2;
  }

  /** Finds out anew when there is something to see to. */
  #settle(): void {
    const waits = this.#waiters.length > 0;
    this.#above = this.#simple && !waits && !this.#closed ? this.#pressure.above : -1;
    this.#below = waits ? Infinity : Math.max(this.#pressure.below, this.#total - this.#most);
  }

  /** Gives back all but `left` of a magazine's free slots. @returns bytes */
  #drain(magazine: Magazine, left: number): number {
    const offsets = magazine.drop(left);
    if (offsets.length === 0) return 0;
    this.#source.drain(magazine, offsets);
    const bytes = offsets.length * magazine.size;
    this.#total -= bytes;
    return bytes;
  }

  /** Gives back all that is kept. @returns bytes */
  #shed(): number {
    const bytes = this.#magazines.reduce((sum, magazine) => sum + this.#drain(magazine, 0), 0);
    this.#settle();
    return bytes;
  }

  #serve(): void {
    this.#waiters.serve((size) => this.#tryAcquire(this.#magazineFor(size), size));
    this.#settle();
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

  #onLeak(loan: Loan, size: number, stack: string): void {
    if (this.#closed) return;
    this.#leakCount += 1;
    loan.held = false;
    const { magazine, offset } = loan;
    if (this.#zeroed) clear(this.#source.view(offset, magazine.size));
    magazine.bare.push(offset);
    this.#returned(magazine);
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

  /** What a held buffer is known by; null for all else. */
  #find(buffer: unknown): Shelf | Loan | null {
    const holder = View.shelfOf(buffer) ?? Lent.loanOf(buffer);
    return holder?.magazine.pool === this ? holder : null;
  }

  #heldBy(buffer: unknown): Shelf | Loan {
    const holder = this.#find(buffer);
    if (holder !== null) return holder;
    this.#check();
    throw new FreestoneError('ERR_INVALID_ADDRESS', `this is not a buffer that ${this.name} handed out and did not take back`);
  }

  #offsetOf(buffer: Buffer, holder: Shelf | Loan): number {
    return holder instanceof Loan ? holder.offset : this.#source.offsetOf(buffer);
  }

  /** The number that tells this holder of a buffer from every other. */
  #ticketOf(buffer: Buffer, holder: Shelf | Loan): number {
    const known = holder instanceof Loan ? holder.ticket : View.ticketOf(buffer);
    if (known > HELD) return known;
    const ticket = (this.#tickets += 1);
    if (holder instanceof Loan) holder.ticket = ticket;
    else View.mark(buffer, ticket);
    return ticket;
  }

  /** Another view of what a holder has, in place of `buffer`. */
  #reshape(buffer: Buffer, holder: Shelf | Loan, size: number): Buffer {
    const { magazine } = holder;
    if (holder instanceof Loan) {
      const view = this.#loans.lend(magazine, holder.offset, size, holder.watched);
      this.#loans.recall(holder, buffer);
      return view;
    }
    const view = magazine.reshape(buffer, size, this.#shelves.of(magazine, size));
    View.free(buffer);
    View.hold(view);
    return view;
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
