import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CsvParse } from '../../lib/import/csv-parse.js';
import { RecordCutter, RefusedRecord } from '../../lib/import/record-cutter.js';
import type { Dialect } from '../../lib/import/record.js';

const comma: Dialect = { delimiter: ',', quote: '"', relaxQuotes: false };

interface Cut {
  readonly records: string[][];
  /** Where each field starts in the file. */
  readonly offsets: number[][];
  readonly refused?: { reason: string; field: number; offset: number };
}

/** Cuts a text that arrives in blocks of so many bytes. */
async function cut(text: string | Buffer, blockBytes = Infinity, dialect: Dialect = comma): Promise<Cut> {
  const length = Buffer.byteLength(text);
  // One memory for all, as the file's reader has it: with what comes later behind the bytes at hand, and what must not be looked at in the end.
  const file = Buffer.concat([Buffer.from(text as string), Buffer.from('"\n"",')]);
  const records: string[][] = [];
  const offsets: number[][] = [];
  const cutter = new RecordCutter(dialect, await CsvParse.load(dialect), (record) => {
    records.push(record.texts());
    offsets.push(Array.from({ length: record.count }, (_, index) => record.fieldOffset(index)));
  });
  let start = 0;
  for (let end = Math.min(blockBytes, length); start < length; end = Math.min(end + blockBytes, length)) {
    try {
      start += cutter.cut(file.subarray(start), end - start, start, end === length);
      if (end === length) expect(start).toBe(length);
    } catch (error) {
      if (!(error instanceof RefusedRecord)) throw error;
      const { reason, field, offset } = error;
      return { records, offsets, refused: { reason, field, offset } };
    }
  }
  return { records, offsets };
}

/** What csv-parse alone makes of the whole text, or undefined if it refuses it. */
function reference(text: string, { delimiter, quote, relaxQuotes }: Dialect = comma): string[][] | undefined {
  try {
    return parse(text, {
      delimiter,
      quote: quote ?? null,
      escape: quote ?? null,
      relax_quotes: relaxQuotes,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      skip_empty_lines: true,
    });
  } catch {
    return undefined;
  }
}

/** As RFC 4180 writes a field; quoted also where it need not be. */
function written(field: string, quoted: boolean): string {
  return quoted || /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

const anyField = fc.oneof(fc.string({ unit: fc.constantFrom('a', 'é', '漢', '😀', ',', '"', '\n', '\r', ' ', ';') }), fc.string({ unit: 'grapheme' }));

describe('RecordCutter', () => {
  it('takes LF, CR and CR LF for the end of a line, and an empty line for no record', async () => {
    expect((await cut('a,b\n1,2\r3,4\r\n5,6\n\n\r\n\r7,8')).records).toEqual([['a', 'b'], ['1', '2'], ['3', '4'], ['5', '6'], ['7', '8']]);
  });

  it('keeps empty fields, at the end of a line and of the file too', async () => {
    expect((await cut(',\n,,\n"",""\na,')).records).toEqual([['', ''], ['', '', ''], ['', ''], ['a', '']]);
  });

  it('takes a line that is only a pair of quotes for a record', async () => {
    expect((await cut('""\n\n""')).records).toEqual([[''], ['']]);
  });

  it('says where in the file each field starts', async () => {
    const { offsets } = await cut('a,bc\n"d",e\n\n"f""g",h\n', Infinity);
    expect(offsets).toEqual([[0, 2], [6, 9], [13, 19]]);
  });

  it('says where each field starts in a record that csv-parse reads', async () => {
    const relaxed = { ...comma, relaxQuotes: true };
    const { records, offsets } = await cut('a,b\n6\'2",x,"y"\nc,d', Infinity, relaxed);
    expect(records).toEqual([['a', 'b'], ['6\'2"', 'x', 'y'], ['c', 'd']]);
    expect(offsets[1]).toEqual([4, 9, 11]);
  });

  it.each([
    ['a,"b', 'quote-not-closed', 1, 2],
    ['x\na,b,"c\n1,2,3\n', 'quote-not-closed', 2, 6],
    ['a,"b""', 'quote-not-closed', 1, 2],
    ['a,"b"c,d', 'text-after-quote', 1, 2],
    ['"b" ,d', 'text-after-quote', 0, 0],
    ['a,b"c",d', 'quote-inside', 1, 2],
  ])('refuses %j: %s', async (text, reason, field, offset) => {
    for (const blockBytes of [Infinity, 1, 3]) expect((await cut(text, blockBytes)).refused).toEqual({ reason, field, offset });
  });

  it('passes on the records before one that it refuses', async () => {
    expect((await cut('1,2\n3,"4"\n5,x"\n6,7')).records).toEqual([['1', '2'], ['3', '4']]);
  });

  it('without a quote takes quotes for characters like any other', async () => {
    const none = { ...comma, quote: undefined };
    expect((await cut('"a,b"\n"",c"d', 2, none)).records).toEqual([['"a', 'b"'], ['""', 'c"d']]);
  });

  it('gives back any table that is written with quotes, however its bytes arrive', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyField, { minLength: 2, maxLength: 4 }), { maxLength: 6 }),
        fc.boolean(),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.integer({ min: 1, max: 40 }),
        async (rows, quoted, lineEnd, ended, blockBytes) => {
          const text = rows.map((row) => row.map((field) => written(field, quoted)).join(',')).join(lineEnd) + (ended ? lineEnd : '');
          // A row of two empty fields is a comma, so no row is an empty line.
          expect((await cut(text, blockBytes)).records).toEqual(rows);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each<[string, Dialect]>([
    ['strict', comma],
    ['relaxed', { ...comma, relaxQuotes: true }],
    ['with apostrophes as quotes', { delimiter: ';', quote: "'", relaxQuotes: false }],
    ['without quotes', { ...comma, quote: undefined }],
  ])('makes of any text what csv-parse makes of it: %s', async (_, dialect) => {
    const unit = fc.constantFrom('a', 'é', dialect.delimiter, dialect.quote ?? '"', dialect.quote ?? '"', '\n', '\r\n', ' ');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit, maxLength: 24 }), fc.integer({ min: 1, max: 30 }), async (text, blockBytes) => {
        const expected = reference(text, dialect);
        const { records, refused } = await cut(text, blockBytes, dialect);
        if (expected === undefined) expect(refused).toBeDefined();
        else expect({ records, refused }).toEqual({ records: expected, refused: undefined });
      }),
      { numRuns: 2000 },
    );
  });
});
