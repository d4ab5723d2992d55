// A place for one buffer at a time, what it hands out, and the free ones of a size.

/** How many views a slot remembers: few where they would take more memory than the slot. */
const rememberedBy = (size: number): number => (size < 4096 ? 4 : 16);

export class Slot {
  /** What is, or was last, handed out; null where views are lent. */
  view: Buffer | null = null;
  /** Its length. */
  length = 0;
  held = false;
  /** How often it was acquired, so that a late release by a scope is told from its own. */
  serial = 0;
  /** The number of the view that is out where views are lent: nothing here keeps that view, so that it can be collected. 0 for none. */
  lent = 0;
  /** Earlier views by their length, the last one as well. */
  readonly #views = new Map<number, Buffer>();

  constructor(
    readonly magazine: Magazine,
    /** Where it begins in the memory that its source has. */
    readonly offset: number,
  ) {}

  /** An earlier view of `length` bytes, if it is remembered; it is the last one from here on. */
  recall(length: number): Buffer | null {
    const view = this.#views.get(length);
    if (view === undefined) return null;
    this.view = view;
    this.length = length;
    return view;
  }

  /** A new view is the last one from here on, and remembered. */
  show(view: Buffer): void {
    this.view = view;
    this.length = view.length;
    // Lengths that recur are back soon.
    if (this.#views.size === rememberedBy(this.magazine.size)) this.#views.clear();
    this.#views.set(view.length, view);
  }
}

/** Returns what it was given, so that a class that extends it puts its private fields there. */
const Given = function (given: object): object {
  return given;
} as unknown as new (given: object) => object;

/** Marks a view with its slot, where nobody else can read, forge or remove it. */
export class Stamp extends Given {
  readonly #slot: Slot;
  readonly #lent: number;

  constructor(view: Buffer, slot: Slot) {
    super(view);
    this.#slot = slot;
    this.#lent = slot.lent;
  }

  /** The slot of which the value is the view that is out now; null for all else, earlier views and parts included. */
  static slotOf(value: unknown): Slot | null {
    if (typeof value !== 'object' || value === null || !(#slot in value)) return null;
    const slot = value.#slot;
    return slot.held && ((slot.view as unknown) === value || (slot.lent !== 0 && value.#lent === slot.lent)) ? slot : null;
  }
}

/** The slots of a size: those that are free, the last one in first, because its memory is warm, and counts of all. */
export class Magazine {
  readonly free: Slot[] = [];
  live = 0;
  /** The most that were live at a time. */
  high = 0;
  hits = 0;
  misses = 0;

  /** @param pool whose it is; null when that is closed */
  constructor(
    public pool: object | null,
    readonly index: number,
    /** Bytes of a slot. */
    readonly size: number,
    /** How many slots come at once. */
    readonly batch: number,
  ) {}

  /**
   * How many may be kept: half of the most that were live, so that what comes and goes at random seldom meets the bound. With those
   * that are live they are never many more than the most that were live.
   */
  get most(): number {
    return this.batch + (this.high >>> 1);
  }

  /** Takes those away that were kept the longest, down to half of what may be kept, and forgets a little of how many were live. */
  surplus(): Slot[] {
    this.high = Math.max(this.live, this.high - (this.high >>> 3));
    return this.free.splice(0, this.free.length - (this.most >>> 1));
  }
}
