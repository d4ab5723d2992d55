// All slots of a pool: which are free, by size, and how many there are.
import { FreestoneError } from '../errors.js';
import { Magazine, Shelves } from './magazine.js';
import { sizeClasses } from './size-classes.js';
import type { Source } from './source.js';

/** A magazine is refilled with about so many bytes at once. */
const BATCH_BYTES = 2 ** 16;
/** Beyond so many times what was held at the most, a slot comes from a larger size that has a free one before there are more slots. */
const SPARE = 1.1;
/** How many size classes up a free slot is looked for. */
const BORROWS = 3;
/** Of less than that it is not worth telling the system. */
const TRIM_BYTES = 2 ** 20;

export class Stock {
  /** By size class. */
  readonly magazines: readonly Magazine[];
  readonly shelves = new Shelves();
  /** Bytes of all slots, free or held. */
  total = 0;
  readonly #source: Source;
  readonly #zeroed: boolean;
  readonly #indexOf: (size: number) => number;
  /** The most that was live when slots were last wanted; a little less each time that too many are kept. */
  #high = 0;

  /** @param pool whose it is @param zeroed whether free slots are zero */
  constructor(pool: object, source: Source, zeroed: boolean) {
    const { sizes, indexOf } = sizeClasses();
    this.#source = source;
    this.#zeroed = zeroed;
    this.#indexOf = indexOf;
    this.magazines = sizes.map((size, index) => new Magazine(pool, source, index, size, Math.max(1, Math.min(64, Math.floor(BATCH_BYTES / size)))));
  }

  /** @throws {FreestoneError} ERR_INVALID_SIZE */
  magazineFor(size: number): Magazine {
    const magazine = this.magazines[this.#indexOf(size)];
    if (magazine === undefined) throw new TypeError('a size without a class');
    return magazine;
  }

  /** A view of a free slot. @param live bytes that are held @throws {FreestoneError} ERR_LIMIT_EXCEEDED, ERR_OUT_OF_MEMORY */
  take(magazine: Magazine, size: number, live: number): Buffer {
    const shelf = this.shelves.of(magazine, size);
    const ready = magazine.take(size, shelf);
    if (ready !== null) return ready;
    const larger = this.#largerThan(magazine);
    const borrowed = larger?.take(size, larger.loose);
    if (borrowed !== undefined && borrowed !== null) return borrowed;
    this.#refill(magazine, live);
    return magazine.take(size, shelf) ?? nothing();
  }

  /** A free slot without a view. @throws {FreestoneError} as `take` */
  takeBare(magazine: Magazine, live: number): number {
    const ready = magazine.takeBare();
    if (ready !== null) return ready;
    this.#refill(magazine, live);
    return magazine.takeBare() ?? nothing();
  }

  /** A slot came from another thread, or went to one. */
  came(magazine: Magazine, live: number): void {
    magazine.total += 1;
    magazine.received += 1;
    this.total += magazine.size;
    this.#high = Math.max(this.#high, live + magazine.size);
  }

  went(magazine: Magazine): void {
    magazine.total -= 1;
    this.total -= magazine.size;
  }

  /**
   * How many bytes may be free: half of the most that were held, so that what comes and goes at random seldom meets the bound. With those
   * that are held they are never many more than the most that were held, since slots are made only when there is none.
   */
  get most(): number {
    return BATCH_BYTES + this.#high / 2;
  }

  /** Gives half of what is free back, if it is too much. @param live bytes that are held */
  relieve(live: number): void {
    if (this.total - live <= this.most) return;
    this.#high = Math.max(live, this.#high - this.#high / 8);
    const bytes = this.magazines.reduce((sum, magazine) => sum + this.#drain(magazine, magazine.count >>> 1), 0);
    // Seldom, since what is wanted again soon was kept. Else the pages of free slots stay with the process for as long as it lives.
    if (bytes >= TRIM_BYTES) this.#source.trim();
  }

  /** Gives back all that is free. @returns bytes */
  shed(): number {
    return this.magazines.reduce((sum, magazine) => sum + this.#drain(magazine, 0), 0);
  }

  /** Forgets how much was held. */
  forget(live: number): void {
    this.#high = live;
  }

  close(): void {
    for (const magazine of this.magazines) magazine.close();
    this.shelves.close();
  }

  /**
   * A magazine of a little larger slots that has a free one, when as much memory as was ever held is there: sizes are not held most at the
   * same time, so that all together would else have a fifth more.
   */
  #largerThan(magazine: Magazine): Magazine | null {
    if (this.total + magazine.size <= this.#high * SPARE) return null;
    for (let i = magazine.index + 1; i <= magazine.index + BORROWS; i += 1) {
      const larger = this.magazines[i];
      if (larger !== undefined && larger.size <= 2 * magazine.size && larger.count > 0) return larger;
    }
    return null;
  }

  /** Free slots for a magazine that has none: many at once, or one when that is too much, or one instead of what other sizes keep. */
  #refill(magazine: Magazine, live: number): void {
    for (let count = magazine.batch; ; ) {
      try {
        this.#source.refill(magazine, count, this.#zeroed);
      } catch (error) {
        if (!isShortage(error) || (count === 1 && this.shed() === 0)) throw error;
        count = 1;
        continue;
      }
      magazine.misses += 1;
      this.total += count * magazine.size;
      this.#high = Math.max(this.#high, live + magazine.size);
      return;
    }
  }

  /** Gives back all but `left` of a magazine's free slots. @returns bytes */
  #drain(magazine: Magazine, left: number): number {
    const offsets = magazine.drop(left);
    if (offsets.length === 0) return 0;
    this.#source.drain(magazine, offsets);
    const bytes = offsets.length * magazine.size;
    this.total -= bytes;
    return bytes;
  }
}

/** Whether it is for want of memory. */
export function isShortage(error: unknown): boolean {
  return error instanceof FreestoneError && (error.code === 'ERR_LIMIT_EXCEEDED' || error.code === 'ERR_OUT_OF_MEMORY');
}

function nothing(): never {
  throw new TypeError('a refill brought nothing');
}
