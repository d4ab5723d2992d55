// One dataset for each column.
import { endianness } from 'node:os';
import type { Data, Dataset, Group, TypedArray } from '../hdf5/index.js';
import { type FixedType, elementBytes } from './column-type.js';
import type { MissingWords } from './missing.js';
import { type RecordWriter, elementText, fieldText, setAttributes } from './record-writer.js';
import type { RecordFields } from './record.js';
import { RowBatches, ValueBatches, WriteGate } from './row-batches.js';
import { type Column, type Compression, columnAttributes, columnSpec, datasetShare, elementsOf } from './table-layout.js';
import { type ElementMemory, type Put, encoder } from './value-encoder.js';

const machineIsLittleEndian = endianness() === 'LE';

/** The arrays whose memory is the elements of a type. */
export const arraysOfTypes: Readonly<Record<string, new (buffer: ArrayBuffer, offset: number, length: number) => TypedArray>> = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
  bool: Uint8Array,
};

/** A column's memory as its dataset takes it. */
function columnData(type: FixedType): (memory: ElementMemory, rows: number) => Data {
  if (type.kind === 'text') {
    const size = type.bytes;
    return ({ bytes }, rows) => Array.from({ length: rows }, (_, row) => elementText(bytes, row * size, size));
  }
  const TypedArrayOf = arraysOfTypes[type.dtype] ?? Uint8Array;
  return ({ view }, rows) => new TypedArrayOf(view.buffer as ArrayBuffer, 0, rows);
}

export class ColumnsWriter implements RecordWriter {
  readonly #columns: readonly ColumnWriter[];
  /** The writer for each field of a record: an array has several, of one column. */
  readonly #ofField: readonly ColumnWriter[];

  private constructor(columns: readonly ColumnWriter[], ofField: readonly ColumnWriter[]) {
    this.#columns = columns;
    this.#ofField = ofField;
  }

  static async create(group: Group, columns: readonly Column[], rows: number, words: MissingWords, compression: Compression): Promise<ColumnsWriter> {
    const gate = new WriteGate();
    const writers: ColumnWriter[] = [];
    for (const column of columns) {
      const spec = columnSpec(column, rows, columns.length, compression);
      const dataset = await group.createDataset(column.name, spec);
      setAttributes(dataset, columnAttributes(column));
      const { type } = column;
      writers.push(
        type.kind === 'long text'
          ? new LongTextWriter(dataset, datasetShare(columns.length), gate)
          : new FixedWriter(dataset, { type, shape: column.shape ?? [] }, spec.chunks[0] ?? 1, words, gate),
      );
    }
    return new ColumnsWriter(writers, columns.flatMap(({ shape }, index) => Array.from({ length: elementsOf(shape) }, () => writers[index]).filter((writer) => writer !== undefined)));
  }

  add({ bytes, bounds, count }: RecordFields): number {
    for (let index = 0; index < count; index++) {
      if (this.#ofField[index]?.add(bytes, bounds[index * 2] ?? 0, bounds[index * 2 + 1] ?? 0) !== true) return index;
    }
    return -1;
  }

  async drain(): Promise<void> {
    for (const { batches } of this.#columns) await batches.drain();
  }

  async finish(): Promise<void> {
    for (const { batches } of this.#columns) await batches.finish();
  }

  async settled(): Promise<void> {
    for (const { batches } of this.#columns) await batches.settled();
  }
}

interface ColumnWriter {
  readonly batches: Pick<RecordWriter, 'drain' | 'finish' | 'settled'>;
  add(bytes: Uint8Array, start: number, end: number): boolean;
}

class FixedWriter implements ColumnWriter {
  readonly batches: RowBatches;
  readonly #put: Put;

  constructor(dataset: Dataset, { type, shape }: { type: FixedType; shape: readonly number[] }, batchRows: number, words: MissingWords, gate: WriteGate) {
    this.batches = new RowBatches(dataset, { bytes: elementBytes(type), shape }, batchRows, gate, columnData(type));
    this.#put = encoder(type, words, machineIsLittleEndian);
  }

  add(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.#put(this.batches.memory, this.batches.offset, bytes, start, end)) return false;
    this.batches.next();
    return true;
  }
}

class LongTextWriter implements ColumnWriter {
  readonly batches: ValueBatches<string>;

  constructor(dataset: Dataset, batchBytes: number, gate: WriteGate) {
    this.batches = new ValueBatches(dataset, batchBytes, gate);
  }

  add(bytes: Uint8Array, start: number, end: number): boolean {
    this.batches.push(fieldText(bytes, start, end), end - start + 16);
    return true;
  }
}
