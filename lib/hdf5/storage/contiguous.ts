// Contiguous storage: all elements in one run of the file, whose space is allocated at the first write.
import type { Layout } from '../format/layout.js';
import {
  checkTarget,
  dot,
  product,
  rowMajorStrides,
  runsOf,
  walkedDimensions,
  type Box,
  type ElementSource,
  type ElementTarget,
} from './box.js';
import { checkSource, fetchPiece, piecesOf } from './form.js';
import { elementRuns, gatherRun, isDirect, isGathered, type ElementRun } from './gather.js';
import { leastRun, mostReadNow, writePieceSize, type Extent, type FileStore } from './file-store.js';
import type { RowRun } from './row-run.js';
import { begin, flown, settled, wait, Flight, Line, type Steps } from './steps.js';

/** A dataset of up to so many bytes is written behind, together with what is near it. */
const SMALL_BYTES = 2 ** 16;

export interface ContiguousOptions {
  readonly shape: readonly number[];
  readonly elementSize: number;
  /** One element, or null for zeros. */
  readonly fill: Uint8Array | null;
  readonly address: number | null;
}

export class ContiguousStorage {
  readonly #store: FileStore;
  readonly #shape: readonly number[];
  readonly #elementSize: number;
  readonly #fill: Uint8Array | null;
  #address: number | null;
  readonly #line = new Line();

  constructor(store: FileStore, { shape, elementSize, fill, address }: ContiguousOptions) {
    this.#store = store;
    this.#shape = shape;
    this.#elementSize = elementSize;
    this.#fill = fill;
    this.#address = address;
  }

