// Little-endian bytes in and out, the ground of every structure of the format.
import { FreestoneError } from '../../errors.js';

const UNDEFINED_HALF = 0xffffffff;

/** Appends values to a buffer that grows. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  #reserve(size: number): number {
    const start = this.#length;
    const end = start + size;
    if (end > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, start);
      this.#buffer = grown;
    }
    this.#length = end;
    return start;
  }

  /** An unsigned integer of 1 to 6 bytes. @throws a RangeError for one that has more */
  uint(value: number, size: number): void {
    const at = this.#reserve(size);
    // The most frequent by far, and byte by byte several times as fast.
    if (size === 1 && value >= 0 && value < 2 ** 8) this.#buffer[at] = value;
    else if (size === 4 && value >= 0 && value < 2 ** 31) writeWord(this.#buffer, value, at);
    else this.#buffer.writeUIntLE(value, at, size);
  }

  /** An unsigned integer of 8 bytes; null is all ones, the format's undefined address and unlimited extent. */
  uint64(value: number | null): void {
    // First, since the buffer may be another one then.
    const at = this.#reserve(8);
    writeAddress(this.#buffer, value, at);
  }

  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    this.#buffer.set(value, at);
  }

  zeros(count: number): void {
    const at = this.#reserve(count);
    this.#buffer.fill(0, at, at + count);
  }

  /** Takes back what was written from `start` on. @returns a copy of it */
  take(start: number): Buffer {
    const taken = Buffer.allocUnsafe(this.#length - start);
    this.#buffer.copy(taken, 0, start, this.#length);
    this.#length = start;
    return taken;
  }

  /** Takes back what was written from `start` on, unseen. */
  drop(start: number): void {
    this.#length = start;
  }
}

/** Writes 32 bits, the lowest byte first: several times as fast as the method of a Buffer. Of what is larger the lowest bits. */
export function writeWord(target: Buffer, value: number, at: number): void {
  target[at] = value;
  target[at + 1] = value >>> 8;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
}

/** Writes a 64-bit number, or all ones for null. */
export function writeAddress(target: Buffer, value: number | null, at: number): void {
  const high = value === null ? UNDEFINED_HALF : Math.floor(value / 2 ** 32);
  writeWord(target, value === null ? UNDEFINED_HALF : value - high * 2 ** 32, at);
  writeWord(target, high, at + 4);
}

/** Takes values from a buffer; reading past the end is ERR_CORRUPT_FILE, never a wrong value. */
export class ByteReader {
  readonly #buffer: Buffer;
  /** What is being read, for messages. */
  readonly what: string;
  position = 0;
  /** How many structures that may nest in themselves are being read. */
  depth = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.what = what;
  }

  get remaining(): number {
    return this.#buffer.length - this.position;
  }

  #take(size: number): number {
    if (size > this.remaining) {
      throw corrupt(`${this.what} ends after ${String(this.#buffer.length)} bytes, ${String(size)} more were expected`);
    }
    const at = this.position;
    this.position += size;
    return at;
  }

  uint(size: number): number {
    const at = this.#take(size);
    const buffer = this.#buffer;
    // The most frequent by far.
    if (size === 1) return buffer[at] ?? 0;
    if (size === 2) return (buffer[at] ?? 0) | ((buffer[at + 1] ?? 0) << 8);
    return buffer.readUIntLE(at, size);
  }

  /** All ones is null. @throws ERR_UNSUPPORTED for a value beyond 2^53 - 1 */
  uint64(): number | null {
    const at = this.#take(8);
    const low = this.#buffer.readUInt32LE(at);
    const high = this.#buffer.readUInt32LE(at + 4);
    if (low === UNDEFINED_HALF && high === UNDEFINED_HALF) return null;
    const value = high * 2 ** 32 + low;
    if (!Number.isSafeInteger(value)) {
      throw new FreestoneError('ERR_UNSUPPORTED', `${this.what} holds a number beyond 2^53 - 1`);
    }
    return value;
  }

  /** A view, not a copy. */
  bytes(count: number): Buffer {
    const at = this.#take(count);
    return this.#buffer.subarray(at, at + count);
  }

  /** Up to and without the terminating zero byte, which is consumed. */
  terminated(): Buffer {
    const end = this.#buffer.indexOf(0, this.position);
    if (end < 0) throw corrupt(`${this.what} holds a string without an end`);
    const text = this.#buffer.subarray(this.position, end);
    this.position = end + 1;
    return text;
  }
}

export function corrupt(message: string, facts: Record<string, unknown> = {}): FreestoneError {
  return new FreestoneError('ERR_CORRUPT_FILE', message, facts);
}

export function unsupported(feature: string): FreestoneError {
  return new FreestoneError('ERR_UNSUPPORTED', `${feature} is not supported`, { feature });
}
