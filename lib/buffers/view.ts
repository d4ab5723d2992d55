// The Buffers that a pool hands out, and what it knows of each: in fields of the Buffer itself, where nobody else can read, forge or
// remove them, and where a release finds them without a look-up.
import type { Magazine, Shelf } from './magazine.js';

/** What Buffers truly are, whatever properties somebody gave them. Three functions, not one made thrice, so that the engine inlines each. */
const prototype = Object.getPrototypeOf(Uint8Array.prototype) as object;
interface Intrinsic {
  call(view: Uint8Array, value?: number): unknown;
}
const getterOf = (name: string): Intrinsic => Reflect.get(Object.getOwnPropertyDescriptor(prototype, name) ?? {}, 'get') as Intrinsic;
const getLength = getterOf('length');
const getStart = getterOf('byteOffset');
const getMemory = getterOf('buffer');
export const lengthOf = (view: Uint8Array): number => getLength.call(view) as number;
export const startOf = (view: Uint8Array): number => getStart.call(view) as number;
export const memoryOf = (view: Uint8Array): ArrayBuffer => getMemory.call(view) as ArrayBuffer;
const fill = Reflect.get(prototype, 'fill') as Intrinsic;
/** Zeroes all of it. */
export const clear = (view: Buffer): void => {
  fill.call(view, 0);
};

/** Returns what it was given, so that a class that extends it puts its private fields there. */
const Given = function (given: object): object {
  return given;
} as unknown as new (given: object) => object;

/** Values of `#held`; what is above is a ticket. */
const FREE = 0;
const HELD = 1;

/** A view that lasts: it is shown again to whoever asks for its length. Each slot has one at most. */
export class View extends Given {
  #shelf: Shelf;
  #held = HELD;

  /** Held from here on. */
  constructor(view: Buffer, shelf: Shelf) {
    super(view);
    this.#shelf = shelf;
  }

  /** The shelf of a view that is held; null for all else, earlier views and parts included. */
  static shelfOf(value: unknown): Shelf | null {
    try {
      // One look-up and no question before it: a value without the field throws, whatever it is.
      const view = value as View;
      return view.#held === FREE ? null : view.#shelf;
    } catch {
      return null;
    }
  }

  static hold(view: Buffer): void {
    (view as unknown as View).#held = HELD;
  }

  static free(view: Buffer): void {
    (view as unknown as View).#held = FREE;
  }

  /** What it was marked with since it is held. */
  static ticketOf(view: Buffer): number {
    return (view as unknown as View).#held;
  }

  /** Marks a held view with what no other holder of it will be marked with: a number above 1. */
  static mark(view: Buffer, ticket: number): void {
    (view as unknown as View).#held = ticket;
  }

  /** Its shelf, whether it is held or not. */
  static home(view: Buffer): Shelf {
    return (view as unknown as View).#shelf;
  }

  static move(view: Buffer, shelf: Shelf): void {
    (view as unknown as View).#shelf = shelf;
  }
}

/** A slot that is held by a view over lent memory, which is taken from it in the end. Nothing here keeps that view, so that it can be collected. */
export class Loan {
  held = true;
  /** As that of a view. */
  ticket = HELD;

  constructor(
    readonly magazine: Magazine,
    readonly offset: number,
    /** Whether a leak of it is reported. */
    readonly watched: boolean,
  ) {}
}

/** Marks a view with its loan. */
export class Lent extends Given {
  readonly #loan: Loan;

  constructor(view: Buffer, loan: Loan) {
    super(view);
    this.#loan = loan;
  }

  /** The loan of a view that is held; null for all else. */
  static loanOf(value: unknown): Loan | null {
    try {
      const loan = (value as Lent).#loan;
      return loan.held ? loan : null;
    } catch {
      return null;
    }
  }
}

/** What a held buffer is known by. */
export type Holder = Shelf | Loan;

/** Null for what no pool handed out, or what was taken back. */
export function holderOf(buffer: unknown): Holder | null {
  return View.shelfOf(buffer) ?? Lent.loanOf(buffer);
}

let tickets = HELD;

/** A number that this holder of a buffer has and no other. */
export function ticketOf(buffer: Buffer, holder: Holder): number {
  const known = holder instanceof Loan ? holder.ticket : View.ticketOf(buffer);
  if (known > HELD) return known;
  tickets += 1;
  if (holder instanceof Loan) holder.ticket = tickets;
  else View.mark(buffer, tickets);
  return tickets;
}
