// The region as Buffers. One ArrayBuffer covers as many frames as the largest run has, where an ArrayBuffer can be that long,
// and begins at a multiple of them: no run lies across two.
import { constants } from 'node:buffer';
import { FreestoneError } from '../errors.js';
import type { NativeFrames } from '../native.js';

/** The longest ArrayBuffer that every supported engine makes: 4 GiB. */
const WINDOW_BYTES = 2 ** 32;

export interface Region {
  readonly bytes: number;
  readonly frameSize: number;
}

export class Windows {
  readonly #native: NativeFrames;
  readonly #region: Region;
  readonly #windows: (ArrayBuffer | undefined)[] = [];
  /** The offset in the region of each ArrayBuffer that was made here. */
  readonly #offsets = new WeakMap<ArrayBufferLike, number>();

  constructor(native: NativeFrames, region: Region) {
    this.#native = native;
    this.#region = region;
  }

  /** The memory of `frames` frames from `frame` on, which are one run or lie in one. @throws {FreestoneError} ERR_INVALID_SIZE for more than a Buffer can hold */
  view(frame: number, frames: number): Buffer {
    const offset = frame * this.#region.frameSize;
    const size = frames * this.#region.frameSize;
    const first = Math.floor(offset / WINDOW_BYTES);
    const inside = offset - first * WINDOW_BYTES;
    if (size > constants.MAX_LENGTH || inside + size > WINDOW_BYTES) {
      throw new FreestoneError('ERR_INVALID_SIZE', `a Buffer cannot hold ${String(size)} bytes of frames`, { requested: size });
    }
    return Buffer.from(this.#window(first), inside, size);
  }

  /** The frame at which a Buffer from `view` begins, or null when it begins in none or is no such Buffer. */
  frameOf(buffer: Buffer): number | null {
    const start = this.#offsets.get(buffer.buffer);
    const frame = start === undefined ? NaN : (start + buffer.byteOffset) / this.#region.frameSize;
    return Number.isInteger(frame) ? frame : null;
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
