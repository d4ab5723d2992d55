// One dataset of compound elements, a row each.
import type { Data, Dataset, Group, Value } from '../hdf5/index.js';
import type { ColumnType, FixedType } from './column-type.js';
import type { MissingWords } from './missing.js';
import { type RecordWriter, elementText, fieldText, setAttributes } from './record-writer.js';
import type { RecordFields } from './record.js';
import { RowBatches, ValueBatches, WriteGate } from './row-batches.js';
import { type Column, type Compression, datasetShare, rowLayout, tableAttributes, tableSpec } from './table-layout.js';
import { ElementMemory, type Put, encoder } from './value-encoder.js';

/** What `create` makes, either for packed rows or for rows as objects. */
export interface TableTarget {
  readonly dataset: Dataset;
  readonly writer: RecordWriter;
}

/**
 * Makes the dataset and its writer.
 * @param name the dataset's, in `group`
 */
export async function createTable(
  group: Group,
  name: string,
  columns: readonly Column[],
  rows: number,
  words: MissingWords,
  compression: Compression,
): Promise<TableTarget> {
  const layout = rowLayout(columns);
  const spec = tableSpec(layout, rows, compression);
  const dataset = await group.createDataset(name, spec);
  setAttributes(dataset, tableAttributes(layout));
  // Packed rows are taken as they are, so they have the file's byte order.
  const fields = columns.map(({ name: field, type }, index): Field => ({
    name: field,
    type,
    put: type.kind === 'long text' ? undefined : encoder(type, words, true),
    offset: layout.offsets[index] ?? 0,
  }));
  if (columns.some(({ type }) => type.kind === 'long text')) return { dataset, writer: new ObjectRowsWriter(dataset, fields, layout.bytes) };
  const asData = ({ bytes }: ElementMemory, count: number): Data => bytes.subarray(0, count * layout.bytes);
  return { dataset, writer: new PackedRowsWriter(new RowBatches(dataset, { bytes: layout.bytes, shape: [] }, spec.chunks[0] ?? 1, new WriteGate(), asData), fields) };
}

interface Field {
  readonly name: string;
  readonly type: ColumnType;
  /** Undefined for long text. */
  readonly put: Put | undefined;
  /** In a packed row. */
  readonly offset: number;
}

class PackedRowsWriter implements RecordWriter {
  readonly #batches: RowBatches;
  readonly #fields: readonly Field[];

  constructor(batches: RowBatches, fields: readonly Field[]) {
    this.#batches = batches;
    this.#fields = fields;
  }

  add({ bytes, bounds, count }: RecordFields): number {
    const { memory, offset } = this.#batches;
    for (let index = 0; index < count; index++) {
      const field = this.#fields[index];
      if (field?.put?.(memory, offset + field.offset, bytes, bounds[index * 2] ?? 0, bounds[index * 2 + 1] ?? 0) !== true) return index;
    }
    this.#batches.next();
    return -1;
  }

  drain(): Promise<void> {
    return this.#batches.drain();
  }

  finish(): Promise<void> {
    return this.#batches.finish();
  }

  settled(): Promise<void> {
    return this.#batches.settled();
  }
}

/** Rows with long text have no fixed size, so each becomes an object of values. */
class ObjectRowsWriter implements RecordWriter {
  readonly #batches: ValueBatches<Record<string, Value>>;
  readonly #fields: readonly Field[];
  readonly #scratch: ElementMemory;

  constructor(dataset: Dataset, fields: readonly Field[], rowBytes: number) {
    this.#batches = new ValueBatches(dataset, datasetShare(1), new WriteGate());
    this.#fields = fields;
    this.#scratch = new ElementMemory(rowBytes);
  }

  add({ bytes, bounds, count }: RecordFields): number {
    const entries: [string, Value][] = [];
    let size = this.#scratch.bytes.length;
    for (let index = 0; index < count; index++) {
      const field = this.#fields[index];
      const start = bounds[index * 2] ?? 0;
      const end = bounds[index * 2 + 1] ?? 0;
      if (field === undefined) return index;
      if (field.type.kind === 'long text') {
        entries.push([field.name, fieldText(bytes, start, end)]);
        size += end - start;
      } else {
        if (field.put?.(this.#scratch, field.offset, bytes, start, end) !== true) return index;
        entries.push([field.name, elementValue(this.#scratch, field.offset, field.type)]);
      }
    }
    this.#batches.push(Object.fromEntries(entries), size);
    return -1;
  }

  drain(): Promise<void> {
    return this.#batches.drain();
  }

  finish(): Promise<void> {
    return this.#batches.finish();
  }

  settled(): Promise<void> {
    return this.#batches.settled();
  }
}

type ReadElement = (view: DataView, offset: number) => Value;

const readElement: Readonly<Record<Exclude<FixedType['dtype'], 'string'>, ReadElement>> = {
  int8: (view, offset) => view.getInt8(offset),
  uint8: (view, offset) => view.getUint8(offset),
  int16: (view, offset) => view.getInt16(offset, true),
  uint16: (view, offset) => view.getUint16(offset, true),
  int32: (view, offset) => view.getInt32(offset, true),
  uint32: (view, offset) => view.getUint32(offset, true),
  int64: (view, offset) => view.getBigInt64(offset, true),
  uint64: (view, offset) => view.getBigUint64(offset, true),
  float32: (view, offset) => view.getFloat32(offset, true),
  float64: (view, offset) => view.getFloat64(offset, true),
  bool: (view, offset) => view.getUint8(offset) === 1,
};

function elementValue({ bytes, view }: ElementMemory, offset: number, type: FixedType): Value {
  return type.kind === 'text' ? elementText(bytes, offset, type.bytes) : readElement[type.dtype](view, offset);
}
