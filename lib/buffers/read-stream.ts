// A file as pooled buffers, which the system reads straight into.
import { close, open, read } from 'node:fs';
import { Readable } from 'node:stream';
import { FreestoneError, checkInteger, checkOptions, checkSignal } from '../errors.js';
import type { BufferPool } from './buffer-pool.js';
import type { Holdings } from './holdings.js';

export interface ReadStreamOptions {
  /** Bytes that are read at a time. 64 KiB unless given. */
  readonly chunkSize?: number;
  /** The first byte and the last one, as `fs.createReadStream` has them. The whole file unless given. */
  readonly start?: number;
  readonly end?: number;
  /** How many chunks are read before they are asked for. 2 unless given. */
  readonly highWaterMark?: number;
  /** Whether `for await` releases each chunk when the next one is asked for or the loop is left. False unless given. */
  readonly releaseOnNext?: boolean;
  readonly signal?: AbortSignal;
}

const known = ['chunkSize', 'start', 'end', 'highWaterMark', 'releaseOnNext', 'signal'];
/** What one call of the system reads at most. */
const MOST_AT_ONCE = 2 ** 30;

/** Made by `pool.readStream()`. A chunk belongs to whoever took it; what nobody took is released when the stream is destroyed. */
export class PooledReadStream extends Readable {
  /** Bytes that were read so far. */
  bytesRead = 0;
  readonly #pool: BufferPool;
  readonly #holdings: Holdings;
  readonly #path: string | Buffer | URL;
  readonly #chunkSize: number;
  readonly #releaseOnNext: boolean;
  readonly #end: number;
  /** Aborted when the stream is destroyed. */
  readonly #destroyed = new AbortController();
  /** In the stream's queue. */
  readonly #unread = new Set<Buffer>();
  #position: number;
  #file: number | null = null;
  /** Called when the system has done with the buffer that it reads into. */
  #afterRead: (() => void) | null = null;
  #reading = false;

  /** @internal */
  constructor(pool: BufferPool, holdings: Holdings, path: string | Buffer | URL, options: ReadStreamOptions) {
    checkOptions('readStream', options, known);
    checkSignal(options.signal);
    const { chunkSize = 2 ** 16, start = 0, end = Number.MAX_SAFE_INTEGER - 1, highWaterMark = 2, releaseOnNext = false, signal } = options;
    const size = checkInteger('chunkSize', chunkSize, { min: 1, max: MOST_AT_ONCE, code: 'ERR_INVALID_SIZE' });
    const first = checkInteger('start', start);
    const last = checkInteger('end', end, { min: first });
    if (typeof releaseOnNext !== 'boolean') throw new FreestoneError('ERR_INVALID_ARGUMENT', 'releaseOnNext must be true or false', { argument: 'releaseOnNext' });
    super({
      objectMode: true,
      highWaterMark: checkInteger('highWaterMark', highWaterMark, { min: 1, max: 1024 }),
      ...(signal === undefined ? {} : { signal }),
    });
    this.#pool = pool;
    this.#holdings = holdings;
    this.#path = path;
    this.#chunkSize = size;
    this.#releaseOnNext = releaseOnNext;
    this.#position = first;
    this.#end = last;
  }

  override _construct(callback: (error?: Error | null) => void): void {
    try {
      open(this.#path, 'r', (error, file) => {
        if (error === null) this.#file = file;
        callback(error);
      });
    } catch (error) {
      callback(error as Error);
    }
  }

  override _read(): void {
    const wanted = Math.min(this.#chunkSize, this.#end - this.#position + 1);
    if (wanted <= 0) {
      this.push(null);
      return;
    }
    this.#pool.acquireAsync(wanted, { signal: this.#destroyed.signal }).then(
      (buffer) => {
        if (this.destroyed) this.#pool.release(buffer);
        else this.#readInto(buffer);
      },
      (error: unknown) => this.destroy(error as Error),
    );
  }

  #readInto(buffer: Buffer): void {
    this.#reading = true;
    read(this.#file ?? -1, buffer, 0, buffer.length, this.#position, (error, bytes) => {
      this.#reading = false;
      if (error !== null || this.destroyed || bytes === 0 || !this.#pool.owns(buffer)) {
        if (this.#pool.owns(buffer)) this.#pool.release(buffer);
        if (this.#afterRead !== null) this.#afterRead();
        else if (error !== null || bytes > 0) this.destroy(error ?? new FreestoneError('ERR_CLOSED', `${this.#pool.name} was closed`));
        else this.push(null);
        return;
      }
      this.#position += bytes;
      this.bytesRead += bytes;
      const chunk = this.#holdings.cut(buffer, bytes);
      this.#unread.add(chunk);
      this.push(chunk);
    });
  }

  /** 'data' is emitted for every chunk that leaves the queue, whichever way it is taken: it is the taker's from then on. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'data') this.#unread.delete(args[0] as Buffer);
    return super.emit(event as 'data', ...args);
  }

  /** What is still in the queue of a destroyed stream was released. */
  override read(size?: number): Buffer | null {
    return this.destroyed ? null : (super.read(size) as Buffer | null);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#destroyed.abort();
    for (const chunk of this.#unread) if (this.#pool.owns(chunk)) this.#pool.release(chunk);
    this.#unread.clear();
    const end = (): void => {
      if (this.#file === null) callback(error);
      else {
        close(this.#file, (closing) => {
          callback(error ?? closing);
        });
      }
    };
    if (this.#reading) this.#afterRead = end;
    else end();
  }

  override [Symbol.asyncIterator](): NodeJS.AsyncIterator<Buffer> {
    const chunks = super[Symbol.asyncIterator]() as NodeJS.AsyncIterator<Buffer>;
    return this.#releaseOnNext ? this.#releasing(chunks) : chunks;
  }

  async *#releasing(chunks: NodeJS.AsyncIterator<Buffer>): AsyncGenerator<Buffer, undefined, undefined> {
    for await (const chunk of chunks) {
      const serial = this.#holdings.serialOf(chunk);
      try {
        yield chunk;
      } finally {
        this.#holdings.releaseIf(chunk, serial);
      }
    }
    return undefined;
  }
}
