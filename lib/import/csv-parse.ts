// The npm package csv-parse, which decides what to make of quotes that RFC 4180 does not provide for.
import { FreestoneError } from '../errors.js';
import type { Dialect } from './record.js';

/** One record as csv-parse gives it with `info: true` and `encoding: null`. */
export interface ParsedRecord {
  readonly record: readonly Buffer[];
  /** `bytes`: how far into its input csv-parse was after the record and its line end. */
  readonly info: { readonly bytes: number };
}

/** What csv-parse throws, as far as it is used here: where it was. */
interface ParseFailure extends Error {
  readonly code: string;
  /** The index of the field. */
  readonly column: number;
  /** Where the field before ended. */
  readonly bytes: number;
}

type Parse = (input: Uint8Array, options: Record<string, unknown>) => ParsedRecord[];

/** A record that csv-parse refuses. */
export interface Refusal {
  readonly reason: 'quote-not-closed' | 'text-after-quote' | 'quote-inside';
  readonly field: number;
  /** Where the field starts, from the start of the input. */
  readonly offset: number;
}

const reasons: Readonly<Record<string, Refusal['reason']>> = {
  CSV_QUOTE_NOT_CLOSED: 'quote-not-closed',
  CSV_INVALID_CLOSING_QUOTE: 'text-after-quote',
  INVALID_OPENING_QUOTE: 'quote-inside',
};

let loading: Promise<Parse> | undefined;

async function load(): Promise<Parse> {
  try {
    return (await import('csv-parse/sync')).parse as unknown as Parse;
  } catch (cause) {
    throw new FreestoneError(
      'ERR_NOT_FOUND',
      'CSV and TSV are read with the package csv-parse, which is not installed: npm install csv-parse@7',
      { package: 'csv-parse' },
      { cause },
    );
  }
}

/** csv-parse for one dialect. */
export class CsvParse {
  readonly #parse: Parse;
  readonly #options: Record<string, unknown>;

  private constructor(parse: Parse, { delimiter, quote, relaxQuotes }: Dialect) {
    this.#parse = parse;
    this.#options = {
      delimiter,
      quote: quote ?? null,
      escape: quote ?? null,
      relax_quotes: relaxQuotes,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      skip_empty_lines: true,
      encoding: null,
      info: true,
    };
  }

  /** @throws {FreestoneError} ERR_NOT_FOUND when the package is not installed */
  static async load(dialect: Dialect): Promise<CsvParse> {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return new CsvParse(await loading, dialect);
  }

  /** The first record of `input`, which is cut short where the input is. */
  first(input: Uint8Array): ParsedRecord | Refusal {
    try {
      const [record] = this.#parse(input, { ...this.#options, to: 1 });
      return record ?? { record: [], info: { bytes: input.length } };
    } catch (error) {
      const { code, column, bytes } = error as ParseFailure;
      const reason = reasons[code];
      if (reason === undefined) throw error;
      return { reason, field: column, offset: column === 0 ? 0 : bytes + 1 };
    }
  }

  /** Where field `index` of the first record of `input` starts. */
  fieldOffset(input: Uint8Array, index: number): number {
    let offset = 0;
    this.#parse(input, {
      ...this.#options,
      to: 1,
      cast: (field: Buffer, { column, bytes }: { column: number; bytes: number }): Buffer => {
        if (column === index - 1) offset = bytes + 1;
        return field;
      },
    });
    return offset;
  }
}
