// One source's areas in order: by position to find overlaps, by length for a placement (B4). Made when they are needed, and then kept.
import { at } from './at.js';
import type { AreaLabel } from './areas.js';

/** Areas by position, or range by range, none of which overlap. Never changed. */
export interface PlacedAreas {
  readonly starts: readonly number[];
  readonly counts: readonly number[];
  /** Beside `starts`, only when some area has a handle or tags of its own. */
  readonly labels: readonly (AreaLabel | undefined)[] | undefined;
}

/** What can be told of areas without putting them in order. */
export interface AreaSummary {
  /** The length of the longest. */
  readonly longest: number;
  /** All lengths together. */
  readonly free: number;
  readonly hasLabels: boolean;
}

export class SourceAreas {
  readonly longest: number;
  readonly free: number;
  readonly hasLabels: boolean;
  readonly #read: () => PlacedAreas;
  #placed: PlacedAreas | undefined;
  #sorted: PlacedAreas | undefined;

  /** @param areas what there is, or how to read it */
  constructor(summary: AreaSummary, areas: PlacedAreas | (() => PlacedAreas)) {
    this.longest = summary.longest;
    this.free = summary.free;
    this.hasLabels = summary.hasLabels;
    if (typeof areas === 'function') this.#read = areas;
    else {
      this.#read = () => areas;
      this.#placed = areas;
    }
  }

  /** Areas whose summary has to be made. */
  static of(placed: PlacedAreas): SourceAreas {
    let longest = 0;
    let free = 0;
    for (const count of placed.counts) {
      free += count;
      if (count > longest) longest = count;
    }
    return new SourceAreas({ longest, free, hasLabels: placed.labels !== undefined }, placed);
  }

  get placed(): PlacedAreas {
    return (this.#placed ??= this.#read());
  }

  /** Longest first; areas of one length stay in the order given (B4). */
  get sorted(): PlacedAreas {
    return (this.#sorted ??= byLength(this.placed, this.longest));
  }
}

function byLength(placed: PlacedAreas, longest: number): PlacedAreas {
  const { starts, counts, labels } = placed;
  if (counts.every((count, i) => i === 0 || count <= at(counts, i - 1))) return placed;
  const order = descending(counts, longest);
  return {
    starts: order.map((i) => at(starts, i)),
    counts: order.map((i) => at(counts, i)),
    labels: labels && order.map((i) => labels[i]),
  };
}

function descending(counts: readonly number[], longest: number): number[] {
  const n = counts.length;
  if ((longest + 1) * n > Number.MAX_SAFE_INTEGER) {
    return counts.map((_, i) => i).sort((one, other) => at(counts, other) - at(counts, one));
  }
  // One number holds the length and the place, so that the engine's numeric sort does what a stable sort would, many times faster.
  const keys = new Float64Array(n);
  for (let i = 0; i < n; i++) keys[i] = (longest - at(counts, i)) * n + i;
  keys.sort();
  const order: number[] = [];
  for (const key of keys) order.push(key % n);
  return order;
}
