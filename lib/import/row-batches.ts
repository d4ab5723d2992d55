// Elements collected until a chunk of them is full, then written while the next ones are collected.
import type { Data, Dataset } from '../hdf5/index.js';
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
  rows: number;
}

/** Collects rows of `rowBytes` each and writes them to a dataset in whole chunks, one chunk after the other. */
export class RowBatches {
  readonly #dataset: Dataset;
  readonly #rowBytes: number;
  readonly #batchRows: number;
  readonly #asData: (memory: ElementMemory, rows: number) => Data;
  readonly #gate: WriteGate;
  readonly #spare: Batch[] = [];
  #full: Batch[] = [];
  #current: Batch;
  #writtenRows = 0;
  #writing: Promise<void> = Promise.resolve();

  /** @param asData the first rows of the memory as the dataset takes them; used until the write has settled */
  constructor(dataset: Dataset, rowBytes: number, batchRows: number, gate: WriteGate, asData: (memory: ElementMemory, rows: number) => Data) {
    this.#dataset = dataset;
    this.#rowBytes = rowBytes;
    this.#batchRows = batchRows;
    this.#asData = asData;
    this.#gate = gate;
    this.#current = this.#batch();
  }

  /** Where the next row goes. */
  get memory(): ElementMemory {
    return this.#current.memory;
  }

  get offset(): number {
    return this.#current.rows * this.#rowBytes;
  }

  /** The row at `offset` is complete. */
  next(): void {
    this.#current.rows++;
    if (this.#current.rows < this.#batchRows) return;
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
    if (this.#current.rows > 0) this.#full.push(this.#current);
    await this.drain();
    await this.#writing;
  }

  /** Waits for what is under way, however it ends. */
  async settled(): Promise<void> {
    await this.#writing.catch(() => undefined);
  }

  async #write(batches: readonly Batch[]): Promise<void> {
    for (const batch of batches) {
      const { memory, rows } = batch;
      await this.#gate.pass(() => this.#dataset.write(this.#asData(memory, rows), { start: [this.#writtenRows], count: [rows] }));
      this.#writtenRows += rows;
      batch.rows = 0;
      this.#spare.push(batch);
    }
  }

  #batch(): Batch {
    return { memory: new ElementMemory(this.#rowBytes * this.#batchRows), rows: 0 };
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
