// A place for one buffer at a time, what it hands out, and the free ones of a size.

/** An external ArrayBuffer of one acquisition, which can be taken from its views. */
export interface Loan {
  readonly memory: WeakRef<ArrayBuffer>;
  readonly view: WeakRef<Buffer>;
}

export class Slot {
  /** The last view that was handed out, for the next one who asks for as many bytes; null where views are lent. */
  view: Buffer | null = null;
  loan: Loan | null = null;
  held = false;
  /** How often it was acquired, so that a late release by a scope is told from its own. */
  serial = 0;

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

  constructor(view: Buffer, slot: Slot) {
    super(view);
    this.#slot = slot;
  }

  /** The slot of what was stamped; undefined for all else, parts of it included. */
  static slotOf(value: unknown): Slot | undefined {
    return typeof value === 'object' && value !== null && #slot in value ? value.#slot : undefined;
  }
}

/** How many of the free slots are looked at for one whose view has the length that is asked for. */
const LOOK = 8;

/** The free slots of a size: the last one in, whose memory is warm, is the first one out. */
export class Magazine {
  readonly free: Slot[] = [];
  live = 0;
  hits = 0;
  misses = 0;

  constructor(
    readonly index: number,
    /** Bytes of a slot. */
    readonly size: number,
    /** How many slots come and go at once. */
    readonly batch: number,
  ) {}

  /** A free slot, if there is one whose last view had `length` bytes. */
  take(length: number): Slot | undefined {
    const { free } = this;
    const last = free.pop();
    if (last === undefined || last.view?.length === length) return last;
    for (let i = free.length - 1, end = Math.max(0, free.length - LOOK); i >= end; i -= 1) {
      const other = free[i];
      if (other?.view?.length === length) {
        free[i] = last;
        return other;
      }
    }
    return last;
  }
}
