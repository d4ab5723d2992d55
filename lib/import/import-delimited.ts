// CSV and TSV into one HDF5 file.
import { stat } from 'node:fs/promises';
import { parse as parsePath } from 'node:path';
import { FreestoneError } from '../errors.js';
import { Group, H5File } from '../hdf5/index.js';
import { columnNames } from './column-names.js';
import { timeUnits, typeLabel } from './column-type.js';
import { ColumnsWriter } from './columns-writer.js';
import { explained } from './complaint.js';
import { createTable } from './compound-writer.js';
import { type ImportOptions, type ImportPlan, importPlan } from './options.js';
import { OutputFile } from './output-file.js';
import { RecordCutter } from './record-cutter.js';
import type { RecordWriter } from './record-writer.js';
import { type ProfiledTable, profileTable } from './table-profile.js';
import { TextSource, standardInput } from './text-source.js';

export interface ColumnReport {
  readonly name: string;
  /** As `Dataset.dtype` names it; `string(8)` is text in 8 bytes, `string` text of any length. */
  readonly dtype: string;
  /** For dates and times: what the integers count, such as `days since 1970-01-01`. */
  readonly units?: string;
  /** Values that are missing. Always 0 for text, which stays as it is. */
  readonly missing: number;
}

export interface TableReport {
  /** The input. */
  readonly file: string;
  /** The group or dataset that holds it. */
  readonly path: string;
  readonly rows: number;
  readonly delimiter: string;
  /** Whether the first row named the columns. */
  readonly header: boolean;
  readonly columns: readonly ColumnReport[];
}

export interface ImportReport {
  readonly output: string;
  readonly tables: readonly TableReport[];
  /** Of all tables. */
  readonly rows: number;
  /** Bytes of all inputs, each counted once. */
  readonly bytesRead: number;
  /** Bytes of the output. */
  readonly bytesWritten: number;
  readonly seconds: number;
  /** What may not be as expected, in words. */
  readonly warnings: readonly string[];
}

/** Where a table goes. */
interface Place {
  /** The parts of the path from the root. */
  readonly group: string | undefined;
  /** The dataset's, for `as: 'table'`. */
  readonly name: string;
}

/** A name for each input, from its file's. */
function tableNames(sources: readonly TextSource[]): string[] {
  return columnNames(sources.map(({ base }) => parsePath(base).name)).map(({ name }) => name);
}

function placeOf(plan: ImportPlan, index: number, names: readonly string[]): Place {
  const name = plan.name ?? names[index] ?? '';
  if (plan.as === 'table' || names.length === 1) return { group: plan.group, name };
  return { group: plan.group === undefined ? name : `${plan.group}/${name}`, name };
}

function groupAt(file: H5File, path: string | undefined): Group {
  const parts = (path ?? '').split('/').filter((part) => part !== '');
  return parts.reduce((group, part) => {
    const found = group.has(part) ? group.get(part) : group.createGroup(part);
    if (found instanceof Group) return found;
    throw new FreestoneError('ERR_EXISTS', `${found.path} is a dataset and cannot be a group too`, { path: found.path });
  }, file.root);
}

/**
 * Reads CSV or TSV files and writes their tables into one new HDF5 file, which appears under its name only when it is complete.
 * Each input is read twice, as a stream: to find the narrowest type that holds all values of each column, then to write them.
 * @param inputs paths; `-` is standard input
 * @throws {FreestoneError} for a bad input, with `file`, `line` and `column`: ERR_CORRUPT_FILE, ERR_TYPE_MISMATCH, ERR_LIMIT_EXCEEDED;
 *   for the output: ERR_EXISTS; for the arguments: ERR_INVALID_ARGUMENT; ERR_NOT_FOUND for a type that names no column, and when
 *   csv-parse is not installed; or the system's own: ENOENT, EISDIR, EACCES, ENOSPC …
 */
