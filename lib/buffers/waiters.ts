// Those who wait for memory, first come first served.
import { FreestoneError } from '../errors.js';

interface Waiter {
  readonly size: number;
  readonly resolve: (buffer: Buffer) => void;
  readonly reject: (reason: unknown) => void;
  readonly stop: () => void;
}

export class Waiters {
  readonly #queue: Waiter[] = [];

  get length(): number {
    return this.#queue.length;
  }

  add(size: number, signal?: AbortSignal): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#queue.splice(this.#queue.indexOf(waiter), 1);
        waiter.stop();
        reject(signal?.reason as Error);
      };
      const waiter: Waiter = { size, resolve, reject, stop: () => signal?.removeEventListener('abort', abort) };
      signal?.addEventListener('abort', abort, { once: true });
      this.#queue.push(waiter);
    });
  }

  /** Serves from the head on for as long as `take` gives buffers. */
  serve(take: (size: number) => Buffer | null): void {
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      let buffer: Buffer | null;
      try {
        buffer = take(head.size);
      } catch (error) {
        this.#queue.shift();
        head.stop();
        head.reject(error);
        continue;
      }
      if (buffer === null) return;
      this.#queue.shift();
      head.stop();
      head.resolve(buffer);
    }
  }

  close(): void {
    for (const waiter of this.#queue.splice(0)) {
      waiter.stop();
      waiter.reject(new FreestoneError('ERR_CLOSED', 'the pool was closed while this request waited'));
    }
  }
}
