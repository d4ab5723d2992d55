// The free areas of one source, longest first, as one call uses them up (B4, B5, B6, F1).
//
// While an attempt is being prepared, extents are only *reserved*: `unreserved` falls and the area moves down the list to where an area of
// that length would stand, although the others are still compared by their real `count` (B5). A walk follows an area to its new place and so
// misses those in between (F1). Both are observable in LVM's placements.
//
// Most sources of a large request are scanned once and then not chosen. For those the length of the longest area is enough; the walk over the
// others is put off until it matters, and the list of objects is made when something has to change.
import type { SourceAreas } from './area-order.js';
import { at } from './at.js';
import { bestFitOfList, isUndone, type FitRequest } from './best-fit.js';

/** What an area carries besides its extents. */
export interface AreaLabel {
  readonly handle: unknown;
  readonly tags: readonly string[];
}

export interface FreeArea {
  readonly owner: AreaList;
  readonly label: AreaLabel | undefined;
  start: number;
  /** The real length. */
  count: number;
  /** What is left of it in the current attempt. */
  unreserved: number;
}

export class AreaList {
  readonly #areas: SourceAreas;
  /** Null until the list is needed. */
  #list: FreeArea[] | null = null;
  /** A walk by size that has been put off. */
  #pending: FitRequest | null = null;
  /** What that walk came to, once it has been done. */
  #fitted: FreeArea | null = null;
  #dirty = false;
  #free: number;

  /** @param source the index in the request's sources */
  constructor(
    readonly source: number,
    readonly tags: readonly string[],
    areas: SourceAreas,
  ) {
    this.#areas = areas;
    this.#free = areas.free;
  }

  /** Free extents, reserved or not. */
  get free(): number {
    return this.#free;
  }

  get isEmpty(): boolean {
    return this.#free === 0;
  }

  /** The length of the longest area. */
  get longest(): number {
    return this.#list ? this.#list.reduce((most, { count }) => Math.max(most, count), 0) : this.#areas.longest;
  }

  /** Some areas have a handle or tags of their own. */
  get hasLabels(): boolean {
    return this.#areas.hasLabels;
  }

  /** The areas in their present order. The array changes as extents are reserved or taken. */
  get list(): readonly FreeArea[] {
    return this.#open();
  }

  /**
   * One source's part of a scan by size alone (G3–G5 with H3): the last of the areas that a walk down the list would use.
   * @returns the area, or null in its place for `fittedArea` to find it; and null for both when no area is used
   */
  fit(request: FitRequest): { readonly area: FreeArea | null; readonly used: number } | null {
    const { need, amount, whole } = request;
    // When no area but the first may be shorter than what is reserved, the longest one tells how much will be.
    if (this.#list || this.#pending || this.#areas.hasLabels || need !== amount) return bestFitOfList(this, request);
    const { longest } = this.#areas;
    if (whole && longest < need) return null;
    this.#pending = request;
    this.#dirty = true;
    return { area: null, used: Math.min(amount, longest) };
  }

  /** The area that `fit` found without saying which. */
  fittedArea(): FreeArea {
    this.#open();
    if (!this.#fitted) throw new RangeError(`no area of source ${this.source} was chosen by size`);
    return this.#fitted;
  }

  /**
   * Takes extents of the area at `index` out of consideration for this attempt (G5) and moves it (B5), unless nothing is left of it.
   * @returns where it stands now
   */
  reserve(index: number, area: FreeArea, amount: number): number {
    this.#dirty = true;
    if (amount >= area.unreserved) {
      area.unreserved = 0;
      return index;
    }
    area.unreserved -= amount;
    return this.#move(index, area, area.unreserved);
  }

  /** Makes an attempt's reservations void (F1). An area that moves back is followed, and those in between are not looked at. */
  reset(): void {
    if (!this.#dirty) return;
    this.#fitted = null;
    if (!this.#list && this.#pending && isUndone(this.#areas.sorted.counts, this.#pending)) {
      this.#pending = null;
      this.#dirty = false;
      return;
    }
    const list = this.#open();
    this.#fitted = null;
    for (let i = 0; i < list.length; i++) {
      const area = at(list, i);
      if (area.unreserved === area.count) continue;
      area.unreserved = area.count;
      i = this.#move(i, area, area.unreserved);
    }
    // What the walk missed keeps its reservation, and is looked at again in the next one.
    this.#dirty = list.some((area) => area.unreserved !== area.count);
  }

  /** Takes extents from the front of an area for good (B6). @returns the first of them */
  consume(area: FreeArea, extents: number): number {
    const list = this.#open();
    const start = area.start;
    const place = list.indexOf(area);
    if (place < 0 || extents > area.count) throw new RangeError(`the area at ${start} has no ${extents} extents to take`);
    list.splice(place, 1);
    this.#free -= extents;
    area.start += extents;
    area.count -= extents;
    area.unreserved = area.count;
    if (area.count > 0) list.splice(placeFor(list, area.count), 0, area);
    return start;
  }

  #move(index: number, area: FreeArea, length: number): number {
    const list = this.#open();
    list.splice(index, 1);
    const place = placeFor(list, length);
    list.splice(place, 0, area);
    return place;
  }

  #open(): FreeArea[] {
    if (this.#list) return this.#list;
    const { starts, counts, labels } = this.#areas.sorted;
    const list = starts.map((start, i): FreeArea => {
      const count = at(counts, i);
      return { owner: this, label: labels?.[i], start, count, unreserved: count };
    });
    this.#list = list;
    const pending = this.#pending;
    this.#pending = null;
    if (pending) this.#fitted = bestFitOfList(this, pending)?.area ?? null;
    return list;
  }
}

/** Before the first area that is strictly shorter (B4). */
function placeFor(list: readonly FreeArea[], length: number): number {
  let place = 0;
  while (place < list.length && at(list, place).count >= length) place++;
  return place;
}
