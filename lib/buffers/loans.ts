// Buffers over lent memory, which can be taken from them: for strict pools, and for those that are watched for leaks.
import { FreestoneError } from '../errors.js';
import type { LeakTracker } from './leaks.js';
import type { Magazine } from './magazine.js';
import type { Source } from './source.js';
import { Lent, Loan, memoryOf } from './view.js';

export class Loans {
  readonly #source: Source;
  readonly #strict: boolean;
  readonly #leaks: LeakTracker;

  constructor(source: Source, strict: boolean, leaks: LeakTracker) {
    this.#source = source;
    this.#strict = strict;
    this.#leaks = leaks;
  }

  /** What the next acquisition is: 'no' loan, one, or a 'watched' one. */
  next(): 'no' | 'lent' | 'watched' {
    return this.#leaks.due ? 'watched' : this.#strict ? 'lent' : 'no';
  }

  /** Lends a slot. @throws {FreestoneError} ERR_OUT_OF_MEMORY, and nothing changes */
  lend(magazine: Magazine, offset: number, size: number, watch: boolean): Buffer {
    if (this.#source.lend === null) throw new FreestoneError('ERR_UNSUPPORTED', 'memory of this pool cannot be lent');
    // Nothing is lent of no bytes, and an empty body is a buffer too.
    const memory = this.#source.lend(offset, Math.max(size, 1));
    const view = Buffer.from(memory, 0, size);
    const loan = new Loan(magazine, offset, watch);
    new Lent(view, loan);
    if (watch) this.#leaks.watch(loan, memory, size);
    return view;
  }

  /** Takes the memory from all views of it. */
  recall(loan: Loan, view: Buffer): void {
    loan.held = false;
    this.#source.recall(memoryOf(view));
    this.#leaks.unwatch(loan);
  }
}
