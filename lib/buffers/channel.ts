// Buffers from one thread to another through a ring in shared memory, without a message.
import { FreestoneError, checkInteger, shown } from '../errors.js';
import type { BufferPool } from './buffer-pool.js';
import { changed } from './wait.js';

/** Names a channel for `pool.channel` in another thread; can be sent in a message. */
export interface ChannelHandle {
  readonly ring: SharedArrayBuffer;
}

/** Words before the entries: how many were sent, how many received, and 1 when no more will come. */
const SENT = 0;
const RECEIVED = 1;
const CLOSED = 2;
const HEADER = 16;
/** Offset in 64 bytes, length, generation, and one to spare. */
const ENTRY = 4;
const MOST = 2 ** 20;

/**
 * A queue of buffers of a shared pool. One thread sends and one receives at a time. The sender writes an entry and then the count of
 * what was sent, the receiver reads that count and then the entry; both are sequentially consistent, so an entry is seen whole. A
 * thread that dies in between leaves the ring as it was before its call.
 */
export class TokenChannel implements AsyncIterable<Buffer>, Disposable {
  readonly handle: ChannelHandle;
  readonly #pool: BufferPool;
  readonly #words: Int32Array;
  readonly #entries: Uint32Array;
  readonly #mask: number;
  readonly #number: number;

  /** @internal */
  constructor(pool: BufferPool, from: ChannelHandle | { readonly capacity?: number }) {
    let ring: SharedArrayBuffer;
    if ('ring' in from) {
      const entries = ((from.ring as unknown) instanceof SharedArrayBuffer ? from.ring.byteLength : 0) / 4 - HEADER;
      if (!(entries >= ENTRY && Number.isInteger(Math.log2(entries / ENTRY)))) {
        throw new FreestoneError('ERR_INVALID_ARGUMENT', `from must be the handle of a channel, not ${shown(from)}`, { argument: 'from' });
      }
      ({ ring } = from);
    } else {
      const capacity = checkInteger('capacity', from.capacity ?? 1024, { min: 1, max: MOST });
      ring = new SharedArrayBuffer((HEADER + 2 ** Math.ceil(Math.log2(capacity)) * ENTRY) * 4);
    }
    this.handle = Object.freeze({ ring });
    this.#pool = pool;
    this.#words = new Int32Array(ring, 0, HEADER);
    this.#entries = new Uint32Array(ring, HEADER * 4);
    this.#mask = this.#entries.length / ENTRY - 1;
    this.#number = pool.handle.memory.number;
  }

  /**
   * Gives a buffer to the receiver; it is released for this thread.
   * @returns false when the ring is full, and the buffer stays the caller's
   * @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_CLOSED
   */
  send(buffer: Buffer): boolean {
    const words = this.#words;
    if (Atomics.load(words, CLOSED) !== 0) throw new FreestoneError('ERR_CLOSED', 'the channel is closed');
    const sent = Atomics.load(words, SENT);
    // The counts wrap around, and so does their difference.
    if (((sent - Atomics.load(words, RECEIVED)) | 0) > this.#mask) return false;
    const { offset, length, generation } = this.#pool.token(buffer);
    const at = (sent & this.#mask) * ENTRY;
    this.#entries[at] = offset / 64;
    this.#entries[at + 1] = length;
    this.#entries[at + 2] = generation;
    Atomics.store(words, SENT, (sent + 1) | 0);
    Atomics.notify(words, SENT);
    return true;
  }

  /** The next buffer, which is this thread's from here on; null when there is none now. @throws {FreestoneError} ERR_CLOSED for the pool */
  receive(): Buffer | null {
    const words = this.#words;
    for (let received = Atomics.load(words, RECEIVED); received !== Atomics.load(words, SENT); received = (received + 1) | 0) {
      const at = (received & this.#mask) * ENTRY;
      const token = {
        pool: this.#number,
        offset: (this.#entries[at] ?? 0) * 64,
        length: this.#entries[at + 1] ?? 0,
        generation: this.#entries[at + 2] ?? 0,
      };
      Atomics.store(words, RECEIVED, (received + 1) | 0);
      try {
        return this.#pool.fromToken(token);
      } catch (error) {
        // Reclaimed meanwhile: the next one then.
        if (!(error instanceof FreestoneError && error.code === 'ERR_INVALID_ADDRESS')) throw error;
      }
    }
    return null;
  }

  /** As `receive`, but blocks the thread. @param timeout milliseconds @returns null after that, or when the channel is closed and empty */
  receiveSync(timeout = Infinity): Buffer | null {
    const end = performance.now() + timeout;
    for (;;) {
      const sent = Atomics.load(this.#words, SENT);
      const buffer = this.receive();
      const left = end - performance.now();
      if (buffer !== null || left <= 0 || Atomics.load(this.#words, CLOSED) !== 0) return buffer;
      Atomics.wait(this.#words, SENT, sent, left);
    }
  }

  /** The next buffer; null when the channel is closed and empty. @throws the reason of `signal` */
  async receiveAsync({ signal }: { readonly signal?: AbortSignal } = {}): Promise<Buffer | null> {
    for (;;) {
      signal?.throwIfAborted();
      const sent = Atomics.load(this.#words, SENT);
      const buffer = this.receive();
      if (buffer !== null || Atomics.load(this.#words, CLOSED) !== 0) return buffer;
      await changed(this.#words, SENT, sent);
    }
  }

  /** All buffers until the channel is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (let buffer = await this.receiveAsync(); buffer !== null; buffer = await this.receiveAsync()) yield buffer;
  }

  /** No more is sent. What was sent can still be received. */
  close(): void {
    Atomics.store(this.#words, CLOSED, 1);
    Atomics.notify(this.#words, SENT);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
