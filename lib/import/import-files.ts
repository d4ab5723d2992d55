// Inputs of any format into one HDF5 file.
import { stat } from 'node:fs/promises';
import { parse as parsePath } from 'node:path';
import { FreestoneError } from '../errors.js';
import { H5File } from '../hdf5/index.js';
import { prepareArrow } from './arrow.js';
import { type ColumnName, columnNames } from './column-names.js';
import { prepareDelimited } from './delimited.js';
import type { Format } from './formats.js';
import { InputFile, standardInput } from './input-file.js';
import { prepareNdjson } from './ndjson.js';
import { prepareNpy } from './npy.js';
import { prepareNpz } from './npz.js';
import { type ImportOptions, type ImportPlan, importPlan } from './options.js';
import { OutputFile } from './output-file.js';
import { prepareParquet } from './parquet.js';
import type { ArrayReport, Place, Prepare, PreparedInput, TableReport } from './prepared.js';

export interface ImportReport {
  readonly output: string;
  readonly tables: readonly TableReport[];
  readonly arrays: readonly ArrayReport[];
  /** Of all tables. */
  readonly rows: number;
  /** Bytes of all inputs, each counted once; of compressed ones as they are decompressed. */
  readonly bytesRead: number;
  /** Bytes of the output. */
  readonly bytesWritten: number;
  readonly seconds: number;
  /** What may not be as expected, in words. */
  readonly warnings: readonly string[];
}

const prepare: Readonly<Record<Format, Prepare>> = {
  csv: prepareDelimited,
  ndjson: prepareNdjson,
  npy: prepareNpy,
  npz: prepareNpz,
  arrow: prepareArrow,
  parquet: prepareParquet,
};

/** A name for each input, from its file's. */
function inputNames(files: readonly InputFile[]): ColumnName[] {
  return columnNames(files.map(({ base }) => parsePath(base).name));
}

function placeOf(plan: ImportPlan, names: readonly ColumnName[], index: number): Place {
  return { parent: plan.group, name: plan.name ?? names[index]?.name ?? '', alone: names.length === 1 };
}

/**
 * Reads files of tables and arrays and writes them into one new HDF5 file, which appears under its name only when it is complete.
 * CSV, TSV and NDJSON are read twice, as streams: to find the narrowest type that holds all values of each column, then to write
 * them. Of the other formats the first pass reads as much as is needed to know the types.
 * @param inputs paths; `-` is standard input, which is copied to a file beside the output first
 * @throws {FreestoneError} for a bad input, with `file` and, where it has lines, `line` and `column`: ERR_CORRUPT_FILE,
 *   ERR_TYPE_MISMATCH, ERR_LIMIT_EXCEEDED; ERR_UNSUPPORTED for what HDF5 or this package cannot hold; for the output: ERR_EXISTS;
 *   for the arguments: ERR_INVALID_ARGUMENT; ERR_NOT_FOUND for a type that names no column, and when the package that reads a
 *   format is not installed; or the system's own: ENOENT, EISDIR, EACCES, ENOSPC …
 */
export async function importFiles(inputs: readonly string[], output: string, options: ImportOptions = {}): Promise<ImportReport> {
  const started = performance.now();
  const plan = importPlan(inputs, options);
  const target = await OutputFile.prepare(output, plan.overwrite);
  const files: InputFile[] = [];
  const prepared: PreparedInput[] = [];
  try {
    for (const input of inputs) files.push(await openInput(input, target, plan.signal));
    const totalBytes = 2 * files.reduce((sum, { size }) => sum + size, 0);
    let done = 0;
    const progress = (phase: 'infer' | 'write', file: InputFile) => (bytes: number, rows: number): void => {
      plan.signal?.throwIfAborted();
      plan.onProgress({ phase, file: file.name, bytes: done + Math.min(bytes, file.size), totalBytes, rows });
    };
    for (const [index, file] of files.entries()) {
      const format = plan.formats[index] ?? 'csv';
      prepared.push(await prepare[format]({ file, plan, spool: () => target.spool(), onBlock: progress('infer', file) }));
      done += file.size;
    }
    checkTypesAreUsed(plan, prepared);
    const names = inputNames(files);
    const hdf5 = await H5File.create(target.partial, { overwrite: true });
    try {
      for (const [index, input] of prepared.entries()) {
        const file = files[index];
        if (file === undefined) continue;
        await input.write(hdf5, placeOf(plan, names, index), progress('write', file));
        done += file.size;
        plan.onProgress({ phase: 'write', file: file.name, bytes: done, totalBytes, rows: 0 });
      }
      await hdf5.close();
    } catch (error) {
      await hdf5.abort();
      throw error;
    }
    plan.signal?.throwIfAborted();
    const { size: bytesWritten } = await stat(target.partial);
    await target.publish();
    const reports = prepared.map((input, index) => input.report(placeOf(plan, names, index)));
    const tables = reports.flatMap((report) => report.tables);
    return {
      output,
      tables,
      arrays: reports.flatMap(({ arrays }) => arrays),
      rows: tables.reduce((sum, { rows }) => sum + rows, 0),
      bytesRead: files.reduce((sum, { size }) => sum + size, 0),
      bytesWritten,
      seconds: (performance.now() - started) / 1000,
      warnings: [...prepared.flatMap(({ warnings }) => warnings), ...sameNames(files, names)],
    };
  } finally {
    for (const input of prepared) input.close?.();
    for (const file of files) await file.close();
    await target.discard();
  }
}

async function openInput(input: string, target: OutputFile, signal: AbortSignal | undefined): Promise<InputFile> {
  if (input !== standardInput) {
    const [from, to] = await Promise.all([stat(input).catch(() => undefined), stat(target.path).catch(() => undefined)]);
    if (from !== undefined && from.dev === to?.dev && from.ino === to.ino) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `${target.path} is the input and cannot be the output too`, { path: target.path });
    }
  }
  return InputFile.open(input, () => target.spool(), signal);
}

/** Inputs whose names differ in folder or ending only. */
function sameNames(files: readonly InputFile[], names: readonly ColumnName[]): string[] {
  return names.flatMap(({ name, source }, index) =>
    source === undefined || names.length === 1 ? [] : [`${files[index]?.name ?? ''} is stored under the name ${JSON.stringify(name)}`],
  );
}

/** A type for a column that no input has is a slip of the pen. */
function checkTypesAreUsed({ types }: ImportPlan, prepared: readonly PreparedInput[]): void {
  const columns = prepared.flatMap((input) => input.columns);
  for (const wanted of types.keys()) {
    if (columns.some(({ name, source }) => name === wanted || source === wanted)) continue;
    const there = columns.map(({ name }) => name);
    throw new FreestoneError('ERR_NOT_FOUND', `there is no column ${JSON.stringify(wanted)}; there are ${there.join(', ')}`, {
      column: wanted,
      columns: there,
    });
  }
}
