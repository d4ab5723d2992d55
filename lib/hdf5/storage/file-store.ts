// What all storage of one file shares: the open file, its space, and the bound on what is under way.
import { checkInteger } from '../../errors.js';
import type { FileSpace } from '../../filespace/index.js';
import { native, type NativeFile } from '../../native.js';
import { Pending, begin, done, isSynchronous, task, turn, wait, type Steps } from './steps.js';
import { ReadCache } from './read-cache.js';
import { WriteBehind } from './write-behind.js';

/** Bytes of raw data that may be on their way through filters and to the file at once. */
const IN_FLIGHT_BYTES = 32 * 2 ** 20;
/** Contiguous data goes out in pieces of this size, several at once. */
export const writePieceSize = 8 * 2 ** 20;
/** So much is read within the call, if it is in memory already: a worker thread would take as long to be asked. */
export const mostReadNow = 2 * 2 ** 20;
/** Runs that are shorter are not read one by one. */
export const leastRun = 2 ** 12;

/** Lets work through while it is within a number of tasks and bytes; a task larger than the bound goes alone. First come, first served. */
export class Throttle {
  readonly #tasks: number;
  readonly #bytes: number;
  #running = 0;
  #inFlight = 0;
  readonly #waiting: { readonly size: number; readonly go: Pending }[] = [];

  constructor(tasks: number, bytes: number) {
    this.#tasks = tasks;
    this.#bytes = bytes;
  }

  /** Whether `enter` would settle at once. */
  hasRoom(size: number): boolean {
    return this.#waiting.length === 0 && this.#fits(size);
  }

  /** Settles when there is room; `leave` gives it back. */
  enter(size: number): Pending {
    if (this.hasRoom(size)) {
      this.#take(size);
      return done;
    }
    const go = new Pending();
    this.#waiting.push({ size, go });
    return go;
  }

  leave(size: number): void {
    this.#running -= 1;
    this.#inFlight -= size;
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.size); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#take(next.size);
      next.go.resolve();
    }
  }

  #fits(size: number): boolean {
    return this.#running === 0 || (this.#running < this.#tasks && this.#inFlight + size <= this.#bytes);
  }

  #take(size: number): void {
    this.#running += 1;
    this.#inFlight += size;
  }
}

/** How long calls that need not wait may follow each other before other work has its turn. */
const TURN_MILLISECONDS = 8;
/** The clock is looked at once in so many calls, and in so many bytes of them. */
const CALLS_PER_LOOK = 32;
const BYTES_PER_LOOK = 2 ** 20;
/** More is not written within a call. */
const MOST_WRITTEN_NOW = 2 * 2 ** 20;
/** A write that took so long waited for the device: for so many times as long others do not. */
const SLOW_MILLISECONDS = 4;
const PAUSE_FACTOR = 50;

/**
 * Sees to it that what is done within calls leaves the event loop its turns: a program that awaits one short call after the other
 * still comes to its timers and sockets. A write into the page cache takes less than to wake a worker and to be told by it; but when
 * the device is behind the kernel makes writers wait, and that must not be the event loop.
 */
export class Turns {
  /** What was done since the clock was looked at: 1 is enough to look again. */
  #done = 0;
  #last = performance.now();
  /** When the first write began since the event loop turned. */
  #writingSince: number | undefined;
  #isDue = false;
  #slowUntil = 0;
  readonly #mostWritten: number;

  /** @param mostWritten larger writes are not done within the call */
  constructor(mostWritten: number) {
    this.#mostWritten = mostWritten;
  }

