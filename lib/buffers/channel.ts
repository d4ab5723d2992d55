// Buffers from one thread to another through a ring in shared memory, without a message.
import { FreestoneError, checkInteger, shown } from '../errors.js';
import { lengthOf } from './view.js';
import { changed } from './wait.js';

/** Names a channel for `pool.channel` in another thread; can be sent in a message. */
export interface ChannelHandle {
  readonly ring: SharedArrayBuffer;
}

/** What a pool lets its channels do. */
export interface Passage {
  /** Puts a held buffer in transit. @returns its generation. @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_CLOSED */
  give(buffer: Buffer): number;
  offsetOf(buffer: Buffer): number;
  /** Takes what is in transit; null when it is not. @throws {FreestoneError} ERR_CLOSED */
  take(offset: number, length: number, generation: number): Buffer | null;
}

/** Words before the entries: how many were sent, how many received, 1 when no more will come, and how many wait for what is sent. */
const SENT = 0;
const RECEIVED = 1;
const CLOSED = 2;
const WAITING = 3;
const HEADER = 16;
/** Offset in 64 bytes, length, generation, and one to spare. */
const ENTRY = 4;
const MOST = 2 ** 20;

/**
 * A queue of buffers of a shared pool. One thread sends and one receives at a time. The sender writes an entry and then the count of
 * what was sent, the receiver reads that count and then the entry; both are sequentially consistent, so an entry is seen whole. A
 * thread that dies in between leaves the ring as it was before its call.
 * A notification is a call into the engine, so the sender makes it only when somebody says in WAITING that it waits. Who waits says so
 * first and then looks at SENT, in one step with beginning to wait; the sender changes SENT first and then looks at WAITING. So either
 * the one sees the other's count, or the other way round. A receiver that dies while it waits leaves WAITING too high, which costs
 * notifications and nothing else.
 */
export class TokenChannel implements AsyncIterable<Buffer>, Disposable {
  readonly handle: ChannelHandle;
  readonly #passage: Passage;
  readonly #words: Int32Array;
  readonly #entries: Uint32Array;
  readonly #mask: number;

  /** @internal */
  constructor(passage: Passage, from: ChannelHandle | { readonly capacity?: number }) {
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
    this.#passage = passage;
    this.#words = new Int32Array(ring, 0, HEADER);
    this.#entries = new Uint32Array(ring, HEADER * 4);
    this.#mask = this.#entries.length / ENTRY - 1;
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
    const at = (sent & this.#mask) * ENTRY;
    const entries = this.#entries;
    // First, because it refuses what cannot be sent.
    entries[at + 2] = this.#passage.give(buffer);
    entries[at] = this.#passage.offsetOf(buffer) / 64;
    entries[at + 1] = lengthOf(buffer);
    Atomics.store(words, SENT, (sent + 1) | 0);
    if (Atomics.load(words, WAITING) !== 0) Atomics.notify(words, SENT);
    return true;
  }

  /** The next buffer, which is this thread's from here on; null when there is none now. @throws {FreestoneError} ERR_CLOSED for the pool */
  receive(): Buffer | null {
    const words = this.#words;
    for (let received = Atomics.load(words, RECEIVED); received !== Atomics.load(words, SENT); received = (received + 1) | 0) {
      const at = (received & this.#mask) * ENTRY;
      const entries = this.#entries;
      const offset = (entries[at] ?? 0) * 64;
      const length = entries[at + 1] ?? 0;
      const generation = entries[at + 2] ?? 0;
      Atomics.store(words, RECEIVED, (received + 1) | 0);
      const buffer = this.#passage.take(offset, length, generation);
      // None when it was reclaimed meanwhile: the next one then.
      if (buffer !== null) return buffer;
    }
    return null;
  }

  /** As `receive`, but blocks the thread. @param timeout milliseconds @returns null after that, or when the channel is closed and empty */
  receiveSync(timeout = Infinity): Buffer | null {
    const ready = this.receive();
    if (ready !== null) return ready;
    const end = performance.now() + timeout;
    Atomics.add(this.#words, WAITING, 1);
    try {
      for (;;) {
        const sent = Atomics.load(this.#words, SENT);
        const buffer = this.receive();
        const left = end - performance.now();
        if (buffer !== null || left <= 0 || Atomics.load(this.#words, CLOSED) !== 0) return buffer;
        Atomics.wait(this.#words, SENT, sent, left);
      }
    } finally {
      Atomics.sub(this.#words, WAITING, 1);
    }
  }

  /** The next buffer; null when the channel is closed and empty. @throws the reason of `signal` */
  async receiveAsync({ signal }: { readonly signal?: AbortSignal } = {}): Promise<Buffer | null> {
    for (;;) {
      signal?.throwIfAborted();
      const sent = Atomics.load(this.#words, SENT);
      const buffer = this.receive();
      if (buffer !== null || Atomics.load(this.#words, CLOSED) !== 0) return buffer;
      Atomics.add(this.#words, WAITING, 1);
      try {
        await changed(this.#words, SENT, sent);
      } finally {
        Atomics.sub(this.#words, WAITING, 1);
      }
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