export async function importDelimited(inputs: readonly string[], output: string, options: ImportOptions = {}): Promise<ImportReport> {
  const started = performance.now();
  const plan = importPlan(inputs, options);
  const target = await OutputFile.prepare(output, plan.overwrite);
  const sources: TextSource[] = [];
  try {
    for (const input of inputs) sources.push(await openInput(input, target, plan.signal));
    const totalBytes = 2 * sources.reduce((sum, { size }) => sum + size, 0);
    let done = 0;
    const tables: ProfiledTable[] = [];
    for (const source of sources) {
      tables.push(
        await profileTable(source, plan, (bytes, rows) => {
          plan.onProgress({ phase: 'infer', file: source.name, bytes: done + bytes, totalBytes, rows });
        }),
      );
      done += source.size;
    }
    checkTypesAreUsed(plan, tables);
    const names = tableNames(sources);
    const file = await H5File.create(target.partial, { overwrite: true });
    try {
      for (const [index, table] of tables.entries()) {
        await writeTable(file, table, placeOf(plan, index, names), plan, (bytes, rows) => {
          plan.onProgress({ phase: 'write', file: table.source.name, bytes: done + bytes, totalBytes, rows });
        });
        done += table.source.size;
      }
      await file.close();
    } catch (error) {
      await file.abort();
      throw error;
    }
    plan.signal?.throwIfAborted();
    const { size: bytesWritten } = await stat(target.partial);
    await target.publish();
    return {
      output,
      tables: tables.map((table, index) => tableReport(table, placeOf(plan, index, names), plan)),
      rows: tables.reduce((sum, { rows }) => sum + rows, 0),
      bytesRead: sources.reduce((sum, { size }) => sum + size, 0),
      bytesWritten,
      seconds: (performance.now() - started) / 1000,
      warnings: tables.flatMap(renamings),
    };
  } finally {
    for (const source of sources) await source.close();
    await target.discard();
  }
}

async function openInput(input: string, target: OutputFile, signal: AbortSignal | undefined): Promise<TextSource> {
  if (input !== standardInput) {
    const [from, to] = await Promise.all([stat(input).catch(() => undefined), stat(target.path).catch(() => undefined)]);
    if (from !== undefined && from.dev === to?.dev && from.ino === to.ino) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `${target.path} is the input and cannot be the output too`, { path: target.path });
    }
  }
  return TextSource.open(input, target.spool(), signal);
}

/** A type for a column that no input has is a slip of the pen. */
function checkTypesAreUsed({ types }: ImportPlan, tables: readonly ProfiledTable[]): void {
  const columns = tables.flatMap((table) => table.columns);
  for (const wanted of types.keys()) {
    if (columns.some(({ name, source }) => name === wanted || source === wanted)) continue;
    const there = columns.map(({ name }) => name);
    throw new FreestoneError('ERR_NOT_FOUND', `there is no column ${JSON.stringify(wanted)}; there are ${there.join(', ')}`, {
      column: wanted,
      columns: there,
    });
  }
}

/** Pass 2. */
async function writeTable(
  file: H5File,
  { source, dialect, csvParse, words, hasHeader, rows, columns }: ProfiledTable,
  place: Place,
  plan: ImportPlan,
  onBlock: (bytes: number, rows: number) => void,
): Promise<void> {
  const group = groupAt(file, place.group);
  let writer: RecordWriter;
  if (plan.as === 'table') {
    const table = await createTable(group, place.name, columns, rows, words, plan.compression);
    table.dataset.attrs.set('source', source.base);
    writer = table.writer;
  } else {
    writer = await ColumnsWriter.create(group, columns, rows, words, plan.compression);
    group.attrs.set('source', source.base);
    group.attrs.set('rows', rows, { dtype: 'int64' });
  }
  let seen = hasHeader ? -1 : 0;
  let changed = false;
  const cutter = new RecordCutter(dialect, csvParse, (record) => {
    // Every value fitted in pass 1, so what does not fit now is another value.
    if (seen >= 0 && !changed) changed = record.count !== columns.length || seen >= rows || writer.add(record) >= 0;
    seen++;
  });
  try {
    await source.read(
      (bytes, length, fileOffset, last) => cutter.cut(bytes, length, fileOffset, last),
      async (bytes) => {
        if (changed) throw source.changed();
        await writer.drain();
        onBlock(bytes, seen);
      },
      { signal: plan.signal },
    );
    await source.checkUnchanged();
    await writer.finish();
  } catch (error) {
    await writer.settled();
    throw await explained(error, source, columns.map(({ name }) => name));
  }
}

function tableReport({ source, dialect, hasHeader, rows, columns }: ProfiledTable, place: Place, { as }: ImportPlan): TableReport {
  const parts = [...(place.group ?? '').split('/'), ...(as === 'table' ? [place.name] : [])].filter((part) => part !== '');
  return {
    file: source.name,
    path: `/${parts.join('/')}`,
    rows,
    delimiter: dialect.delimiter,
    header: hasHeader,
    columns: columns.map(({ name, type, missing }) => ({
      name,
      dtype: typeLabel(type),
      ...(type.kind === 'time' ? { units: timeUnits(type.unit) } : {}),
      missing,
    })),
  };
}

function renamings({ source, columns }: ProfiledTable): string[] {
  return columns.flatMap(({ name, source: original }) =>
    original === undefined ? [] : [`${source.name}: column ${JSON.stringify(original)} is stored as ${JSON.stringify(name)}`],
  );
}
