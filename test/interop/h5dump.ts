// What `h5dump` prints, parsed back to values. Its text is made for people: bytes outside ASCII come as octal digits, with
// three of them or, where the C compiler's char has a sign, eleven.
import { readFileSync, rmSync } from 'node:fs';
import { run } from './readers.js';

/** A value as h5dump prints it: the digits of a number or the name of an enum's member, a text, or the parts of a compound. */
export type Dumped = { readonly bare: string } | { readonly text: string } | readonly Dumped[];

export interface DumpedValues {
  /** The datatype's words, such as `H5T_IEEE_F64LE`; of nested ones all, without what is in quotes. */
  readonly type: string;
  /** The dataspace: `SCALAR`, or the extents and the largest extents, null for unlimited. */
  readonly space: 'SCALAR' | 'NULL' | { readonly shape: readonly number[]; readonly maxShape: readonly (number | null)[] };
  readonly values: readonly Dumped[];
  /** The words of STORAGE_LAYOUT, FILTERS and FILLVALUE, each where there is one. */
  readonly properties: Readonly<Record<string, string>>;
}

export interface DumpedDataset extends DumpedValues {
  readonly attributes: Readonly<Record<string, DumpedValues>>;
}

export interface Dump {
  readonly datasets: Readonly<Record<string, DumpedDataset>>;
  readonly groups: Readonly<Record<string, Readonly<Record<string, DumpedValues>>>>;
}

/** Runs h5dump over a whole file, with 17 digits for each float. */
export function dump(path: string): Dump {
  const { status, stdout, stderr } = run('h5dump', ['-y', '-e', '-p', '-w', '0', '-m', '%.17g', path]);
  if (status !== 0 || stderr !== '') throw new Error(`h5dump ends with ${String(status)}: ${stderr}`);
  return new Parser(stdout).file();
}

/**
 * The bytes of a dataset as h5dump writes them to a file, little-endian: for what is too large as text.
 * @param selection in h5dump's words, such as `0,5;;2,2;`
 */
export function dumpBytes(path: string, dataset: string, selection = ''): Buffer {
  const out = `${path}.bytes`;
  const { status, stderr } = run('h5dump', ['-d', selection === '' ? dataset : `${dataset}[${selection}]`, '-b', 'LE', '-o', out, path]);
  if (status !== 0 || stderr !== '') throw new Error(`h5dump ends with ${String(status)}: ${stderr}`);
  const bytes = readFileSync(out);
  rmSync(out);
  return bytes;
}

/** @throws when there is no such dataset */
export function dumpedDataset(dumped: Dump, path: string): DumpedDataset {
  const found = dumped.datasets[path];
  if (found === undefined) throw new Error(`h5dump sees no dataset ${path}; there are ${Object.keys(dumped.datasets).join(', ')}`);
  return found;
}

class Parser {
  readonly #text: string;
  #at = 0;
  readonly #datasets: Record<string, DumpedDataset> = {};
  readonly #groups: Record<string, Record<string, DumpedValues>> = {};

  constructor(text: string) {
    this.#text = text;
  }

  file(): Dump {
    this.#expect('HDF5');
    this.#quoted();
    this.#expect('{');
    this.#expect('GROUP');
    this.#quoted();
    this.#group('/');
    this.#expect('}');
    return { datasets: this.#datasets, groups: this.#groups };
  }

  #group(path: string): void {
    const attributes: Record<string, DumpedValues> = {};
    this.#groups[path] = attributes;
    this.#expect('{');
    while (!this.#accept('}')) {
      const keyword = this.#word();
      const name = this.#quoted();
      const below = path === '/' ? `/${name}` : `${path}/${name}`;
      if (keyword === 'GROUP') this.#group(below);
      else if (keyword === 'DATASET') this.#datasets[below] = this.#dataset();
      else if (keyword === 'ATTRIBUTE') attributes[name] = this.#dataset();
      else throw new Error(`h5dump prints ${keyword}, which this parser does not know`);
    }
  }

