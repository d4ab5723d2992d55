import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { type ImportOptions, importFiles } from '../../lib/import/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { failureOf } from './failure.js';

const scratch = scratchFolder();
const input = join(scratch.folder, 'data.csv');
let output = '';

beforeEach(() => {
  output = scratch.path();
});

const failure = (content: string | Buffer, options?: ImportOptions): Promise<FreestoneError> => failureOf(input, content, output, options);

interface Expected {
  readonly code: string;
  readonly line: number;
  readonly column: string | number;
  /** Behind `data.csv:line:`. */
  readonly message: string;
}

describe('bad input is refused with its file, line and column, and leaves nothing behind', () => {
  it.each<[string, string | Buffer, ImportOptions, Expected]>([
    ['a row with too many fields', 'a,b\n1,2\n3,4,5,6\n', {}, { code: 'ERR_CORRUPT_FILE', line: 3, column: 3, message: ' a row of 4 fields where the first has 2' }],
    ['a row with too few fields', 'a,b,c\n1,2,3\n4,5\n', {}, { code: 'ERR_CORRUPT_FILE', line: 3, column: 'c', message: ' column "c": a row of 2 fields where the first has 3: "c" is not there' }],
    ['a row with one field', 'a,b\n\n\nx\n', {}, { code: 'ERR_CORRUPT_FILE', line: 4, column: 'b', message: ' column "b": a row of 1 field where the first has 2: "b" is not there' }],
    ['a row behind one that spans lines', 'a,b\n"1\n\r\n2",3\r\n4,5,6\r\n', {}, { code: 'ERR_CORRUPT_FILE', line: 5, column: 3, message: ' a row of 3 fields where the first has 2' }],
    ['a field on a later line than its row', 'a,b\n"1\n2\n",x\n', { types: { b: 'int8' } }, { code: 'ERR_TYPE_MISMATCH', line: 4, column: 'b', message: ' column "b": "x" is not a number (int8)' }],
    ['a field behind doubled quotes', 'a,b\n"""1""\n",x\n', { types: { b: 'int8' } }, { code: 'ERR_TYPE_MISMATCH', line: 3, column: 'b', message: ' column "b": "x" is not a number (int8)' }],
    ['a field in a row that csv-parse read', 'a,b\n6\'2","\n\n"\n7,"\n"\n', { types: { b: 'int8', a: 'string' }, relaxQuotes: true }, { code: 'ERR_TYPE_MISMATCH', line: 2, column: 'b', message: ' column "b": "\\n\\n" is not a number (int8)' }],
    ['a byte that is not UTF-8', Buffer.from([0x61, 0x2c, 0x62, 0x0a, 0x31, 0x2c, 0xe9, 0x0a]), {}, { code: 'ERR_CORRUPT_FILE', line: 2, column: 3, message: '3: byte 0xe9 is not UTF-8' }],
    ['a text that is no number', 'time,temp\n1,2\n2,abc\n', { types: { temp: 'int64' } }, { code: 'ERR_TYPE_MISMATCH', line: 3, column: 'temp', message: ' column "temp": "abc" is not a number (int64)' }],
    ['a number that is too large', 'a\n1\n300\n', { types: { a: 'int8' } }, { code: 'ERR_TYPE_MISMATCH', line: 3, column: 'a', message: ' column "a": "300" does not fit int8 (-128 to 127)' }],
    ['a fraction for an integer', 'a\n1\n1.5\n', { types: { a: 'uint8' } }, { code: 'ERR_TYPE_MISMATCH', line: 3, column: 'a', message: ' column "a": "1.5" is not an integer (uint8)' }],
    ['a number beyond float32', 'a\n1e39\n', { types: { a: 'float32' } }, { code: 'ERR_TYPE_MISMATCH', line: 2, column: 'a', message: ' column "a": "1e39" does not fit float32' }],
    ['a word for a boolean', 'a\ntrue\nyes\n', { types: { a: 'bool' } }, { code: 'ERR_TYPE_MISMATCH', line: 3, column: 'a', message: ' column "a": "yes" is not true or false (bool)' }],
    ['a day that does not exist', 'a\n2023-02-29\n', { types: { a: 'date' } }, { code: 'ERR_TYPE_MISMATCH', line: 2, column: 'a', message: ' column "a": "2023-02-29" is not a date like 2024-02-29' }],
    ['an hour that does not exist', 'a\n2024-02-29T25:00\n', { types: { a: 'timestamp' } }, { code: 'ERR_TYPE_MISMATCH', line: 2, column: 'a', message: ' column "a": "2024-02-29T25:00" is not a time like 2024-02-29T12:30:00Z' }],
    ['a long text, which is cut short', `a\n${'x'.repeat(1000)}\n`, { types: { a: 'int8' } }, { code: 'ERR_TYPE_MISMATCH', line: 2, column: 'a', message: ` column "a": "${'x'.repeat(40)}…" is not a number (int8)` }],
    ['a quote that is not closed', 'a,b\n1,2\n3,"4\n5,6\n', {}, { code: 'ERR_CORRUPT_FILE', line: 3, column: 'b', message: ' column "b": the quote that opens here is never closed' }],
    ['text behind a closing quote', 'a,b\n"1"x,2\n', {}, { code: 'ERR_CORRUPT_FILE', line: 2, column: 'a', message: ' column "a": there is text between the closing quote and the next delimiter; a quote inside quotes is written twice' }],
    ['a quote inside a field', 'a,b\n1,6\'2"\n', {}, { code: 'ERR_CORRUPT_FILE', line: 2, column: 'b', message: ' column "b": there is a quote inside a field that does not start with one; --relax-quotes takes it as it is' }],
    ['a quote inside the header', 'a,b"\n1,2\n', { delimiter: ',' }, { code: 'ERR_CORRUPT_FILE', line: 1, column: 2, message: ' there is a quote inside a field that does not start with one; --relax-quotes takes it as it is' }],
    ['a text that ends with NUL', 'a,b\n1,x\n2,y\0\n', {}, { code: 'ERR_TYPE_MISMATCH', line: 3, column: 'b', message: ' column "b": a text that ends with a NUL byte cannot be told from its padding' }],
    ['a NUL in text of variable length', 'a\nx\ny\0z\n', { strings: 'variable' }, { code: 'ERR_TYPE_MISMATCH', line: 3, column: 'a', message: ' column "a": a variable-length string ends at its first NUL byte' }],
    ['an empty file', '', {}, { code: 'ERR_CORRUPT_FILE', line: 1, column: 1, message: ' the file is empty' }],
    ['a file of empty lines', '\ufeff\n\r\n\n', {}, { code: 'ERR_CORRUPT_FILE', line: 1, column: 1, message: ' the file is empty' }],
  ])('%s', async (_, content, options, { message, ...facts }) => {
    const error = await failure(content, options);
    expect({ code: error.code, line: error['line'], column: error['column'], file: error['file'] }).toEqual({ ...facts, file: input });
    const place = message === ' the file is empty' ? `${input}:` : `${input}:${facts.line}:`;
    expect(error.message).toBe(place + message);
  });

  it('any bytes make a file or a FreestoneError, and nothing else', async () => {
    const byte = fc.oneof(fc.constantFrom(0x2c, 0x22, 0x0a, 0x0d, 0x30, 0x31, 0x2d, 0x2e, 0x61, 0x00), fc.nat(255));
    const to = scratch.path();
    const any = `${to}.csv`;
    let failures = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(byte, { maxLength: 60 }), fc.boolean(), fc.constantFrom('columns' as const, 'table' as const), async (bytes, relaxQuotes, as) => {
        writeFileSync(any, Buffer.from(bytes));
        await importFiles([any], to, { relaxQuotes, as, overwrite: true }).catch((error: unknown) => {
          failures++;
          expect(error).toBeInstanceOf(FreestoneError);
          expect(error).toMatchObject({ file: any, code: expect.stringMatching(/^ERR_(CORRUPT_FILE|TYPE_MISMATCH)$/) as string });
        });
      }),
      { numRuns: 400 },
    );
    expect(failures).toBeGreaterThan(0);
    expect(readdirSync(scratch.folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('the value is among the facts', async () => {
    expect(await failure('a\n1\nabc\n', { types: { a: 'int16' } })).toMatchObject({ value: 'abc', dtype: 'int16' });
    expect(await failure('a,b\n1\n')).toMatchObject({ fields: 1, expected: 2 });
  });

  it('the place is right far into a file, behind many blocks', async () => {
    const rows = Array.from({ length: 200_000 }, (_, index) => `${index},"text\nof two lines ${index}"`);
    const error = await failure(`n,text\n${rows.join('\n')}\n7,8,9\n`);
    expect(error).toMatchObject({ line: 2 + 2 * rows.length, column: 3 });
  });

  it('a value that must stand for missing ones and is in use is a matter of the column, not of a line', async () => {
    const error = await failure('a,b\n-128,1\n,2\n', { types: { a: 'int8' } });
    expect(error.message).toBe(`${input}: column "a": has missing values, and every value of int8 that could stand for them is in use; give it another type`);
    expect(error).not.toHaveProperty('line');
  });
});

describe('what cannot be done is refused before anything is read or written', () => {
  const refused = (inputs: string[], to: string, options: ImportOptions = {}): Promise<unknown> =>
    importFiles(inputs, to, options).then(
      () => 'it was not refused',
      (error: unknown) => error,
    );

  it('an input that is not there, or a directory', async () => {
    expect(await refused([join(scratch.folder, 'absent.csv')], output)).toMatchObject({ code: 'ENOENT', path: join(scratch.folder, 'absent.csv') });
    expect(await refused([scratch.folder], output)).toMatchObject({ code: 'EISDIR', path: scratch.folder });
  });

  it('an output in a directory that is not there, or that is one, or below a file', async () => {
    writeFileSync(input, 'a\n1\n');
    expect(await refused([input], join(scratch.folder, 'absent', 'x.h5'))).toMatchObject({ code: 'ENOENT', path: join(scratch.folder, 'absent') });
    expect(await refused([input], scratch.folder, { overwrite: true })).toMatchObject({ code: 'EISDIR', path: scratch.folder });
    expect(await refused([input], join(input, 'x.h5'))).toMatchObject({ code: 'ENOTDIR', path: input });
  });

  it('an output that is the input', async () => {
    writeFileSync(input, 'a\n1\n');
    expect(await refused([input], join(scratch.folder, '.', 'data.csv'), { overwrite: true })).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  it('a type for a column that is not there', async () => {
    writeFileSync(input, 'a,b\n1,2\n');
    expect(await refused([input], output, { types: { c: 'int8' } })).toMatchObject({ code: 'ERR_NOT_FOUND', column: 'c', columns: ['a', 'b'] });
  });

  it.each<[string, unknown]>([
    ['delimiter', ',,'], ['delimiter', ''], ['delimiter', 'é'], ['delimiter', '\n'], ['quote', 'ab'], ['quote', 5], ['relaxQuotes', 'yes'], ['header', 'maybe'],
    ['types', { a: 'int128' }], ['missing', [1]], ['strings', 'long'], ['as', 'rows'], ['name', 'x'], ['group', ''], ['gzip', 10], ['gzip', 1.5],
    ['shuffle', 1], ['overwrite', 'yes'], ['compression', 4],
  ])('an option %s of %j', async (option, value) => {
    expect(await refused(['a.csv'], output, { [option]: value })).toMatchObject({ name: 'FreestoneError', code: 'ERR_INVALID_ARGUMENT' });
  });

  it('no input, a table named for two inputs or with a slash, a quote that is the delimiter, standard input twice', async () => {
    expect(await refused([], output)).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(await refused(['a', 'b'], output, { as: 'table', name: 'x' })).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(await refused(['a'], output, { as: 'table', name: 'x/y' })).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(await refused(['a'], output, { delimiter: '"' })).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(await refused(['-', '-'], output)).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});
