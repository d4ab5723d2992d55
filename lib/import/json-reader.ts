// One line of NDJSON: RFC 8259, read from bytes. JSON.parse would round integers beyond 2^53 and make a string of every text,
// so numbers and texts are passed on as the bytes that they are.
import type { ErrorCode } from '../errors.js';
import type { JsonKey } from './json-keys.js';

/** What is wrong with a line. */
export class JsonFault extends Error {
  /** @param at where, in the bytes at hand @param key the key that it is about; without one it is the line as a whole */
  constructor(
    readonly reason: string,
    readonly at: number,
    readonly key?: JsonKey,
    readonly code: ErrorCode = 'ERR_CORRUPT_FILE',
  ) {
    super(reason);
  }
}

/** How a value is written. */
export const valueForm = { null: 0, text: 1, bare: 2 } as const;
export type ValueForm = (typeof valueForm)[keyof typeof valueForm];

/** What a line is read for. */
export interface JsonSink {
  /** A key that the tree has not, or undefined to end the reading. */
  newKey(parent: JsonKey, name: string, at: number): JsonKey;
  /** The value of a key, or one of those in its array: bytes[start, end), where a text is without its quotes and escapes. */
  value(key: JsonKey, index: number, form: ValueForm, bytes: Uint8Array, start: number, end: number): void;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const minus = 0x2d;

const simpleEscapes: Readonly<Record<number, number>> = { 0x22: 0x22, 0x5c: 0x5c, 0x2f: 0x2f, 0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9 };

/** Objects and arrays within each other. */
const maxDepth = 100;

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

export class JsonReader {
  readonly #root: JsonKey;
  readonly #sink: JsonSink;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  /** Where the text just read is. */
  #textStart = 0;
  #textEnd = 0;
  #record = 0;

  /** @param root has the keys of the outermost objects as its children */
  constructor(root: JsonKey, sink: JsonSink) {
    this.#root = root;
    this.#sink = sink;
  }

