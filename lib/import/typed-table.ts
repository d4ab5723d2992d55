// Tables that come as columns, batch after batch, into one dataset for each column or one of compound rows.
import { endianness } from 'node:os';
import type { Dataset, H5File, TypedArray } from '../hdf5/index.js';
import { columnNames } from './column-names.js';
import { elementBytes, timeUnits, typeLabel } from './column-type.js';
import type { Format } from './formats.js';
import { type Preparation, type PreparedInput, groupAt, ownGroup, renamings } from './prepared.js';
import { tablePath } from './record-table.js';
import { elementText, setAttributes } from './record-writer.js';
import { type RowLayout, type StoredColumn, checkLayout, columnAttributes, columnSpec, elementsOf, noteSource, rowLayout, tableAttributes, tableSpec } from './table-layout.js';
import { type TypedColumn, TypedProfile, type TypedValues, storedValues } from './typed-column.js';

/** Rows that are converted at once. */
const sliceRows = 65_536;

/** Some rows of a table: a record batch, a row group. */
export interface TypedBatch {
  readonly rows: number;
  /** How far in the file it ends, in bytes. */
  readonly end: number;
  read(column: number): Promise<TypedValues> | TypedValues;
}

/** A table whose schema is known. */
export interface TypedTable {
  readonly columns: readonly TypedColumn[];
  /** The batches in their order; called once or twice. */
  batches(): AsyncIterable<TypedBatch>;
  /** What is known of a column without reading it, or undefined where it must be read in pass 1. */
  known?(column: number, profile: TypedProfile): boolean;
  /** Bad data as ours. */
  explained(error: unknown): unknown;
  close(): Promise<void>;
}

/** A column, and how many of its values are missing. */
interface Target extends StoredColumn {
  readonly missing: number;
}

/** Pass 1 over a table. Closes it when that fails. */
export async function prepareTyped(table: TypedTable, format: Format, { file, plan, onBlock }: Preparation): Promise<PreparedInput> {
  const profiles = table.columns.map((column) => new TypedProfile(column, file.name));
  let rows = 0;
  let columns: Target[];
  try {
    const unknown = profiles.flatMap((profile, index) => (table.known?.(index, profile) === true ? [] : [index]));
    for await (const batch of table.batches()) {
      rows += batch.rows;
      for (const index of unknown) profiles[index]?.add(await batch.read(index));
      onBlock(batch.end, rows);
    }
    if (profiles.length === 0) throw file.corrupt('the table has no columns');
    const names = columnNames(profiles.map(({ name }) => name));
    columns = profiles.map((profile, index): Target => {
      const shape = profile.column.isList ? [profile.listLength ?? 0] : undefined;
      if (shape?.[0] === 0) throw profile.refuse('its lists are empty');
      return { ...(names[index] ?? { name: profile.name }), type: profile.resolve(plan.strings), missing: profile.missing, ...(shape === undefined ? {} : { shape }) };
    });
    checkLayout(file.name, columns, plan.as);
  } catch (error) {
    await table.close();
    throw table.explained(error);
  }
  return {
    columns: [],
    warnings: renamings(file, columns),
    write: async (output, place, onWritten) => {
      const write =
        plan.as === 'table' ? await rowsTarget(output, place.parent, place.name, columns, rows, file.base, plan) : await columnsTarget(output, ownGroup(place), columns, rows, file.base, plan);
      let row = 0;
      try {
        for await (const batch of table.batches()) {
          plan.signal?.throwIfAborted();
          if (row + batch.rows > rows) throw file.changed();
          await write(batch, row);
          row += batch.rows;
          onWritten(batch.end, row);
        }
      } catch (error) {
        throw table.explained(error);
      }
      if (row !== rows) throw file.changed();
      await file.checkUnchanged();
    },
    report: (place) => ({
      tables: [
        {
          file: file.name,
          format,
          path: tablePath(place, plan),
          rows,
          columns: columns.map(({ name, type, shape, missing }) => ({
            name,
            dtype: typeLabel(type),
            ...(type.kind === 'time' ? { units: timeUnits(type.unit) } : type.kind === 'other' && type.units !== undefined ? { units: type.units } : {}),
            ...(shape === undefined ? {} : { shape }),
            missing,
          })),
        },
      ],
      arrays: [],
    }),
    close: () => void table.close(),
  };
}

type WriteBatch = (batch: TypedBatch, firstRow: number) => Promise<void>;

/** Parts of a batch's values, so that only a few are converted at once. */
function* slicesOf({ rows, values, missing }: TypedValues, width: number): Generator<TypedValues & { readonly first: number }> {
  for (let first = 0; first < rows; first += sliceRows) {
    const count = Math.min(sliceRows, rows - first);
    const from = first * width;
    const to = from + count * width;
    yield { first, rows: count, values: Array.isArray(values) ? values.slice(from, to) : (values as TypedArray).subarray(from, to), missing: missing?.subarray(from, to) };
  }
}

