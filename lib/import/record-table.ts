// Tables that come as records: their writer, and what is reported of them.
import type { H5File } from '../hdf5/index.js';
import { timeUnits, typeLabel } from './column-type.js';
import { ColumnsWriter } from './columns-writer.js';
import { createTable } from './compound-writer.js';
import type { MissingWords } from './missing.js';
import type { ImportPlan } from './options.js';
import { type ColumnReport, type Place, groupAt, ownGroup, ownPath } from './prepared.js';
import type { RecordWriter } from './record-writer.js';
import { type Column, noteSource } from './table-layout.js';

/** A column of which pass 1 has seen every value. */
export interface ProfiledColumn extends Column {
  readonly missing: number;
}

/** Makes what will hold a table, empty. @param base the name of the file that it comes from */
export async function recordWriter(
  output: H5File,
  place: Place,
  { columns, rows, words, base }: { columns: readonly Column[]; rows: number; words: MissingWords; base: string },
  plan: ImportPlan,
): Promise<RecordWriter> {
  if (plan.as === 'table') {
    const { dataset, writer } = await createTable(groupAt(output, place.parent), place.name, columns, rows, words, plan.compression);
    noteSource(dataset, base);
    return writer;
  }
  const group = groupAt(output, ownGroup(place));
  const writer = await ColumnsWriter.create(group, columns, rows, words, plan.compression);
  noteSource(group, base, rows);
  return writer;
}

/** The path of a table's group or dataset. */
export function tablePath(place: Place, { as }: ImportPlan): string {
  return as === 'table' ? ownPath(place) : ownGroup(place);
}

export function columnReports(columns: readonly ProfiledColumn[]): ColumnReport[] {
  return columns.map(({ name, type, shape, missing }) => ({
    name,
    dtype: typeLabel(type),
    ...(type.kind === 'time' ? { units: timeUnits(type.unit) } : {}),
    ...(shape === undefined ? {} : { shape }),
    missing,
  }));
}