  /** Undefined, nearly always; else to be awaited. @param size how many bytes the call has put somewhere */
  next(size = 0): Pending | undefined {
    this.#done += 1 / CALLS_PER_LOOK + size / BYTES_PER_LOOK;
    if (!this.#isDue && this.#done < 1) return undefined;
    this.#done = 0;
    if (!this.#isDue && performance.now() - this.#last < TURN_MILLISECONDS) return undefined;
    this.#isDue = false;
    const next = turn();
    next.watch(() => {
      this.#last = performance.now();
    });
    return next;
  }

  /** Whether a write of so many bytes may be done within the call. */
  allow(size: number): boolean {
    if (size > this.#mostWritten) return false;
    if (isSynchronous()) return true;
    const now = performance.now();
    if (now < this.#slowUntil) return false;
    if (this.#writingSince === undefined) {
      this.#writingSince = now;
      setImmediate(() => {
        this.#writingSince = undefined;
      });
    }
    // Who awaits each call never comes so far.
    return now - this.#writingSince < 2 * TURN_MILLISECONDS;
  }

  /** A write was done within the call. @param hasSlept else what took long was another program's turn on the processor */
  wrote(begun: number, hasSlept: boolean): void {
    const now = performance.now();
    if (hasSlept && now - begun >= SLOW_MILLISECONDS) this.#slowUntil = now + PAUSE_FACTOR * (now - begun);
    this.#isDue = this.#writingSince !== undefined && now - this.#writingSince >= TURN_MILLISECONDS;
  }
}

/** Bytes of the file. */
export interface Extent {
  readonly address: number;
  readonly size: number;
}

export interface FileStoreOptions {
  /** How many tasks of this file may run at once. */
  readonly threads: number;
  /** Whether anything in the file may change. */
  readonly isWritable: boolean;
  /** Whether large writes pass the page cache by. */
  readonly isDirect: boolean;
  /** Of a dataset that says nothing else: bytes of chunks that stay in memory. */
  readonly chunkCache: number;
}

/** An open file with its space. */
export class FileStore {
  readonly file: NativeFile;
  readonly space: FileSpace;
  readonly throttle: Throttle;
  readonly turns: Turns;
  /** Of a dataset that says nothing else: bytes of chunks that stay in memory. */
  readonly chunkCache: number;
  /** Small things on their way to the file. */
  readonly behind: WriteBehind;
  /** Of a file that is only read. */
  readonly #cache: ReadCache | undefined;
  /** What is given back while a commit is on its way, which may still refer to it. */
  #held: Extent[] | null = null;

  constructor(file: NativeFile, space: FileSpace, { threads, isWritable, isDirect, chunkCache }: FileStoreOptions) {
    this.file = file;
    // What passes the page cache by waits for the device.
    this.turns = new Turns(isDirect ? 0 : MOST_WRITTEN_NOW);
    this.chunkCache = chunkCache;
    this.#cache = isWritable ? undefined : new ReadCache(file);
    this.space = space;
    // As many again wait in line, so that a worker that is done finds the next task at once; not where others are to be left alone.
    this.throttle = new Throttle(threads < native().workerCount() ? threads : threads * 2, IN_FLIGHT_BYTES);
    this.behind = new WriteBehind((address, bytes) => begin(this.write(address, bytes)));
  }

  /**
   * Gives back space that the file's next state does not refer to; it is used again after the commit of that state. No write to it
   * may be under way, but bytes of it may still be in `behind`: they never reach the file after another owner's. The space stays
   * pending until a commit has settled, that commit drains all that was put before, and what fails in `drain` goes out before
   * what came later. What is given back while a commit is on its way may have been put after that commit's drain; it is held, and so
   * becomes free with the commit after it, which drains again.
   */
  release({ address, size }: Extent): void {
    if (this.#held === null) this.space.free(address, size);
    else this.#held.push({ address, size });
  }

  /** From here on what is given back belongs to the commit after the one that begins. */
  hold(): void {
    this.#held = [];
  }

  letGo(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const extent of held) this.release(extent);
  }

  /** Writes a few bytes, one of many such, when there is room among what is under way. */
  *write(address: number, bytes: Uint8Array): Steps {
    yield* wait(this.throttle.enter(bytes.length));
    yield* this.submitted(address, bytes, false);
  }

  /** Writes what the throttle has let through. @param wakes whether a worker is to be woken for it while another is awake */
  *submitted(address: number, bytes: Uint8Array, wakes = true): Steps {
    // Memory that is detached meanwhile has no length any more.
    const size = bytes.length;
    try {
      yield* wait(task((ticket) => { this.file.write(ticket, address, bytes, wakes); }, bytes));
    } finally {
      this.throttle.leave(size);
    }
  }

  /** Writes within the call, as `turns` has allowed. */
  writeNow(address: number, bytes: Uint8Array): void {
    const begun = performance.now();
    this.turns.wrote(begun, this.file.writeSync(address, bytes));
  }

  /** Whether nothing has ever been written from an address of this file on, so that it reads as zeros. */
  isUntouched(address: number): boolean {
    return address >= Math.max(this.file.size(), this.behind.end);
  }

  /** Exactly `into.length` bytes. */
  *read(address: number, into: Uint8Array): Steps {
    yield* wait(task((ticket) => { this.file.read(ticket, address, into); }, into));
  }

  /** Up to `size` bytes, fewer where the file ends, without waiting on the calling thread for the device. They must not be changed. */
  *load(address: number, size: number): Steps<Buffer> {
    if (this.#cache === undefined) return this.readSync(address, size);
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(size, this.file.size() - address)));
    const found = bytes.length === 0 ? 0 : this.file.readCached(address, bytes);
    if (found < bytes.length) yield* this.read(address + found, bytes.subarray(found));
    return bytes;
  }

  /** Takes the file system's space for what is about to be written. */
  *reserve(address: number, size: number): Steps {
    yield* wait(task((ticket) => { this.file.reserve(ticket, address, size); }));
  }

  *truncate(size: number): Steps {
    yield* wait(task((ticket) => { this.file.truncate(ticket, size); }));
  }

  *sync(): Steps {
    yield* wait(task((ticket) => { this.file.sync(ticket); }));
  }

  /** Up to `size` bytes: fewer where the file ends. For metadata. They must not be changed. */
  readSync(address: number, size: number): Buffer {
    if (this.#cache !== undefined) return this.#cache.view(address, size);
    const waiting = this.behind.end;
    if (waiting === 0) return readFile(this.file, address, size);
    const bytes = Buffer.alloc(Math.max(0, Math.min(size, Math.max(this.file.size(), waiting) - address)));
    readFile(this.file, address, bytes.length).copy(bytes);
    this.behind.overlay(address, bytes);
    return bytes;
  }
}

/** Up to `size` bytes: fewer where the file ends. */
export function readFile(file: NativeFile, address: number, size: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, Math.min(size, file.size() - address)));
  if (bytes.length > 0) file.readSync(address, bytes);
  return bytes;
}

/** Places the encoded structures of one commit and hands them on to be written. */
export class MetadataBatch {
  readonly #store: FileStore;
  readonly #placed: Extent[] = [];
  readonly #replaced: Extent[] = [];
  /** For each object that is being encoded, inside each other, what has been placed for it. */
  readonly #owners: Extent[][] = [];

  constructor(store: FileStore) {
    this.#store = store;
  }

  /** Allocates space for a structure and takes it to be written, with its memory. @returns its address */
  place(bytes: Uint8Array): number {
    const address = this.reserve(bytes.length);
    this.#store.behind.put(address, bytes, true);
    return address;
  }

  /** Allocates space for a structure that has to know addresses before it can be encoded. */
  reserve(size: number): number {
    const extent = { address: this.#store.space.allocate(size, { kind: 'metadata' }), size };
    this.#placed.push(extent);
    this.#owners.at(-1)?.push(extent);
    return extent.address;
  }

  /** Takes a structure to be written into space from `reserve`. */
  put(address: number, bytes: Uint8Array): void {
    this.#store.behind.put(address, bytes);
  }

  /** Encodes one object. @returns what was placed for it, without what `encode` had placed for others in the same way */
  owned<T>(encode: () => T): { readonly result: T; readonly extents: readonly Extent[] } {
    const extents: Extent[] = [];
    this.#owners.push(extents);
    const result = encode();
    this.#owners.pop();
    return { result, extents };
  }

  /** Notes what the file refers to until this commit, and no longer after it. */
  replaces(extents: readonly Extent[]): void {
    this.#replaced.push(...extents);
  }

  /** The commit is there: what it replaces may be used again. */
  settle(): void {
    for (const { address, size } of this.#replaced) this.#store.space.free(address, size);
    this.#store.space.commit();
  }

  /** The commit failed. The file may refer to what was written all the same, until the next one. */
  abandon(): void {
    for (const { address, size } of this.#placed) this.#store.space.free(address, size);
  }

  /** Settles when all that was taken is written, also what was taken outside of this commit. */
  write(): Pending {
    return this.#store.behind.drain();
  }
}

/** How many tasks of a file run at once. @throws ERR_INVALID_ARGUMENT */
export function threadCount(threads: number | undefined): number {
  return threads === undefined ? native().workerCount() : checkInteger('threads', threads, { min: 1 });
}

/** Closes a file once what is under way has ended. @param most the file is cut to this size if it is longer */
export function* closeFile(file: NativeFile, most?: number): Steps {
  yield* wait(task((ticket) => { file.close(ticket, most); }));
}
