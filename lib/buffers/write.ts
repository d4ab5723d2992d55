// Pooled buffers into streams.
import { FreestoneError, checkOptions, checkSignal, shown } from '../errors.js';
import type { Holdings } from './holdings.js';

/** What Node's writable streams and the responses of its servers have in common. */
export interface WriteTarget {
  write(chunk: Uint8Array, callback: (error?: Error | null) => void): boolean;
  on(event: 'close' | 'drain', listener: () => void): unknown;
  readonly destroyed: boolean;
  readonly errored?: Error | null;
  readonly writableEnded?: boolean;
}

export interface WriteOptions {
  /** Ends the wait for the stream to take more; what was given to the stream stays its. */
  readonly signal?: AbortSignal;
}

/** What waits for a stream: one listener each serves all writes to it, and all writes end when it closes. */
class Writes {
  readonly #stream: WriteTarget;
  readonly #unfinished = new Set<() => void>();
  #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];

  constructor(stream: WriteTarget) {
    this.#stream = stream;
    stream.on('drain', () => {
      this.#drained();
    });
    stream.on('close', () => {
      for (const release of this.#unfinished) release();
      this.#unfinished.clear();
      this.fail(this.closed());
    });
  }

  closed(): Error {
    return this.#stream.errored ?? new FreestoneError('ERR_CLOSED', 'the stream was closed before it took what was written');
  }

  fail(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #drained(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** Gives the buffer to the stream; `release` is called once. @returns whether the stream takes more */
  write(buffer: Buffer, release: () => void): boolean {
    this.#unfinished.add(release);
    try {
      return this.#stream.write(buffer, (error) => {
        if (this.#unfinished.delete(release)) release();
        if (error !== null && error !== undefined) this.fail(error);
        // No 'drain' comes after an end.
        else if (this.#stream.writableEnded === true) this.#drained();
      });
    } catch (error) {
      this.#unfinished.delete(release);
      release();
      throw error;
    }
  }

  /** Until 'drain'. */
  drained(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const promise = { resolve, reject };
      if (signal === undefined) {
        this.#waiting.push({ resolve, reject });
        return;
      }
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((each) => each !== waiter);
        reject(signal.reason as Error);
      };
      const stop = (): void => {
        signal.removeEventListener('abort', abort);
      };
      const waiter = {
        resolve: (): void => {
          stop();
          resolve();
        },
        reject: (error: unknown): void => {
          stop();
          promise.reject(error);
        },
      };
      this.#waiting.push(waiter);
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    });
  }
}

const all = new WeakMap<WriteTarget, Writes>();

/** What most writes return: the stream takes more. */
const taken = Promise.resolve();

/** See `BufferPool.write`. */
export function write(holdings: Holdings, stream: WriteTarget, buffer: Buffer, options: WriteOptions | undefined): Promise<void> {
  try {
    return writeNow(holdings, stream, buffer, options);
  } catch (error) {
    return taken.then(() => {
      throw error;
    });
  }
}

function writeNow(holdings: Holdings, stream: WriteTarget, buffer: Buffer, options: WriteOptions | undefined): Promise<void> {
  if (options !== undefined) checkOptions('write', options, ['signal']);
  const signal = options?.signal;
  checkSignal(signal);
  let writes = all.get(stream);
  if (writes === undefined) {
    const { write: put, on } = Object(stream) as Partial<WriteTarget>;
    if (typeof put !== 'function' || typeof on !== 'function') {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `stream must be a writable stream, not ${shown(stream)}`, { argument: 'stream' });
    }
  }
  const serial = holdings.serialOf(buffer);
  const release = (): void => {
    holdings.releaseIf(buffer, serial);
  };
  if (writes === undefined) {
    writes = new Writes(stream);
    all.set(stream, writes);
  }
  if (signal?.aborted === true || stream.destroyed) {
    release();
    throw signal?.aborted === true ? signal.reason : writes.closed();
  }
  return writes.write(buffer, release) ? taken : writes.drained(signal);
}
