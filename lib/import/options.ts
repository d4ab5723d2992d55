// What an import can be asked for, checked before anything is opened.
import { FreestoneError, checkInteger, checkOptions } from '../errors.js';
import { type Format, formatOf, formats } from './formats.js';
import type { StringStorage } from './column-profile.js';
import { type TypeName, checkTypeName } from './column-type.js';
import { defaultMissing } from './missing.js';
import type { Compression } from './table-layout.js';

export interface ImportProgress {
  /** `infer`: the first pass, which finds the types; `write`: the second. */
  readonly phase: 'infer' | 'write';
  /** The input that is being read. */
  readonly file: string;
  /** Bytes read by both passes over all inputs so far, and in the end. */
  readonly bytes: number;
  readonly totalBytes: number;
  /** Rows of this input that this pass has seen. */
  readonly rows: number;
}

export interface ImportOptions {
  /** Of all inputs. Default: what each one's ending says (.ndjson, .jsonl, .npy, .npz, .arrow, .arrows, .feather, .ipc, .parquet, .pq), otherwise csv. */
  readonly format?: Format;
  /** CSV: one ASCII character. Default: a tab for .tsv and .tab, otherwise the one of `,` `;` tab `|` that fits the first lines best. */
  readonly delimiter?: string;
  /** CSV: one ASCII character, or '' when quotes are characters like any other. Default `"`. */
  readonly quote?: string;
  /** CSV: a quote inside a field that does not start with one is a character like any other. Default false: it is an error. */
  readonly relaxQuotes?: boolean;
  /** CSV: whether the first row names the columns. Default `auto`: when its fields are all different, none is empty, a number, a date or a boolean. */
  readonly header?: 'auto' | 'yes' | 'no';
  /** CSV and NDJSON: types of columns by name; the others follow from all of their values. A value that does not fit such a type is an error. */
  readonly types?: Readonly<Record<string, TypeName>>;
  /** CSV and NDJSON: what stands for a missing value in columns that are not text. Default: nothing at all, NA, N/A, NaN, nan, null, NULL. */
  readonly missing?: readonly string[];
  /** How text is stored. Default `auto`: in as many bytes as the longest one needs up to 255, as variable-length strings beyond. */
  readonly strings?: StringStorage;
  /** `columns`: a group with one dataset for each column; `table`: one compound dataset. Default `columns`. */
  readonly as?: 'columns' | 'table';
  /** The dataset's name, where one input becomes one dataset: with `as: 'table'`, and of .npy. Default: the file's, without its ending. */
  readonly name?: string;
  /** The group that the data goes into, made if it is not there. Default: the root. */
  readonly group?: string;
  /** Compression level, 0 (none) to 9. Default 4. */
  readonly gzip?: number;
  /** Put the bytes of numbers in an order that compresses better. Default true. */
  readonly shuffle?: boolean;
  /** Replace an output that is there. Default false: it is ERR_EXISTS. */
  readonly overwrite?: boolean;
  /** Called now and then, with what has been done so far. */
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Ends the work with the signal's reason; nothing is left of it. */
  readonly signal?: AbortSignal;
}

/** The options with their defaults, checked. */
export interface ImportPlan {
  /** Of each input. */
  readonly formats: readonly Format[];
  readonly delimiter: string | undefined;
  readonly quote: string | undefined;
  readonly relaxQuotes: boolean;
  readonly header: 'auto' | 'yes' | 'no';
  readonly types: ReadonlyMap<string, TypeName>;
  readonly missing: readonly string[];
  readonly strings: StringStorage;
  readonly as: 'columns' | 'table';
  readonly name: string | undefined;
  readonly group: string | undefined;
  readonly compression: Compression;
  readonly overwrite: boolean;
  readonly onProgress: (progress: ImportProgress) => void;
  readonly signal: AbortSignal | undefined;
}

const known = [
  'format', 'delimiter', 'quote', 'relaxQuotes', 'header', 'types', 'missing', 'strings', 'as', 'name', 'group', 'gzip', 'shuffle', 'overwrite',
  'onProgress', 'signal',
] as const satisfies readonly (keyof ImportOptions)[];

function wrong(argument: string, value: unknown, wanted: string): FreestoneError {
  const given = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new FreestoneError('ERR_INVALID_ARGUMENT', `${argument} must be ${wanted}, not ${given}`, { argument, value });
}

function oneOf<T extends string>(argument: string, value: T | undefined, choices: readonly [T, ...T[]]): T {
  if (value === undefined) return choices[0];
  if (!choices.includes(value)) throw wrong(argument, value, choices.join(' or '));
  return value;
}

function flag(argument: string, value: boolean | undefined, whenAbsent: boolean): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw wrong(argument, value, 'true or false');
  return value ?? whenAbsent;
}

function character(argument: string, value: string): string {
  if (typeof value !== 'string' || !/^[\t -~]$/.test(value)) throw wrong(argument, value, 'one ASCII character');
  return value;
}

function text(argument: string, value: string | undefined): string | undefined {
  if (value !== undefined && (typeof value !== 'string' || value === '')) throw wrong(argument, value, 'a name');
  return value;
}

/** What only some formats know. */
const formatsOfOption: Readonly<Partial<Record<keyof ImportOptions, readonly Format[]>>> = {
  delimiter: ['csv'],
  quote: ['csv'],
  relaxQuotes: ['csv'],
  header: ['csv'],
  types: ['csv', 'ndjson'],
  missing: ['csv', 'ndjson'],
};

/** An option that no input has a use for is a slip of the pen. */
function checkFormatOptions(options: ImportOptions, present: readonly Format[]): void {
  for (const [name, users] of Object.entries(formatsOfOption)) {
    const value = options[name as keyof ImportOptions];
    if (value === undefined || users.some((format) => present.includes(format))) continue;
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${name} is for ${users.join(' and ')}, and there is no such input`, { argument: name, value });
  }
}

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT; ERR_UNSUPPORTED for an input of a format that cannot be read */
export function importPlan(inputs: readonly string[], options: ImportOptions): ImportPlan {
  if (!Array.isArray(inputs) || inputs.length === 0 || !inputs.every((input) => typeof input === 'string' && input !== '')) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'at least one input is needed', { argument: 'inputs' });
  }
  if (inputs.indexOf('-') !== inputs.lastIndexOf('-')) throw wrong('inputs', inputs.join(' '), 'a list with - (standard input) once at most');
  checkOptions('the import', options, known);
  const format = options.format === undefined ? undefined : oneOf('format', options.format, formats);
  const formatsOfInputs = inputs.map((input: string) => formatOf(input, format));
  checkFormatOptions(options, formatsOfInputs);
  const delimiter = options.delimiter === undefined ? undefined : character('delimiter', options.delimiter);
  const quote = options.quote === '' ? undefined : character('quote', options.quote ?? '"');
  if (delimiter !== undefined && delimiter === quote) throw wrong('quote', quote, 'another character than the delimiter');
  const as = oneOf('as', options.as, ['columns', 'table']);
  const name = text('name', options.name);
  if (name !== undefined && as !== 'table' && formatsOfInputs[0] !== 'npy') throw wrong('name', name, 'left out unless the data goes into one dataset (as: "table")');
  if (name !== undefined && (inputs.length > 1 || formatsOfInputs[0] === 'npz' || /[/\0]/.test(name) || name === '.')) {
    throw wrong('name', name, 'the name of the only dataset, without a slash; groups are named with group');
  }
  const types = Object.entries(options.types ?? {}).map(([column, type]): [string, TypeName] => [column, checkTypeName(column, type)]);
  if (options.missing !== undefined && !options.missing.every((word) => typeof word === 'string')) {
    throw wrong('missing', options.missing, 'a list of words');
  }
  return {
    formats: formatsOfInputs,
    delimiter,
    quote,
    relaxQuotes: flag('relaxQuotes', options.relaxQuotes, false),
    header: oneOf('header', options.header, ['auto', 'yes', 'no']),
    types: new Map(types),
    missing: options.missing ?? defaultMissing,
    strings: oneOf('strings', options.strings, ['auto', 'fixed', 'variable']),
    as,
    name,
    group: text('group', options.group),
    compression: { level: checkInteger('gzip', options.gzip ?? 4, { max: 9 }), shuffle: flag('shuffle', options.shuffle, true) },
    overwrite: flag('overwrite', options.overwrite, false),
    onProgress: options.onProgress ?? (() => undefined),
    signal: options.signal,
  };
}
