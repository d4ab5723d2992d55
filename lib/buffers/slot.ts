// A place for one buffer at a time, what it hands out, and the free ones of a size.

export class Slot {
  /** What is, or was last, handed out; null where views are lent. */
  view: Buffer | null = null;
  /** Its length. */
  length = 0;
  /** The number of the acquisition that holds it, which none before had, so that a late release by a scope is told from its own; 0 while it is free. */
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
    let slot: Slot;
    let lent: number;
    try {
      // One look-up and no question before it: a value without the field throws, whatever it is.
      const stamp = value as Stamp;
      slot = stamp.#slot;
      lent = stamp.#lent;
    } catch {
      return null;
    }
    return slot.serial !== 0 && ((slot.view as unknown) === value || (lent !== 0 && lent === slot.lent)) ? slot : null;
  }
}

/** Free slots lie in so many stacks, by a hash of their length: a word of bits. */
const STACKS = 32;
const stackOf = (length: number): number => (length ^ (length >>> 5) ^ (length >>> 10)) & (STACKS - 1);
/** How deep is looked for the length that is asked for. */
const DEPTH = 3;

/**
 * The slots of a size: those that are free, and counts of all. A free slot is found by the length that is asked for, so that a length
 * that recurs finds a view that is ready; else any will do, and gets a new view. Both take a few steps, however many are free.
 * What can be told from other counts is not counted, since each acquisition and release pays for it.
 */
export class Magazine {
  /** How many are free. */
  count = 0;
  /** How many there are, free or held. */
  total = 0;
  /** How many were held when the last ones came, all of them then, or when that was forgotten. */
  high = 0;
  /** How many may be free. */
  most = 0;
  /** Acquisitions, how many of them found no free slot, and how many came from other threads. */
  loans = 0;
  misses = 0;
  received = 0;
  readonly #stacks: (Slot | null)[] = Array.from({ length: STACKS }, () => null);
  /** No bit is 0 of a stack that is not empty. */
  #bits = 0;

  /** @param pool whose it is; null when that is closed */
  constructor(
    public pool: object | null,
    readonly index: number,
    /** Bytes of a slot. */
    readonly size: number,
    /** How many slots come at once. */
    readonly batch: number,
  ) {
    this.#keep(0);
  }

  /** How many are held. */
  get live(): number {
    return this.total - this.count;
  }

  /** Acquisitions that found a free slot. */
  get hits(): number {
    return this.loans - this.misses - this.received;
  }

  /** Adds new slots, free ones, because there were none. */
  add(offsets: Iterable<number>): void {
    this.#keep(Math.max(this.high, this.live));
    for (const offset of offsets) {
      this.push(new Slot(this, offset));
      this.total += 1;
    }
  }

  push(slot: Slot): void {
    const stack = stackOf(slot.length);
    slot.below = this.#stacks[stack] ?? null;
    this.#stacks[stack] = slot;
    this.#bits |= 1 << stack;
    this.count += 1;
  }

  /** The free slot that comes first for `length`, if its last view had so many bytes. */
  takeReady(length: number): Slot | null {
    const stack = stackOf(length);
    const top = this.#stacks[stack] ?? null;
    if (top?.length !== length) return null;
    this.#stacks[stack] = top.below;
    this.count -= 1;
    return top;
  }

  /** A free slot, if possible one whose last view had `length` bytes. */
  take(length: number): Slot | null {
    if (this.count === 0) return null;
    const ready = this.takeReady(length);
    if (ready !== null) return ready;
    let stack = stackOf(length);
    let top = this.#stacks[stack] ?? null;
    let above = top;
    for (let depth = 1; depth < DEPTH && above !== null; depth += 1) {
      const slot: Slot | null = above.below;
      if (slot?.length === length) {
        above.below = slot.below;
        this.count -= 1;
        return slot;
      }
      above = slot;
    }
    while (top === null) {
      this.#bits &= ~(1 << stack);
      stack = 31 - Math.clz32(this.#bits);
      top = this.#stacks[stack] ?? null;
    }
    this.#stacks[stack] = top.below;
    this.count -= 1;
    return top;
  }

  /** Takes free slots away until `count` are left. */
  drop(count: number): Slot[] {
    const slots: Slot[] = [];
    while (this.count > count) {
      const slot = this.take(0);
      if (slot === null) break;
      this.total -= 1;
      slots.push(slot);
    }
    return slots;
  }

  /** Takes away all but half of what may be kept, and forgets a little of how many were live. */
  surplus(): Slot[] {
    this.#keep(Math.max(this.live, this.high - (this.high >>> 3)));
    return this.drop(this.most >>> 1);
  }

  /** Forgets how many were held. */
  forget(): void {
    this.#keep(this.live);
  }

  /**
   * Half of the most that were held may be kept, so that what comes and goes at random seldom meets the bound. With those that are held
   * they are never many more than the most that were held.
   */
  #keep(high: number): void {
    this.high = high;
    this.most = this.batch + (high >>> 1);
  }
}
