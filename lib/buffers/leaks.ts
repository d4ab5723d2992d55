// Buffers that were collected without a release. What is watched is the ArrayBuffer that was lent, not the Buffer: a part of it keeps it
// alive, so memory never comes back under a view that is still there.
import { fileURLToPath } from 'node:url';
import type { Slot } from './slot.js';

/** How stacks name the files of this tier. */
const OWN_URL = new URL('.', import.meta.url).href;
const OWN_PATH = fileURLToPath(OWN_URL);

interface Watched {
  readonly slot: Slot;
  readonly serial: number;
  readonly size: number;
  readonly stack: string;
}

export class LeakTracker {
  readonly #registry: FinalizationRegistry<Watched>;
  readonly #rate: number;
  #share = 0;

  /** @param rate 0 to 1 @param onLeak the slot is still held */
  constructor(rate: number, onLeak: (slot: Slot, size: number, stack: string) => void) {
    this.#rate = rate;
    this.#registry = new FinalizationRegistry(({ slot, serial, size, stack }) => {
      if (slot.serial === serial) onLeak(slot, size, stack);
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

  watch(slot: Slot, memory: ArrayBuffer, size: number): void {
    this.#registry.register(memory, { slot, serial: slot.serial, size, stack: stackOf() }, slot);
  }

  /** @returns whether it was watched */
  unwatch(slot: Slot): boolean {
    return this.#registry.unregister(slot);
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
