// Small writes gathered in memory until they make large ones: headers, and the elements of small datasets.
import { begin, done, Flight, Line, type Pending, type Steps } from './steps.js';

/** Neighbours within one page go out in one write. */
const PAGE_BYTES = 2 ** 18;
/** From so many bytes on they are written without being asked for. */
const PRESSED_BYTES = 2 ** 20;
/** Kept for the next loads, of which one leaves while the other is gathered, and more where a load had more: a commit of a large index has, time and again. */
const SPARE_PAGES = (2 * PRESSED_BYTES) / PAGE_BYTES;

/** A stretch of the file with what is to be written of it: `runs` has start and end of each, ascending, never adjacent. */
interface Page {
  readonly bytes: Buffer;
  readonly runs: number[];
}

type Pages = Map<number, Page>;

/** Takes bytes and writes them later. Among what overlaps, the last one wins. */
export class WriteBehind {
  readonly #write: (address: number, bytes: Uint8Array) => Pending;
  #pages: Pages = new Map();
  /** Under way, or failed and kept to be tried again; the oldest first. */
  readonly #leaving: Pages[] = [];
  /** One drain after the other. */
  readonly #line = new Line();
  /** The last of them. */
  #drained: Pending = done;
  readonly #spare: Buffer[] = [];

  constructor(write: (address: number, bytes: Uint8Array) => Pending) {
    this.#write = write;
  }

  /** @param isOurs the memory is nobody else's any more, nor in Node's pool: whole pages of it need not be copied */
  put(address: number, bytes: Uint8Array, isOurs = false): void {
    for (let done = 0; done < bytes.length; ) {
      const number = Math.floor((address + done) / PAGE_BYTES);
      const start = address + done - number * PAGE_BYTES;
      const size = Math.min(bytes.length - done, PAGE_BYTES - start);
      if (isOurs && size === PAGE_BYTES) {
        this.#pages.set(number, { bytes: Buffer.from(bytes.buffer, bytes.byteOffset + done, size), runs: [0, size] });
        done += size;
        continue;
      }
      const page = this.#page(number);
      page.bytes.set(done === 0 && size === bytes.length ? bytes : bytes.subarray(done, done + size), start);
      addRun(page.runs, start, start + size);
      done += size;
    }
  }

  /** Undefined while there is room for more; else settles when there is. A failure comes again with the next call, and with `drain`. */
  pressure(): Pending | undefined {
    if (this.#pages.size * PAGE_BYTES < PRESSED_BYTES) return undefined;
    // One load leaves while the next is gathered.
    const before = this.#leaving.length > 0 ? this.#drained : undefined;
    this.drain();
    return before;
  }

  /** Settles when all that was put has been written. What fails is kept for the next time. */
  drain(): Pending {
    if (this.#pages.size > 0) {
      this.#leaving.push(this.#pages);
      this.#pages = new Map();
    }
    if (this.#leaving.length === 0) return done;
    this.#drained = begin(this.#line.inTurn(() => this.#drain()));
    return this.#drained;
  }

  /** The first byte behind all that has not been written yet; 0 when nothing waits. */
  get end(): number {
    let end = 0;
    for (const pages of [...this.#leaving, this.#pages]) {
      for (const [number, { runs }] of pages) end = Math.max(end, number * PAGE_BYTES + (runs.at(-1) ?? 0));
    }
    return end;
  }

  /** Lays what has not been written yet over bytes that were read at an address. */
  overlay(address: number, bytes: Buffer): void {
    for (const pages of [...this.#leaving, this.#pages]) {
      for (let number = Math.floor(address / PAGE_BYTES); number * PAGE_BYTES < address + bytes.length; number += 1) {
        const page = pages.get(number);
        if (page === undefined) continue;
        const base = number * PAGE_BYTES - address;
        for (let i = 0; i < page.runs.length; i += 2) {
          const start = Math.max(page.runs[i] ?? 0, -base);
          const end = Math.min(page.runs[i + 1] ?? 0, bytes.length - base);
          if (start < end) page.bytes.copy(bytes, base + start, start, end);
        }
      }
    }
  }

  *#drain(): Steps {
    for (let pages = this.#leaving[0]; pages !== undefined; pages = this.#leaving[0]) {
      const flight = new Flight();
      for (const [number, { bytes, runs }] of [...pages].sort(([a], [b]) => a - b)) {
        for (let i = 0; i < runs.length; i += 2) {
          flight.add(this.#write(number * PAGE_BYTES + (runs[i] ?? 0), bytes.subarray(runs[i], runs[i + 1])));
        }
      }
      yield* flight.landed();
      this.#leaving.shift();
      const most = Math.max(SPARE_PAGES, pages.size);
      for (const { bytes } of pages.values()) if (this.#spare.length < most && bytes.length === bytes.buffer.byteLength) this.#spare.push(bytes);
      this.#spare.length = Math.min(this.#spare.length, most);
    }
  }

  #page(number: number): Page {
    const found = this.#pages.get(number);
    if (found !== undefined) return found;
    // Not from Node's pool: worker threads read it.
    const made = { bytes: this.#spare.pop() ?? Buffer.allocUnsafeSlow(PAGE_BYTES), runs: [] };
    this.#pages.set(number, made);
    return made;
  }
}

/** Adds a run to those that are there and joins it with what it touches. */
function addRun(runs: number[], start: number, end: number): void {
  const last = runs.length - 1;
  if (runs[last] === start) {
    runs[last] = end;
    return;
  }
  let first = 0;
  while (first < runs.length && (runs[first + 1] ?? 0) < start) first += 2;
  let next = first;
  let [low, high] = [start, end];
  while (next < runs.length && (runs[next] ?? 0) <= end) {
    low = Math.min(low, runs[next] ?? 0);
    high = Math.max(high, runs[next + 1] ?? 0);
    next += 2;
  }
  runs.splice(first, next - first, low, high);
}
