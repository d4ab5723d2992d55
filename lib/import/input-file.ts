// An input as a regular file that can be read anywhere and more than once.
import { createWriteStream } from 'node:fs';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { FreestoneError, systemError } from '../errors.js';

/** The name that stands for standard input. */
export const standardInput = '-';

/** Node's error for a failed file operation, as ours. @param file what it was about, where Node does not say */
export function asFreestoneError(error: unknown, file?: string): unknown {
  const { errno, syscall, path } = error as NodeJS.ErrnoException;
  if (error instanceof FreestoneError || errno === undefined || syscall === undefined) return error;
  return systemError(-errno, syscall, path ?? file);
}

export class InputFile {
  /** As it is named in messages. */
  readonly name: string;
  /** The last part of the path without `.gz`, or `stdin`. */
  readonly base: string;
  /** Where its bytes are: the path that was given, or that of the copy. */
  readonly path: string;
  /** Bytes, once decompressed. */
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #modified: number;
  readonly #temporary: string | undefined;

  private constructor(name: string, handle: FileHandle, path: string, { size, mtimeMs }: { size: number; mtimeMs: number }, temporary: string | undefined) {
    this.name = name === standardInput ? 'stdin' : name;
    this.base = isGzip(name) ? basename(name).slice(0, -3) : basename(this.name);
    this.#handle = handle;
    this.path = path;
    this.size = size;
    this.#modified = mtimeMs;
    this.#temporary = temporary;
  }

  /**
   * Opens a file. What can be read only once (standard input, a pipe) is first copied to the path that `spool` gives, and what is
   * compressed (.gz) decompressed there; `close` removes it.
   * @throws {FreestoneError} ERR_CORRUPT_FILE for a bad .gz, or the system's own codes: ENOENT, EACCES, EISDIR …
   */
  static async open(path: string, spool: () => string, signal?: AbortSignal): Promise<InputFile> {
    let temporary: string | undefined;
    let handle: FileHandle | undefined;
    try {
      const isStandardInput = path === standardInput;
      if (isStandardInput || isGzip(path) || !(await stat(path)).isFile()) {
        const stream = isStandardInput ? process.stdin : (await openReadable(path)).createReadStream();
        temporary = spool();
        const into = createWriteStream(temporary, { mode: 0o600 });
        const options = signal === undefined ? {} : { signal };
        await (isGzip(path) ? pipeline(stream, createGunzip(), into, options) : pipeline(stream, into, options));
      }
      handle = await open(temporary ?? path, 'r');
      return new InputFile(path, handle, temporary ?? path, await handle.stat(), temporary);
    } catch (error) {
      await handle?.close();
      if (temporary !== undefined) await rm(temporary, { force: true });
      // A stream says that it was aborted, not why.
      signal?.throwIfAborted();
      const { code, message } = error as NodeJS.ErrnoException;
      if (code?.startsWith('Z_') === true) throw new FreestoneError('ERR_CORRUPT_FILE', `${path}: it cannot be decompressed: ${message}`, { file: path });
      throw asFreestoneError(error, temporary ?? path);
    }
  }

  /**
   * The copy of what a stream gives, which `close` removes.
   * @param name in messages @param spool where the copy goes
   */
  static async spooled(name: string, stream: Readable, spool: string, signal?: AbortSignal): Promise<InputFile> {
    await pipeline(stream, createWriteStream(spool, { mode: 0o600 }), signal === undefined ? {} : { signal });
    const handle = await open(spool, 'r');
    return new InputFile(name, handle, spool, await handle.stat(), spool);
  }

  /** Up to `length` bytes from `start`. */
  async head(length: number, start = 0): Promise<Buffer> {
    const buffer = Buffer.alloc(Math.max(0, Math.min(length, this.size - start)));
    return buffer.subarray(0, await this.read(buffer, 0, buffer.length, start));
  }

  /** @returns how many bytes were read: fewer than `length` only where the file ends */
  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#handle.read(into, offset + done, length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  /** Reads a whole range that was there when the file was opened. @throws {FreestoneError} ERR_CORRUPT_FILE when it is no longer there */
  async readAll(into: Uint8Array, offset: number, length: number, position: number): Promise<void> {
    if ((await this.read(into, offset, length, position)) < length) throw this.changed();
  }

  /** @throws {FreestoneError} ERR_CORRUPT_FILE when the file is no longer as it was opened */
  async checkUnchanged(): Promise<void> {
    const { size, mtimeMs } = await this.#handle.stat();
    if (size !== this.size || mtimeMs !== this.#modified) throw this.changed();
  }

  /** The error for a file that is not what it was in pass 1. */
  changed(): FreestoneError {
    return new FreestoneError('ERR_CORRUPT_FILE', `${this.name}: the file was changed while it was being imported`, { file: this.name });
  }

  /** The error for a file that is not what its format wants. */
  corrupt(reason: string): FreestoneError {
    return new FreestoneError('ERR_CORRUPT_FILE', `${this.name}: ${reason}`, { file: this.name });
  }

  /** The error for what HDF5 or this package has not. @param message names the file */
  unsupported(message: string): FreestoneError {
    return new FreestoneError('ERR_UNSUPPORTED', message, { file: this.name });
  }

  async close(): Promise<void> {
    await this.#handle.close();
    if (this.#temporary !== undefined) await rm(this.#temporary, { force: true });
  }
}

function isGzip(path: string): boolean {
  return /\.gz$/i.test(path);
}

/** Opens what is no regular file. A directory can be opened but not read, which is said before anything is written. */
async function openReadable(path: string): Promise<FileHandle> {
  const handle = await open(path, 'r');
  if (!(await handle.stat()).isDirectory()) return handle;
  await handle.close();
  throw systemError(constants.errno.EISDIR, 'read', path);
}
