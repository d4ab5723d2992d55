// What h5py sees in a file, as read_h5.py prints it.
import { createHash } from 'node:crypto';
import { runPython } from './readers.js';

/** A value without loss: text, or the parts of a compound or complex number. */
export type Printed = string | readonly Printed[];

export type DescribedType =
  | { readonly class: 'integer'; readonly size: number; readonly order: 'LE' | 'BE'; readonly signed: boolean; readonly precision: number }
  | {
      readonly class: 'float';
      readonly size: number;
      readonly order: 'LE' | 'BE';
      /** Sign position, exponent position and size, mantissa position and size. */
      readonly fields: readonly number[];
      readonly bias: number;
      readonly precision: number;
    }
  | { readonly class: 'string'; readonly size: number | 'variable'; readonly pad: string; readonly charset: string }
  | { readonly class: 'enum'; readonly size: number; readonly base: DescribedType; readonly members: Readonly<Record<string, string>> }
  | {
      readonly class: 'compound';
      readonly size: number;
      readonly members: readonly { readonly name: string; readonly offset: number; readonly type: DescribedType }[];
    };

export interface SeenAttribute {
  readonly type: DescribedType;
  readonly shape: readonly number[];
  readonly values: readonly Printed[];
}

export interface SeenDataset {
  readonly kind: 'dataset';
  readonly type: DescribedType;
  readonly shape: readonly number[];
  readonly maxShape: readonly (number | null)[];
  readonly layout: string;
  readonly chunks: readonly number[] | null;
  readonly filters: readonly { readonly id: number; readonly optional: boolean; readonly values: readonly number[] }[];
  readonly fill: { readonly state: string; readonly value?: Printed };
  readonly storageSize: number;
  readonly values: readonly Printed[];
  readonly attributes: Readonly<Record<string, SeenAttribute>>;
}

export interface SeenGroup {
  readonly kind: 'group';
  /** For each name null, or the path of a soft link. */
  readonly links: Readonly<Record<string, string | null>>;
  readonly attributes: Readonly<Record<string, SeenAttribute>>;
}

/** Everything in a file, by path. */
export type SeenFile = Readonly<Record<string, SeenDataset | SeenGroup>>;

export interface ReadOptions {
  /** Lets h5py open each file for writing first, and change what is in it. */
  readonly modify?: boolean;
  /** For datasets that are too large: no values, or in their place a digest of each row, which `digest` makes of expected ones. */
  readonly values?: 'all' | 'none' | 'digests';
  /** Paths of what is left out with all below it: h5py need not have the filters. */
  readonly skip?: readonly string[];
}

/** Reads files in one Python process. */
export function readAll(paths: readonly string[], { modify = false, values = 'all', skip = [] }: ReadOptions = {}): SeenFile[] {
  if (paths.length === 0) return [];
  const args = [...(modify ? ['--modify'] : []), ...{ all: [], none: ['--no-values'], digests: ['--digests'] }[values], ...skip.flatMap((path) => ['--skip', path])];
  const lines = runPython('read_h5.py', args, paths.join('\n')).trimEnd().split('\n');
  return paths.map((path, i) => {
    const answer = JSON.parse(lines[i] ?? '{}') as { objects?: SeenFile; error?: string };
    if (answer.objects === undefined) throw new Error(`h5py cannot read ${path}: ${answer.error ?? 'no answer'}`);
    return answer.objects;
  });
}

export function read(path: string, options?: ReadOptions): SeenFile {
  const [seen] = readAll([path], options);
  if (seen === undefined) throw new Error('nothing was read');
  return seen;
}

/** Of one row, as `values: 'digests'` has it. */
export function digest(row: Uint8Array): string {
  return createHash('sha1').update(row).digest('hex');
}

/** @throws when there is no such dataset */
export function dataset(seen: SeenFile, path: string): SeenDataset {
  const found = seen[path];
  if (found?.kind !== 'dataset') throw new Error(`h5py sees no dataset ${path}; there are ${Object.keys(seen).join(', ')}`);
  return found;
}

/** @throws when there is no such group */
export function group(seen: SeenFile, path: string): SeenGroup {
  const found = seen[path];
  if (found?.kind !== 'group') throw new Error(`h5py sees no group ${path}; there are ${Object.keys(seen).join(', ')}`);
  return found;
}
