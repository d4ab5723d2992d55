// Whole rows of numbers out of a file that is only read, as readers take them in a loop: a check of the selection and one call.
import { product } from '../storage/box.js';
import { type FileStore, mostReadNow } from '../storage/file-store.js';
import { readRows, type RowRun } from '../storage/row-run.js';
import type { Selection } from './data.js';
import type { ElementType } from './element-type.js';
import type { TypedArray } from './number-kind.js';
import { checkInto } from './values.js';

export class RowReads {
  readonly #store: FileStore;
  readonly #shape: readonly number[];
  readonly #type: ElementType;
  /** Elements in a row. */
  readonly #perRow: number;
  /** Where the rows were that were read last. */
  #run: RowRun | undefined;

  /** @param type one whose elements the file has as memory does */
  constructor(store: FileStore, shape: readonly number[], type: ElementType) {
    this.#store = store;
    this.#shape = shape;
    this.#type = type;
    this.#perRow = product(shape.slice(1));
  }

  /** Remembers where rows are. */
  note(run: RowRun | undefined): void {
    this.#run = run;
  }

  /**
   * Reads rows beside those that were read last.
   * @returns undefined where it is anything else, or wrong, which is for others to say; `into` holds anything then
   * @throws {FreestoneError} ERR_TYPE_MISMATCH, ERR_INVALID_SIZE for an `into` that does not fit
   */
  read(selection: Selection | undefined, into: TypedArray | undefined): TypedArray | undefined {
    const run = this.#run;
    if (run === undefined || selection === undefined || !this.#areRows(selection)) return undefined;
    const [from = -1] = selection.start;
    const [rows = 0] = selection.count;
    const count = rows * this.#perRow;
    if (from < run.first || from + rows > run.end || rows * run.rowBytes > mostReadNow) return undefined;
    if (into !== undefined) checkInto(into, this.#type, count);
    const [constructor] = this.#type.arrays;
    const target = into ?? (constructor === undefined ? undefined : new constructor(new ArrayBuffer(rows * run.rowBytes)));
    return target !== undefined && readRows(this.#store, run, from, target) ? target : undefined;
  }

  /** Whether a selection is some whole rows, and nothing but that. */
  #areRows(selection: Selection): boolean {
    let keys = 0;
    for (const key in selection) keys += key === 'start' || key === 'count' ? 1 : 3;
    if (keys !== 2) return false;
    const { start, count } = selection;
    const rank = this.#shape.length;
    if (!Array.isArray(start) || !Array.isArray(count) || start.length !== rank || count.length !== rank) return false;
    for (let d = 1; d < rank; d += 1) if (start[d] !== 0 || count[d] !== this.#shape[d]) return false;
    return Number.isInteger(start[0]) && Number.isInteger(count[0]) && count[0] > 0;
  }
}
