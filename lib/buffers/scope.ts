// Buffers that return together.
import { type AsyncLocalStorage } from 'node:async_hooks';
import { FreestoneError } from '../errors.js';
import type { BufferPool } from './buffer-pool.js';
import type { CollectOptions, CollectSource } from './collect.js';
import type { Holdings } from './holdings.js';

/** What ends a scope: anything that emits 'close' once, such as a server's response or a socket, or a signal that aborts. */
export type ScopeEnd = AbortSignal | { once(event: 'close', listener: () => void): unknown };

export interface ScopeOptions {
  readonly until?: ScopeEnd;
}

/** One buffer for `using`. */
export interface Lease extends Disposable {
  readonly buffer: Buffer;
}

/** Made by `pool.scope()`. Every buffer that was acquired through it is released when it ends, unless it was before. */
export class BufferScope implements Disposable {
  readonly #pool: BufferPool;
  readonly #holdings: Holdings;
  readonly #current: AsyncLocalStorage<BufferScope>;
  readonly #held = new Map<Buffer, number>();
  #ended = false;

  /** @internal */
  constructor(pool: BufferPool, holdings: Holdings, current: AsyncLocalStorage<BufferScope>, { until }: ScopeOptions) {
    this.#pool = pool;
    this.#holdings = holdings;
    this.#current = current;
    if (until === undefined) return;
    const end = (): void => {
      this.end();
    };
    if (until instanceof AbortSignal) {
      if (until.aborted) this.#ended = true;
      else until.addEventListener('abort', end, { once: true });
    } else if (typeof (until as Partial<typeof until>).once === 'function') until.once('close', end);
    else throw new FreestoneError('ERR_INVALID_ARGUMENT', "until must emit 'close', or be an AbortSignal", { argument: 'until' });
  }

  /** Buffers that were acquired here and not released. */
  get size(): number {
    return this.#held.size;
  }

  /** As `pool.acquire`. @throws {FreestoneError} as that, and ERR_CLOSED when the scope has ended */
  acquire(size: number): Buffer {
    this.#check();
    return this.adopt(this.#pool.acquire(size));
  }

  /** As `pool.acquireAsync`; a buffer that comes after the end of the scope is released at once, and the promise rejects. */
  async acquireAsync(size: number, options: { readonly signal?: AbortSignal } = {}): Promise<Buffer> {
    this.#check();
    const buffer = await this.#pool.acquireAsync(size, options);
    if (this.#ended) this.#pool.release(buffer);
    this.#check();
    return this.adopt(buffer);
  }

  /** As `pool.collect`; the scope releases the buffer. @throws {FreestoneError} as that, and ERR_CLOSED when the scope has ended */
  async collect(source: CollectSource, options: CollectOptions = {}): Promise<Buffer> {
    this.#check();
    const buffer = await this.#pool.collect(source, options);
    if (this.#ended) this.#pool.release(buffer);
    this.#check();
    return this.adopt(buffer);
  }

  /** Takes charge of a buffer that the pool handed out otherwise. @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_CLOSED */
  adopt(buffer: Buffer): Buffer {
    this.#check();
    this.#held.set(buffer, this.#holdings.serialOf(buffer));
    return buffer;
  }

  /** As `pool.resize`, which alone would take the buffer from the scope. @throws {FreestoneError} as that, ERR_INVALID_ADDRESS for one that is not the scope's */
  resize(buffer: Buffer, size: number): Buffer {
    this.#check();
    if (!this.#held.has(buffer)) throw foreign();
    const resized = this.#pool.resize(buffer, size);
    this.#held.delete(buffer);
    return this.adopt(resized);
  }

  /** Leaves a buffer to the caller, who releases it. @throws {FreestoneError} ERR_INVALID_ADDRESS for one that is not the scope's */
  keep(buffer: Buffer): Buffer {
    if (this.#held.delete(buffer)) return buffer;
    throw foreign();
  }

  /** Releases one buffer before the others. @throws {FreestoneError} ERR_INVALID_ADDRESS for one that is not the scope's */
  release(buffer: Buffer): void {
    this.#pool.release(this.keep(buffer));
  }

  /** Runs `work` with this scope as `pool.current`, in everything asynchronous that it begins as well. */
  run<T>(work: () => T): T {
    return this.#current.run(this, work);
  }

  /** Releases all. A second call does nothing. */
  end(): void {
    this.#ended = true;
    for (const [buffer, serial] of this.#held) this.#holdings.releaseIf(buffer, serial);
    this.#held.clear();
  }

  [Symbol.dispose](): void {
    this.end();
  }

  #check(): void {
    if (this.#ended) throw new FreestoneError('ERR_CLOSED', 'the scope has ended');
  }
}

function foreign(): FreestoneError {
  return new FreestoneError('ERR_INVALID_ADDRESS', 'this Buffer is not one of this scope');
}
