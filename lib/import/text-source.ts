// An input as a regular file that can be read twice: checked, without its byte order mark, in blocks, and with the line of any byte.
import { createWriteStream } from 'node:fs';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FreestoneError, systemError } from '../errors.js';
import { firstInvalidUtf8, sequenceBoundary } from './utf8.js';

/** The name that stands for standard input. */
export const standardInput = '-';

/** A position as people count: both from 1, and the column in bytes. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Node's error for a failed file operation, as ours. @param file what it was about, where Node does not say */
export function asFreestoneError(error: unknown, file?: string): unknown {
  const { errno, syscall, path } = error as NodeJS.ErrnoException;
  if (error instanceof FreestoneError || errno === undefined || syscall === undefined) return error;
  return systemError(-errno, syscall, path ?? file);
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
  /** As it is named in messages. */
  readonly name: string;
  /** The last part of the path, or `stdin`. */
  readonly base: string;
  /** Bytes, byte order mark included. */
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #modified: number;
  /** Where the text starts: behind the byte order mark. */
  readonly #start: number;
  readonly #temporary: string | undefined;

  private constructor(name: string, handle: FileHandle, size: number, modified: number, start: number, temporary: string | undefined) {
    this.name = name === standardInput ? 'stdin' : name;
    this.base = basename(this.name);
    this.#handle = handle;
    this.size = size;
    this.#modified = modified;
    this.#start = start;
    this.#temporary = temporary;
  }

  /**
   * Opens a file. What can be read only once (standard input, a pipe) is first copied to `spool`, which `close` removes.
   * @throws {FreestoneError} the system's own codes: ENOENT, EACCES, EISDIR …
   */
  static async open(path: string, spool: string, signal?: AbortSignal): Promise<TextSource> {
    let temporary: string | undefined;
    let handle: FileHandle | undefined;
    try {
      const isStandardInput = path === standardInput;
      if (isStandardInput || !(await stat(path)).isFile()) {
        const stream = isStandardInput ? process.stdin : (await openReadable(path)).createReadStream();
        temporary = spool;
        await pipeline(stream, createWriteStream(spool, { mode: 0o600 }), signal === undefined ? {} : { signal });
      }
      handle = await open(temporary ?? path, 'r');
      const { size, mtimeMs } = await handle.stat();
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(3), 0, 3, 0);
      const start = bytesRead === 3 && buffer.equals(byteOrderMark) ? 3 : 0;
      return new TextSource(isStandardInput ? standardInput : path, handle, size, mtimeMs, start, temporary);
    } catch (error) {
      await handle?.close();
      if (temporary !== undefined) await rm(temporary, { force: true });
      // A stream says that it was aborted, not why.
      signal?.throwIfAborted();
      throw asFreestoneError(error, temporary ?? path);
    }
  }

  /** The first `length` bytes of the text, or all of it. */
  async head(length: number): Promise<Buffer> {
    const { buffer, bytesRead } = await this.#handle.read(Buffer.alloc(length), 0, length, this.#start);
    return buffer.subarray(0, bytesRead);
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
      const { bytesRead } = await this.#handle.read(buffer, held, Math.min(room, this.size - position), position);
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
    const { size, mtimeMs } = await this.#handle.stat();
    if (size !== this.size || mtimeMs !== this.#modified) throw this.changed();
  }

  /** The line of a byte, counted by LF, CR and CR LF; reads the file up to there. @param offset in the file, byte order mark included */
  async locate(offset: number): Promise<Position> {
    const buffer = Buffer.allocUnsafe(1024 * 1024);
    let line = 1;
    let lineStart = this.#start;
    let previous = 0;
    for (let position = this.#start; position < offset; ) {
      const { bytesRead } = await this.#handle.read(buffer, 0, Math.min(buffer.length, offset - position), position);
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
    await this.#handle.close();
    if (this.#temporary !== undefined) await rm(this.#temporary, { force: true });
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

  /** The error for a file that is not what it was in pass 1. */
  changed(): FreestoneError {
    return new FreestoneError('ERR_CORRUPT_FILE', `${this.name}: the file was changed while it was being imported`, { file: this.name });
  }
}

/** Opens what is no regular file. A directory can be opened but not read, which is said before anything is written. */
async function openReadable(path: string): Promise<FileHandle> {
  const handle = await open(path, 'r');
  if (!(await handle.stat()).isDirectory()) return handle;
  await handle.close();
  throw systemError(constants.errno.EISDIR, 'read', path);
}
