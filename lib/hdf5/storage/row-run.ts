// Rows that lie side by side in a file that nobody changes: few steps for a read near the last one.
import type { FileStore } from './file-store.js';

export interface RowRun {
  /** The first row, and the one behind the last. */
  readonly first: number;
  readonly end: number;
  /** Of the first row in the file. */
  readonly address: number;
  readonly rowBytes: number;
}

/**
 * Reads rows of a run, if they are in memory.
 * @param into of the rows' size
 * @returns whether it did; else `into` holds anything
 */
export function readRows({ file }: FileStore, { first, address, rowBytes }: RowRun, from: number, into: ArrayBufferView): boolean {
  return file.readCached(address + (from - first) * rowBytes, into) === into.byteLength;
}
