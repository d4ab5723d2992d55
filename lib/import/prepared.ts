// What every format makes of an input, and where it goes.
import { FreestoneError } from '../errors.js';
import { Group, type H5File } from '../hdf5/index.js';
import type { ColumnName } from './column-names.js';
import type { Format } from './formats.js';
import type { InputFile } from './input-file.js';
import type { ImportPlan } from './options.js';

export interface ColumnReport {
  readonly name: string;
  /** As `Dataset.dtype` names it; `string(8)` is text in 8 bytes, `string` text of any length. */
  readonly dtype: string;
  /** For dates and times: what the integers count, such as `days since 1970-01-01`. */
  readonly units?: string;
  /** Of the value in each row, where that is an array. */
  readonly shape?: readonly number[];
  /** Values that are missing. In text only those count that the input itself tells from text, such as the `null` of JSON. */
  readonly missing: number;
}

export interface TableReport {
  /** The input. */
  readonly file: string;
  readonly format: Format;
  /** The group or dataset that holds it. */
  readonly path: string;
  readonly rows: number;
  /** Of CSV. */
  readonly delimiter?: string;
  /** Of CSV: whether the first row named the columns. */
  readonly header?: boolean;
  readonly columns: readonly ColumnReport[];
}

/** An input, or a member of one, that became one dataset of numbers or texts. */
export interface ArrayReport {
  /** The input. */
  readonly file: string;
  readonly format: Format;
  readonly path: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly units?: string;
}

/** Where an input goes. */
export interface Place {
  /** The group that is asked for, if one is. */
  readonly parent: string | undefined;
  /** Its own name: that of its dataset, or of its group. */
  readonly name: string;
  /** Whether it is the only input, so that what makes several datasets needs no group of its own. */
  readonly alone: boolean;
}

/** The group for an input that makes several datasets. */
export function ownGroup({ parent, name, alone }: Place): string {
  return joined(parent, alone ? '' : name);
}

/** The path of an input that makes one dataset. */
export function ownPath({ parent, name }: Place): string {
  return joined(parent, name);
}

function joined(...parts: readonly (string | undefined)[]): string {
  return `/${parts.flatMap((part) => (part ?? '').split('/')).filter((part) => part !== '').join('/')}`;
}

export function groupAt(output: H5File, path: string | undefined): Group {
  const parts = (path ?? '').split('/').filter((part) => part !== '');
  return parts.reduce((group, part) => {
    const found = group.has(part) ? group.get(part) : group.createGroup(part);
    if (found instanceof Group) return found;
    throw new FreestoneError('ERR_EXISTS', `${found.path} is a dataset and cannot be a group too`, { path: found.path });
  }, output.root);
}

/** What a format is given to work with. */
export interface Preparation {
  readonly file: InputFile;
  readonly plan: ImportPlan;
  /** A path for a temporary file, different for each call; what is there when the import ends is removed. */
  readonly spool: () => string;
  /** To be called now and then, with the bytes of the file that pass 1 has seen, and the rows. */
  readonly onBlock: (bytes: number, rows: number) => void;
}

/** An input of which all is known that pass 1 finds out. */
export interface PreparedInput {
  /** Its columns, as far as they may be given types by name. */
  readonly columns: readonly ColumnName[];
  /** What may not be as expected, in words. */
  readonly warnings: readonly string[];
  /** Pass 2. @param onBlock as in pass 1 */
  write(output: H5File, place: Place, onBlock: (bytes: number, rows: number) => void): Promise<void>;
  /** Called when the import ends, however it does. */
  close?(): void;
  /** What was written; to be asked for after that. */
  report(place: Place): { readonly tables: readonly TableReport[]; readonly arrays: readonly ArrayReport[] };
}

/** @throws {FreestoneError} for what is wrong with the input, or cannot be represented */
export type Prepare = (preparation: Preparation) => Promise<PreparedInput>;

/** Notes of the columns whose names are not those of the input. */
export function renamings(file: InputFile, columns: readonly ColumnName[], what = 'column'): string[] {
  return columns.flatMap(({ name, source }) =>
    source === undefined ? [] : [`${file.name}: ${what} ${JSON.stringify(source)} is stored as ${JSON.stringify(name)}`],
  );
}
