// Contiguous storage: all elements in one run of the file, whose space is allocated at the first write.
import type { Layout } from '../format/layout.js';
import { native } from '../../native.js';
import { checkStillThere, dot, isContiguous, positions, product, rowMajorStrides, type Box, type ElementSource } from './box.js';
import { Flight, writePieceSize, type FileStore } from './file-store.js';

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
  #turn: Promise<void> = Promise.resolve();

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

  /** Writes one box; writes are done in the order of their calls. */
  write(box: Box, source: ElementSource): Promise<void> {
    const done = this.#turn.then(() => this.#write(box, source));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** Everything that was asked for has been written or has failed. */
  async flush(): Promise<void> {
    await this.#turn;
  }

  async #write(box: Box, source: ElementSource): Promise<void> {
    if (product(box.count) === 0) return;
    const isFirst = this.#address === null;
    const address = await this.#allocate(box);
    const flight = new Flight();
    try {
      await this.#writeRuns(address, box, source, flight);
    } catch (error) {
      // What is under way must not meet the next write.
      await flight.landed().catch(() => undefined);
      // Where not even the fill value was written, elements are as they were before: in no space yet.
      if (isFirst) this.#giveUp(address);
      throw error;
    }
  }

  async #writeRuns(address: number, box: Box, source: ElementSource, flight: Flight): Promise<void> {
    const strides = rowMajorStrides(this.#shape, this.#elementSize);
    // The inner dimensions that the box covers whole are one run, together with a part of the dimension above them.
    let inner = this.#shape.length;
    while (inner > 0 && box.count[inner - 1] === this.#shape[inner - 1]) inner -= 1;
    const outer = Math.max(0, inner - 1);
    const run = product(box.count.slice(outer)) * this.#elementSize;
    const direct = source.swap === 1 && isContiguous(source, box.count, this.#elementSize);
    let done = 0;
    for (const position of positions(box.count.slice(0, outer).map(() => 0), box.count.slice(0, outer).map((n) => n - 1))) {
      if (flight.failed) break;
      const at = address + dot(box.start, strides) + dot(position, strides);
      checkStillThere(source.bytes, source.offset, source.strides, box.count, this.#elementSize);
      if (direct) {
        const from = source.offset + done;
        if (run >= writePieceSize) await this.#store.writeInPieces(at, source.bytes.subarray(from, from + run));
        else await this.#submit(flight, at, source.bytes.subarray(from, from + run));
      } else {
        await this.#gather(flight, at, box.count.slice(outer), {
          ...source,
          offset: source.offset + dot(position, source.strides),
          strides: source.strides.slice(outer),
        });
      }
      done += run;
    }
    await flight.landed();
  }

  /** Copies a run of elements into memory of our own, a piece at a time, and writes the pieces. */
  async #gather(flight: Flight, at: number, count: readonly number[], source: ElementSource): Promise<void> {
    const [rows = 1, ...rest] = count;
    const row = product(rest) * this.#elementSize;
    const strides = Float64Array.from(rowMajorStrides(count, this.#elementSize));
    const rowsAtOnce = Math.max(1, Math.floor(writePieceSize / row));
    for (let first = 0; first < rows; first += rowsAtOnce) {
      const n = Math.min(rowsAtOnce, rows - first);
      const piece = Buffer.allocUnsafeSlow(n * row);
      native().copyBox(
        piece,
        0,
        strides,
        source.bytes,
        source.offset + first * (source.strides[0] ?? 0),
        Float64Array.from(source.strides),
        Float64Array.from(count.length === 0 ? [] : [n, ...rest]),
        this.#elementSize,
        source.swap,
      );
      await this.#submit(flight, at + first * row, piece);
    }
  }

  async #submit(flight: Flight, at: number, bytes: Uint8Array): Promise<void> {
    await this.#store.throttle.enter(bytes.length);
    flight.add(
      this.#store.file.write(at, bytes).finally(() => {
        this.#store.throttle.leave(bytes.length);
      }),
    );
  }

  /** The space of the whole dataset; what the first write leaves out is given the fill value. */
  async #allocate(box: Box): Promise<number> {
    if (this.#address !== null) return this.#address;
    const address = this.#store.space.allocate(this.size, { kind: 'raw' });
    const whole = box.count.every((n, d) => n === this.#shape[d]);
    // What lies beyond all that was ever written reads as zeros. Other space has what was there before.
    if (!whole && (this.#fill !== null || address < this.#store.file.size())) {
      const piece = Buffer.allocUnsafeSlow(
        Math.min(this.size, Math.max(1, Math.floor(writePieceSize / this.#elementSize)) * this.#elementSize),
      ).fill(this.#fill ?? 0);
      const flight = new Flight();
      try {
        for (let at = 0; at < this.size && !flight.failed; at += piece.length) {
          await this.#submit(flight, address + at, piece.subarray(0, Math.min(piece.length, this.size - at)));
        }
        await flight.landed();
      } catch (error) {
        this.#giveUp(address);
        throw error;
      }
    }
    this.#address = address;
    return address;
  }

  #giveUp(address: number): void {
    this.#address = null;
    this.#store.release({ address, size: this.size });
  }
}
