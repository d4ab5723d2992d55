// Datasets that take rows at once: the columns of a table, of which none may have rows that another lacks.
import { Pending, wait, type Steps } from '../storage/steps.js';

/** All of several datasets keep the rows that they took, or none does. */
export class Together {
  #awaited: number;
  #hasFailed = false;
  readonly #known = new Pending();

  /** @param count how many there are; each tells once */
  constructor(count: number) {
    this.#awaited = count;
  }

  tell(hasFailed: boolean): void {
    this.#hasFailed ||= hasFailed;
    this.#awaited -= 1;
    if (this.#awaited === 0) this.#known.resolve();
  }

  /** Ends when all have told. @returns whether rows are to be kept */
  *keeps(): Steps<boolean> {
    yield* wait(this.#known);
    return !this.#hasFailed;
  }
}
