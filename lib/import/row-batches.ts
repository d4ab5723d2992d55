// Elements collected until a chunk of them is full, then written while the next ones are collected.
import type { Data, Dataset } from '../hdf5/index.js';
import { elementsOf } from './table-layout.js';
import { ElementMemory } from './value-encoder.js';

/** Lets a few writes be under way at once. Thousands of columns fill their chunks with the same row, and each write takes memory of its own. */
export class WriteGate {
  #free = 8;
  readonly #waiting: (() => void)[] = [];

  /** Runs `write` when it is its turn: first come, first served. */
  async pass(write: () => Promise<void>): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((go) => this.#waiting.push(go));
    try {
      await write();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

/** Memory for one chunk's rows of one dataset. */
interface Batch {
  readonly memory: ElementMemory;
  elements: number;
}

/** What a row consists of: elements of so many bytes, one or an array of them. */
export interface RowForm {
  readonly bytes: number;
  readonly shape: readonly number[];
}

/** Collects elements and writes them to a dataset in whole chunks of rows, one chunk after the other. */
export class RowBatches {
  readonly #dataset: Dataset;
  readonly #row: RowForm;
  readonly #rowElements: number;
  readonly #batchElements: number;
  readonly #asData: (memory: ElementMemory, elements: number) => Data;
  readonly #gate: WriteGate;
  readonly #spare: Batch[] = [];
  #full: Batch[] = [];
  #current: Batch;
  #writtenRows = 0;
  #writing: Promise<void> = Promise.resolve();

  /** @param asData the first elements of the memory as the dataset takes them; used until the write has settled */
  constructor(dataset: Dataset, row: RowForm, batchRows: number, gate: WriteGate, asData: (memory: ElementMemory, elements: number) => Data) {
    this.#dataset = dataset;
    this.#row = row;
    this.#rowElements = elementsOf(row.shape);
    this.#batchElements = batchRows * this.#rowElements;
    this.#asData = asData;
    this.#gate = gate;
    this.#current = this.#batch();
  }

  /** Where the next element goes. */
  get memory(): ElementMemory {
    return this.#current.memory;
  }

  get offset(): number {
    return this.#current.elements * this.#row.bytes;
  }

  /** The element at `offset` is complete. */
  next(): void {
    this.#current.elements++;
    if (this.#current.elements < this.#batchElements) return;
    this.#full.push(this.#current);
    this.#current = this.#spare.pop() ?? this.#batch();
  }

  /** Begins to write the chunks that are full, once those of the last call are written. */
  async drain(): Promise<void> {
    if (this.#full.length === 0) return;
    await this.#writing;
    const batches = this.#full;
    this.#full = [];
    this.#writing = this.#write(batches);
    // A failure is met where it is awaited: in the next call, or in `finish`.
    this.#writing.catch(() => undefined);
  }

  /** Writes all that is left. */
  async finish(): Promise<void> {
    if (this.#current.elements > 0) this.#full.push(this.#current);
    await this.drain();
    await this.#writing;
  }

  /** Waits for what is under way, however it ends. */
  async settled(): Promise<void> {
    await this.#writing.catch(() => undefined);
  }

  async #write(batches: readonly Batch[]): Promise<void> {
    for (const batch of batches) {
      const { memory, elements } = batch;
      const rows = elements / this.#rowElements;
      const { shape } = this.#row;
      const box = { start: [this.#writtenRows, ...shape.map(() => 0)], count: [rows, ...shape] };
      await this.#gate.pass(() => this.#dataset.write(this.#asData(memory, elements), box));
      this.#writtenRows += rows;
      batch.elements = 0;
      this.#spare.push(batch);
    }
  }

  #batch(): Batch {
    return { memory: new ElementMemory(this.#row.bytes * this.#batchElements), elements: 0 };
  }
}

/** The same for values that are no elements of a fixed size: strings, and rows with strings in them. */
export class ValueBatches<T extends Data & (string | object)> {
  readonly #dataset: Dataset;
  readonly #batchBytes: number;
  readonly #gate: WriteGate;
  #values: T[] = [];
  #bytes = 0;
  #writtenRows = 0;
  #writing: Promise<void> = Promise.resolve();

  /** @param batchBytes values are written when they are about this many bytes */
  constructor(dataset: Dataset, batchBytes: number, gate: WriteGate) {
    this.#dataset = dataset;
    this.#gate = gate;
    this.#batchBytes = batchBytes;
  }

  push(value: T, bytes: number): void {
    this.#values.push(value);
    this.#bytes += bytes;
  }

  async drain(): Promise<void> {
    if (this.#bytes < this.#batchBytes) return;
    await this.#writing;
    const values = this.#values;
    const start = this.#writtenRows;
    this.#writtenRows += values.length;
    this.#values = [];
    this.#bytes = 0;
    if (values.length === 0) return;
    this.#writing = this.#gate.pass(() => this.#dataset.write(values as Data, { start: [start], count: [values.length] }));
    this.#writing.catch(() => undefined);
  }

  async finish(): Promise<void> {
    this.#bytes = Infinity;
    await this.drain();
    await this.#writing;
  }

  async settled(): Promise<void> {
    await this.#writing.catch(() => undefined);
  }
}
