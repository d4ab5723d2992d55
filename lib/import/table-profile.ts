// Pass 1: a table's dialect, the names and types of its columns, and how many rows it has.
import { FreestoneError } from '../errors.js';
import { columnNames, type ColumnName } from './column-names.js';
import { ColumnProfile, UnfitColumn } from './column-profile.js';
import { Complaint, explained, misfit, raggedRow } from './complaint.js';
import { CsvParse } from './csv-parse.js';
import { delimiterOfName, looksLikeHeader, sniffBytes, sniffDelimiter } from './dialect.js';
import { MissingWords } from './missing.js';
import type { ImportPlan } from './options.js';
import { RecordCutter } from './record-cutter.js';
import type { Dialect, RecordFields } from './record.js';
import type { ProfiledColumn } from './record-table.js';
import type { TextSource } from './text-source.js';

/** A table that is ready to be read again and written. */
export interface ProfiledTable {
  readonly source: TextSource;
  readonly dialect: Dialect;
  readonly csvParse: CsvParse;
  readonly words: MissingWords;
  readonly hasHeader: boolean;
  readonly rows: number;
  readonly columns: readonly ProfiledColumn[];
}

/** Sees every record of a table once. */
class TableProfiler {
  readonly words: MissingWords;
  /** Whether the bytes at hand hold a NUL anywhere, so that values must be looked at for one. */
  blockHasNul = false;
  rows = 0;
  hasHeader = false;
  names: readonly ColumnName[] | undefined;
  #profiles: ColumnProfile[] = [];
  readonly #plan: ImportPlan;

  constructor(plan: ImportPlan) {
    this.#plan = plan;
    this.words = new MissingWords(plan.missing);
  }

  readonly add = (record: RecordFields): void => {
    if (this.names === undefined && this.#begin(record)) return;
    const { bytes, bounds, count } = record;
    const profiles = this.#profiles;
    if (count !== profiles.length) throw raggedRow(record, this.columnNames());
    this.rows++;
    for (let index = 0; index < count; index++) {
      const start = bounds[index * 2] ?? 0;
      const end = bounds[index * 2 + 1] ?? 0;
      const profile = profiles[index];
      if (profile?.add(bytes, start, end) === false) throw this.#misfit(record, index);
      if (this.blockHasNul) profile?.noteNul(bytes, start, end, record.fieldOffset(index));
    }
  };

  /** As far as they are known. */
  columnNames(): string[] {
    return (this.names ?? []).map(({ name }) => name);
  }

  /** Names the columns. @returns whether the record was the header */
  #begin(record: RecordFields): boolean {
    const { header, types } = this.#plan;
    this.hasHeader = header === 'yes' || (header === 'auto' && looksLikeHeader(record));
    this.names = columnNames(this.hasHeader ? record.texts() : record.count);
    this.#profiles = this.names.map(({ name, source }) => new ColumnProfile(this.words, types.get(name) ?? types.get(source ?? name)));
    return this.hasHeader;
  }

  #misfit(record: RecordFields, index: number): Complaint {
    const { name = '', source } = this.names?.[index] ?? {};
    return misfit(record, index, name, this.#plan.types.get(name) ?? this.#plan.types.get(source ?? name) ?? 'string');
  }

  columns(): ProfiledTable['columns'] {
    return this.#profiles.map((profile, index) => {
      const name = this.names?.[index] ?? { name: '' };
      try {
        const type = profile.resolve(this.#plan.strings);
        return { ...name, type, missing: profile.missing };
      } catch (error) {
        if (!(error instanceof UnfitColumn)) throw error;
        throw new Complaint('ERR_TYPE_MISMATCH', error.message, error.offset, name.name);
      }
    });
  }
}

/** @param onBlock called after each block with the bytes of the file that are done and the rows seen */
export async function profileTable(source: TextSource, plan: ImportPlan, onBlock: (bytes: number, rows: number) => void): Promise<ProfiledTable> {
  const { quote, relaxQuotes, signal } = plan;
  const delimiter = plan.delimiter ?? delimiterOfName(source.base) ?? (await sniffed(source, { quote, relaxQuotes }));
  const dialect = { delimiter, quote, relaxQuotes };
  const csvParse = await CsvParse.load(dialect);
  const profiler = new TableProfiler(plan);
  const cutter = new RecordCutter(dialect, csvParse, profiler.add);
  try {
    await source.read(
      (bytes, length, fileOffset, last) => {
        profiler.blockHasNul = bytes.subarray(0, length).includes(0);
        return cutter.cut(bytes, length, fileOffset, last);
      },
      (bytes) => {
        onBlock(bytes, profiler.rows);
      },
      { checkUtf8: true, signal },
    );
    if (profiler.names === undefined) {
      throw new FreestoneError('ERR_CORRUPT_FILE', `${source.name}: the file is empty`, { file: source.name, line: 1, column: 1 });
    }
    const { words, hasHeader, rows } = profiler;
    return { source, dialect, csvParse, words, hasHeader, rows, columns: profiler.columns() };
  } catch (error) {
    throw await explained(error, source, profiler.columnNames());
  }
}

async function sniffed(source: TextSource, dialect: Omit<Dialect, 'delimiter'>): Promise<string> {
  const head = await source.head(sniffBytes);
  return sniffDelimiter(head, head.length < sniffBytes, dialect, (candidate) => CsvParse.load(candidate));
}
