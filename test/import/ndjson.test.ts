import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { type FreestoneError } from '../../lib/errors.js';
import { type Dataset, H5File } from '../../lib/hdf5/index.js';
import { type ImportOptions, importFiles } from '../../lib/import/index.js';
import { JsonKey } from '../../lib/import/json-keys.js';
import { JsonFault, JsonReader, type ValueForm, valueForm } from '../../lib/import/json-reader.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { failureOf } from './failure.js';

const scratch = scratchFolder();
const input = join(scratch.folder, 'data.ndjson');
let output = '';

beforeEach(() => {
  output = scratch.path();
});

const failure = (content: string | Buffer, options?: ImportOptions): Promise<FreestoneError> => failureOf(input, content, output, options);

/** What became of each column: its type, its shape, its values. */
async function imported(content: string, options: ImportOptions = {}): Promise<Record<string, unknown>> {
  writeFileSync(input, content);
  await importFiles([input], output, options);
  await using file = await H5File.open(output);
  const found: Record<string, unknown> = {};
  for (const name of file.root.keys()) {
    const dataset = file.root.get(name) as Dataset;
    const values = await dataset.read();
    found[name] = [dataset.dtype.name, dataset.shape, Array.isArray(values) ? values : [...(values as Float64Array)]];
  }
  return found;
}

describe('NDJSON becomes a table', () => {
  it('of columns with the types of their values; a text of digits is a text', async () => {
    expect(await imported('{"n":1,"x":0.5,"zip":"00501","ok":true,"day":"2024-01-02"}\n{"n":-2,"x":1,"zip":"7","ok":false,"day":"1970-01-01"}')).toEqual({
      n: ['int64', [2], [1n, -2n]],
      x: ['float64', [2], [0.5, 1]],
      zip: ['string(5)', [2], ['00501', '7']],
      ok: ['bool', [2], [true, false]],
      day: ['int64', [2], [19724n, 0n]],
    });
  });

  it('with integers beyond 2^53 in full', async () => {
    expect(await imported('{"a":9007199254740993,"b":18446744073709551615}\n{"a":-9223372036854775808,"b":0}\n')).toEqual({
      a: ['int64', [2], [9007199254740993n, -(2n ** 63n)]],
      b: ['uint64', [2], [2n ** 64n - 1n, 0n]],
    });
  });

  it('with missing values where a key is null or not there, by the rules of CSV', async () => {
    expect(await imported('{"n":1,"wide":9007199254740993,"ok":true,"s":"x","o":{"k":1}}\n{"n":null,"wide":null,"ok":null,"s":null,"o":null}\n{}\n')).toEqual({
      n: ['float64', [3], [1, NaN, NaN]],
      wide: ['int64', [3], [9007199254740993n, -(2n ** 63n), -(2n ** 63n)]],
      ok: ['int8', [3], [1, -1, -1]],
      s: ['string(1)', [3], ['x', '', '']],
      'o.k': ['float64', [3], [1, NaN, NaN]],
    });
  });

  it('with arrays of one shape as columns of more dimensions', async () => {
    const lines = '{"v":[1,2,3],"m":[[true,false]]}\n{"m":[[true,true]],"v":[4,5,6]}\n';
    expect(await imported(lines)).toEqual({ v: ['int64', [2, 3], [1n, 2n, 3n, 4n, 5n, 6n]], m: ['bool', [2, 1, 2], [true, false, true, true]] });
  });

  it('of many rows of arrays, in many chunks', async () => {
    const rows = 30_000;
    const lines = Array.from({ length: rows }, (_, i) => `{"v":[${i},${i + 0.5},${i % 7}]}`).join('\n');
    const found = await imported(lines);
    const expected = Array.from({ length: rows }, (_, i) => [i, i + 0.5, i % 7]).flat();
    expect(found).toEqual({ v: ['float64', [rows, 3], expected] });
  });

  it('as one compound dataset too', async () => {
    expect(await imported('{"n":1,"in":{"s":"ab"}}\n{"n":2}\n', { as: 'table', name: 't' })).toEqual({
      t: [expect.any(String), [2], [{ n: 1n, 'in.s': 'ab' }, { n: 2n, 'in.s': '' }]],
    });
  });

  it('with the types that are asked for', async () => {
    expect(await imported('{"n":1,"t":"5"}\n{"n":2,"t":"6"}\n', { types: { n: 'uint8', t: 'int16' } })).toEqual({ n: ['uint8', [2], [1, 2]], t: ['int16', [2], [5, 6]] });
  });

  it('from a compressed file, of which a bad one is refused', async () => {
    const path = scratch.path('.jsonl.gz');
    writeFileSync(path, gzipSync('{"a":1}\n'));
    const report = await importFiles([path], output);
    expect(report).toMatchObject({ rows: 1, bytesRead: 8, tables: [{ format: 'ndjson', path: '/' }] });
    writeFileSync(path, gzipSync('{"a":1}\n'.repeat(1000)).subarray(0, 40));
    await expect(importFiles([path], scratch.path())).rejects.toMatchObject({ code: 'ERR_CORRUPT_FILE', file: path });
  });
});

