// Objects of one size that are constructed once and used many times.
import { FreestoneError, checkInteger, checkOptions } from '../errors.js';
import type { Allocator } from '../frames/index.js';

export interface ObjectCacheOptions {
  /** Constructs an object in its memory, once before its first use. */
  readonly init?: (object: Buffer) => void;
  /** Destructs it, once before its memory goes back to the heap. */
  readonly fini?: (object: Buffer) => void;
  /** How many unused objects are kept. 1024 unless given. */
  readonly max?: number;
  /** How many are constructed at once when the cache is made. 0 unless given; at most `max`. */
  readonly reserve?: number;
}

export interface ObjectCacheStats {
  /** Constructed objects that nobody uses, and those that somebody does. */
  readonly cached: number;
  readonly used: number;
  readonly hits: number;
  readonly misses: number;
}

/** Made by `heap.cache`. An object comes as its last user left it, constructed; `init` runs for new ones only. */
export class ObjectCache implements Disposable {
  readonly #heap: Allocator;
  readonly #size: number;
  readonly #init: ((object: Buffer) => void) | undefined;
  readonly #fini: ((object: Buffer) => void) | undefined;
  readonly #max: number;
  readonly #onEnd: (cache: ObjectCache) => void;
  readonly #unused: Buffer[] = [];
  readonly #used = new Set<Buffer>();
  #hits = 0;
  #misses = 0;
  #ended = false;

  /** @internal */
  constructor(heap: Allocator, size: number, options: ObjectCacheOptions, onEnd: (cache: ObjectCache) => void) {
    checkOptions('options', options, ['init', 'fini', 'max', 'reserve']);
    const { init, fini, max = 1024, reserve = 0 } = options;
    for (const [argument, value] of Object.entries({ init, fini })) {
      if (value !== undefined && typeof value !== 'function') throw new FreestoneError('ERR_INVALID_ARGUMENT', `${argument} must be a function`, { argument });
    }
    this.#heap = heap;
    this.#size = size;
    this.#init = init;
    this.#fini = fini;
    this.#max = checkInteger('max', max);
    this.#onEnd = onEnd;
    const wanted = checkInteger('reserve', reserve, { max: this.#max });
    try {
      while (this.#unused.length < wanted) this.#unused.push(this.#make());
    } catch (error) {
      this.trim();
      throw error;
    }
  }

  /** A constructed object. @throws {FreestoneError} as `Heap.alloc`; and what `init` throws, whose object is given back */
  acquire(): Buffer {
    this.#checkOpen();
    const kept = this.#unused.pop();
    const object = kept ?? this.#make();
    if (kept === undefined) this.#misses += 1;
    else this.#hits += 1;
    this.#used.add(object);
    return object;
  }

  /** Takes an object back, constructed as it is. @throws {FreestoneError} ERR_INVALID_ADDRESS for what is not in use, ERR_CLOSED */
  release(object: Buffer): void {
    this.#checkOpen();
    if (!this.#used.delete(object)) throw new FreestoneError('ERR_INVALID_ADDRESS', 'this Buffer is not an object in use of this cache');
    if (this.#unused.length < this.#max) this.#unused.push(object);
    else this.#drop(object);
  }

  stats(): ObjectCacheStats {
    return { cached: this.#unused.length, used: this.#used.size, hits: this.#hits, misses: this.#misses };
  }

  /** Destructs the objects that nobody uses. @returns how many */
  trim(): number {
    const count = this.#unused.length;
    for (let object = this.#unused.pop(); object !== undefined; object = this.#unused.pop()) this.#drop(object);
    return count;
  }

  /** Destructs all objects, those in use as well. A second call does nothing. */
  destroy(): void {
    if (this.#ended) return;
    this.trim();
    for (const object of this.#used) this.#drop(object);
    this.#used.clear();
    this.#ended = true;
    this.#onEnd(this);
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  /** The heap ended every block. @internal */
  forget(): void {
    this.#unused.length = 0;
    this.#used.clear();
  }

  #make(): Buffer {
    const object = this.#heap.alloc(this.#size);
    try {
      this.#init?.(object);
    } catch (error) {
      this.#heap.free(object);
      throw error;
    }
    return object;
  }

  #drop(object: Buffer): void {
    try {
      this.#fini?.(object);
    } finally {
      this.#heap.free(object);
    }
  }

  #checkOpen(): void {
    if (this.#ended) throw new FreestoneError('ERR_CLOSED', 'the cache is destroyed');
  }
}
