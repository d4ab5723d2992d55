// Slots in memory that threads share, and tokens that carry a slot from one thread to another. Who has a block is in its word: see
// native/buffers/shared_buffers.h, where the protocol is written down and argued.
import { FreestoneError } from '../errors.js';
import { bufferOver } from '../frames/index.js';
import { native, type NativeSharedBuffers } from '../native.js';
import { LEAST_BYTES, sizeClasses } from './size-classes.js';
import type { Magazine } from './magazine.js';
import type { Source } from './source.js';
import { clear, lengthOf, startOf } from './view.js';
import { changed } from './wait.js';

/** Memory of a shared pool; can be sent in a message. */
export interface SharedMemory {
  readonly number: number;
  readonly limit: number;
  readonly blocks: SharedArrayBuffer;
  readonly words: SharedArrayBuffer;
}

const MIB = 2 ** 20;
const BLOCK = 2 * MIB;
/** The longest SharedArrayBuffer of every supported engine. */
const LONGEST = 2 ** 32;
/** Beside the buffers: segments that are not full, kept blocks, and the way to the first multiple of a block. */
const room = (limit: number): number => Math.ceil((limit * 1.25) / BLOCK) * BLOCK + 64 * MIB + BLOCK;
/** What a shared pool has at most. */
export const MOST_SHARED_BYTES = Math.floor((LONGEST - 66 * MIB) / 1.25 / BLOCK) * BLOCK;

/** Behind the words of the blocks: how many threads wait, and what they wait for to change. */
const SIGNALS = 16;
const STARVED = 0;
const FREED = 1;

/** How many views of what was sent are kept: a prime, since slots lie at multiples of their size. */
const REMEMBERED = 251;

// A word from its low bit on: state, class, member, generation.
const CACHED = 1;
const HELD = 2;
const TRANSIT = 3;
const STATE = 3;
const CLASS_SHIFT = 2;
const CLASS = 127;
const MEMBER_SHIFT = 9;
const MEMBER = 511;
const GENERATION_SHIFT = 18;
const GENERATION = 2 ** 14 - 1;

export class SharedSource implements Source {
  readonly limit: number;
  readonly memory: SharedMemory;
  readonly lend = null;
  readonly #native: NativeSharedBuffers;
  readonly #member: number;
  readonly #start: number;
  readonly #words: Int32Array;
  readonly #signals: Int32Array;
  readonly #sent = new Array<Buffer | undefined>(REMEMBERED).fill(undefined);

  /** New memory for `limit` bytes of buffers, or a membership in memory that another thread made. @throws {FreestoneError} ERR_OUT_OF_MEMORY, ERR_CLOSED, ERR_LIMIT_EXCEEDED */
  constructor(from: number | SharedMemory) {
    const made = typeof from === 'number';
    const limit = made ? from : from.limit;
    const bytes = room(limit);
    const blocks = made ? share(bytes) : from.blocks;
    const words = made ? share((bytes / LEAST_BYTES + SIGNALS) * 4) : from.words;
    const { SharedBuffers } = native();
    // Where blocks can begin is only known to C++, which sees addresses.
    const start = native().bytesToMultiple(new Uint8Array(blocks), BLOCK);
    const region = new Uint8Array(blocks, start, bytes - BLOCK);
    const all = new Uint32Array(words);
    this.#native = made ? new SharedBuffers(region, all, limit) : new SharedBuffers(region, all, from.number, true);
    const { handle, member } = this.#native.membership();
    this.limit = limit;
    this.memory = Object.freeze({ number: handle, limit, blocks, words });
    this.#member = member;
    this.#start = start;
    this.#words = new Int32Array(words);
    this.#signals = new Int32Array(words, (bytes / LEAST_BYTES) * 4, SIGNALS);
  }

  refill(magazine: Magazine, count: number, zeroed: boolean): void {
    const list = new Float64Array(count);
    this.#native.refill(magazine.index, magazine.size, zeroed ? 1 : 0, list);
    magazine.bare.push(...list);
    magazine.total += count;
  }

