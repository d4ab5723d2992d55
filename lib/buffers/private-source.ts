// Slots from a slab heap of the pool's own.
import { FreestoneError } from '../errors.js';
import { FrameAllocator, Windows } from '../frames/index.js';
import type { HugePagePolicy } from '../frames/index.js';
import type { NativeSlabHeap } from '../native.js';
import { Heap, nativeHeap } from '../slab/index.js';
import type { Magazine } from './magazine.js';
import type { Source } from './source.js';
import { lengthOf, memoryOf, startOf } from './view.js';

/** Address space where the heap needs frames of its own: more than any pool has, and free until it is touched. */
const REGION_BYTES = 2 ** 38;

export interface Placement {
  readonly hugePages?: HugePagePolicy;
  readonly node?: number;
}

export class PrivateSource implements Source {
  readonly limit: number;
  readonly lend: (offset: number, length: number) => ArrayBuffer;
  readonly #frames: FrameAllocator | null;
  readonly #heap: Heap;
  readonly #native: NativeSlabHeap;
  readonly #windows: Windows;
  #bytes = 0;
  #first: ArrayBuffer | null = null;

  constructor(limit: number, { hugePages, node }: Placement) {
    this.limit = limit;
    this.#frames =
      hugePages === undefined && node === undefined
        ? null
        : new FrameAllocator({
            size: REGION_BYTES,
            hugePages: hugePages ?? 'never',
            ...(node === undefined ? {} : { nodes: [{ id: node, size: REGION_BYTES, distances: [10] }] }),
          });
    this.#heap = new Heap({ threadSafe: false, ...(this.#frames === null ? {} : { source: this.#frames }) });
    this.#native = nativeHeap(this.#heap);
    this.#windows = new Windows(this.#native, { bytes: this.#native.region().bytes, frameSize: 1 });
    this.lend = (offset, length) => this.#native.lend(offset, length);
  }

  refill(magazine: Magazine, count: number, zeroed: boolean): void {
    const { size } = magazine;
    if (this.#bytes + count * size > this.limit) {
      throw new FreestoneError('ERR_LIMIT_EXCEEDED', `the pool has ${String(this.#bytes)} of at most ${String(this.limit)} bytes`);
    }
    if (count === 1) {
      magazine.bare.push(zeroed ? this.#native.calloc(size) : this.#native.alloc(size));
    } else {
      const list = new Float64Array(count);
      this.#native.allocMany(size, list);
      if (zeroed) for (const offset of list) this.#windows.bytes(offset, size).fill(0);
      magazine.bare.push(...list);
    }
    magazine.total += count;
    this.#bytes += count * size;
  }

  drain(magazine: Magazine, offsets: readonly number[]): void {
    this.#native.freeMany(Float64Array.from(offsets));
    this.#bytes -= offsets.length * magazine.size;
  }

  view(offset: number, length: number): Buffer {
    return this.#windows.bytes(offset, length);
  }

  offsetOf(view: Buffer): number {
    const memory = memoryOf(view);
    const start = startOf(view);
    // The first window is all that most pools have.
    this.#first ??= memoryOf(this.#windows.bytes(0, 1));
    if (memory === this.#first) return start;
    const offset = this.#windows.offsetOf({ buffer: memory, byteOffset: start });
    if (offset === null) throw new TypeError('this is no view of the heap');
    return offset;
  }

  clearLarge(view: Buffer): void {
    // Large buffers are seldom written as a whole, and one look at which pages were costs a twentieth of zeroing them all.
    const length = lengthOf(view);
    if (length > 0) this.#native.zero(this.offsetOf(view), length);
  }

  recall(memory: ArrayBuffer): void {
    this.#native.recall(memory);
  }

  trim(): number {
    return this.#heap.trim();
  }

  validate(): void {
    this.#heap.validate();
  }

  close(): void {
    this.#heap.destroy();
    this.#frames?.close();
  }
}
