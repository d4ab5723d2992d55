// The free slots of a size, and the views of them that are ready.
import type { Source } from './source.js';
import { View, lengthOf } from './view.js';

/** The free views of one length in a magazine, the last one first; or, if `length` is 0, those of lengths that came only once. */
export class Shelf {
  readonly free: Buffer[] = [];
  /** Acquisitions. */
  loans = 0;
  /** What that was when somebody last looked for a shelf to give up. */
  seen = 0;

  /** @param pool whose it is; null when that is closed, or the shelf was given up */
  constructor(
    public pool: object | null,
    readonly magazine: Magazine,
    readonly length: number,
    /** Bytes of a slot. */
    readonly size: number,
  ) {}
}

/** How many lengths of a size class have a shelf. */
const MOST_SHELVES = 32;
/** How deep is looked among lengths that came only once. */
const DEPTH = 3;

/** A size class of a pool: slots that are free, with a view or bare, and counts of all. What can be told from other counts is not counted. */
export class Magazine {
  /** How many slots there are, free or held. */
  total = 0;
  /** How many acquisitions found no free slot, and how many came from other threads. */
  misses = 0;
  received = 0;
  /** Free slots that no view shows: offsets. */
  readonly bare: number[] = [];
  readonly loose: Shelf;
  readonly #shelves: Shelf[] = [];
  readonly #source: Source;
  /** Acquisitions by shelves that were given up. */
  #loans = 0;
  #turn = 0;

  /** @param pool whose it is; null when that is closed */
  constructor(
    public pool: object | null,
    source: Source,
    readonly index: number,
    /** Bytes of a slot. */
    readonly size: number,
    /** How many slots come at once. */
    readonly batch: number,
  ) {
    this.#source = source;
    this.loose = new Shelf(pool, this, 0, size);
  }

  /** How many slots are free. */
  get count(): number {
    return this.#shelves.reduce((sum, { free }) => sum + free.length, this.bare.length + this.loose.free.length);
  }

  /** How many are held. */
  get live(): number {
    return this.total - this.count;
  }

  get loans(): number {
    return this.#shelves.reduce((sum, { loans }) => sum + loans, this.#loans + this.loose.loans);
  }

  /** Acquisitions that found a free slot. */
  get hits(): number {
    return this.loans - this.misses - this.received;
  }

  shelfOf(length: number): Shelf | null {
    for (const shelf of this.#shelves) if (shelf.length === length) return shelf;
    return null;
  }

  /** A shelf for a length, in place of one that was used little if there are many. @returns it, and the one that was given up */
  addShelf(length: number): { readonly shelf: Shelf; readonly instead: Shelf | null } {
    const shelf = new Shelf(this.pool, this, length, this.size);
    if (this.#shelves.length < MOST_SHELVES) {
      this.#shelves.push(shelf);
      return { shelf, instead: null };
    }
    let at = 0;
    for (let i = 0; i < MOST_SHELVES; i += 1) {
      at = this.#turn;
      this.#turn = (at + 1) % MOST_SHELVES;
      const each = this.#shelves[at];
      if (each === undefined || each.loans === each.seen) break;
      each.seen = each.loans;
    }
    const [instead = null] = this.#shelves.splice(at, 1, shelf);
    if (instead !== null) this.#giveUp(instead);
    return { shelf, instead };
  }

  #giveUp(shelf: Shelf): void {
    // Who holds a view of it finds that when it returns.
    shelf.pool = null;
    this.#loans += shelf.loans;
    for (const view of shelf.free.splice(0)) this.adopt(view);
  }

  /** Takes in a free view that has no shelf. */
  adopt(view: Buffer): void {
    View.move(view, this.loose);
    this.loose.free.push(view);
  }

