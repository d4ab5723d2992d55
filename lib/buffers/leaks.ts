// Buffers that were collected without a release. What is watched is the ArrayBuffer that was lent, not the Buffer: a part of it keeps it
// alive, so memory never comes back under a view that is still there.
import { fileURLToPath } from 'node:url';
import type { Loan } from './view.js';

/** How stacks name the files of this tier. */
const OWN_URL = new URL('.', import.meta.url).href;
const OWN_PATH = fileURLToPath(OWN_URL);

interface Watched {
  readonly loan: Loan;
  readonly size: number;
  readonly stack: string;
}

export class LeakTracker {
  readonly #registry: FinalizationRegistry<Watched>;
  readonly #rate: number;
  #share = 0;

  /** @param rate 0 to 1 @param onLeak the loan is still held */
  constructor(rate: number, onLeak: (loan: Loan, size: number, stack: string) => void) {
    this.#rate = rate;
    this.#registry = new FinalizationRegistry(({ loan, size, stack }) => {
      if (loan.held) onLeak(loan, size, stack);
    });
  }

  /** Whether none is ever due. */
  get off(): boolean {
    return this.#rate === 0;
  }

  /** Whether the next acquisition is one to watch: evenly spread. */
  get due(): boolean {
    if (this.#rate === 0) return false;
    this.#share += this.#rate;
    if (this.#share < 1) return false;
    this.#share -= 1;
    return true;
  }

  watch(loan: Loan, memory: ArrayBuffer, size: number): void {
    this.#registry.register(memory, { loan, size, stack: stackOf() }, loan);
  }

  unwatch(loan: Loan): void {
    this.#registry.unregister(loan);
  }
}

/** The caller's part of the stack: without this package's own frames at its top. */
function stackOf(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 20;
  const lines = (new Error('leak').stack ?? '').split('\n').slice(1);
  Error.stackTraceLimit = stackTraceLimit;
  const first = lines.findIndex((line) => !line.includes(OWN_URL) && !line.includes(OWN_PATH));
  return lines.slice(Math.max(first, 0)).join('\n');
}
