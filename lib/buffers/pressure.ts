// How much of a pool's bound is held: the most so far, and when to say that it is nearly all.

/** Shares of `maxBytes` at which pressure begins and ends. */
const PRESSURE = 0.8;
const RELIEF = 0.7;

export class Pressure {
  /** The most bytes that were held at a time. */
  highWater = 0;
  on = false;
  readonly #begins: number;
  readonly #ends: number;
  readonly #changed: (live: number) => void;

  /** @param changed called when it begins and when it ends */
  constructor(maxBytes: number, changed: (live: number) => void) {
    this.#begins = maxBytes * PRESSURE;
    this.#ends = maxBytes * RELIEF;
    this.#changed = changed;
  }

  /** More is held than before. @returns beyond how many bytes there is something to note again */
  rose(live: number): number {
    if (live > this.highWater) this.highWater = live;
    if (!this.on && live >= this.#begins) {
      this.on = true;
      this.#changed(live);
    }
    return this.#next();
  }

  /** Less is held than before. @returns as `rose` */
  fell(live: number): number {
    if (this.on && live < this.#ends) {
      this.on = false;
      this.#changed(live);
    }
    return this.#next();
  }

  /** The most begins anew. @returns as `rose` */
  forget(live: number): number {
    this.highWater = live;
    return this.#next();
  }

  #next(): number {
    // Not above where it begins, so that this is not passed unseen; one byte less, so that it is passed when it is reached.
    return this.on ? this.highWater : Math.min(this.highWater, this.#begins - 1);
  }
}