describe('bad NDJSON is refused with its file, line and column, and leaves nothing behind', () => {
  it.each<[string, string | Buffer, ImportOptions, string, string]>([
    ['a value that is none', '{"a":1}\n{"a":x}\n', {}, 'ERR_CORRUPT_FILE', ':2:6: "x" where a value was expected'],
    ['a line that is cut short', '{"a":1}\n{"a":1', {}, 'ERR_CORRUPT_FILE', ':2:7: the line ends where a comma or the end of the object was expected'],
    ['a comma too many', '{"a":1,}\n', {}, 'ERR_CORRUPT_FILE', ':1:8: "}" where a key in quotes was expected'],
    ['two objects on a line', '{"a":1}{"a":2}\n', {}, 'ERR_CORRUPT_FILE', ':1:8: "{" where the end of the line was expected'],
    ['a JSON array', '[{"a":1}]\n', {}, 'ERR_CORRUPT_FILE', `:1:1: a line must be one JSON object; it may be one JSON array: jq -c '.[]' makes a line of each of its items`],
    ['a number on a line', '{"a":1}\n17\n', {}, 'ERR_CORRUPT_FILE', ':2:1: a line must be one JSON object'],
    ['a number with a zero in front', '{"a":-01}\n', {}, 'ERR_CORRUPT_FILE', ':1:6: a number with a needless zero in front'],
    ['a number without digits', '{"a":1.}\n', {}, 'ERR_CORRUPT_FILE', ':1:8: "}" where a digit was expected'],
    ['a word that is none', '{"a":nul}\n', {}, 'ERR_CORRUPT_FILE', ':1:9: "}" where the word null was expected'],
    ['a text that is never closed', '{"a":"x}\n{"a":1}\n', {}, 'ERR_CORRUPT_FILE', ':1:6: the text that opens here is never closed'],
    ['a tab in a text', '{"a":"\t"}\n', {}, 'ERR_CORRUPT_FILE', ':1:7: a control character (0x09) in a text; it is written as an escape'],
    ['an escape that is none', '{"a":"\\x"}\n', {}, 'ERR_CORRUPT_FILE', ':1:7: an escape that JSON has not'],
    ['an escape without digits', '{"a":"\\u12g4"}\n', {}, 'ERR_CORRUPT_FILE', ':1:7: an escape \\u without four hexadecimal digits'],
    ['half a surrogate pair', '{"a":"\\ud800x"}\n', {}, 'ERR_CORRUPT_FILE', ':1:7: \\ud800 is half of a surrogate pair and no character'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xe9, 0x22, 0x3a, 0x31, 0x7d]), {}, 'ERR_CORRUPT_FILE', ':1:3: byte 0xe9 is not UTF-8'],
    ['a key twice', '{"a":1}\n{"a":1,"a":2}\n', {}, 'ERR_CORRUPT_FILE', ':2: column "a": the key is there twice'],
    ['arrays of several lengths', '{"a":{"b":[1,2]}}\n{"a":{"b":[1]}}\n', {}, 'ERR_TYPE_MISMATCH', ':2: column "a.b": an array of 1 where others have 2; arrays of one column must be of one length'],
    ['ragged arrays in an array', '{"a":[[1,2],[3]]}\n', {}, 'ERR_TYPE_MISMATCH', ':1: column "a": an array of 1 where others have 2; arrays of one column must be of one length'],
    ['numbers beside arrays in an array', '{"a":[1,[2]]}\n', {}, 'ERR_TYPE_MISMATCH', ':1: column "a": an array within arrays where others hold single values, or the other way round'],
    ['arrays beside numbers in an array', '{"a":[[1],2]}\n', {}, 'ERR_TYPE_MISMATCH', ':1: column "a": an array within arrays where others hold single values, or the other way round'],
    ['empty arrays', '{"b":1,"a":[]}\n', {}, 'ERR_UNSUPPORTED', ': column "a": it holds nothing but empty arrays'],
    ['arrays of text', '{"a":["x"]}\n', {}, 'ERR_UNSUPPORTED', ': column "a": arrays of text have no place in a table; only arrays of numbers and booleans have'],
    ['arrays in one compound dataset', '{"a":[1]}\n', { as: 'table' }, 'ERR_UNSUPPORTED', ': column "a" holds arrays, which one compound dataset cannot; import it as columns'],
    ['objects in an array', '{"a":[{"b":1}]}\n', {}, 'ERR_UNSUPPORTED', ':1: column "a": objects in an array have no place in a table'],
    ['an object for a number', '{"a":1}\n{"a":{"b":1}}\n', {}, 'ERR_TYPE_MISMATCH', ':2: column "a": an object where an earlier line has a single value'],
    ['a number for an array', '{"a":[1]}\n{"a":null}\n{"a":1}\n', {}, 'ERR_TYPE_MISMATCH', ':3: column "a": a single value where an earlier line has an array'],
    ['a value that is not of the type asked for', '{"a":1}\n{"a":"x"}\n', { types: { a: 'int8' } }, 'ERR_TYPE_MISMATCH', ':2: column "a": "x" is not a number (int8)'],
    ['a NUL at the end of a text', '{"a":"x\\u0000"}\n', {}, 'ERR_TYPE_MISMATCH', ':1: column "a": a text that ends with a NUL byte cannot be told from its padding'],
    ['an empty file', '\n \r\n', {}, 'ERR_CORRUPT_FILE', ': the file is empty'],
    ['objects without keys', '{}\n{}\n', {}, 'ERR_CORRUPT_FILE', ': its objects have no keys'],
    ['values nested too deep', `{"a":${'[['.repeat(60)}1${']]'.repeat(60)}}\n`, {}, 'ERR_LIMIT_EXCEEDED', ':1:105: values are nested more than 100 deep'],
  ])('%s', async (_, content, options, code, message) => {
    const error = await failure(content, options);
    expect(error.message.replace(`${input}:1: the file`, `${input}: the file`)).toBe(input + message);
    expect(error).toMatchObject({ code, file: input });
  });

  it('a type for a column that is not there', async () => {
    expect(await failure('{"a":{"b":1}}\n', { types: { a: 'int8' } })).toMatchObject({ code: 'ERR_NOT_FOUND', columns: ['a.b'] });
  });
});

