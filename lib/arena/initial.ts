// A caller's memory as an arena's first chunk. C++ never sees it: its owner may detach or shrink it at any moment.
import { FreestoneError, shown } from '../errors.js';
import { native } from '../native.js';

/** The smallest that is of use: as with chunks. */
const MIN_SIZE = 64;

export class InitialBuffer {
  /** Bytes. */
  readonly size: number;
  /** Bytes from the start to the end of the last block. */
  used = 0;
  readonly #memory: Uint8Array;
  readonly #mask: number;
  /** The address of the first byte, as far as alignment can ask for it. */
  readonly #address: number;

  /**
   * @param alignment of every block
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_INVALID_SIZE when it is too small, too large or detached
   */
  constructor(memory: Uint8Array, alignment: number, maxSize: number) {
    const given: unknown = memory;
    if (!(given instanceof Uint8Array)) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `initial must be a Buffer, not ${shown(memory)}`, { argument: 'initial' });
    }
    if (memory.length < MIN_SIZE || memory.length > maxSize) {
      throw new FreestoneError('ERR_INVALID_SIZE', `initial must have ${String(MIN_SIZE)} to ${String(maxSize)} bytes, not ${String(memory.length)}`, { argument: 'initial' });
    }
    this.size = memory.length;
    this.#memory = memory;
    this.#mask = alignment - 1;
    this.#address = native().addressRemainder(memory, 4096);
  }

  /** A block, or null when there is no room. @throws {FreestoneError} ERR_INVALID_ADDRESS when the memory is not there any more */
  allocate(size: number, alignment: number): Buffer | null {
    if (this.#memory.length !== this.size) {
      throw new FreestoneError('ERR_INVALID_ADDRESS', "the arena's initial buffer was detached or has another length", { argument: 'initial' });
    }
    const start = ((this.#address + this.used + alignment - 1) & -alignment) - this.#address;
    const end = start + this.#rounded(size);
    if (end > this.size) return null;
    this.used = end;
    return Buffer.from(this.#memory.buffer, this.#memory.byteOffset + start, size);
  }

  /** Whether the view begins in a block. */
  owns(view: Uint8Array): boolean {
    const offset = view.byteOffset - this.#memory.byteOffset;
    return view.buffer === this.#memory.buffer && offset >= 0 && offset < this.used;
  }

  /**
   * Makes the last block longer or shorter, or ends it for 0. False when it is not the last one or there is no room.
   * @param marked what was used at the last mark: the block must not come to end before it
   */
  resizeLast(view: Uint8Array, size: number, marked: number): boolean {
    if (!this.owns(view)) return false;
    const start = view.byteOffset - this.#memory.byteOffset;
    const end = start + this.#rounded(size);
    if (start + this.#rounded(view.length) !== this.used || end > this.size || end < marked) return false;
    this.used = end;
    return true;
  }

  #rounded(size: number): number {
    return (size + this.#mask) & ~this.#mask;
  }
}
