// Where slots come from: a slab heap of the pool's own, or memory that threads share.
import type { Magazine } from './magazine.js';

export interface Source {
  /** Bytes that the pool may have, all threads together. */
  readonly limit: number;
  /**
   * Adds `count` free slots to the magazine, zero ones if `zeroed`, or none.
   * @throws {FreestoneError} ERR_LIMIT_EXCEEDED, ERR_OUT_OF_MEMORY
   */
  refill(magazine: Magazine, count: number, zeroed: boolean): void;
  /** Gives back slots that are free. @param offsets where they begin */
  drain(magazine: Magazine, offsets: readonly number[]): void;
  /** A view of a slot that lasts. */
  view(offset: number, length: number): Buffer;
  /** Where the slot of such a view begins. */
  offsetOf(view: Buffer): number;
  /** Zeroes a view of a slot above the units of a slab. */
  clearLarge(view: Buffer): void;
  /** An ArrayBuffer over the beginning of a slot that `recall` can take from its views; null where there are none such. */
  lend: ((offset: number, length: number) => ArrayBuffer) | null;
  recall(memory: ArrayBuffer): void;
  /** Gives free memory back to the operating system. @returns bytes */
  trim(): number;
  validate(): void;
  /** Ends every slot; views have length 0 where they can. */
  close(): void;
}
