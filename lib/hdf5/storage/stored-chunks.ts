// The chunks of one dataset in the file: how they come there, where they are, and how they come back.
import { native, type NativeChunkCodec } from '../../native.js';
import { checkStillThere, product, rowMajorStrides, type ElementSource } from './box.js';
import { ChunkIndex, type ChunkRecord } from './chunk-index.js';
import type { FileStore } from './file-store.js';
import { checkSource, fetched, nativeElements } from './form.js';
import { Flight, task, wait, type Steps } from './steps.js';

export interface StoredChunksOptions {
  readonly chunkShape: readonly number[];
  readonly shape: readonly number[];
  readonly elementSize: number;
  /** One element, or null for zeros. */
  readonly fill: Uint8Array | null;
  /** For each filter: id, number of values, values. */
  readonly filters: Uint32Array;
  /** Called whenever the index has changed. */
  readonly onStored: () => void;
}

export class StoredChunks {
  readonly index: ChunkIndex;
  readonly #store: FileStore;
  readonly #codec: NativeChunkCodec;
  readonly #chunkBytes: number;
  readonly #elementSize: number;
  readonly #strides: readonly number[];
  readonly #fill: Uint8Array;
  readonly #onStored: () => void;
  /** Whether chunks are in the file as they are in memory. Then a chunk has one size for ever and is rewritten where it is. */
  readonly isPlain: boolean;

  constructor(store: FileStore, { chunkShape, shape, elementSize, fill, filters, onStored }: StoredChunksOptions) {
    this.#store = store;
    this.#codec = new (native().ChunkCodec)(filters);
    this.#chunkBytes = product(chunkShape) * elementSize;
    this.#elementSize = elementSize;
    this.#strides = rowMajorStrides(chunkShape, elementSize);
    this.#fill = fill ?? new Uint8Array(0);
    this.#onStored = onStored;
    this.isPlain = filters.length === 0;
    this.index = new ChunkIndex(chunkShape, shape);
  }

  /** Reads one chunk. @param into of a chunk's size, which no user holds */
  *load({ address, size, filterMask }: ChunkRecord, into: Uint8Array): Steps {
    yield* wait(task((ticket) => { this.#codec.load(ticket, this.#store.file, address, size, filterMask, into); }, into));
  }

  /**
   * Filters and writes one chunk, which the throttle has let through.
   * @param chunk memory that no user holds
   * @param wakes whether a worker is to be woken for it while another is awake
   */
  *put(number: number, chunk: Uint8Array, wakes = true): Steps {
    const { file, space } = this.#store;
    try {
      const known = this.index.get(number);
      if (known !== undefined && this.isPlain) {
        yield* wait(task((ticket) => { file.write(ticket, known.address, chunk); }, chunk));
        return;
      }
      const stored = yield* wait(task((ticket) => { this.#codec.store(ticket, file, space.native, chunk, wakes); }, chunk));
      this.forget(number);
      this.index.set(number, stored);
      this.#onStored();
    } finally {
      this.#store.throttle.leave(this.#chunkBytes);
    }
  }

  /** Writes one plain chunk from a user's memory, which the kernel alone reads; the throttle has let it through. */
  *putPlain(number: number, bytes: Uint8Array): Steps {
    const known = this.index.get(number);
    if (known === undefined) {
      yield* this.putNew([number], bytes);
      return;
    }
    try {
      yield* wait(task((ticket) => { this.#store.file.write(ticket, known.address, bytes); }, bytes));
      // What was read from memory that was taken away meanwhile is anything.
      checkStillThere(bytes, 0, [1], [this.#chunkBytes], 1);
    } finally {
      this.#store.throttle.leave(this.#chunkBytes);
    }
  }

  /**
   * Writes plain chunks that are not in the file yet from a user's memory, where they lie one after the other, with as few writes as
   * their places in the file allow; the throttle has let them through.
   */
  *putNew(numbers: readonly number[], bytes: Uint8Array): Steps {
    const size = this.#chunkBytes;
    const all = numbers.length * size;
    try {
      const addresses = this.#store.space.allocateMany(new Float64Array(numbers.length).fill(size), { kind: 'raw' });
      try {
        yield* this.#writeRuns(addresses, bytes);
        // What was read from memory that was taken away meanwhile is anything.
        checkStillThere(bytes, 0, [1], [all], 1);
      } catch (error) {
        for (const address of addresses) this.#store.release({ address, size });
        throw error;
      }
      numbers.forEach((number, i) => {
        this.index.set(number, { address: addresses[i] ?? 0, size, filterMask: 0 });
      });
      this.#onStored();
    } finally {
      this.#store.throttle.leave(all);
    }
  }

  *#writeRuns(addresses: Float64Array, bytes: Uint8Array): Steps {
    const size = this.#chunkBytes;
    const flight = new Flight();
    for (let from = 0, to = 0; from < addresses.length; from = to) {
      const address = addresses[from] ?? 0;
      while (to < addresses.length && addresses[to] === address + (to - from) * size) to += 1;
      const run = bytes.subarray(from * size, to * size);
      flight.add(task((ticket) => { this.#store.file.write(ticket, address, run); }, run));
    }
    yield* flight.landed();
  }

  /** Writes a part of a plain chunk within the call. Of a chunk that is not in the file yet the rest is zeros. */
  putNow(number: number, from: number, bytes: Uint8Array): void {
    const { space } = this.#store;
    const known = this.index.get(number);
    const size = this.#chunkBytes;
    const address = known?.address ?? space.allocate(size, { kind: 'raw' });
    try {
      if (known === undefined && bytes.length < size) {
        if (this.#store.isUntouched(address)) {
          // It can be read from here on: the file does not end before it does.
          this.#store.writeNow(address + size - 1, new Uint8Array(1));
        } else {
          this.#store.writeNow(address, new Uint8Array(from));
          this.#store.writeNow(address + from + bytes.length, new Uint8Array(size - from - bytes.length));
        }
      }
      this.#store.writeNow(address + from, bytes);
    } catch (error) {
      if (known === undefined) this.#store.release({ address, size });
      throw error;
    }
    if (known !== undefined) return;
    this.index.set(number, { address, size, filterMask: 0 });
    this.#onStored();
  }

  /**
   * Puts one chunk together from a user's memory, which the kernel alone reads, and stores it; the throttle has let it through.
   * @param source of which the chunk has `count` elements from its first on; the rest is the fill value
   */
  *putGathered(number: number, source: ElementSource, count: readonly number[]): Steps {
    const { file, space } = this.#store;
    const known = this.isPlain ? this.index.get(number) : undefined;
    const isThere = (): void => {
      checkSource(source, count, this.#elementSize);
    };
    try {
      const gathering = task((ticket) => {
        const elements = nativeElements(0, this.#strides, source, count, this.#elementSize);
        this.#codec.gather(ticket, file, space.native, known?.address, this.#chunkBytes, this.#fill, ...elements);
      }, source.bytes);
      const stored = yield* fetched(gathering, isThere);
      // What was read from memory that was taken away meanwhile is anything.
      try {
        isThere();
      } catch (error) {
        if (known === undefined) this.#store.release(stored);
        throw error;
      }
      if (known !== undefined) return;
      this.forget(number);
      this.index.set(number, stored);
      this.#onStored();
    } finally {
      this.#store.throttle.leave(this.#chunkBytes);
    }
  }

  /** Takes a chunk out of the index and gives its space back. */
  forget(number: number): void {
    const record = this.index.get(number);
    if (record === undefined) return;
    this.index.delete(number);
    this.#store.release(record);
  }
}
