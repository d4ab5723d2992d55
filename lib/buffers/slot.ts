// A place for one buffer at a time, what it hands out, and the free ones of a size.

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
  /** The free slot below it in its stack. */
  below: Slot | null = null;

  constructor(
    readonly magazine: Magazine,
    /** Where it begins in the memory that its source has. */
    readonly offset: number,
  ) {}
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

/** Free slots lie in so many stacks, by a hash of their length: two words of bits. */
const STACKS = 64;
const stackOf = (length: number): number => (length ^ (length >>> 6) ^ (length >>> 12)) & (STACKS - 1);
/** How deep is looked for the length that is asked for. */
const DEPTH = 3;

/**
 * The slots of a size: those that are free, and counts of all. A free slot is found by the length that is asked for, so that a length
 * that recurs finds a view that is ready; else any will do, and gets a new view. Both take a few steps, however many are free.
 */
export class Magazine {
  /** How many are free. */
  count = 0;
  live = 0;
  /** The most that were live at a time. */
  high = 0;
  hits = 0;
  misses = 0;
  readonly #stacks: (Slot | null)[] = Array.from({ length: STACKS }, () => null);
  /** A bit for each stack that is not empty. */
  #low = 0;
  #up = 0;

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

  push(slot: Slot): void {
    const stack = stackOf(slot.length);
    slot.below = this.#stacks[stack] ?? null;
    this.#stacks[stack] = slot;
    if (slot.below === null) {
      if (stack < 32) this.#low |= 1 << stack;
      else this.#up |= 1 << (stack - 32);
    }
    this.count += 1;
  }

  /** A free slot, if possible one whose last view had `length` bytes. */
  take(length: number): Slot | null {
    let stack = stackOf(length);
    let top = this.#stacks[stack] ?? null;
    if (top === null) {
      if (this.count === 0) return null;
      stack = this.#low === 0 ? 63 - Math.clz32(this.#up) : 31 - Math.clz32(this.#low);
      top = this.#stacks[stack] ?? null;
    } else if (top.length !== length) {
      let above = top;
      for (let depth = 1; depth < DEPTH && above.below !== null; depth += 1) {
        const slot = above.below;
        if (slot.length === length) {
          above.below = slot.below;
          slot.below = null;
          this.count -= 1;
          return slot;
        }
        above = slot;
      }
    }
    if (top === null) return null;
    this.#stacks[stack] = top.below;
    if (top.below === null) {
      if (stack < 32) this.#low &= ~(1 << stack);
      else this.#up &= ~(1 << (stack - 32));
    }
    top.below = null;
    this.count -= 1;
    return top;
  }

  /** Takes free slots away until `count` are left. */
  drop(count: number): Slot[] {
    const slots: Slot[] = [];
    while (this.count > count) {
      const slot = this.take(0);
      if (slot !== null) slots.push(slot);
    }
    return slots;
  }

  /** Takes away all but half of what may be kept, and forgets a little of how many were live. */
  surplus(): Slot[] {
    this.high = Math.max(this.live, this.high - (this.high >>> 3));
    return this.drop(this.most >>> 1);
  }
}
