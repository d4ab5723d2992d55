// Putting one source's areas in order: by position to find overlaps, by length for a placement (B4).
import { at } from './at.js';
import type { AreaLabel, SortedAreas } from './areas.js';

/** Areas by position, none of which overlap. Never changed. */
export interface PlacedAreas {
  readonly starts: readonly number[];
  readonly counts: readonly number[];
  readonly labels: readonly (AreaLabel | undefined)[] | undefined;
}

/** Sorts many short lists with one piece of scratch memory. Make one for each call of the library. */
export class AreaOrder {
  #scratch = new Float64Array(0);

  /** Longest first; areas of one length stay in the order given (B4). */
  byLength({ starts, counts, labels }: PlacedAreas): SortedAreas {
    let free = 0;
    let longest = 0;
    let falling = true;
    for (let i = 0; i < counts.length; i++) {
      const count = at(counts, i);
      free += count;
      if (count > longest) longest = count;
      if (i > 0 && count > at(counts, i - 1)) falling = false;
    }
    if (falling) return { starts, counts, labels, free };
    const order = this.#descending(counts, longest);
    return {
      starts: order.map((i) => at(starts, i)),
      counts: order.map((i) => at(counts, i)),
      labels: labels && order.map((i) => labels[i]),
      free,
    };
  }

  #descending(counts: readonly number[], longest: number): number[] {
    const n = counts.length;
    const order = new Array<number>(n);
    if ((longest + 1) * n > Number.MAX_SAFE_INTEGER) {
      for (let i = 0; i < n; i++) order[i] = i;
      return order.sort((one, other) => at(counts, other) - at(counts, one));
    }
    // One number holds the length and the place, so that the engine's numeric sort does what a stable sort would, many times faster.
    if (this.#scratch.length < n) this.#scratch = new Float64Array(n * 2);
    const keys = this.#scratch.subarray(0, n);
    for (let i = 0; i < n; i++) keys[i] = (longest - at(counts, i)) * n + i;
    keys.sort();
    for (let i = 0; i < n; i++) order[i] = (keys[i] ?? 0) % n;
    return order;
  }
}
