// What names a shared pool, and a buffer of it, to another thread.
import { FreestoneError, checkInteger, shown } from '../errors.js';
import type { BufferPoolOptions, Zero } from './options.js';
import type { SharedMemory } from './shared-source.js';

/** Names a shared pool for `BufferPool.attach` in another thread; can be sent in a message. */
export interface BufferPoolHandle {
  readonly memory: SharedMemory;
  readonly zero: Zero;
  readonly name: string;
}

/** A buffer on its way to another thread; can be sent in a message. Good for one `fromToken`. */
export interface BufferToken {
  readonly pool: number;
  readonly offset: number;
  readonly length: number;
  readonly generation: number;
}

/** What a handle says. @throws {FreestoneError} ERR_INVALID_ARGUMENT */
export function readHandle(handle: BufferPoolHandle): { options: BufferPoolOptions; memory: SharedMemory } {
  const { memory, zero, name } = Object(handle) as Partial<BufferPoolHandle>;
  if (!(memory?.blocks instanceof SharedArrayBuffer) || !(memory.words instanceof SharedArrayBuffer)) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `handle must be that of a shared pool, not ${shown(handle)}`, { argument: 'handle' });
  }
  checkInteger('handle.memory.number', memory.number, { min: 1 });
  checkInteger('handle.memory.limit', memory.limit, { min: 1 });
  return { options: { shared: true, maxBytes: memory.limit, ...(zero === undefined ? {} : { zero }), ...(name === undefined ? {} : { name }) }, memory };
}

/** Where a token says its buffer is; null for what cannot be one of pool `number`. */
export function readToken(token: BufferToken, number: number): { offset: number; length: number; generation: number } | null {
  const { pool, offset = 0, length = -1, generation = -1 } = Object(token) as Partial<BufferToken>;
  return pool === number && Number.isSafeInteger(offset) && Number.isSafeInteger(length) && length >= 0 ? { offset, length, generation } : null;
}
