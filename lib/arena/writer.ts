// Bytes that are appended piece by piece and become one view.
import { FreestoneError, shown } from '../errors.js';

/** What a writer needs of its arena. */
export interface Growing {
  alloc(size: number): Buffer;
  realloc(buffer: Buffer, size: number): Buffer;
}

/** Appends to one block, which grows as needed; only the finished bytes become a view. */
export class ArenaWriter {
  readonly #arena: Growing;
  #block: Buffer | null = null;
  #length = 0;
  #finished = false;

  /** Use `Arena.writer`. @internal */
  constructor(arena: Growing) {
    this.#arena = arena;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /**
   * A text in UTF-8, a number as its decimal text, or bytes.
   * @throws {FreestoneError} as `Arena.alloc`, ERR_INVALID_ARGUMENT, ERR_CLOSED once finished or when the arena was reset; what was
   *   written so far stays
   */
  append(value: string | number | Uint8Array): this {
    if (this.#finished) throw new FreestoneError('ERR_CLOSED', 'the writer is finished');
    const given: unknown = value;
    if (typeof given === 'string' || typeof given === 'number') {
      const text = String(given);
      const into = this.#room(Buffer.byteLength(text));
      this.#length += into.write(text, this.#length);
    } else if (given instanceof Uint8Array) {
      this.#room(given.length).set(given, this.#length);
      this.#length += given.length;
    } else {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `value must be a string, a number or bytes, not ${shown(value)}`, { argument: 'value' });
    }
    return this;
  }

  /** The bytes; what was reserved beyond them goes back to the arena if nothing was allocated since. Ends the writer. */
  finish(): Buffer {
    const block = this.#room(0);
    this.#finished = true;
    return this.#length === 0 ? block.subarray(0, 0) : this.#arena.realloc(block, this.#length);
  }

  #room(size: number): Buffer {
    if (this.#finished) throw new FreestoneError('ERR_CLOSED', 'the writer is finished');
    if (this.#block === null) this.#block = this.#arena.alloc(Math.max(256, size));
    else if (this.#block.length === 0) throw new FreestoneError('ERR_CLOSED', 'the arena was reset under the writer');
    else if (this.#length + size > this.#block.length) {
      this.#block = this.#arena.realloc(this.#block, Math.max(2 * this.#block.length, this.#length + size));
    }
    return this.#block;
  }
}
