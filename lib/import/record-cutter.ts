// Cuts a file's bytes into records.
//
// csv-parse decides what quotes mean, at 8 to 15 MB/s. Nearly all records need no decision: their quotes, if any, stand around whole
// fields, and those inside are doubled (RFC 4180). Such a record is cut here, several times as fast and without a string for each
// field; a test holds the two equal. Any other record goes to csv-parse, whose word is final.
import type { CsvParse, Refusal } from './csv-parse.js';
import { type Dialect, RecordFields, type RecordSink } from './record.js';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** How a byte matters outside of quotes. */
const ordinary = 0;
const delimiterByte = 1;
const lineEndByte = 2;
const quoteByte = 3;

/** In place of a position: the record goes on behind the bytes at hand. */
const incomplete = -1;
/** In place of a position: quotes that csv-parse must judge. */
const needsParser = -2;

/** Thrown out of `cut` for a record that csv-parse refuses. */
export class RefusedRecord extends Error {
  /** @param offset where the refused field starts in the file, in bytes */
  constructor(
    readonly reason: Refusal['reason'],
    readonly field: number,
    readonly offset: number,
  ) {
    super(reason);
  }
}

export class RecordCutter {
  readonly #sink: RecordSink;
  readonly #csvParse: CsvParse;
  readonly #meaning = new Uint8Array(256);
  /** The quote's byte, or -1 for none. */
  readonly #quote: number;
  readonly #fields = new RecordFields();
  /** Which fields of the record hold doubled quotes. */
  readonly #doubled: number[] = [];

  constructor(dialect: Dialect, csvParse: CsvParse, sink: RecordSink) {
    this.#sink = sink;
    this.#csvParse = csvParse;
    this.#meaning[lineFeed] = lineEndByte;
    this.#meaning[carriageReturn] = lineEndByte;
    this.#meaning[dialect.delimiter.charCodeAt(0)] = delimiterByte;
    this.#quote = dialect.quote?.charCodeAt(0) ?? -1;
    if (this.#quote >= 0) this.#meaning[this.#quote] = quoteByte;
  }

  /**
   * Passes every whole record in bytes[0, length) to the sink. Empty lines are no records; a line ends with LF, CR or both.
   * Doubled quotes are made single in place, so the bytes that were used are not as they were.
   * @param fileOffset where `bytes` starts in the file
   * @param last whether the file ends here, so that what is left is a record even without a line end
   * @returns how many bytes were used; the rest is to be given again with more behind it
   * @throws {RefusedRecord} for quotes that make no sense
   */
  cut(bytes: Uint8Array, length: number, fileOffset: number, last: boolean): number {
    const fields = this.#fields;
    const meaning = this.#meaning;
    let at = 0;
    while (at < length) {
      if (meaning[bytes[at] ?? 0] === lineEndByte) {
        // An empty line, or the LF of a CR LF.
        at++;
        continue;
      }
      const start = at;
      const end = this.#cutPlain(bytes, start, length, last);
      if (end === incomplete) return start;
      if (end === needsParser) {
        at = this.#parse(bytes, start, length, fileOffset, last);
        if (at === incomplete) return start;
        continue;
      }
      for (const index of this.#doubled) this.#undouble(bytes, index);
      fields.bytes = bytes;
      fields.offset = fileOffset + start;
      fields.fieldOffset = (index) => fileOffset + (fields.bounds[index * 2] ?? start);
      this.#sink(fields);
      at = end;
    }
    return at;
  }

  /** The end of the record at `start`, its line end included, with its fields in #fields; or `needsParser`, or `incomplete`. */
  #cutPlain(bytes: Uint8Array, start: number, length: number, last: boolean): number {
    const meaning = this.#meaning;
    const fields = this.#fields;
    const quote = this.#quote;
    fields.count = 0;
    if (this.#doubled.length > 0) this.#doubled.length = 0;
    let at = start;
    for (;;) {
      let fieldStart = at;
      let fieldEnd: number;
      if (at < length && bytes[at] === quote) {
        fieldStart = ++at;
        at = this.#closingQuote(bytes, at, length);
        if (at >= length - 1 && !last) return incomplete;
        if (at >= length) return needsParser;
        fieldEnd = at++;
        const next = at === length ? lineEndByte : meaning[bytes[at] ?? 0];
        if (next !== delimiterByte && next !== lineEndByte) return needsParser;
      } else {
        while (at < length && meaning[bytes[at] ?? 0] === ordinary) at++;
        if (at === length && !last) return incomplete;
        if (at < length && bytes[at] === quote) return needsParser;
        fieldEnd = at;
      }
      fields.push(fieldStart, fieldEnd);
      if (at === length) return length;
      if (meaning[bytes[at++] ?? 0] === lineEndByte) return at;
    }
  }

  /** Where the quoted field whose content starts at `start` ends; `length` or more when it does not. Notes doubled quotes. */
  #closingQuote(bytes: Uint8Array, start: number, length: number): number {
    const quote = this.#quote;
    let at = start;
    for (let doubled = false; ; doubled = true) {
      while (at < length && bytes[at] !== quote) at++;
      if (at + 1 >= length || bytes[at + 1] !== quote) return at;
      if (!doubled) this.#doubled.push(this.#fields.count);
      at += 2;
    }
  }

  #undouble(bytes: Uint8Array, index: number): void {
    const { bounds } = this.#fields;
    const end = bounds[index * 2 + 1] ?? 0;
    let to = bounds[index * 2] ?? 0;
    for (let from = to; from < end; from++) {
      const byte = bytes[from] ?? 0;
      bytes[to++] = byte;
      if (byte === this.#quote) from++;
    }
    bounds[index * 2 + 1] = to;
  }

  /** Has csv-parse read the record at `start`. Returns where the next one starts, or `incomplete`. */
  #parse(bytes: Uint8Array, start: number, length: number, fileOffset: number, last: boolean): number {
    const input = bytes.subarray(start, length);
    const parsed = this.#csvParse.first(input);
    if ('reason' in parsed) {
      if (parsed.reason === 'quote-not-closed' && !last) return incomplete;
      throw new RefusedRecord(parsed.reason, parsed.field, fileOffset + start + parsed.offset);
    }
    const end = parsed.info.bytes;
    // Where the bytes end in the middle of a record, csv-parse takes that for the end of the file.
    if (end >= input.length && !last && this.#meaning[bytes[length - 1] ?? 0] !== lineEndByte) return incomplete;
    const fields = this.#fields;
    fields.count = 0;
    fields.bytes = Buffer.concat(parsed.record);
    fields.offset = fileOffset + start;
    fields.fieldOffset = (index) => fileOffset + start + this.#csvParse.fieldOffset(input, index);
    let at = 0;
    for (const field of parsed.record) fields.push(at, (at += field.length));
    this.#sink(fields);
    return start + end;
  }
}
