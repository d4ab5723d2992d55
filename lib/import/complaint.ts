// What is wrong with an input, said with its file, line and column.
import { type ErrorCode, FreestoneError } from '../errors.js';
import type { Refusal } from './csv-parse.js';
import { type TypeName, integerRange, integerTypes } from './column-type.js';
import { NumberReader, numberForm } from './number-text.js';
import { RefusedRecord } from './record-cutter.js';
import type { RecordFields } from './record.js';
import type { TextSource } from './text-source.js';

/** Thrown where something wrong is met; where that is in terms of lines is found out afterwards, by reading up to there. */
export class Complaint extends Error {
  /**
   * @param offset in the file, in bytes; undefined for what is wrong with a column as a whole
   * @param column the name of the column that it is about, or which field of the row, from 1; undefined for a byte of the line
   */
  constructor(
    readonly code: ErrorCode,
    readonly reason: string,
    readonly offset: number | undefined,
    readonly column: string | number | undefined,
    readonly facts: Readonly<Record<string, unknown>> = {},
  ) {
    super(reason);
  }
}

/** A value as it is shown in a message: quoted, and not endlessly. */
function shown(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}

/** Why a value is not of the type that the user wants its column to have. */
export function misfitReason(value: string, wanted: TypeName): string {
  const bytes = Buffer.from(value.trim());
  const numbers = new NumberReader();
  const isNumber = numbers.read(bytes, 0, bytes.length) !== numberForm.none;
  const integer = integerTypes.find((type) => type === wanted);
  if (integer !== undefined) {
    if (!isNumber) return `${shown(value)} is not a number (${wanted})`;
    if (!Number.isInteger(numbers.value)) return `${shown(value)} is not an integer (${wanted})`;
    return `${shown(value)} does not fit ${wanted} (${integerRange(integer).join(' to ')})`;
  }
  switch (wanted) {
    case 'bool':
      return `${shown(value)} is not true or false (bool)`;
    case 'date':
      return `${shown(value)} is not a date like 2024-02-29`;
    case 'timestamp':
      return `${shown(value)} is not a time like 2024-02-29T12:30:00Z`;
    default:
      return isNumber ? `${shown(value)} does not fit ${wanted}` : `${shown(value)} is not a number (${wanted})`;
  }
}

export function misfit(record: RecordFields, index: number, column: string, wanted: TypeName): Complaint {
  const value = record.text(index);
  return new Complaint('ERR_TYPE_MISMATCH', misfitReason(value, wanted), record.fieldOffset(index), column, { value, dtype: wanted });
}

/** A row that has not as many fields as there are columns. */
export function raggedRow(record: RecordFields, names: readonly string[]): Complaint {
  const { count } = record;
  const expected = names.length;
  const facts = { fields: count, expected };
  const fields = `${count} ${count === 1 ? 'field' : 'fields'}`;
  if (count > expected) {
    return new Complaint('ERR_CORRUPT_FILE', `a row of ${fields} where the first has ${expected}`, record.fieldOffset(expected), expected + 1, facts);
  }
  const missing = names[count] ?? '';
  return new Complaint('ERR_CORRUPT_FILE', `a row of ${fields} where the first has ${expected}: ${shown(missing)} is not there`, record.offset, missing, facts);
}

const refusals: Readonly<Record<Refusal['reason'], string>> = {
  'quote-not-closed': 'the quote that opens here is never closed',
  'text-after-quote': 'there is text between the closing quote and the next delimiter; a quote inside quotes is written twice',
  'quote-inside': 'there is a quote inside a field that does not start with one; --relax-quotes takes it as it is',
};

/** The error that the user meets for what was thrown while `source` was read. Other errors are returned as they are. */
export async function explained(error: unknown, source: TextSource, names: readonly string[]): Promise<unknown> {
  let complaint = error;
  if (error instanceof RefusedRecord) {
    complaint = new Complaint('ERR_CORRUPT_FILE', refusals[error.reason], error.offset, names[error.field] ?? error.field + 1);
  }
  if (!(complaint instanceof Complaint)) return error;
  const { code, reason, offset, column, facts } = complaint;
  const about = typeof column === 'string' ? ` column ${JSON.stringify(column)}:` : '';
  if (offset === undefined) return new FreestoneError(code, `${source.name}:${about} ${reason}`, { file: source.name, column, ...facts });
  const position = await source.locate(offset);
  const { line } = position;
  if (column === undefined) {
    return new FreestoneError(code, `${source.name}:${line}:${position.column}: ${reason}`, { file: source.name, line, column: position.column, ...facts });
  }
  return new FreestoneError(code, `${source.name}:${line}:${about} ${reason}`, { file: source.name, line, column, ...facts });
}