  drain(_: Magazine | null, offsets: readonly number[]): void {
    // No more than one call of C++ takes.
    for (let i = 0; i < offsets.length; i += 256) this.#native.drain(Float64Array.from(offsets.slice(i, i + 256)));
    Atomics.add(this.#signals, FREED, 1);
    Atomics.notify(this.#signals, FREED);
  }

  view(offset: number, length: number): Buffer {
    return bufferOver(this.memory.blocks, this.#start + offset, length);
  }

  offsetOf(view: Buffer): number {
    return startOf(view) - this.#start;
  }

  clearLarge(view: Buffer): void {
    clear(view);
  }

  recall(): void {
    // Nothing is lent: a SharedArrayBuffer cannot be taken from its views.
  }

  /** Says in the word of a view's slot that this thread holds it, or keeps it for later. */
  mark(view: Buffer, held: boolean): void {
    const at = (startOf(view) - this.#start) / LEAST_BYTES;
    Atomics.store(this.#words, at, (Atomics.load(this.#words, at) & ~STATE) | (held ? HELD : CACHED));
  }

  /** Whether a thread waits for memory that this one may have. */
  get starved(): boolean {
    return Atomics.load(this.#signals, STARVED) > 0;
  }

  /** Waits until another thread gave memory back, or for a moment. */
  async freed(): Promise<void> {
    const seen = Atomics.load(this.#signals, FREED);
    Atomics.add(this.#signals, STARVED, 1);
    try {
      await changed(this.#signals, FREED, seen);
    } finally {
      Atomics.sub(this.#signals, STARVED, 1);
    }
  }

  /** Puts a held slot in transit: it is nobody's until its token is taken. @returns the token's generation */
  send(offset: number): number {
    const at = offset / LEAST_BYTES;
    const word = Atomics.load(this.#words, at);
    const generation = ((word >>> GENERATION_SHIFT) + 1) & GENERATION;
    Atomics.store(this.#words, at, (word & (2 ** GENERATION_SHIFT - 1) & ~STATE) | TRANSIT | (generation << GENERATION_SHIFT));
    return generation;
  }

  /** Keeps the view of what is sent, until another one's turn is here: it may come back. */
  remember(offset: number, view: Buffer): void {
    this.#sent[(offset / LEAST_BYTES) % REMEMBERED] = view;
  }

  /** The view that was sent from there with that length; null when there is none. */
  remembered(offset: number, length: number): Buffer | null {
    const view = this.#sent[(offset / LEAST_BYTES) % REMEMBERED];
    return view !== undefined && this.offsetOf(view) === offset && lengthOf(view) === length ? view : null;
  }

  /** Takes what is in transit. @returns its class; -1 when this is no token, or somebody took it */
  receive(offset: number, generation: number): number {
    const at = offset / LEAST_BYTES;
    if (!Number.isInteger(at) || at < 0 || at >= this.#words.length - SIGNALS) return -1;
    const word = Atomics.load(this.#words, at);
    if ((word & STATE) !== TRANSIT || word >>> GENERATION_SHIFT !== generation) return -1;
    const mine = (word & ~(STATE | (MEMBER << MEMBER_SHIFT))) | HELD | (this.#member << MEMBER_SHIFT);
    if (Atomics.compareExchange(this.#words, at, word, mine) !== word) return -1;
    const index = (word >>> CLASS_SHIFT) & CLASS;
    return index < sizeClasses().sizes.length ? index : -1;
  }

  reclaim(): number {
    const count = this.#native.reclaim();
    if (count > 0) this.drain(null, []);
    return count;
  }

  stats(): ReturnType<NativeSharedBuffers['stats']> {
    return this.#native.stats();
  }

  trim(): number {
    return this.#native.trim();
  }

  validate(): void {
    this.#native.validate();
  }

  close(): void {
    this.#native.close();
    Atomics.add(this.#signals, FREED, 1);
    Atomics.notify(this.#signals, FREED);
  }
}

function share(bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes);
  } catch (cause) {
    throw new FreestoneError('ERR_OUT_OF_MEMORY', `no memory of ${String(bytes)} bytes that threads can share`, { requested: bytes }, { cause });
  }
}
