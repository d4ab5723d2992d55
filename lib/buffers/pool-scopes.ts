// What a pool has for buffers that return together.
import { AsyncLocalStorage } from 'node:async_hooks';
import { FreestoneError } from '../errors.js';
import type { BufferPool } from './buffer-pool.js';
import { holdingsOf } from './holdings.js';
import { BufferScope, type Lease, type ScopeOptions } from './scope.js';
import { PoolStreams } from './streams.js';

/** The part of a `BufferPool` that knows of scopes. */
export abstract class PoolScopes<Events extends Record<keyof Events, unknown[]>> extends PoolStreams<Events> {
  readonly #current = new AsyncLocalStorage<BufferScope>();

  get #pool(): BufferPool {
    return this as unknown as BufferPool;
  }

  /** One buffer, released when the lease is disposed of. @throws {FreestoneError} as `acquire` */
  lease(size: number): Lease {
    const buffer = this.#pool.acquire(size);
    const holdings = holdingsOf(this);
    const serial = holdings.serialOf(buffer);
    return {
      buffer,
      [Symbol.dispose]: () => {
        holdings.releaseIf(buffer, serial);
      },
    };
  }

  /** Buffers that return together: with `using`, by `end()`, or when `until` closes or aborts. @throws {FreestoneError} ERR_INVALID_ARGUMENT */
  scope(options: ScopeOptions = {}): BufferScope {
    return new BufferScope(this.#pool, holdingsOf(this), this.#current, options);
  }

  /** The scope in whose `run` this is called, also after an await. @throws {FreestoneError} ERR_NOT_FOUND outside of any */
  get current(): BufferScope {
    const scope = this.#current.getStore();
    if (scope === undefined) throw new FreestoneError('ERR_NOT_FOUND', 'no scope of this pool is running here');
    return scope;
  }
}
