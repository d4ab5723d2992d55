// Who asked for what: the stacks of allocations, each kept once.

/** A holder's numbers share 53 bits with the holder's own: 21 for the holder, 32 for the number. */
const NUMBERS = 2 ** 32;

/** Numbers for values of one holder of a shared allocator, which other holders cannot mistake for their own. */
export class HolderNumbers {
  readonly #holder: number;
  #last = 0;

  constructor(holder: number) {
    this.#holder = holder % 2 ** 21;
  }

  next(): number {
    this.#last = (this.#last + 1) % NUMBERS;
    return this.#holder * NUMBERS + this.#last;
  }
}

export class CallSites {
  readonly #numbers: HolderNumbers;
  readonly #numberOf = new Map<string, number>();
  readonly #stackOf = new Map<number, string>();

  constructor(holder: number) {
    this.#numbers = new HolderNumbers(holder);
  }

  /** The number of the place that called the method that calls this. */
  number(): number {
    // Without the message, this method and that one.
    const stack = (new Error().stack ?? '').split('\n').slice(3).join('\n');
    const known = this.#numberOf.get(stack);
    if (known !== undefined) return known;
    const number = this.#numbers.next();
    this.#numberOf.set(stack, number);
    this.#stackOf.set(number, stack);
    return number;
  }

  stack(number: number): string {
    return this.#stackOf.get(number) ?? '    at another thread';
  }
}
