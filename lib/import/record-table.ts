// Tables that come as records: their writer, and what is reported of them.
import type { H5File } from '../hdf5/index.js';
import { timeUnits, typeLabel } from './column-type.js';
import { ColumnsWriter } from './columns-writer.js';
import { explained } from './complaint.js';
import { createTable } from './compound-writer.js';
import type { MissingWords } from './missing.js';
import type { ImportPlan } from './options.js';
import { type ColumnReport, type Place, groupAt, ownGroup, ownPath } from './prepared.js';
import type { RecordWriter } from './record-writer.js';
import { type Column, noteSource } from './table-layout.js';
import type { Consume, TextSource } from './text-source.js';

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

/**
 * Pass 2: reads a text once more and hands its records to their writer.
 * @param seen how many records there have been, and whether one of them is another than in pass 1
 * @param names of the columns, for what is wrong with one that is known by its number
 */
export async function writeRecords(
  source: TextSource,
  writer: RecordWriter,
  consume: Consume,
  seen: { readonly rows: number; readonly changed: boolean },
  { names, onWritten, signal }: { readonly names: readonly string[]; readonly onWritten: (bytes: number, rows: number) => void; readonly signal: AbortSignal | undefined },
): Promise<void> {
  try {
    await source.read(
      consume,
      async (bytes) => {
        if (seen.changed) throw source.changed();
        await writer.drain();
        onWritten(bytes, seen.rows);
      },
      { signal },
    );
    await source.checkUnchanged();
    await writer.finish();
  } catch (error) {
    await writer.settled();
    throw await explained(error, source, names);
  }
}
