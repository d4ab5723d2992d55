// The header of an .npy file (numpy's NEP 1): a Python dictionary that says of what type the elements are, and how many.
import { FreestoneError } from '../errors.js';
import type { InputFile } from './input-file.js';

/** What a Python literal can be, as far as headers need it. Tuples are lists. */
export type Literal = string | number | boolean | null | readonly Literal[] | { readonly [key: string]: Literal };

export interface NpyHeader {
  readonly descr: Literal;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin in the file. */
  readonly dataStart: number;
}

/** Part of a file that is an .npy file: all of it, or a member of an .npz. */
export interface NpySource {
  /** In messages. */
  readonly name: string;
  readonly file: InputFile;
  readonly start: number;
  readonly size: number;
}

export function corruptNpy({ name }: Pick<NpySource, 'name'>, reason: string): FreestoneError {
  return new FreestoneError('ERR_CORRUPT_FILE', `${name}: ${reason}`, { file: name });
}

const magic = Buffer.from('\x93NUMPY', 'latin1');
/** Numpy's own are of a few hundred bytes; structured types can have more. */
export const maxNpyHeaderBytes = 1024 * 1024;
/** Lists in lists. */
const maxDepth = 64;
/** The format has no more dimensions. */
const maxRank = 32;

/** Thrown by the parser. */
class NotALiteral extends Error {}

/** Reads the literals that Python's ast.literal_eval reads, as far as headers have them. */
class LiteralParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Literal {
    const value = this.#value(0);
    this.#blanks();
    if (this.#at < this.#text.length) throw new NotALiteral();
    return value;
  }

  #blanks(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #take(character: string): boolean {
    this.#blanks();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #value(depth: number): Literal {
    if (depth > maxDepth) throw new NotALiteral();
    this.#blanks();
    const first = this.#text[this.#at] ?? '';
    if (this.#take('{')) return this.#dictionary(depth);
    if (this.#take('(')) return this.#list(')', depth);
    if (this.#take('[')) return this.#list(']', depth);
    if (first === "'" || first === '"') return this.#string();
    const word = /^(True|False|None|-?\d+)L?/.exec(this.#text.slice(this.#at, this.#at + 32));
    if (word === null) throw new NotALiteral();
    this.#at += word[0].length;
    if (word[1] === 'None') return null;
    return word[1] === 'True' || word[1] === 'False' ? word[1] === 'True' : Number(word[1]);
  }

  #dictionary(depth: number): Literal {
    const entries: [string, Literal][] = [];
    while (!this.#take('}')) {
      const key = this.#value(depth + 1);
      if (typeof key !== 'string' || !this.#take(':')) throw new NotALiteral();
      entries.push([key, this.#value(depth + 1)]);
      if (!this.#take(',') && this.#text[this.#at] !== '}') throw new NotALiteral();
    }
    return Object.fromEntries(entries);
  }

  /** A tuple of one item has a comma behind it; without one it is what it holds, but nothing in a header is that. */
  #list(close: string, depth: number): Literal {
    const items: Literal[] = [];
    while (!this.#take(close)) {
      items.push(this.#value(depth + 1));
      if (!this.#take(',') && this.#text[this.#at] !== close) throw new NotALiteral();
    }
    return items;
  }

  #string(): string {
    const pattern = /'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"/y;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) throw new NotALiteral();
    this.#at = pattern.lastIndex;
    return (found[1] ?? found[2] ?? '').replace(/\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)/gi, (_, escape: string) => unescaped(escape));
  }
}

function unescaped(escape: string): string {
  if (escape.length > 1) {
    const code = Number.parseInt(escape.slice(1), 16);
    if (code > 0x10ffff) throw new NotALiteral();
    return String.fromCodePoint(code);
  }
  return { n: '\n', t: '\t', r: '\r' }[escape] ?? escape;
}

/** @throws {FreestoneError} ERR_CORRUPT_FILE; ERR_UNSUPPORTED for a version or more dimensions than are known */
export async function readNpyHeader(source: Omit<NpySource, 'file'> & { readonly file: Pick<InputFile, 'head'> }): Promise<NpyHeader> {
  const { file, start, size } = source;
  const head = await file.head(Math.min(12, size), start);
  if (head.length < 10 || !head.subarray(0, 6).equals(magic)) throw corruptNpy(source, 'it does not begin as an .npy file does');
  const version = head[6] ?? 0;
  if (version < 1 || version > 3) {
    throw new FreestoneError('ERR_UNSUPPORTED', `${source.name}: version ${version}.${head[7] ?? 0} of .npy is not known, only 1.0 to 3.0`, { file: source.name });
  }
  const fixed = version === 1 ? 10 : 12;
  if (head.length < fixed) throw corruptNpy(source, 'it ends within its header');
  const length = version === 1 ? head.readUInt16LE(8) : head.readUInt32LE(8);
  if (length > maxNpyHeaderBytes) throw corruptNpy(source, `its header is said to have ${length} bytes`);
  if (fixed + length > size) throw corruptNpy(source, 'it ends within its header');
  const text = (await file.head(length, start + fixed)).toString(version === 3 ? 'utf8' : 'latin1');
  return { ...parsedHeader(source, text), dataStart: start + fixed + length };
}

/** @param text the dictionary */
export function parsedHeader(source: Pick<NpySource, 'name'>, text: string): Omit<NpyHeader, 'dataStart'> {
  let header: Literal;
  try {
    header = new LiteralParser(text).parse();
  } catch (error) {
    if (!(error instanceof NotALiteral)) throw error;
    throw corruptNpy(source, 'its header is no Python dictionary');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw corruptNpy(source, 'its header is no Python dictionary');
  const { descr, fortran_order: fortranOrder, shape } = header as Record<string, Literal>;
  if (descr === undefined || typeof fortranOrder !== 'boolean' || !Array.isArray(shape)) {
    throw corruptNpy(source, 'its header lacks descr, fortran_order or shape');
  }
  const extents = shape as readonly Literal[];
  if (!extents.every((extent): extent is number => typeof extent === 'number' && Number.isSafeInteger(extent) && extent >= 0)) {
    throw corruptNpy(source, 'its shape is not made of sizes');
  }
  if (extents.length > maxRank) throw new FreestoneError('ERR_UNSUPPORTED', `${source.name}: HDF5 has ${maxRank} dimensions at the most, not ${extents.length}`, { file: source.name });
  return { descr, fortranOrder, shape: extents };
}
