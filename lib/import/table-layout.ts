// How a table lies in the file: as one dataset for each column, or as one dataset of compound elements.
import { FreestoneError } from '../errors.js';
import { type Dataset, type DatasetSpec, type DatatypeSpec, type Filter, type Group, gzip, shuffle, t } from '../hdf5/index.js';
import type { ColumnName } from './column-names.js';
import { type ColumnType, type StoredType, elementBytes, timeUnits } from './column-type.js';

/** A column as it lies in the file. */
export interface StoredColumn extends ColumnName {
  readonly type: StoredType;
  /** Of the value in each row, where that is an array. */
  readonly shape?: readonly number[];
}

/** A column whose values come as text. */
export interface Column extends StoredColumn {
  readonly type: ColumnType;
}

/** Bytes of a chunk, and of the rows of one column that are collected before they are written. */
const chunkBytes = 256 * 1024;
/** The same for all columns together: a table of thousands of columns gets smaller chunks and not more memory. */
const totalChunkBytes = 8 * 1024 * 1024;
/** Rows of a chunk in a table that has none yet. */
const rowsOfEmpty = 1024;

export interface Compression {
  /** Of gzip, 0 to 9; 0 for none. */
  readonly level: number;
  readonly shuffle: boolean;
}

/** Bytes that one of several datasets may have in a chunk, and in memory until they are written. */
export function datasetShare(datasets: number): number {
  return Math.min(chunkBytes, totalChunkBytes / datasets);
}

/** How many rows a chunk has. @param rowBytes bytes of a row in that dataset @param datasets how many of them grow together */
export function chunkRows(rows: number, rowBytes: number, datasets: number): number {
  return Math.max(1, Math.min(Math.floor(datasetShare(datasets) / rowBytes), rows === 0 ? rowsOfEmpty : rows));
}

export function filters({ level, shuffle: shuffled }: Compression, isText: boolean): Filter[] {
  // Bytes of text gain nothing from being spread over the chunk.
  return [...(shuffled && !isText ? [shuffle()] : []), ...(level > 0 ? [gzip(level)] : [])];
}

export function datatype(type: StoredType): DatatypeSpec {
  if (type.kind === 'other') return type.datatype;
  return type.kind === 'text' ? t.string(type.bytes, { encoding: 'utf8', pad: 'null' }) : type.dtype;
}

/** How many elements a value of this shape has. */
export function elementsOf(shape: readonly number[] = []): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Notes where a table comes from. @param rows noted too, on a group, which has no shape that tells them */
export function noteSource(object: Dataset | Group, base: string, rows?: number): void {
  object.attrs.set('source', base);
  if (rows !== undefined) object.attrs.set('rows', rows, { dtype: 'int64' });
}

/** A compound element has no room for arrays as this package writes it. @throws {FreestoneError} ERR_UNSUPPORTED */
export function checkLayout(file: string, columns: readonly StoredColumn[], as: 'columns' | 'table'): void {
  const array = columns.find(({ shape }) => shape !== undefined);
  if (as === 'columns' || array === undefined) return;
  throw new FreestoneError('ERR_UNSUPPORTED', `${file}: column ${JSON.stringify(array.name)} holds arrays, which one compound dataset cannot; import it as columns`, {
    file,
    column: array.name,
  });
}

/** What stands for a missing value, if the type has such a value and the column misses some. */
function fillOf(type: StoredType): bigint | undefined {
  return 'fill' in type ? type.fill : undefined;
}

/** The dataset of one column. @param columns how many columns there are */
export function columnSpec({ type, shape = [] }: StoredColumn, rows: number, columns: number, compression: Compression): DatasetSpec & { chunks: number[] } {
  const fill = fillOf(type);
  return {
    dtype: datatype(type),
    shape: [rows, ...shape],
    maxShape: [null, ...shape],
    chunks: [chunkRows(rows, elementBytes(type) * elementsOf(shape), columns), ...shape],
    filters: filters(compression, type.dtype === 'string'),
    ...(fill === undefined ? {} : { fill }),
  };
}

/** What counts from a day needs a calendar. */
export function unitsAttributes(units: string): { name: string; value: string }[] {
  return [{ name: 'units', value: units }, ...(units.includes(' since ') ? [{ name: 'calendar', value: 'proleptic_gregorian' }] : [])];
}

/** What readers need to know of a column besides its values; the attributes of its dataset. */
export function columnAttributes({ type, source }: StoredColumn): { name: string; value: string | bigint; dtype?: DatatypeSpec }[] {
  const fill = fillOf(type);
  return [
    ...(type.kind === 'time' ? unitsAttributes(timeUnits(type.unit)) : []),
    ...(type.kind === 'other' && type.units !== undefined ? unitsAttributes(type.units) : []),
    ...(fill === undefined ? [] : [{ name: '_FillValue', value: fill, dtype: datatype(type) }]),
    // A text of HDF5 ends at a NUL, so such a name cannot be kept.
    ...(source === undefined || source.includes('\0') ? [] : [{ name: 'source_name', value: source }]),
  ];
}

/** One row of the compound dataset. */
export interface RowLayout {
  readonly dtype: DatatypeSpec;
  /** Bytes of a packed row. */
  readonly bytes: number;
  /** Where each column lies in it, in the order of the table's columns. */
  readonly offsets: readonly number[];
  /** The columns in the order of the members. */
  readonly members: readonly StoredColumn[];
}

export function rowLayout(columns: readonly StoredColumn[]): RowLayout {
  const types = Object.fromEntries(columns.map(({ name, type }) => [name, datatype(type)]));
  const byName = new Map(columns.map((column) => [column.name, column]));
  // Members lie in the order of the object's keys, and those that look like array indices come first there.
  const members = Object.keys(types).flatMap((name) => byName.get(name) ?? []);
  const offsetOf = new Map<string, number>();
  let bytes = 0;
  for (const { name, type } of members) {
    offsetOf.set(name, bytes);
    bytes += elementBytes(type);
  }
  return { dtype: t.compound(types), bytes, offsets: columns.map(({ name }) => offsetOf.get(name) ?? 0), members };
}

/** The compound dataset. */
export function tableSpec(layout: RowLayout, rows: number, compression: Compression): DatasetSpec & { chunks: number[] } {
  const isText = layout.members.every(({ type }) => type.dtype === 'string');
  return {
    dtype: layout.dtype,
    shape: [rows],
    maxShape: [null],
    chunks: [chunkRows(rows, layout.bytes, 1)],
    filters: filters(compression, isText),
  };
}

/** The columns' attributes on the one dataset, named as the HDF5 Table Specification names what belongs to a field: FIELD_0_UNITS. */
export function tableAttributes({ members }: RowLayout): ReturnType<typeof columnAttributes> {
  return members.flatMap((column, index) =>
    columnAttributes(column).map(({ name, ...rest }) => ({
      ...rest,
      name: `FIELD_${index}_${name === '_FillValue' ? 'FILL' : name.toUpperCase()}`,
    })),
  );
}
