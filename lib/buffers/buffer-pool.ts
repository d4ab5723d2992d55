// Buffers for servers: bounded, reused, and never shown to the next holder.
import { FreestoneError, checkInteger } from '../errors.js';
import { TokenChannel, type ChannelHandle, type Passage } from './channel.js';
import { acquired, leaked, pressed, released, type LeakReport, type PoolPressure } from './events.js';
import { giveHoldings, type Holdings } from './holdings.js';
import { LeakTracker } from './leaks.js';
import { settingsOf, type BufferPoolOptions, type Settings } from './options.js';
import { Pressure } from './pressure.js';
import { PrivateSource } from './private-source.js';
import { SharedSource, type SharedMemory } from './shared-source.js';
import { Loans } from './loans.js';
import { placeOf, type Magazine, type Shelf } from './magazine.js';
import { LARGEST_UNIT } from './size-classes.js';
import type { Source } from './source.js';
import { Stock, isShortage } from './stock.js';
import { countsOf, type BufferPoolStats } from './stats.js';
import { PoolScopes } from './pool-scopes.js';
import { readHandle, readToken, type BufferPoolHandle, type BufferToken } from './tokens.js';
import { Loan, View, clear, holderOf, lengthOf, ticketOf, type Holder } from './view.js';
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

/**
 * Buffers that are pooled, bounded, and shared across threads if asked for. Memory comes from a slab heap up to 128 KiB and from page
 * frames above. A released buffer must not be used any more: it shows the next holder's bytes, unless the pool is `strict`.
 */