  get size(): number {
    return product(this.#shape) * this.#elementSize;
  }

  get storageSize(): number {
    return this.#address === null ? 0 : this.size;
  }

  layout(): Layout {
    return { kind: 'contiguous', address: this.#address, size: this.size };
  }

  /** Whether the dataset is so small that it is written behind, and no write is under way. */
  get isBehind(): boolean {
    return this.#line.isFree && this.size <= SMALL_BYTES;
  }

  /** Writes one box at once, if that can be done within the call and nothing is under way. @returns whether it did; otherwise nothing has changed */
  take(box: Box, source: ElementSource): boolean {
    if (!this.#line.isFree) return false;
    if (this.size > SMALL_BYTES) return this.#writeNow(box, source);
    this.#put(box, source);
    return true;
  }

  /** Writes one run of a dataset that has its space, or gets it now and is written whole. */
  #writeNow(box: Box, source: ElementSource): boolean {
    const size = product(box.count) * this.#elementSize;
    const isFirst = this.#address === null;
    if (size === 0 || !isDirect({ count: box.count, source }, this.#elementSize)) return false;
    if (walkedDimensions(box, this.#shape) > 0 || (isFirst && size < this.size) || !this.#store.turns.allow(size)) return false;
    checkSource(source, box.count, this.#elementSize);
    this.#address ??= this.#store.space.allocate(this.size, { kind: 'raw' });
    const address = this.#address;
    try {
      this.#store.writeNow(address + dot(box.start, rowMajorStrides(this.#shape, this.#elementSize)), source.bytes.subarray(source.offset, source.offset + size));
    } catch (error) {
      if (isFirst) this.#giveUp({ address, size });
      throw error;
    }
    return true;
  }

  /** Writes one box of a small dataset by copying it. It reaches the file with the next flush at the latest. */
  #put(box: Box, source: ElementSource): void {
    if (product(box.count) === 0) return;
    checkSource(source, box.count, this.#elementSize);
    let address = this.#address;
    if (address === null) {
      address = this.#store.space.allocate(this.size, { kind: 'raw' });
      if (this.#mustFill(address, box)) this.#store.behind.put(address, Buffer.alloc(this.size, this.#fill ?? 0));
      this.#address = address;
    }
    const size = product(box.count) * this.#elementSize;
    if (size === this.size && isDirect({ count: box.count, source }, this.#elementSize)) {
      this.#store.behind.put(address, source.bytes.subarray(source.offset, source.offset + size));
      return;
    }
    for (const run of elementRuns(address, box, this.#shape, this.#elementSize, source)) for (const { at, bytes } of this.#pieces(run)) this.#store.behind.put(at, bytes);
  }

  /** Writes one box; writes are done in the order of their calls. */
  write(box: Box, source: ElementSource): Steps {
    return this.#line.inTurn(() => this.#write(box, source));
  }

  /** Reads one box, as all writes that were asked for before have left it. */
  read(box: Box, target: ElementTarget): Steps {
    return this.#line.inTurn(() => this.#read(box, target));
  }

  /** Reads one box at once, if it is small, nothing is under way, and the system has it in memory. @returns whether it did; else the target holds anything */
  readNow(box: Box, { bytes }: ElementTarget): boolean {
    const size = product(box.count) * this.#elementSize;
    if (!this.#line.isFree || this.#address === null || size > mostReadNow || bytes.length !== size) return false;
    if (walkedDimensions(box, this.#shape) === 0) return this.#readRun(this.#address + dot(box.start, rowMajorStrides(this.#shape, this.#elementSize)), bytes);
    const { run, starts } = runsOf(box, this.#shape, this.#elementSize);
    if (run < leastRun && this.size > SMALL_BYTES) return false;
    let to = 0;
    for (const start of starts) {
      if (!this.#readRun(this.#address + start, bytes.subarray(to, to + run))) return false;
      to += run;
    }
    return true;
  }

  /** Reads bytes of one run, if they are in memory. */
  #readRun(at: number, into: Uint8Array): boolean {
    if (this.size > SMALL_BYTES) return this.#store.file.readCached(at, into) === into.length;
    const found = this.#store.readSync(at, into.length);
    into.set(found);
    if (found.length < into.length) into.fill(0, found.length);
    return true;
  }

  /** All rows, if they lie in the file, and not as little as what waits in memory does. */
  rowsAround(): RowRun | undefined {
    const [end = 0, ...inRow] = this.#shape;
    if (this.#address === null || this.size <= SMALL_BYTES) return undefined;
    return { first: 0, end, address: this.#address, rowBytes: product(inRow) * this.#elementSize };
  }

  *#read(box: Box, target: ElementTarget): Steps {
    const size = product(box.count) * this.#elementSize;
    const address = this.#address;
    if (address === null) {
      checkTarget(target, size);
      if (this.#fill !== null || !target.isBlank) Buffer.from(target.bytes.buffer, target.bytes.byteOffset, size).fill(this.#fill ?? 0);
      return;
    }
    const { run, starts } = runsOf(box, this.#shape, this.#elementSize);
    const flight = new Flight();
    yield* flown(flight, this.#readRuns(address, run, starts, target, size, flight));
  }

  *#readRuns(address: number, run: number, starts: Iterable<number>, target: ElementTarget, size: number, flight: Flight): Steps {
    let to = 0;
    for (const start of starts) {
      for (let done = 0; done < run && !flight.failed; done += writePieceSize) {
        target.signal?.throwIfAborted();
        const piece = Math.min(writePieceSize, run - done);
        yield* wait(this.#store.throttle.enter(piece));
        flight.add(begin(this.#readPiece(address + start + done, to + done, piece, target, size)));
      }
      to += run;
    }
  }

  /** Reads bytes of the file that the throttle has let through. */
  *#readPiece(at: number, to: number, size: number, target: ElementTarget, whole: number): Steps {
    try {
      if (this.size <= SMALL_BYTES) {
        // It may not be in the file yet.
        const bytes = this.#store.readSync(at, size);
        checkTarget(target, whole);
        target.bytes.set(bytes, to);
        target.bytes.fill(0, to + bytes.length, to + size);
        return;
      }
      // What lies beyond all that was ever written reads as zeros, here and above.
      const there = Math.max(0, Math.min(size, this.#store.file.size() - at));
      const bytes = target.isOurs ? target.bytes.subarray(to, to + there) : Buffer.alloc(size);
      if (there > 0) yield* this.#store.read(at, bytes.subarray(0, there));
      if (target.isOurs) {
        if (!target.isBlank) target.bytes.fill(0, to + there, to + size);
        return;
      }
      checkTarget(target, whole);
      target.bytes.set(bytes, to);
    } finally {
      this.#store.throttle.leave(size);
    }
  }

  /** Everything that was asked for has been written, taken to be written, or has failed. */
  flush(): Steps {
    return wait(this.#line.passed());
  }

  /** Gives the space back once all that was asked for has ended. */
  *discard(): Steps {
    yield* wait(this.#line.passed());
    if (this.#address !== null) this.#giveUp({ address: this.#address, size: this.size });
  }

  *#write(box: Box, source: ElementSource): Steps {
    if (product(box.count) === 0) return;
    if (this.size <= SMALL_BYTES) {
      this.#put(box, source);
      const pressure = this.#store.behind.pressure();
      if (pressure !== undefined) yield* wait(pressure);
      return;
    }
    const isFirst = this.#address === null;
    const address = yield* this.#allocate(box);
    const flight = new Flight();
    try {
      for (const run of elementRuns(address, box, this.#shape, this.#elementSize, source)) {
        if (flight.failed) break;
        if (!isDirect(run, this.#elementSize) && isGathered(product(run.count) * this.#elementSize)) yield* gatherRun(this.#store, flight, run, this.#elementSize);
        else yield* this.#writeRun(run, flight);
      }
      yield* flight.landed();
      // What was read from memory that was taken away meanwhile is anything.
      checkSource(source, box.count, this.#elementSize);
    } catch (error) {
      // What is under way must not meet the next write.
      yield* settled(begin(flight.landed()));
      // Where not even the fill value was written, elements are as they were before: in no space yet.
      if (isFirst) this.#giveUp({ address, size: this.size });
      throw error;
    }
  }

  /** Begins to write a run. */
  *#writeRun(run: ElementRun, flight: Flight): Steps {
    for (const { at, bytes } of this.#pieces(run)) {
      if (flight.failed) return;
      run.source.signal?.throwIfAborted();
      const size = bytes.length;
      yield* wait(this.#store.throttle.enter(size));
      // As much as was let through is given back, also where the memory has gone meanwhile.
      if (bytes.length !== size) {
        this.#store.throttle.leave(size);
        return;
      }
      flight.add(begin(this.#store.submitted(at, bytes)));
    }
  }

  /** The bytes of a run, a piece at a time: the caller's own where they are as in the file, else a copy. */
  *#pieces(run: ElementRun): Generator<{ at: number; bytes: Uint8Array }> {
    const { at, count, source } = run;
    if (!isDirect(run, this.#elementSize)) {
      for (const piece of piecesOf(source, count, this.#elementSize, writePieceSize)) {
        yield { at: at + piece.first * this.#elementSize, bytes: fetchPiece(piece, this.#elementSize) };
      }
      return;
    }
    const size = product(count) * this.#elementSize;
    for (let from = 0; from < size; from += writePieceSize) {
      checkSource(source, count, this.#elementSize);
      const start = source.offset + from;
      yield { at: at + from, bytes: source.bytes.subarray(start, start + Math.min(writePieceSize, size - from)) };
    }
  }

  /** What the first write leaves out must be given the fill value: what lies beyond all that was ever written reads as zeros, other space as what was there before. */
  #mustFill(address: number, box: Box): boolean {
    const whole = box.count.every((n, d) => n === this.#shape[d]);
    return !whole && (this.#fill !== null || !this.#store.isUntouched(address));
  }

  /** The space of the whole dataset. */
  *#allocate(box: Box): Steps<number> {
    if (this.#address !== null) return this.#address;
    const address = this.#store.space.allocate(this.size, { kind: 'raw' });
    if (this.#mustFill(address, box)) {
      const piece = Buffer.allocUnsafeSlow(
        Math.min(this.size, Math.max(1, Math.floor(writePieceSize / this.#elementSize)) * this.#elementSize),
      ).fill(this.#fill ?? 0);
      const flight = new Flight();
      try {
        for (let at = 0; at < this.size && !flight.failed; at += piece.length) {
          const bytes = piece.subarray(0, Math.min(piece.length, this.size - at));
          yield* wait(this.#store.throttle.enter(bytes.length));
          flight.add(begin(this.#store.submitted(address + at, bytes)));
        }
        yield* flight.landed();
      } catch (error) {
        this.#giveUp({ address, size: this.size });
        throw error;
      }
    }
    if (this.size > writePieceSize && box.count.every((n, d) => n === this.#shape[d])) {
      // All of it is about to be written: that the disk is full is better known before the first byte.
      try {
        yield* this.#store.reserve(address, this.size);
      } catch (error) {
        this.#giveUp({ address, size: this.size });
        throw error;
      }
    }
    this.#address = address;
    return address;
  }

  #giveUp(extent: Extent): void {
    this.#address = null;
    this.#store.release(extent);
  }
}
