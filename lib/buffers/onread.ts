// Sockets that read straight into pooled buffers, by the `onread` option of `net.connect` and `tls.connect`.
import type { Socket } from 'node:net';
import { FreestoneError, checkInteger, checkOptions, shown } from '../errors.js';
import type { BufferPool } from './buffer-pool.js';
import type { Holdings } from './holdings.js';
import { MOST_BYTES } from './size-classes.js';

/**
 * Gets each buffer that a socket has read, of exactly the bytes that came, and releases it.
 * @returns false to pause the socket until `socket.resume()`
 */
// `unknown`, as most callbacks return nothing at all.
export type OnreadCallback = (this: Socket, buffer: Buffer, socket: Socket) => unknown;

export interface OnreadOptions {
  /** Bytes that are read at a time at most. 64 KiB unless given. */
  readonly size?: number;
}

/** Made by `pool.onread()`, for any number of sockets. */
export interface Onread {
  /** What Node asks for a buffer. */
  readonly buffer: () => Buffer;
  /** What Node tells of a read. */
  readonly callback: (this: unknown, bytes: number, buffer: Uint8Array) => boolean;
}

/**
 * What a socket reads into that has no pooled buffer: before its first byte, since nothing says then whose buffer it is and when that
 * connection ends, and while the pool is full.
 */
const PLAIN_BYTES = 4096;

interface Reader {
  /** The pooled buffer that the socket reads into. */
  landing: Buffer | null;
  serial: number;
  /** How far it holds bytes that were copied out of it already. */
  dirty: number;
  /** Reads that wait for memory before they are delivered, and what settles when they were. */
  pending: number;
  delivered: Promise<void>;
  /** Aborted when the socket closes before its end; made when there is something to wait for. */
  waiting: AbortController | null;
  closed: boolean;
}

/** See `BufferPool.onread`. */
export function onread(pool: BufferPool, holdings: Holdings, callback: OnreadCallback, options: OnreadOptions): Onread {
  if (typeof callback !== 'function') {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `callback must be a function, not ${shown(callback)}`, { argument: 'callback' });
  }
  checkOptions('onread', options, ['size']);
  const size = checkInteger('size', options.size ?? 2 ** 16, { min: 1, max: MOST_BYTES, code: 'ERR_INVALID_SIZE' });
  const plainBytes = Math.min(size, PLAIN_BYTES);
  const readers = new WeakMap<Socket, Reader>();
  /** The socket that has just told of a read, and asks for a buffer next. */
  let asking: Reader | null = null;

  const readerOf = (socket: Socket): Reader => {
    const known = readers.get(socket);
    if (known !== undefined) return known;
    const reader: Reader = { landing: null, serial: 0, dirty: 0, pending: 0, delivered: Promise.resolve(), waiting: null, closed: false };
    readers.set(socket, reader);
    const forget = holdings.atClose(() => {
      // Before the memory goes: the socket would read into what is no longer the pool's.
      socket.destroy(new FreestoneError('ERR_CLOSED', `${pool.name} was closed while a socket read into it`));
    });
    socket.once('close', () => {
      forget();
      if (!socket.readableEnded) reader.waiting?.abort();
      reader.closed = true;
      if (reader.landing !== null) holdings.releaseIf(reader.landing, reader.serial);
      reader.landing = null;
    });
    return reader;
  };

  const give = (socket: Socket, buffer: Buffer): boolean => {
    try {
      return callback.call(socket, buffer, socket) !== false;
    } catch (error) {
      // Thrown on, it would come out of Node's own reading, and leave the socket with a buffer that it does not own.
      socket.destroy(error as Error);
      return false;
    }
  };

  /**
   * Reads on when there is room for these bytes, which are delivered first. A TLS socket that is paused gives what it has decrypted all
   * the same, its end included: those bytes may be delivered after that.
   */
  const deliverLater = (socket: Socket, reader: Reader, bytes: Buffer): void => {
    const { signal } = (reader.waiting ??= new AbortController());
    const deliver = async (): Promise<void> => {
      const buffer = await pool.acquireAsync(bytes.length, { signal });
      reader.pending -= 1;
      if (signal.aborted) {
        pool.release(buffer);
        return;
      }
      buffer.set(bytes);
      const goOn = give(socket, buffer);
      if (goOn && reader.pending === 0) socket.resume();
    };
    reader.pending += 1;
    reader.delivered = reader.delivered.then(deliver).catch((error: unknown) => {
      if (!socket.destroyed) socket.destroy(error as Error);
    });
  };

  return {
    buffer: () => {
      const reader = asking;
      asking = null;
      if (reader !== null && !reader.closed) {
        reader.landing ??= acquireIf(pool, size);
        if (reader.landing !== null) {
          reader.serial = holdings.serialOf(reader.landing);
          return reader.landing;
        }
      }
      return Buffer.allocUnsafeSlow(plainBytes);
    },
    callback(bytes, from) {
      const socket = this as Socket;
      const reader = readerOf(socket);
      const goOn = ((): boolean => {
        if (from === reader.landing && reader.pending === 0 && bytes > size / 2) {
          // Nobody releases, and so nobody zeroes, what is behind the bytes that came.
          if (reader.dirty > bytes) reader.landing.fill(0, bytes, reader.dirty);
          const whole = holdings.cut(reader.landing, bytes);
          reader.landing = null;
          reader.dirty = 0;
          return give(socket, whole);
        }
        // A short read is copied, so that a few bytes do not keep the memory of many.
        if (from === reader.landing) reader.dirty = Math.max(reader.dirty, bytes);
        const part = from.subarray(0, bytes);
        const buffer = reader.pending === 0 ? acquireIf(pool, bytes) : null;
        if (buffer === null) {
          deliverLater(socket, reader, Buffer.from(part));
          return false;
        }
        buffer.set(part);
        return give(socket, buffer);
      })();
      asking = reader;
      return goOn;
    },
  };
}

function acquireIf(pool: BufferPool, size: number): Buffer | null {
  try {
    return pool.acquire(size);
  } catch (error) {
    if (error instanceof FreestoneError && (error.code === 'ERR_LIMIT_EXCEEDED' || error.code === 'ERR_OUT_OF_MEMORY')) return null;
    throw error;
  }
}
