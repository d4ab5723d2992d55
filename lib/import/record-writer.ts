// Pass 2: where records go.
import type { Dataset } from '../hdf5/index.js';
import type { RecordFields } from './record.js';
import type { columnAttributes } from './table-layout.js';

export interface RecordWriter {
  /** @returns the index of the first field that does not fit its column, or -1 */
  add(record: RecordFields): number;
  /** Begins to write what is enough for a chunk. */
  drain(): Promise<void>;
  /** Writes the rest; all is written when it resolves. */
  finish(): Promise<void>;
  /** Waits for what is under way, however it ends. */
  settled(): Promise<void>;
}

/** @param end before `start` for no value, of which there is no text */
export function fieldText(bytes: Uint8Array, start: number, end: number): string {
  if (end <= start) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

/** The text in an element of `size` bytes, without the zeros behind it. */
export function elementText(bytes: Buffer, start: number, size: number): string {
  let end = start + size;
  while (end > start && bytes[end - 1] === 0) end--;
  return bytes.toString('utf8', start, end);
}

export function setAttributes(dataset: Dataset, attributes: ReturnType<typeof columnAttributes>): void {
  for (const { name, value, dtype } of attributes) dataset.attrs.set(name, value, dtype === undefined ? {} : { dtype });
}
