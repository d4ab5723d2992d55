// Web streams. Their readers take an ArrayBuffer away and give it back, which pooled memory cannot be: bytes are copied once.
import { FreestoneError, checkInteger, checkOptions, checkSignal, shown } from '../errors.js';
import type { BufferPool } from './buffer-pool.js';
import { MOST_BYTES } from './size-classes.js';

export interface FromWebOptions {
  /** The most bytes of a buffer. 64 KiB unless given. */
  readonly chunkSize?: number;
  readonly signal?: AbortSignal;
}

export function isWebStream(source: unknown): source is ReadableStream<Uint8Array> {
  return typeof (Object(source) as Partial<ReadableStream>).getReader === 'function';
}

/**
 * What comes out of a web stream; each chunk is good until the next one is asked for. A stream of bytes reads into one ArrayBuffer again
 * and again, any other one gives what it has. `return`, and an abort, cancel the stream.
 */
export class WebChunks implements AsyncIterableIterator<unknown> {
  readonly #byob: ReadableStreamBYOBReader | null;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | null;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = (): void => {
    void this.#cancel(this.#signal?.reason);
  };
  #memory: ArrayBuffer;

  /** @throws {FreestoneError} ERR_CLOSED for a stream that somebody else reads */
  constructor(stream: ReadableStream<Uint8Array>, size: number, signal: AbortSignal | undefined) {
    if (stream.locked) throw new FreestoneError('ERR_CLOSED', 'the stream is being read by somebody else');
    this.#byob = byobReaderOf(stream);
    this.#reader = this.#byob === null ? stream.getReader() : null;
    this.#memory = new ArrayBuffer(this.#byob === null ? 0 : size);
    this.#signal = signal;
    if (signal?.aborted === true) this.#abort();
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    try {
      const value = await this.#read();
      // A cancelled stream has ended too.
      this.#signal?.throwIfAborted();
      if (value !== undefined) return { value, done: false };
      this.#release();
      return { value: undefined, done: true };
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<unknown, undefined>> {
    await this.#cancel();
    this.#release();
    return { value: undefined, done: true };
  }

  async #read(): Promise<unknown> {
    if (this.#byob === null) return (await this.#reader?.read())?.value;
    const { value, done } = await this.#byob.read(new Uint8Array(this.#memory));
    if (value === undefined || done) return undefined;
    this.#memory = value.buffer;
    return value;
  }

  async #cancel(reason?: unknown): Promise<void> {
    // Whether the stream could be cancelled is nobody's concern any more.
    await (this.#byob ?? this.#reader)?.cancel(reason).catch(() => undefined);
  }

  #release(): void {
    this.#signal?.removeEventListener('abort', this.#abort);
    (this.#byob ?? this.#reader)?.releaseLock();
  }
}

/** Null for a stream that is not one of bytes. */
function byobReaderOf(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | null {
  try {
    return stream.getReader({ mode: 'byob' });
  } catch {
    return null;
  }
}

/** See `BufferPool.fromWeb`. */
export function fromWeb(pool: BufferPool, stream: ReadableStream<Uint8Array>, options: FromWebOptions): AsyncGenerator<Buffer, void, undefined> {
  checkOptions('fromWeb', options, ['chunkSize', 'signal']);
  const chunkSize = checkInteger('chunkSize', options.chunkSize ?? 2 ** 16, { min: 1, max: MOST_BYTES, code: 'ERR_INVALID_SIZE' });
  checkSignal(options.signal);
  if (!isWebStream(stream)) throw new FreestoneError('ERR_INVALID_ARGUMENT', `stream must be a web stream, not ${shown(stream)}`, { argument: 'stream' });
  return pooledChunks(pool, stream, chunkSize, options.signal);
}

async function* pooledChunks(
  pool: BufferPool,
  stream: ReadableStream<Uint8Array>,
  chunkSize: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of new WebChunks(stream, chunkSize, signal)) {
    if (!(chunk instanceof Uint8Array)) throw new FreestoneError('ERR_TYPE_MISMATCH', `a stream of bytes gives Uint8Arrays, not ${shown(chunk)}`);
    for (let at = 0; at < chunk.length; at += chunkSize) {
      const part = chunk.subarray(at, at + chunkSize);
      const buffer = await pool.acquireAsync(part.length, signal === undefined ? {} : { signal });
      buffer.set(part);
      yield buffer;
    }
  }
}