  /** A view of a free slot: one that is ready if there is one, and else a new one; null when no slot is free. @throws what making a view throws, and nothing changes */
  take(length: number, shelf: Shelf): Buffer | null {
    const ready = shelf.length === 0 ? undefined : shelf.free.pop();
    if (ready !== undefined) return ready;
    const loose = this.loose.free;
    for (let i = loose.length - 1; i >= 0 && i >= loose.length - DEPTH; i -= 1) {
      const view = loose[i];
      if (view === undefined || lengthOf(view) !== length) continue;
      loose.splice(i, 1);
      View.move(view, shelf);
      return view;
    }
    const offset = this.bare.at(-1);
    if (offset !== undefined) {
      const made = this.#source.view(offset, length);
      new View(made, shelf);
      this.bare.pop();
      return made;
    }
    const top = loose.at(-1);
    if (top !== undefined) {
      const made = this.reshape(top, length, shelf);
      loose.pop();
      return made;
    }
    return this.#takeFromOthers(length, shelf);
  }

  /** A slot whose last view had another length, from the shelf that has most. */
  #takeFromOthers(length: number, shelf: Shelf): Buffer | null {
    let other: Shelf | null = null;
    for (const each of this.#shelves) if (other === null || each.free.length > other.free.length) other = each;
    const top = other?.free.at(-1);
    if (top === undefined) return null;
    const made = this.reshape(top, length, shelf);
    other?.free.pop();
    return made;
  }

  /** A view of the slot of `view` that is its view from here on. */
  reshape(view: Buffer, length: number, shelf: Shelf): Buffer {
    const made = this.#source.view(this.#source.offsetOf(view), length);
    new View(made, shelf);
    return made;
  }

  /** A free slot without a view. */
  takeBare(): number | null {
    const offset = this.bare.pop();
    if (offset !== undefined) return offset;
    for (const { free } of [this.loose, ...this.#shelves]) {
      const view = free.pop();
      if (view !== undefined) return this.#source.offsetOf(view);
    }
    return null;
  }

  /** Takes free slots away until `count` are left. */
  drop(count: number): number[] {
    const offsets: number[] = [];
    for (let left = this.count; left > count; left -= 1) {
      const offset = this.takeBare();
      if (offset === null) break;
      offsets.push(offset);
    }
    this.total -= offsets.length;
    return offsets;
  }

  close(): void {
    this.pool = null;
    for (const shelf of [this.loose, ...this.#shelves]) shelf.pool = null;
  }
}

const PLACES = 512;
/** Where a length's shelf is looked for first. */
export const placeOf = (length: number): number => Math.imul(length, 0x9e3779b1) >>> 23;
/** How often a length comes before it has a shelf. */
const RECURS = 3;

/** The way from a length to its shelf, of all magazines of a pool. */
export class Shelves {
  /** By `placeOf`: a shelf, but of which length must be asked. */
  readonly ready = new Array<Shelf | undefined>(PLACES).fill(undefined);
  /** A length without a shelf that came to a place, and by how much more often than others of its kind. */
  readonly #length = new Float64Array(PLACES);
  readonly #more = new Int8Array(PLACES);

  /** The shelf of a length: one of its own if it recurs. Where most lengths come only once, few do. */
  of(magazine: Magazine, length: number): Shelf {
    const place = placeOf(length);
    const ready = this.ready[place];
    if (ready !== undefined) {
      const known = ready.length === length ? ready : magazine.shelfOf(length);
      if (known !== null) return (this.ready[place] = known);
    }
    const more = this.#more[place] ?? 0;
    if (more === 0 || this.#length[place] !== length) {
      if (more === 0) this.#length[place] = length;
      this.#more[place] = more === 0 ? 1 : more - 1;
      return magazine.loose;
    }
    this.#more[place] = more + 1;
    if (more + 1 < RECURS) return magazine.loose;
    this.#more[place] = 0;
    const { shelf, instead } = magazine.addShelf(length);
    if (instead !== null && this.ready[placeOf(instead.length)] === instead) this.ready[placeOf(instead.length)] = undefined;
    return (this.ready[place] = shelf);
  }

  close(): void {
    this.ready.fill(undefined);
  }
}