  /**
   * Reads one line, bytes[start, end), which may have blanks around its object. Escapes are replaced in place, so the bytes are not
   * as they were.
   * @returns false for a line of blanks, which has no value
   * @throws {JsonFault}
   */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#blanks();
    if (this.#at === end) return false;
    if (bytes[this.#at] !== openBrace) {
      const hint = bytes[this.#at] === openBracket ? '; it may be one JSON array: jq -c \'.[]\' makes a line of each of its items' : '';
      // What is no JSON at all is said to be that, and not to be another kind of value.
      if (!this.#startsValue()) throw this.#unexpected();
      throw new JsonFault(`a line must be one JSON object${hint}`, this.#at);
    }
    this.#record++;
    this.#object(this.#root, 1);
    this.#blanks();
    if (this.#at < end) throw this.#unexpected('the end of the line');
    return true;
  }

  #startsValue(): boolean {
    const byte = this.#bytes[this.#at];
    return byte === quote || byte === openBracket || byte === minus || isDigit(byte) || byte === 0x74 || byte === 0x66 || byte === 0x6e;
  }

  #blanks(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    while (at < this.#end && (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === 0x0d)) at++;
    this.#at = at;
  }

  #unexpected(wanted = 'a value'): JsonFault {
    if (this.#at >= this.#end) return new JsonFault(`the line ends where ${wanted} was expected`, this.#at);
    const byte = this.#bytes[this.#at] ?? 0;
    const found = byte > 0x20 && byte < 0x7f ? JSON.stringify(String.fromCharCode(byte)) : `byte 0x${byte.toString(16).padStart(2, '0')}`;
    return new JsonFault(`${found} where ${wanted} was expected`, this.#at);
  }

  /** At its opening brace. */
  #object(key: JsonKey, depth: number): void {
    this.#at++;
    this.#blanks();
    if (this.#bytes[this.#at] === closeBrace && this.#at < this.#end) {
      this.#at++;
      return;
    }
    for (let next = 0; ; next++) {
      if (this.#at >= this.#end || this.#bytes[this.#at] !== quote) throw this.#unexpected('a key in quotes');
      const keyAt = this.#at;
      this.#text();
      const child = this.#childAt(key, next, keyAt);
      if (child.record === this.#record) throw new JsonFault('the key is there twice', keyAt, child);
      child.record = this.#record;
      this.#blanks();
      if (this.#at >= this.#end || this.#bytes[this.#at] !== colon) throw this.#unexpected('a colon');
      this.#at++;
      this.#blanks();
      this.#value(child, depth);
      this.#blanks();
      const byte = this.#at < this.#end ? this.#bytes[this.#at] : undefined;
      if (byte !== comma && byte !== closeBrace) throw this.#unexpected('a comma or the end of the object');
      this.#at++;
      if (byte === closeBrace) return;
      this.#blanks();
    }
  }

  /** The key whose name is the text just read. Mostly objects have their keys in the same order. @param next how many came before */
  #childAt(key: JsonKey, next: number, at: number): JsonKey {
    const hinted = key.children[next];
    if (hinted?.is(this.#bytes, this.#textStart, this.#textEnd) === true) return hinted;
    const name = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + this.#textStart, this.#textEnd - this.#textStart).toString('utf8');
    return key.child(name) ?? this.#sink.newKey(key, name, at);
  }

  #value(key: JsonKey, depth: number): void {
    const start = this.#at;
    switch (start < this.#end ? this.#bytes[start] : undefined) {
      case openBrace:
        this.#checkDepth(depth);
        if (key.kind !== 'object') this.#become(key, 'object', start);
        this.#object(key, depth + 1);
        return;
      case openBracket:
        if (key.kind !== 'array') this.#become(key, 'array', start);
        this.#array(key, 0, { index: 0 }, depth);
        return;
      default: {
        const form = this.#single();
        if (form !== valueForm.null && key.kind !== 'single') this.#become(key, 'single', start);
        // A null of what is an object or an array is the same as the key not being there.
        if (form !== valueForm.null || key.kind === 'single') this.#sink.value(key, 0, form, this.#bytes, this.#textStart, this.#textEnd);
      }
    }
  }

  #become(key: JsonKey, kind: 'object' | 'array' | 'single', at: number): void {
    if (key.kind === 'undecided') {
      key.kind = kind;
      return;
    }
    const name = { object: 'an object', array: 'an array', single: 'a single value', undecided: 'null' };
    throw new JsonFault(`${name[kind]} where an earlier line has ${name[key.kind]}`, at, key, 'ERR_TYPE_MISMATCH');
  }

  #checkDepth(depth: number): void {
    if (depth >= maxDepth) throw new JsonFault(`values are nested more than ${maxDepth} deep`, this.#at, undefined, 'ERR_LIMIT_EXCEEDED');
  }

  /** At its opening bracket. @param level how many arrays it is in @param counter of the single values so far */
  #array(key: JsonKey, level: number, counter: { index: number }, depth: number): void {
    const start = this.#at;
    this.#checkDepth(depth + level);
    if (key.rank !== undefined && level >= key.rank) throw this.#unlike(key, start);
    this.#at++;
    this.#blanks();
    let count = 0;
    if (this.#at < this.#end && this.#bytes[this.#at] === closeBracket) this.#at++;
    else {
      for (let isLast = false; !isLast; count++) {
        this.#item(key, level, counter, depth);
        this.#blanks();
        const byte = this.#at < this.#end ? this.#bytes[this.#at] : undefined;
        if (byte !== comma && byte !== closeBracket) throw this.#unexpected('a comma or the end of the array');
        this.#at++;
        isLast = byte === closeBracket;
        if (!isLast) this.#blanks();
      }
    }
    const expected = key.extents[level];
    if (expected === undefined) key.extents[level] = count;
    else if (expected !== count) {
      throw new JsonFault(`an array of ${count} where others have ${expected}; arrays of one column must be of one length`, start, key, 'ERR_TYPE_MISMATCH');
    }
  }

  #item(key: JsonKey, level: number, counter: { index: number }, depth: number): void {
    const start = this.#at;
    const byte = start < this.#end ? this.#bytes[start] : undefined;
    if (byte === openBrace) throw new JsonFault('objects in an array have no place in a table', start, key, 'ERR_UNSUPPORTED');
    if (byte === openBracket) {
      this.#array(key, level + 1, counter, depth);
      return;
    }
    const form = this.#single();
    key.rank ??= level + 1;
    if (key.rank !== level + 1) throw this.#unlike(key, start);
    this.#sink.value(key, counter.index++, form, this.#bytes, this.#textStart, this.#textEnd);
  }

  #unlike(key: JsonKey, at: number): JsonFault {
    return new JsonFault('an array within arrays where others hold single values, or the other way round', at, key, 'ERR_TYPE_MISMATCH');
  }

  /** A value that is no object and no array; its bytes are those of the text just read. */
  #single(): ValueForm {
    const byte = this.#at < this.#end ? this.#bytes[this.#at] : undefined;
    if (byte === quote) {
      this.#text();
      return valueForm.text;
    }
    this.#textStart = this.#at;
    if (byte === minus || isDigit(byte)) {
      this.#number();
      return valueForm.bare;
    }
    if (byte === 0x74) this.#word('true');
    else if (byte === 0x66) this.#word('false');
    else if (byte === 0x6e) {
      this.#word('null');
      return valueForm.null;
    } else throw this.#unexpected();
    return valueForm.bare;
  }

  #word(word: string): void {
    for (let i = 0; i < word.length; i++) {
      if (this.#at >= this.#end || this.#bytes[this.#at] !== word.charCodeAt(i)) throw this.#unexpected(`the word ${word}`);
      this.#at++;
    }
    this.#textEnd = this.#at;
  }

  #digits(): void {
    if (this.#at >= this.#end || !isDigit(this.#bytes[this.#at])) throw this.#unexpected('a digit');
    while (this.#at < this.#end && isDigit(this.#bytes[this.#at])) this.#at++;
  }

  #number(): void {
    const bytes = this.#bytes;
    if (bytes[this.#at] === minus) this.#at++;
    if (bytes[this.#at] === 0x30 && this.#at < this.#end) {
      this.#at++;
      if (this.#at < this.#end && isDigit(bytes[this.#at])) throw new JsonFault('a number with a needless zero in front', this.#textStart);
    } else this.#digits();
    if (this.#at < this.#end && bytes[this.#at] === 0x2e) {
      this.#at++;
      this.#digits();
    }
    if (this.#at < this.#end && ((bytes[this.#at] ?? 0) | 0x20) === 0x65) {
      this.#at++;
      if (this.#at < this.#end && (bytes[this.#at] === 0x2b || bytes[this.#at] === minus)) this.#at++;
      this.#digits();
    }
    this.#textEnd = this.#at;
  }

  /** At its opening quote. */
  #text(): void {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    let at = start;
    while (at < this.#end) {
      const byte = bytes[at] ?? 0;
      if (byte === quote || byte === backslash || byte < 0x20) break;
      at++;
    }
    let to = at;
    while (at < this.#end && bytes[at] !== quote) {
      const byte = bytes[at] ?? 0;
      if (byte === backslash) {
        this.#at = at;
        to = this.#escape(to);
        at = this.#at;
      } else {
        if (byte < 0x20) throw new JsonFault(`a control character (0x${byte.toString(16).padStart(2, '0')}) in a text; it is written as an escape`, at);
        bytes[to++] = byte;
        at++;
      }
    }
    if (at >= this.#end) throw new JsonFault('the text that opens here is never closed', start - 1);
    this.#textStart = start;
    this.#textEnd = to;
    this.#at = at + 1;
  }

  /** The escape at hand as UTF-8 at `to`, which is never longer. @returns where that ends */
  #escape(to: number): number {
    const bytes = this.#bytes;
    const at = this.#at;
    const kind = at + 1 < this.#end ? (bytes[at + 1] ?? 0) : 0;
    const simple = simpleEscapes[kind];
    if (simple !== undefined) {
      bytes[to] = simple;
      this.#at = at + 2;
      return to + 1;
    }
    if (kind !== 0x75) throw new JsonFault('an escape that JSON has not', at);
    let code = this.#hex(at + 2);
    this.#at = at + 6;
    if (code >= 0xd800 && code < 0xe000) {
      const low = code < 0xdc00 && bytes[at + 6] === backslash && bytes[at + 7] === 0x75 && at + 7 < this.#end ? this.#hex(at + 8) : 0;
      if (low < 0xdc00 || low >= 0xe000) throw new JsonFault(`\\u${code.toString(16)} is half of a surrogate pair and no character`, at);
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      this.#at = at + 12;
    }
    const encoded = Buffer.from(String.fromCodePoint(code));
    bytes.set(encoded, to);
    return to + encoded.length;
  }

  #hex(at: number): number {
    let code = 0;
    for (let i = at; i < at + 4; i++) {
      const digit = i < this.#end ? Number.parseInt(String.fromCharCode(this.#bytes[i] ?? 0), 16) : NaN;
      if (Number.isNaN(digit)) throw new JsonFault('an escape \\u without four hexadecimal digits', at - 2);
      code = code * 16 + digit;
    }
    return code;
  }
}
