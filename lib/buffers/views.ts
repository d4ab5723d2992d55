// The Buffers that show slots: those that last and are shown again, and those over lent memory, which can be taken from them.
import type { LeakTracker } from './leaks.js';
import { Stamp, type Slot } from './slot.js';
import type { Source } from './source.js';

export class Views {
  readonly #source: Source;
  readonly #strict: boolean;
  readonly #leaks: LeakTracker;
  /** How many were lent. */
  #loans = 0;

  constructor(source: Source, strict: boolean, leaks: LeakTracker) {
    this.#source = source;
    this.#strict = strict;
    this.#leaks = leaks;
  }

  /** For a slot that is about to be held: its last view where that will do. @throws {FreestoneError} and the slot is as it was */
  of(slot: Slot, size: number): Buffer {
    if (slot.length === size && slot.view !== null && this.#leaks.off) return slot.view;
    return this.#show(slot, size, this.#leaks.due);
  }

  /** A view of a held slot in another length, in place of `buffer`. */
  reshape(slot: Slot, buffer: Buffer, size: number): Buffer {
    const watch = slot.lent !== 0 && this.recall(slot, buffer);
    return this.#show(slot, size, watch);
  }

  /** Takes lent memory from all its views. @returns whether it was watched */
  recall(slot: Slot, view: Buffer): boolean {
    this.#source.recall(view.buffer as ArrayBuffer);
    return this.#leaks.unwatch(slot);
  }

  /** A new view of the slot, which is the one that counts from here on. */
  #show(slot: Slot, size: number, watch: boolean): Buffer {
    const { lend } = this.#source;
    let view: Buffer;
    if (lend !== null && (watch || this.#strict)) {
      // Nothing is lent of no bytes, and an empty body is a buffer too.
      const memory = lend(slot, Math.max(size, 1));
      view = Buffer.from(memory, 0, size);
      slot.view = null;
      slot.length = 0;
      slot.lent = this.#loans += 1;
      if (watch) this.#leaks.watch(slot, memory, size);
    } else {
      view = this.#source.view(slot, size);
      slot.view = view;
      slot.length = size;
    }
    new Stamp(view, slot);
    return view;
  }
}
