// The region as Buffers. One ArrayBuffer covers as many frames as the largest run has, where an ArrayBuffer can be that long,
// and begins at a multiple of them: no run lies across two.
import { constants } from 'node:buffer';
import { FreestoneError } from '../errors.js';
import type { NativeFrames, NativeSlabHeap } from '../native.js';

/** The longest ArrayBuffer that every supported engine makes: 4 GiB. */
const WINDOW_BYTES = 2 ** 32;

/** The class that Node makes Buffers of, whose constructor asks fewer questions than `Buffer.from`. */
const Species = (Buffer as unknown as Record<symbol, unknown>)[Symbol.species] as new (memory: ArrayBufferLike, offset: number, length: number) => Buffer;
const plain = typeof Species === 'function' && Species.prototype === Buffer.prototype;

/** `Buffer.from(memory, offset, length)`, in less time. */
export function bufferOver(memory: ArrayBufferLike, offset: number, length: number): Buffer {
  return plain ? new Species(memory, offset, length) : Buffer.from(memory as ArrayBuffer, offset, length);
}

export interface Region {
  readonly bytes: number;
  readonly frameSize: number;
}

export class Windows {
  readonly #native: Pick<NativeFrames | NativeSlabHeap, 'window'>;
  readonly #region: Region;
  readonly #windows: (ArrayBuffer | undefined)[] = [];
  /** The offset in the region of each ArrayBuffer that was made here. */
  readonly #offsets = new WeakMap<ArrayBufferLike, number>();

  /** @param native whose region it is, by `window` */
  constructor(native: Pick<NativeFrames | NativeSlabHeap, 'window'>, region: Region) {
    this.#native = native;
    this.#region = region;
  }

  /** The memory of `frames` frames from `frame` on, which are one run or lie in one. @throws {FreestoneError} ERR_INVALID_SIZE for more than a Buffer can hold */
  view(frame: number, frames: number): Buffer {
    return this.bytes(frame * this.#region.frameSize, frames * this.#region.frameSize);
  }

  /** `size` bytes from `offset` on, which lie in one run. @throws {FreestoneError} ERR_INVALID_SIZE for more than a Buffer can hold */
  bytes(offset: number, size: number): Buffer {
    const first = Math.floor(offset / WINDOW_BYTES);
    const inside = offset - first * WINDOW_BYTES;
    if (size > constants.MAX_LENGTH || inside + size > WINDOW_BYTES) {
      throw new FreestoneError('ERR_INVALID_SIZE', `a Buffer cannot hold ${String(size)} bytes`, { requested: size });
    }
    return bufferOver(this.#window(first), inside, size);
  }

  /** The frame at which a Buffer from `view` begins, or null when it begins in none or is no such Buffer. */
  frameOf(buffer: Buffer): number | null {
    const frame = (this.offsetOf(buffer) ?? NaN) / this.#region.frameSize;
    return Number.isInteger(frame) ? frame : null;
  }

  /** Where in the region a Buffer from here begins, or null when it is no such Buffer. */
  offsetOf(buffer: Pick<Buffer, 'buffer' | 'byteOffset'>): number | null {
    const start = this.#offsets.get(buffer.buffer);
    return start === undefined ? null : start + buffer.byteOffset;
  }

  #window(index: number): ArrayBuffer {
    const known = this.#windows[index];
    if (known !== undefined && known.byteLength > 0) return known;
    const offset = index * WINDOW_BYTES;
    const made = this.#native.window(offset, Math.min(WINDOW_BYTES, this.#region.bytes - offset));
    this.#windows[index] = made;
    this.#offsets.set(made, offset);
    return made;
  }
}
