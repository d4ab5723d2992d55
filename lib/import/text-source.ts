// An input as text that can be read twice: checked, without its byte order mark, in blocks, and with the line of any byte.
import { FreestoneError } from '../errors.js';
import { InputFile } from './input-file.js';
import { firstInvalidUtf8, sequenceBoundary } from './utf8.js';

/** A position as people count: both from 1, and the column in bytes. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** How much is read at a time. */
const blockBytes = 256 * 1024;
/** A record longer than this is taken for a quote that was left open: it would otherwise fill the memory with the rest of the file. */
export const maxRecordBytes = 16 * 1024 * 1024;

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

export interface ReadOptions {
  /** Look at every byte for what is not UTF-8. Default false. */
  readonly checkUtf8?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Bytes read at a time; for tests. Default 256 KiB. */
  readonly blockBytes?: number;
}

/** Takes bytes[0, length), which start at `fileOffset`, and says how many it used; what is left comes again with more behind it. */
export type Consume = (bytes: Buffer, length: number, fileOffset: number, last: boolean) => number;

export class TextSource {
  readonly #file: InputFile;
  /** Where the text starts: behind the byte order mark. */
  readonly #start: number;

  private constructor(file: InputFile, start: number) {
    this.#file = file;
    this.#start = start;
  }

  /**
   * Opens a file. What can be read only once (standard input, a pipe) is first copied to `spool`, which `close` removes.
   * @throws {FreestoneError} as `InputFile.open`
   */
  static async open(path: string, spool: string, signal?: AbortSignal): Promise<TextSource> {
    return TextSource.of(await InputFile.open(path, () => spool, signal));
  }

  /** The text of an open file, which `close` closes. */
  static async of(file: InputFile): Promise<TextSource> {
    return new TextSource(file, (await file.head(3)).equals(byteOrderMark) ? 3 : 0);
  }

  get name(): string {
    return this.#file.name;
  }

  get base(): string {
    return this.#file.base;
  }

  /** Bytes, byte order mark included. */
  get size(): number {
    return this.#file.size;
  }

  /** The first `length` bytes of the text, or all of it. */
  async head(length: number): Promise<Buffer> {
    return this.#file.head(length, this.#start);
  }

  /**
   * Reads the text from its start, block by block, up to the size that it had when it was opened.
   * @param afterBlock awaited before the next block is read
   * @throws {FreestoneError} ERR_CORRUPT_FILE for bytes that are not UTF-8 and for files that shrank, ERR_LIMIT_EXCEEDED for an endless record
   */
  async read(consume: Consume, afterBlock: (bytesRead: number) => Promise<void> | void, options: ReadOptions = {}): Promise<void> {
    const step = options.blockBytes ?? blockBytes;
    let buffer = Buffer.allocUnsafe(step * 2);
    let held = 0;
    let checked = 0;
    let position = this.#start;
    while (position < this.size) {
      options.signal?.throwIfAborted();
      // A record that fills the buffer gets twice the room, so that it is not looked at once for every block.
      if (buffer.length - held < step) buffer = Buffer.concat([buffer.subarray(0, held)], buffer.length * 2);
      const room = held > step ? buffer.length - held : step;
      const bytesRead = await this.#file.read(buffer, held, Math.min(room, this.size - position), position);
      if (bytesRead === 0) throw this.changed();
      const fileOffset = position - held;
      const length = held + bytesRead;
      position += bytesRead;
      const last = position === this.size;
      if (options.checkUtf8 === true) {
        const boundary = last ? length : sequenceBoundary(buffer, checked, length);
        const invalid = firstInvalidUtf8(buffer, checked, boundary);
        if (invalid >= 0) throw await this.#notUtf8(fileOffset + invalid, buffer.subarray(invalid, boundary));
        checked = boundary;
      }
      const used = consume(buffer, length, fileOffset, last);
      held = length - used;
      checked -= used;
      if (held > maxRecordBytes) throw await this.#endless(fileOffset + used);
      buffer.copyWithin(0, used, length);
      await afterBlock(position);
    }
  }

  /** @throws {FreestoneError} ERR_CORRUPT_FILE when the file is no longer as it was opened */
  async checkUnchanged(): Promise<void> {
    await this.#file.checkUnchanged();
  }

  /** The line of a byte, counted by LF, CR and CR LF; reads the file up to there. @param offset in the file, byte order mark included */
  async locate(offset: number): Promise<Position> {
    const buffer = Buffer.allocUnsafe(1024 * 1024);
    let line = 1;
    let lineStart = this.#start;
    let previous = 0;
    for (let position = this.#start; position < offset; ) {
      const bytesRead = await this.#file.read(buffer, 0, Math.min(buffer.length, offset - position), position);
      if (bytesRead === 0) break;
      for (let i = 0; i < bytesRead; i++) {
        const byte = buffer[i] ?? 0;
        if (byte === 0x0d || byte === 0x0a) {
          if (byte === 0x0d || previous !== 0x0d) line++;
          lineStart = position + i + 1;
        }
        previous = byte;
      }
      position += bytesRead;
    }
    return { line, column: offset - lineStart + 1 };
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #notUtf8(offset: number, bytes: Uint8Array): Promise<FreestoneError> {
    const { line, column } = await this.locate(offset);
    const first = (bytes[0] ?? 0).toString(16).padStart(2, '0');
    const mark = offset === 0 ? [bytes[0], bytes[1]].join() : '';
    const hint = mark === '255,254' || mark === '254,255' ? '; it looks like UTF-16: iconv -f UTF-16 -t UTF-8' : '';
    return new FreestoneError('ERR_CORRUPT_FILE', `${this.name}:${line}:${column}: byte 0x${first} is not UTF-8${hint}`, {
      file: this.name,
      line,
      column,
    });
  }

  async #endless(offset: number): Promise<FreestoneError> {
    const { line, column } = await this.locate(offset);
    const limit = `${maxRecordBytes / 1024 / 1024} MiB`;
    return new FreestoneError('ERR_LIMIT_EXCEEDED', `${this.name}:${line}: a row of more than ${limit}; is a quote left open?`, {
      file: this.name,
      line,
      column,
      limit: maxRecordBytes,
    });
  }

  /** The error for a text that is not what its format wants. */
  corrupt(reason: string): FreestoneError {
    return this.#file.corrupt(reason);
  }

  /** The error for a file that is not what it was in pass 1. */
  changed(): FreestoneError {
    return this.#file.changed();
  }
}
