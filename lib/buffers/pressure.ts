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

  /** Beyond so many bytes there is something to note: not above where it begins, so that this is not passed unseen, and one less, so that it is passed when it is reached. */
  get above(): number {
    return this.on ? this.highWater : Math.min(this.highWater, this.#begins - 1);
  }

  /** Below so many bytes as well. */
  get below(): number {
    return this.on ? this.#ends : 0;
  }

  /** More is held than before. */
  rose(live: number): void {
    if (live > this.highWater) this.highWater = live;
    if (this.on || live < this.#begins) return;
    this.on = true;
    this.#changed(live);
  }

  /** Less is held than before. */
  fell(live: number): void {
    if (!this.on || live >= this.#ends) return;
    this.on = false;
    this.#changed(live);
  }

  /** The most begins anew. */
  forget(live: number): void {
    this.highWater = live;
  }
}
