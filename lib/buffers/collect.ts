// The bytes of a request, or of any other source, in one buffer.
import { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { FreestoneError, checkInteger, checkOptions, checkSignal, shown } from '../errors.js';
import { native } from '../native.js';
import type { BufferPool } from './buffer-pool.js';
import type { Holdings } from './holdings.js';
import { MOST_BYTES } from './size-classes.js';
import { WebChunks, isWebStream } from './web-streams.js';

/** A Node stream, a server's request among them; a web stream; or anything that gives bytes by and by. */
export type CollectSource = Readable | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

export interface CollectOptions {
  /** The most bytes that are taken. 4 GiB unless given, and what the pool may have. */
  readonly maxBytes?: number;
  /** Aborts it. */
  readonly signal?: AbortSignal;
  /** Whether a failure destroys a Node stream. True unless given; false leaves it paused, so that a server can still answer. */
  readonly destroy?: boolean;
  /**
   * Whether the chunks of a request or response of node:http are freed as soon as they are copied, and not when the engine collects: a
   * server then needs far less memory. Nobody else may look at them, such as another listener to 'data'. False unless given.
   */
  readonly freeChunks?: boolean;
}

/** What is acquired before anything is known of the length. */
const FIRST_BYTES = 2 ** 16;
/** How much a sender's word for the length of a body is believed before it comes. */
const BELIEVED_BYTES = 2 ** 20;

/**
 * A body that grows. Who begins one waits in turn while the pool is full, and holds nothing; who has begun and must grow does not wait,
 * for then two of them could wait for each other for ever.
 */
class Body {
  readonly #pool: BufferPool;
  readonly #holdings: Holdings;
  readonly #most: number;
  /** What the sender said that the length is; infinite when it did not. */
  readonly #declared: number;
  #buffer: Buffer | null = null;
  #length = 0;

  constructor(pool: BufferPool, holdings: Holdings, most: number, declared: number) {
    this.#pool = pool;
    this.#holdings = holdings;
    this.#most = most;
    this.#declared = declared;
    if (declared !== Infinity && declared > most) throw this.#tooLong(declared);
  }

  /** @returns false when the pool is full */
  beginNow(): boolean {
    try {
      this.#buffer = this.#pool.acquire(this.#firstSize);
      return true;
    } catch (error) {
      if (error instanceof FreestoneError && error.code === 'ERR_LIMIT_EXCEEDED') return false;
      throw error;
    }
  }

  async begin(signal: AbortSignal | undefined): Promise<void> {
    this.#buffer = await this.#pool.acquireAsync(this.#firstSize, signal === undefined ? {} : { signal });
  }

  get #firstSize(): number {
    return Math.max(this.#declared === Infinity ? Math.min(FIRST_BYTES, this.#most) : Math.min(BELIEVED_BYTES, this.#declared), 1);
  }

  /** @throws {FreestoneError} ERR_TYPE_MISMATCH, ERR_LIMIT_EXCEEDED, ERR_CLOSED */
  append(chunk: unknown): void {
    if (!(chunk instanceof Uint8Array)) {
      throw new FreestoneError('ERR_TYPE_MISMATCH', `a source gives Uint8Arrays, not ${shown(chunk)}: does it have an encoding?`);
    }
    const length = this.#length + chunk.length;
    if (length > this.#most) throw this.#tooLong(length);
    let buffer = this.#buffer;
    // The memory of a closed shared pool is still there, and others have it.
    if (buffer === null || !this.#pool.owns(buffer)) throw new FreestoneError('ERR_CLOSED', `${this.#pool.name} was closed while a body came`);
    if (length > buffer.length) {
      const most = Math.min(this.#most, MOST_BYTES);
      const wanted = Math.max(length, Math.min(2 * buffer.length, most));
      const larger = this.#pool.acquire(length <= this.#declared ? Math.min(wanted, this.#declared) : wanted);
      larger.set(buffer.subarray(0, this.#length));
      this.#pool.release(buffer);
      this.#buffer = buffer = larger;
    }
    buffer.set(chunk, this.#length);
    this.#length = length;
  }

  /** The whole, in a buffer of its length, and of not more than twice the memory where there is room for that. */
  finish(): Buffer {
    const buffer = this.#buffer;
    if (buffer === null || !this.#pool.owns(buffer)) throw new FreestoneError('ERR_CLOSED', `${this.#pool.name} was closed while a body came`);
    this.#buffer = null;
    if (this.#length <= buffer.length / 2) {
      const smaller = this.#smaller(Math.max(this.#length, 1));
      if (smaller !== null) {
        smaller.set(buffer.subarray(0, this.#length));
        this.#pool.release(buffer);
        return this.#holdings.cut(smaller, this.#length);
      }
    }
    return this.#holdings.cut(buffer, this.#length);
  }

  discard(): void {
    if (this.#buffer !== null && this.#pool.owns(this.#buffer)) this.#pool.release(this.#buffer);
    this.#buffer = null;
  }

  #smaller(size: number): Buffer | null {
    try {
      return this.#pool.acquire(size);
    } catch {
      return null;
    }
  }

  #tooLong(bytes: number): FreestoneError {
    return new FreestoneError('ERR_LIMIT_EXCEEDED', `a body of ${String(bytes)} bytes or more, and at most ${String(this.#most)} are taken`, {
      requested: bytes,
      limit: this.#most,
    });
  }
}

/** See `BufferPool.collect`. */
export async function collect(pool: BufferPool, holdings: Holdings, source: CollectSource, options: CollectOptions): Promise<Buffer> {
  checkOptions('collect', options, ['maxBytes', 'signal', 'destroy', 'freeChunks']);
  const { signal, destroy = true, freeChunks = false } = options;
  checkSignal(signal);
  for (const [argument, value] of Object.entries({ destroy, freeChunks })) {
    if (typeof value !== 'boolean') throw new FreestoneError('ERR_INVALID_ARGUMENT', `${argument} must be true or false, not ${shown(value)}`, { argument });
  }
  const most = checkInteger('maxBytes', options.maxBytes ?? Math.min(pool.maxBytes, MOST_BYTES));
  if (isNodeStream(source)) return collectStream(pool, holdings, source, { most, signal, destroy, freeChunks: freeChunks && source instanceof IncomingMessage });
  const chunks: AsyncIterator<unknown> = isWebStream(source) ? new WebChunks(source, FIRST_BYTES, signal) : iteratorOf(source);
  const body = new Body(pool, holdings, most, Infinity);
  let done = false;
  try {
    await body.begin(signal);
    for (;;) {
      const next = await unlessAborted(chunks.next(), signal);
      if (next.done === true) break;
      body.append(next.value);
    }
    done = true;
    return body.finish();
  } finally {
    body.discard();
    // Not awaited: a generator that waits for something would end only after that. It has nobody left to tell of a failure.
    if (!done) void Promise.resolve(chunks.return?.()).catch(() => undefined);
  }
}

function iteratorOf(source: unknown): AsyncIterator<unknown> {
  const make = (Object(source) as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator];
  if (typeof make === 'function') return make.call(source);
  throw new FreestoneError('ERR_INVALID_ARGUMENT', `source must be a stream or async iterable of bytes, not ${shown(source)}`, { argument: 'source' });
}

/** The promise, or the reason of the signal if that comes first. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    stop = () => {
      signal.removeEventListener('abort', abort);
    };
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stop?.();
  }
}

function isNodeStream(source: unknown): source is Readable {
  const { on, pause, resume } = Object(source) as Partial<Readable>;
  return typeof on === 'function' && typeof pause === 'function' && typeof resume === 'function';
}

/** What the headers of a request or a response say about the length; infinite for all else. */
function declaredLength(source: Readable): number {
  const { headers } = source as { headers?: Record<string, unknown> };
  if (headers === undefined || headers['transfer-encoding'] !== undefined || headers['content-encoding'] !== undefined) return Infinity;
  const length = headers['content-length'];
  return typeof length === 'string' && /^\d{1,15}$/.test(length) ? Number(length) : Infinity;
}

/** Frees the memory of a chunk that Node made for it alone. */
function free({ buffer, byteLength }: Uint8Array): void {
  if (byteLength === buffer.byteLength) native().detach(buffer);
}

/** By its events: an async iterator of a Node stream costs a server a tenth of its requests. */
function collectStream(
  pool: BufferPool,
  holdings: Holdings,
  source: Readable,
  { most, signal, destroy, freeChunks }: { most: number; signal: AbortSignal | undefined; destroy: boolean; freeChunks: boolean },
): Promise<Buffer> {
  return new Promise((resolve, reject: (reason: unknown) => void) => {
    const promise = { resolve, reject };
    let body: Body | null = null;
    let settled = false;
    const settle = (): void => {
      settled = true;
      source.off('data', onData).off('end', onEnd).off('close', onClose);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (reason: unknown, destroyed = false): void => {
      if (settled) return;
      settle();
      body?.discard();
      stopWaiting();
      if (destroyed || !destroy) source.off('error', onError);
      if (!destroyed && destroy) {
        // What the destruction fails with has been said, or says less.
        source.on('error', () => undefined);
        source.destroy();
      } else if (!destroyed) source.pause();
      promise.reject(reason);
    };
    const onAbort = (): void => {
      fail(signal?.reason);
    };
    const onError = (error: unknown): void => {
      fail(error, true);
    };
    const onClose = (): void => {
      fail(source.errored ?? new FreestoneError('ERR_CLOSED', 'the source was destroyed before its end'), true);
    };
    const onData = (chunk: unknown): void => {
      try {
        body?.append(chunk);
        if (freeChunks) free(chunk as Uint8Array);
      } catch (error) {
        fail(error);
      }
    };
    const onEnd = (): void => {
      settle();
      source.off('error', onError);
      try {
        if (body !== null) promise.resolve(body.finish());
      } catch (error) {
        promise.reject(error);
      }
    };
    let stopWaiting = (): void => undefined;

    if (signal?.aborted === true) {
      fail(signal.reason);
      return;
    }
    if (source.destroyed || source.readableEnded) {
      fail(source.errored ?? new FreestoneError('ERR_CLOSED', 'the source was read to its end or destroyed before'), true);
      return;
    }
    // Before anything is awaited: a source may fail meanwhile.
    source.on('error', onError).on('close', onClose);
    signal?.addEventListener('abort', onAbort, { once: true });
    const read = (): void => {
      source.on('end', onEnd).on('data', onData).resume();
    };
    try {
      body = new Body(pool, holdings, most, declaredLength(source));
      if (body.beginNow()) {
        read();
        return;
      }
    } catch (error) {
      fail(error);
      return;
    }
    const waiting = new AbortController();
    stopWaiting = () => {
      waiting.abort();
    };
    body.begin(waiting.signal).then(
      () => {
        if (settled) body.discard();
        else read();
      },
      (error: unknown) => {
        fail(error);
      },
    );
  });
}