async function columnsTarget(output: H5File, path: string, columns: readonly StoredColumn[], rows: number, base: string, plan: Preparation['plan']): Promise<WriteBatch> {
  const group = groupAt(output, path);
  noteSource(group, base, rows);
  const datasets: Dataset[] = [];
  for (const column of columns) {
    const dataset = await group.createDataset(column.name, columnSpec(column, rows, columns.length, plan.compression));
    setAttributes(dataset, columnAttributes(column));
    datasets.push(dataset);
  }
  return async (batch, firstRow) => {
    for (const [index, dataset] of datasets.entries()) {
      const column = columns[index];
      if (column === undefined) continue;
      const shape = column.shape ?? [];
      for (const slice of slicesOf(await batch.read(index), elementsOf(shape))) {
        const data = storedValues(column.type, slice);
        await dataset.write(data, { start: [firstRow + slice.first, ...shape.map(() => 0)], count: [slice.rows, ...shape] });
      }
    }
  };
}

async function rowsTarget(output: H5File, parent: string | undefined, name: string, columns: readonly StoredColumn[], rows: number, base: string, plan: Preparation['plan']): Promise<WriteBatch> {
  const layout = rowLayout(columns);
  const dataset = await groupAt(output, parent).createDataset(name, tableSpec(layout, rows, plan.compression));
  setAttributes(dataset, tableAttributes(layout));
  noteSource(dataset, base);
  const hasLongText = columns.some(({ type }) => type.kind === 'long text');
  return async (batch, firstRow) => {
    const all: TypedValues[] = [];
    for (const index of columns.keys()) all.push(await batch.read(index));
    const slices = all.map((values) => slicesOf(values, 1));
    for (let first = 0; first < batch.rows; first += sliceRows) {
      const count = Math.min(sliceRows, batch.rows - first);
      const values = slices.map((slice, index): TypedArray | string[] => {
        const { value } = slice.next() as IteratorYieldResult<TypedValues>;
        const type = columns[index]?.type;
        return type === undefined ? [] : storedValues(type, value);
      });
      const box = { start: [firstRow + first], count: [count] };
      const packed = packedRows(columns, layout, values, count);
      await dataset.write((hasLongText ? rowObjects(columns, layout, values, packed) : packed), box);
    }
  };
}

/** Rows as the compound has them; long texts are left out. */
function packedRows(columns: readonly StoredColumn[], { bytes: rowBytes, offsets }: RowLayout, values: readonly (TypedArray | string[])[], count: number): Buffer {
  const rows = Buffer.alloc(count * rowBytes);
  for (const [index, { type }] of columns.entries()) {
    const given = values[index] ?? [];
    const offset = offsets[index] ?? 0;
    if (Array.isArray(given)) {
      if (type.kind === 'text') given.forEach((text, i) => rows.write(text, i * rowBytes + offset));
      continue;
    }
    const size = elementBytes(type);
    if (type.dtype === 'float16') {
      const view = new DataView(rows.buffer, rows.byteOffset);
      given.forEach((value: number | bigint, i: number) => {
        view.setUint16(i * rowBytes + offset, halfBits(Number(value)), true);
      });
      continue;
    }
    const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
    const isTurned = endianness() === 'BE';
    for (let i = 0, to = offset, from = 0; i < count; i++, to += rowBytes, from += size) {
      for (let b = 0; b < size; b++) rows[to + b] = bytes[from + (isTurned ? size - 1 - b : b)] ?? 0;
    }
  }
  return rows;
}

/** The float16 of a number that is one. */
function halfBits(value: number): number {
  const [bits = 0] = new Uint32Array(Float32Array.of(value).buffer);
  const sign = (bits >>> 16) & 0x8000;
  if (Number.isNaN(value)) return 0x7e00;
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | (magnitude * 2 ** 24);
  return sign | (((bits >>> 13) & 0x3ffff) - (112 << 10) & 0x7fff);
}

type Read = (bytes: Buffer, at: number) => unknown;

const readNumber: Readonly<Record<string, Read>> = {
  bool: (bytes, at) => bytes[at] === 1,
  int8: (bytes, at) => bytes.readInt8(at),
  uint8: (bytes, at) => bytes.readUInt8(at),
  int16: (bytes, at) => bytes.readInt16LE(at),
  uint16: (bytes, at) => bytes.readUInt16LE(at),
  int32: (bytes, at) => bytes.readInt32LE(at),
  uint32: (bytes, at) => bytes.readUInt32LE(at),
  int64: (bytes, at) => bytes.readBigInt64LE(at),
  uint64: (bytes, at) => bytes.readBigUInt64LE(at),
  float32: (bytes, at) => bytes.readFloatLE(at),
  float64: (bytes, at) => bytes.readDoubleLE(at),
};

/** Rows with text of variable length have no fixed size. */
function rowObjects(columns: readonly StoredColumn[], { bytes: rowBytes, offsets }: RowLayout, values: readonly (TypedArray | string[])[], packed: Buffer): Record<string, unknown>[] {
  return Array.from({ length: packed.length / rowBytes }, (_, row) =>
    Object.fromEntries(
      columns.map(({ name, type }, index) => {
        const given = values[index] ?? [];
        const at = row * rowBytes + (offsets[index] ?? 0);
        if (type.kind === 'text') return [name, elementText(packed, at, type.bytes)];
        return [name, type.dtype === 'bool' ? readNumber['bool']?.(packed, at) : given[row]];
      }),
    ),
  );
}
