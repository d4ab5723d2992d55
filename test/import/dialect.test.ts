import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnNames } from '../../lib/import/column-names.js';
import { CsvParse } from '../../lib/import/csv-parse.js';
import { delimiterOfName, looksLikeHeader, sniffDelimiter } from '../../lib/import/dialect.js';
import { RecordFields } from '../../lib/import/record.js';

function sniff(text: string, isWhole = true): Promise<string> {
  return sniffDelimiter(Buffer.from(text), isWhole, { quote: '"', relaxQuotes: false }, (dialect) => CsvParse.load(dialect));
}

function record(fields: readonly string[]): RecordFields {
  const made = new RecordFields();
  made.bytes = Buffer.from(fields.join(''));
  let at = 0;
  for (const field of fields) made.push(at, (at += Buffer.byteLength(field)));
  return made;
}

describe('the delimiter', () => {
  it.each([
    ['commas', 'a,b,c\n1,2,3\n', ','],
    ['semicolons, with decimal commas', 'a;b\n1,5;2,5\n3,5;4,5\n', ';'],
    ['tabs, with commas in the text', 'a\tb\nx, y\t2\n1, 2, 3\t4\n', '\t'],
    ['bars', 'a|b|c\n1|2|3\n', '|'],
    ['a delimiter inside quotes does not count', 'a;b\n"x,y,z";1\n"p,q,r";2\n', ';'],
    ['line ends inside quotes do not count', 'a;b\n"1,2\n3,4\n5,6";x\n', ';'],
    ['nothing that separates', 'name\nx\ny\n', ','],
    ['the one that cuts all rows alike', 'a,b;c\n1;2\n3;4\n5,6;7\n', ';'],
    ['more fields before fewer', 'a,b,c;d\n1,2,3;4\n', ','],
  ])('%s', async (_, text, delimiter) => {
    expect(await sniff(text)).toBe(delimiter);
  });

  it('a head that ends in the middle of a row is judged by its whole rows', async () => {
    expect(await sniff('a;b\n1;2\n3;4\n5,6,7,8,9', false)).toBe(';');
  });

  it('follows from .tsv and .tab in any case, and from no other ending', () => {
    expect(['x.tsv', 'X.TSV', 'a.b.tab', 'x.csv', 'tsv', 'x.tsv.txt', 'stdin'].map(delimiterOfName)).toEqual(['\t', '\t', '\t', undefined, undefined, undefined, undefined]);
  });
});

describe('the header', () => {
  it.each<[string, string[], boolean]>([
    ['different words', ['name', 'temp', 'Straße'], true],
    ['one word', ['name'], true],
    ['an empty field', ['name', ''], false],
    ['a blank field', ['name', '  '], false],
    ['a word twice', ['name', 'name'], false],
    ['a number', ['name', '2000'], false],
    ['a number with blanks around', ['name', ' 1.5 '], false],
    ['a padded number', ['name', '007'], false],
    ['a date', ['name', '2024-02-29'], false],
    ['a boolean', ['name', 'TRUE'], false],
    ['words with digits', ['q1', '2nd'], true],
  ])('%s', (_, fields, expected) => {
    expect(looksLikeHeader(record(fields))).toBe(expected);
  });
});

describe('the names of columns', () => {
  it.each<[string, string[] | number, { name: string; source?: string }[]]>([
    ['stay as they are', ['a', 'Länge (m)', '2000'], [{ name: 'a' }, { name: 'Länge (m)' }, { name: '2000' }]],
    ['are numbers where there are none', 3, [{ name: 'column_1' }, { name: 'column_2' }, { name: 'column_3' }]],
    ['are numbers where one is empty', ['a', '', ' '], [{ name: 'a' }, { name: 'column_2' }, { name: 'column_3', source: ' ' }]],
    ['get a number when they come again', ['a', 'a', 'a'], [{ name: 'a' }, { name: 'a_2', source: 'a' }, { name: 'a_3', source: 'a' }]],
    ['leave a name to the column that has it', ['a', 'a', 'a_2'], [{ name: 'a' }, { name: 'a_3', source: 'a' }, { name: 'a_2' }]],
    ['leave a name to the column that has it, wherever that is', ['a/b', 'a_b'], [{ name: 'a_b_2', source: 'a/b' }, { name: 'a_b' }]],
    ['have no slash, which HDF5 takes for a step', ['km/h', '/'], [{ name: 'km_h', source: 'km/h' }, { name: '_', source: '/' }]],
    ['are not the dot, which HDF5 takes for the group itself', ['.', '..'], [{ name: '_', source: '.' }, { name: '..' }]],
    ['have no blanks around them', [' a ', 'a'], [{ name: 'a_2', source: ' a ' }, { name: 'a' }]],
    ['have no NUL', ['a\0b'], [{ name: 'a_b', source: 'a\0b' }]],
  ])('%s', (_, header, expected) => {
    expect(columnNames(header)).toEqual(expected);
  });

  it('are all different and fit for a link, whatever the header is', () => {
    const name = fc.oneof(fc.string(), fc.constantFrom('', 'a', 'a_2', 'a_3', '/', '.', '_', 'column_1', 'column_2', '\0'));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), (header) => {
        const names = columnNames(header);
        expect(new Set(names.map(({ name: used }) => used)).size).toBe(header.length);
        for (const [index, { name: used, source }] of names.entries()) {
          expect(used).not.toMatch(/^$|^\.$|[/\0]/);
          if (source !== undefined) expect(source).toBe(header[index]);
          else if (header[index] !== '') expect(used).toBe(header[index]);
        }
      }),
    );
  });
});