export class BufferPool extends PoolScopes<Events> implements Disposable {
  readonly name: string;
  /** Bytes that the pool may have, those of other threads included; Number.MAX_SAFE_INTEGER for no bound. */
  readonly maxBytes: number;
  readonly #settings: Settings;
  readonly #source: Source;
  readonly #shared: SharedSource | null;
  readonly #zeroed: boolean;
  readonly #zeroAtAcquire: boolean;
  readonly #stock: Stock;
  /** Where most acquisitions find theirs. */
  readonly #ready: readonly (Shelf | undefined)[];
  readonly #waiters = new Waiters();
  readonly #loans: Loans;
  readonly #pressure: Pressure;
  readonly #holdings: Holdings;
  readonly #endings = new Set<() => void>();
  /** Bytes of slots that are held. */
  #live = 0;
  /** Above so many live bytes there is something to see to before an acquisition, and below so many after a release: all that is seldom is in these two. */
  #above = -1;
  #below = 0;
  /** Whether a ready view is all that an acquisition needs. */
  readonly #simple: boolean;
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
    this.#stock = new Stock(this, this.#source, this.#zeroed);
    this.#ready = this.#stock.shelves.ready;
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
      serialOf: (buffer) => ticketOf(buffer, this.#heldBy(buffer)),
      releaseIf: (buffer, serial) => {
        const holder = this.#find(buffer);
        if (holder !== null && ticketOf(buffer, holder) === serial) this.release(buffer);
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
    if (this.#zeroed) this.#clear(buffer, shelf.size);
    free(buffer);
    if (this.#shared !== null) this.#shared.mark(buffer, false);
    shelf.free.push(buffer);
    const live = this.#live - shelf.size;
    this.#live = live;
    if (releases.hasSubscribers) releases.publish({ pool: this.name, size: shelf.size });
    if (live < this.#below) this.#fell();
    else if (this.#shared?.starved === true) this.#stock.shed();
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
    if (this.#settings.zero === 'acquire' && size > length) clear(this.#source.view(holder instanceof Loan ? holder.offset : this.#source.offsetOf(buffer), size).subarray(length));
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
    const generation = this.#give(shared, buffer);
    return { pool: shared.memory.number, offset: shared.offsetOf(buffer), length: lengthOf(buffer), generation };
  }

  /**
   * The buffer of a token, which is this thread's from here on.
   * @throws {FreestoneError} ERR_INVALID_ADDRESS for what is no token of this pool or was taken already, ERR_UNSUPPORTED, ERR_CLOSED
   */
  fromToken(token: BufferToken): Buffer {
    const shared = this.#sharing();
    const read = readToken(token, shared.memory.number);
    const buffer = read === null ? null : this.#take(shared, read.offset, read.length, read.generation);
    if (buffer === null) throw new FreestoneError('ERR_INVALID_ADDRESS', 'this is no token of this pool, or somebody took it already');
    return buffer;
  }

  /** A queue of buffers in shared memory, to this thread and others; `handle` names it. @throws {FreestoneError} ERR_UNSUPPORTED, ERR_INVALID_ARGUMENT */
  channel(from: ChannelHandle | { readonly capacity?: number } = {}): TokenChannel {
    const shared = this.#sharing();
    const passage: Passage = {
      give: (buffer) => this.#give(shared, buffer),
      offsetOf: (buffer) => shared.offsetOf(buffer),
      take: (offset, length, generation) => {
        this.#check();
        return this.#take(shared, offset, length, generation);
      },
    };
    return new TokenChannel(passage, from);
  }

  /** Takes back every buffer in transit: for when no token will be taken any more, such as after a worker died. @returns how many. @throws {FreestoneError} ERR_UNSUPPORTED, ERR_CLOSED */
  reclaim(): number {
    return this.#sharing().reclaim();
  }

  /** Exact, for this thread; `shared` has what all threads have together. @throws {FreestoneError} ERR_CLOSED */
  stats(): BufferPoolStats {
    this.#check();
    const { name, maxBytes } = this;
    const { perClass, ...counts } = countsOf(this.#stock.magazines);
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
    this.#stock.shed();
    this.#stock.forget(this.#live);
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
    this.#stock.close();
    this.#settle();
    this.#waiters.close();
    this.#source.close();
    this.removeAllListeners();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #magazineFor(size: number): Magazine {
    const magazine = this.#stock.magazineFor(size);
    this.#check();
    return magazine;
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
    const { total } = this.#stock;
    let view: Buffer;
    try {
      view = this.#stock.take(magazine, size, this.#live);
    } catch (error) {
      throw isShortage(error) ? this.#full(size, error) : error;
    }
    if (total !== this.#stock.total) this.#settle();
    hold(view);
    if (this.#shared !== null) this.#shared.mark(view, true);
    return this.#handedOut(view, View.home(view), size);
  }

  #lend(magazine: Magazine, size: number, watched: boolean): Buffer {
    let offset: number | null = null;
    let view: Buffer;
    try {
      offset = this.#stock.takeBare(magazine, this.#live);
      view = this.#loans.lend(magazine, offset, size, watched);
    } catch (error) {
      if (offset !== null) magazine.bare.push(offset);
      throw isShortage(error) ? this.#full(size, error) : error;
    }
    this.#settle();
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

  /** Takes back what is no view of a shelf: one whose shelf was given up, or what was lent. */
  #releaseElse(buffer: Buffer): void {
    const holder = this.#heldBy(buffer);
    const { magazine } = holder;
    if (!(holder instanceof Loan)) {
      if (this.#zeroed) this.#clear(buffer, magazine.size);
      View.free(buffer);
      if (this.#shared !== null) this.#shared.mark(buffer, false);
      magazine.adopt(buffer);
    } else {
      if (this.#zeroed) clear(buffer);
      this.#loans.recall(holder, buffer);
      magazine.bare.push(holder.offset);
    }
    this.#returned(magazine);
  }

  #clear(view: Buffer, size: number): void {
    if (size > LARGEST_UNIT) this.#source.clearLarge(view);
    else clear(view);
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
    else this.#stock.relieve(this.#live);
    this.#settle();
  }

  /** Finds out anew when there is something to see to. */
  #settle(): void {
    const waits = this.#waiters.length > 0;
    this.#above = this.#simple && !waits && !this.#closed ? this.#pressure.above : -1;
    this.#below = waits ? Infinity : Math.max(this.#pressure.below, this.#stock.total - this.#stock.most);
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
    if (this.#zeroed) this.#clear(this.#source.view(offset, magazine.size), magazine.size);
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

  #find(buffer: unknown): Holder | null {
    const holder = holderOf(buffer);
    return holder?.magazine.pool === this ? holder : null;
  }

  #heldBy(buffer: unknown): Holder {
    const holder = this.#find(buffer);
    if (holder !== null) return holder;
    this.#check();
    throw new FreestoneError('ERR_INVALID_ADDRESS', `this is not a buffer that ${this.name} handed out and did not take back`);
  }

  /** Another view of what a holder has, in place of `buffer`. */
  #reshape(buffer: Buffer, holder: Holder, size: number): Buffer {
    const { magazine } = holder;
    if (holder instanceof Loan) {
      const view = this.#loans.lend(magazine, holder.offset, size, holder.watched);
      this.#loans.recall(holder, buffer);
      return view;
    }
    const view = magazine.reshape(buffer, size, this.#stock.shelves.of(magazine, size));
    View.free(buffer);
    View.hold(view);
    return view;
  }

  /** @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_CLOSED */
  #give(shared: SharedSource, buffer: Buffer): number {
    const { magazine } = this.#heldBy(buffer);
    const offset = shared.offsetOf(buffer);
    const generation = shared.send(offset);
    free(buffer);
    this.#stock.went(magazine);
    this.#live -= magazine.size;
    shared.remember(offset, buffer);
    return generation;
  }

  #take(shared: SharedSource, offset: number, length: number, generation: number): Buffer | null {
    const magazine = this.#stock.magazines[shared.receive(offset, generation)];
    if (magazine === undefined) return null;
    const size = Math.min(length, magazine.size);
    // What comes back here again and again needs no new view.
    let buffer = shared.remembered(offset, size);
    let shelf = buffer === null ? null : View.home(buffer);
    if (buffer === null || shelf?.pool !== this || shelf.magazine !== magazine) {
      shelf = this.#stock.shelves.of(magazine, size);
      buffer = shared.view(offset, size);
      new View(buffer, shelf);
    }
    hold(buffer);
    this.#stock.came(magazine, this.#live);
    return this.#handedOut(buffer, shelf, size);
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
