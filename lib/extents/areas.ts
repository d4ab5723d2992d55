// The free areas of one source, longest first, as one call uses them up (B4, B5, B6, F1).
//
// While an attempt is being prepared, extents are only *reserved*: `unreserved` falls and the area moves down the list to where an area of
// that length would stand, although the others are still compared by their real `count` (B5). A walk follows an area to its new place and so
// misses those in between (F1). Both are observable in LVM's placements.
//
// Most sources of a large request are scanned once and then not chosen. Those keep only the sorted arrays of `SortedAreas`; the list of
// objects is made when something has to change (`list`), and a scan that was not followed by a placement is repeated on it then.
import { at } from './at.js';
import { bestFitOfList, bestFitOfSorted, type Fit } from './best-fit.js';

/** What an area carries besides its extents. */
export interface AreaLabel {
  readonly handle: unknown;
  readonly tags: readonly string[];
}

/** Free areas sorted by length, longest first; equal ones in the order of their listing (B4). Never changed. */
export interface SortedAreas {
  readonly starts: readonly number[];
  readonly counts: readonly number[];
  /** Beside `starts`, only when some area has a handle or tags of its own. */
  readonly labels: readonly (AreaLabel | undefined)[] | undefined;
  /** The sum of `counts`. */
  readonly free: number;
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
  readonly #sorted: SortedAreas;
  #objects: readonly FreeArea[] | null = null;
  #list: FreeArea[] = [];
  /** A scan that has not been done on the list yet. */
  #pending: Fit | null = null;
  #dirty = false;
  #free: number;

  /** @param source the index in the request's sources */
  constructor(
    readonly source: number,
    readonly tags: readonly string[],
    sorted: SortedAreas,
  ) {
    this.#sorted = sorted;
    this.#free = sorted.free;
  }

  /** Free extents, reserved or not. */
  get free(): number {
    return this.#free;
  }

  get isEmpty(): boolean {
    return this.#objects ? this.#list.length === 0 : this.#sorted.counts.length === 0;
  }

  /** The longest area as it was given; for reports. */
  get longest(): number {
    return this.#objects ? this.#list.reduce((most, area) => Math.max(most, area.count), 0) : (this.#sorted.counts[0] ?? 0);
  }

  /** The areas in their present order. The array changes as extents are reserved or taken. */
  get list(): readonly FreeArea[] {
    this.#open();
    return this.#list;
  }

  /**
   * One source's part of a scan by size alone (G3–G5 with H3): the last of the areas that a walk down the list would use.
   * @param need the least length of every area but the first of a walk, in extents of one slot
   * @param amount what is reserved of each area used
   * @param whole whether the first area, too, must be `need` long
   * @returns the area's place among those given, for `areaAt`, and the extents reserved; null when none is used
   */
  fit(need: number, amount: number, whole: boolean): { readonly area: FreeArea | number; readonly used: number } | null {
    if (this.#objects || this.#pending) return bestFitOfList(this, need, amount, whole);
    const fit = bestFitOfSorted(this.#sorted.counts, need, amount, whole);
    if (!fit) return null;
    this.#pending = fit;
    this.#dirty = true;
    return { area: fit.index, used: fit.used };
  }

  /** The area that `fit` named. */
  areaAt(area: FreeArea | number): FreeArea {
    if (typeof area !== 'number') return area;
    this.#open();
    const found = this.#objects?.[area];
    if (!found) throw new RangeError(`no area ${area}`);
    return found;
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
    this.#list.splice(index, 1);
    return this.#insert(area, area.unreserved);
  }

  /** Makes an attempt's reservations void (F1). An area that moves back is followed, and those in between are not looked at. */
  reset(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    if (!this.#objects && this.#pending?.undoes) {
      this.#pending = null;
      return;
    }
    this.#open();
    this.#dirty = false;
    for (let i = 0; i < this.#list.length; i++) {
      const area = at(this.#list, i);
      if (area.unreserved === area.count) continue;
      area.unreserved = area.count;
      this.#list.splice(i, 1);
      i = this.#insert(area, area.unreserved);
    }
    // What the walk missed keeps its reservation, and is looked at again in the next one.
    this.#dirty = this.#list.some((area) => area.unreserved !== area.count);
  }

  /** Takes extents from the front of an area for good (B6). @returns the first of them */
  consume(area: FreeArea, extents: number): number {
    this.#open();
    const start = area.start;
    const place = this.#list.indexOf(area);
    if (place < 0 || extents > area.count) throw new RangeError(`the area at ${start} has no ${extents} extents to take`);
    this.#list.splice(place, 1);
    this.#free -= extents;
    area.start += extents;
    area.count -= extents;
    area.unreserved = area.count;
    if (area.count > 0) this.#insert(area, area.count);
    return start;
  }

  /** Before the first area that is strictly shorter (B4). */
  #insert(area: FreeArea, length: number): number {
    const list = this.#list;
    let place = 0;
    while (place < list.length && at(list, place).count >= length) place++;
    list.splice(place, 0, area);
    return place;
  }

  #open(): void {
    if (this.#objects) return;
    const { starts, counts, labels } = this.#sorted;
    this.#objects = starts.map((start, i) => {
      const count = at(counts, i);
      return { owner: this, label: labels?.[i], start, count, unreserved: count };
    });
    this.#list = [...this.#objects];
    const pending = this.#pending;
    this.#pending = null;
    if (pending) bestFitOfList(this, pending.need, pending.amount, pending.whole);
  }
}