/** An object as the reader passes it on: the values of the keys, arrays flattened, in the order in which they come. */
function readLine(line: string): string[] {
  const found: string[] = [];
  const bytes = Buffer.from(line);
  const reader = new JsonReader(new JsonKey(''), {
    newKey: (parent, name) => parent.addChild(name),
    value: (key, index: number, form: ValueForm, block, start, end) => {
      const text = Buffer.from(block.subarray(start, end)).toString();
      found.push(`${key.path}[${index}]=${form === valueForm.null ? 'null' : form === valueForm.text ? JSON.stringify(text) : String(JSON.parse(text))}`);
    },
  });
  reader.read(bytes, 0, bytes.length);
  return found;
}

type Single = string | number | boolean | null;

const shownSingle = (value: Single): string => (typeof value === 'string' ? JSON.stringify(value) : String(value));

function expected(value: object, path = ''): string[] {
  return Object.entries(value as Record<string, Single | Single[] | object>).flatMap(([key, item]) => {
    const name = path === '' ? key : `${path}.${key}`;
    if (Array.isArray(item)) return item.map((one, index) => `${name}[${index}]=${shownSingle(one as Single)}`);
    // Without another line there is no telling what a null is of.
    if (item === null) return [];
    return typeof item === 'object' ? expected(item, name) : [`${name}[0]=${shownSingle(item)}`];
  });
}

describe('the reader of lines', () => {
  const single = fc.oneof(fc.string({ unit: 'grapheme' }), fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (Object.is(x, -0) ? 0 : x)), fc.boolean());
  const row = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: 'small' }, single, fc.constant(null), fc.array(single, { minLength: 1 }), tie('object')),
    object: fc.dictionary(fc.string({ unit: 'grapheme', minLength: 1 }).filter((key) => key !== '__proto__'), tie('value')),
  })).object as fc.Arbitrary<object>;

  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(row, (value) => {
        expect(readLine(JSON.stringify(value))).toEqual(expected(value));
        const escaped = JSON.stringify(value).replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
        expect(readLine(` ${escaped} `)).toEqual(expected(value));
      }),
      { numRuns: 500 },
    );
  });

  it('refuses what JSON.parse refuses, whatever the bytes are', () => {
    const piece = fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '1', '0', '-', '.', 'e', '+', 'true', 'null', 'a', '\\', '\\u00e9', '\\n', ' ', '\t', '"a":', '"b"');
    const nearly = fc.array(piece, { maxLength: 14 }).map((pieces) => `{"k":${pieces.join('')}}`);
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(nearly, fc.array(piece).map((pieces) => pieces.join(''))), (line) => {
        let fault: unknown;
        try {
          readLine(line);
        } catch (error) {
          fault = error;
          if (!(error instanceof JsonFault)) throw error;
        }
        let value: unknown;
        try {
          value = JSON.parse(line);
        } catch {
          if (line.trim() !== '') expect(fault).toBeInstanceOf(JsonFault);
          return;
        }
        // Of valid JSON only that is refused which is no row of a table.
        if (fault === undefined) accepted++;
        else if (typeof value === 'object' && value !== null && !Array.isArray(value)) expect((fault as JsonFault).reason).toMatch(/twice|objects in an array|array of|array within|surrogate/);
      }),
      { numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