  #dataset(): DumpedDataset {
    const attributes: Record<string, DumpedValues> = {};
    const properties: Record<string, string> = {};
    let type = '';
    let space: DumpedValues['space'] = 'NULL';
    let values: Dumped[] = [];
    this.#expect('{');
    while (!this.#accept('}')) {
      const keyword = this.#word();
      if (keyword === 'DATATYPE') type = this.#type();
      else if (keyword === 'DATASPACE') space = this.#space();
      else if (keyword === 'DATA') values = this.#values();
      else if (keyword === 'ATTRIBUTE') attributes[this.#quoted()] = this.#dataset();
      else properties[keyword] = this.#braced();
    }
    return { type, space, values, properties, attributes };
  }

  /** Everything up to DATASPACE, which always follows. */
  #type(): string {
    const start = this.#at;
    this.#at = this.#text.indexOf('DATASPACE', start);
    return this.#text
      .slice(start, this.#at)
      .replace(/"[^"]*"/g, '')
      .replace(/[\s{};]+/g, ' ')
      .trim();
  }

  #space(): DumpedValues['space'] {
    const keyword = this.#word();
    if (keyword === 'SCALAR' || keyword === 'NULL') return keyword;
    const [shape = '', maxShape = ''] = this.#braced().replace(/[()]/g, '').split('/');
    const numbers = (list: string): (number | null)[] => list.split(',').map((word) => (word.trim() === 'H5S_UNLIMITED' ? null : Number(word)));
    return { shape: numbers(shape) as number[], maxShape: numbers(maxShape) };
  }

  #braced(): string {
    this.#expect('{');
    const start = this.#at;
    for (let depth = 1; depth > 0; ) {
      const next = this.#text[this.#at];
      if (next === '"') {
        this.#quoted();
        continue;
      }
      if (next === '{') depth += 1;
      if (next === '}') depth -= 1;
      if (next === undefined) throw new Error('a block of h5dump has no end');
      this.#at += 1;
    }
    return this.#text.slice(start, this.#at - 1).replace(/\s+/g, ' ').trim();
  }

  #values(): Dumped[] {
    this.#expect('{');
    const values: Dumped[] = [];
    while (!this.#accept('}')) {
      values.push(this.#value());
      this.#accept(',');
    }
    return values;
  }

  #value(): Dumped {
    this.#space0();
    if (this.#text[this.#at] === '{') return this.#values();
    if (this.#text[this.#at] === '"') return { text: this.#quoted() };
    // The name of an enum's member may hold spaces.
    const end = /[,}\n]/g;
    end.lastIndex = this.#at;
    const stop = end.exec(this.#text)?.index ?? this.#text.length;
    const bare = this.#text.slice(this.#at, stop).trim();
    this.#at = stop;
    return { bare };
  }

  #space0(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  #word(): string {
    this.#space0();
    const start = this.#at;
    while (/[A-Za-z0-9_]/.test(this.#text[this.#at] ?? '')) this.#at += 1;
    return this.#text.slice(start, this.#at);
  }

  #accept(token: string): boolean {
    this.#space0();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #expect(token: string): void {
    if (this.#accept(token)) return;
    throw new Error(`h5dump was expected to print ${token} here: ${this.#text.slice(this.#at, this.#at + 80)}`);
  }

  #quoted(): string {
    this.#expect('"');
    const bytes: Buffer[] = [];
    const piece = /([^"\\]+)|\\(37777777[0-7]{3}|[0-7]{3})|\\(.)/gsy;
    while (this.#text[this.#at] !== '"') {
      piece.lastIndex = this.#at;
      const [whole, plain, octal, escaped] = piece.exec(this.#text) ?? [];
      if (whole === undefined) throw new Error('a text of h5dump has no end');
      if (octal !== undefined) bytes.push(Buffer.from([Number.parseInt(octal, 8) & 0xff]));
      else bytes.push(Buffer.from(plain ?? escapes[escaped ?? ''] ?? escaped ?? ''));
      this.#at += whole.length;
    }
    this.#at += 1;
    return Buffer.concat(bytes).toString();
  }
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };
