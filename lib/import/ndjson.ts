// NDJSON: one JSON object a line, each a row of a table.
import { FreestoneError } from '../errors.js';
import { type ColumnName, columnNames } from './column-names.js';
import { ColumnProfile, UnfitColumn } from './column-profile.js';
import { Complaint, explained, misfitReason } from './complaint.js';
import { JsonKey } from './json-keys.js';
import { JsonFault, JsonReader, type ValueForm, valueForm } from './json-reader.js';
import { MissingWords } from './missing.js';
import type { ImportPlan } from './options.js';
import { type Preparation, type PreparedInput, renamings } from './prepared.js';
import { type ProfiledColumn, columnReports, recordWriter, tablePath, writeRecords } from './record-table.js';
import { RecordFields } from './record.js';
import { checkLayout, elementsOf } from './table-layout.js';
import { TextSource } from './text-source.js';

/** Keys that are data would make a column of every row. */
const maxColumns = 65_535;

/** Reads the lines of a block and says how many bytes they are. */
function cutLines(reader: JsonReader, bytes: Buffer, length: number, fileOffset: number, last: boolean, onRecord: () => void): number {
  let at = 0;
  while (at < length) {
    const found = bytes.indexOf(0x0a, at);
    const isWhole = found >= 0 && found < length;
    if (!isWhole && !last) break;
    const end = isWhole ? found : length;
    try {
      if (reader.read(bytes, at, end)) onRecord();
    } catch (error) {
      if (!(error instanceof JsonFault)) throw error;
      const { code, reason, key } = error;
      throw new Complaint(code, reason, fileOffset + error.at, key?.path, {});
    }
    at = isWhole ? end + 1 : end;
  }
  return at;
}

/** Pass 1: the keys and their types. */
class Profiler {
  readonly root = new JsonKey('');
  readonly words: MissingWords;
  rows = 0;
  /** Keys that are no objects, in the order in which they first appeared. */
  readonly columns: JsonKey[] = [];
  /** Where the bytes at hand are in the file, and whether a text of them may hold a NUL. */
  fileOffset = 0;
  readonly #plan: ImportPlan;

  constructor(plan: ImportPlan) {
    this.#plan = plan;
    this.words = new MissingWords(plan.missing);
  }

  newKey(parent: JsonKey, name: string, at: number): JsonKey {
    const key = parent.addChild(name);
    this.columns.push(key);
    if (this.columns.length > maxColumns) {
      throw new JsonFault(`more than ${maxColumns} different keys; are they data?`, at, undefined, 'ERR_LIMIT_EXCEEDED');
    }
    return key;
  }

  value(key: JsonKey, _index: number, form: ValueForm, bytes: Uint8Array, start: number, end: number): void {
    key.profile ??= this.#profile(key);
    if (form === valueForm.null) {
      key.profile.addAbsent(1);
      return;
    }
    const isText = form === valueForm.text;
    if (!key.profile.add(bytes, start, end, isText)) {
      const value = Buffer.from(bytes.subarray(start, end)).toString('utf8');
      const wanted = this.#plan.types.get(key.path) ?? 'string';
      throw new Complaint('ERR_TYPE_MISMATCH', misfitReason(value, wanted), this.fileOffset + start, key.path, { value, dtype: wanted });
    }
    if (isText) key.profile.noteNul(bytes, start, end, this.fileOffset + start);
  }

  #profile(key: JsonKey): ColumnProfile {
    return new ColumnProfile(this.words, this.#plan.types.get(key.path));
  }

  /** The columns, with their first fields noted in the keys. */
  finish(file: string): { columns: ProfiledColumn[]; keys: JsonKey[]; fields: number } {
    const keys = this.columns.filter(({ kind }) => kind !== 'object');
    const names = columnNames(keys.map(({ path }) => path));
    let fields = 0;
    const columns = keys.map((key, index): ProfiledColumn => {
      const name: ColumnName = names[index] ?? { name: key.path };
      const profile = (key.profile ??= this.#profile(key));
      const shape = key.kind === 'array' ? key.extents : undefined;
      const width = elementsOf(shape);
      key.field = fields;
      fields += width;
      if (width === 0 || (key.kind === 'array' && key.rank === undefined)) {
        throw new Complaint('ERR_UNSUPPORTED', 'it holds nothing but empty arrays', undefined, key.path);
      }
      profile.addAbsent(this.rows * width - profile.count);
      try {
        const type = profile.resolve(this.#plan.strings);
        if (shape !== undefined && type.dtype === 'string') {
          throw new Complaint('ERR_UNSUPPORTED', 'arrays of text have no place in a table; only arrays of numbers and booleans have', undefined, key.path);
        }
        return { ...name, type, missing: profile.missing, ...(shape === undefined ? {} : { shape }) };
      } catch (error) {
        if (!(error instanceof UnfitColumn)) throw error;
        throw new Complaint('ERR_TYPE_MISMATCH', error.message, error.offset, key.path);
      }
    });
    checkLayout(file, columns, this.#plan.as);
    return { columns, keys, fields };
  }
}

/** Objects that never held anything make no column. */
function emptyObjects(file: string, keys: readonly JsonKey[]): string[] {
  return keys.flatMap(({ kind, children, path }) => (kind === 'object' && children.length === 0 ? [`${file}: ${JSON.stringify(path)} holds nothing but empty objects and is left out`] : []));
}

export async function prepareNdjson({ file, plan, onBlock }: Preparation): Promise<PreparedInput> {
  const source = await TextSource.of(file);
  const profiler = new Profiler(plan);
  const { root, words } = profiler;
  let found: ReturnType<Profiler['finish']>;
  try {
    const reader = new JsonReader(root, profiler);
    await source.read(
      (bytes, length, fileOffset, last) => {
        profiler.fileOffset = fileOffset;
        return cutLines(reader, bytes, length, fileOffset, last, () => profiler.rows++);
      },
      (bytes) => {
        onBlock(bytes, profiler.rows);
      },
      { checkUtf8: true, signal: plan.signal },
    );
    if (profiler.rows === 0) throw new FreestoneError('ERR_CORRUPT_FILE', `${source.name}: the file is empty`, { file: source.name, line: 1, column: 1 });
    found = profiler.finish(source.name);
    if (found.columns.length === 0) throw source.corrupt('its objects have no keys');
  } catch (error) {
    throw await explained(error, source, []);
  }
  const { columns, fields } = found;
  const { rows } = profiler;
  return {
    columns,
    warnings: [...renamings(file, columns), ...emptyObjects(file.name, profiler.columns)],
    write: async (output, place, onWritten) => {
      const writer = await recordWriter(output, place, { columns, rows, words, base: source.base }, plan);
      const seen = { rows: 0, changed: false };
      const record = new RecordFields();
      const absent = Int32Array.from({ length: fields * 2 }, (_, i) => -(i % 2));
      record.bounds = absent.slice();
      record.count = fields;
      const reader = new JsonReader(root, {
        newKey: () => {
          throw source.changed();
        },
        value: (key, index, form, bytes, start, end) => {
          if (form === valueForm.null) return;
          record.bytes = bytes;
          record.bounds[(key.field + index) * 2] = start;
          record.bounds[(key.field + index) * 2 + 1] = end;
        },
      });
      for (const key of profiler.columns) key.record = -1;
      const onRecord = (): void => {
        // Every value fitted in pass 1, so what does not fit now is another value.
        seen.changed ||= seen.rows >= rows || writer.add(record) >= 0;
        record.bounds.set(absent);
        seen.rows++;
      };
      await writeRecords(source, writer, (...block) => cutLines(reader, ...block, onRecord), seen, { names: [], onWritten, signal: plan.signal });
    },
    report: (place) => ({
      tables: [{ file: file.name, format: 'ndjson', path: tablePath(place, plan), rows, columns: columnReports(columns) }],
      arrays: [],
    }),
  };
}
