import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ImportOptions, type ImportReport, importFiles } from '../../lib/import/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { type Printed, type SeenAttribute, type SeenFile, dataset, group, read, readAll } from '../interop/h5py.js';
import { floatDigits } from '../interop/kinds.js';
import { describeWith } from '../interop/readers.js';

const scratch = scratchFolder();

function csv(content: string, ending = '.csv'): string {
  const path = scratch.path(ending);
  writeFileSync(path, content);
  return path;
}

async function imported(content: string, options: ImportOptions = {}): Promise<{ seen: SeenFile; report: ImportReport }> {
  const output = scratch.path();
  const report = await importFiles([csv(content)], output, options);
  return { seen: read(output), report };
}

const doubles = (...values: number[]): string[] => values.map((value) => floatDigits(value, 8));
const attributes = (found: Readonly<Record<string, SeenAttribute>>): Record<string, Printed | undefined> =>
  Object.fromEntries(Object.entries(found).map(([name, { shape, values }]) => [name, shape.length === 0 ? values[0] : 'no scalar']));

const everyKind = `id,wide,ratio,ok,maybe,day,moment,name,zip,gap,lost/day
1,18446744073709551615,.5,true,TRUE,2024-02-29,2024-02-29T12:00:00.25Z,Zürich,00501,1,2024-01-01
-2,0,1e3,FALSE,,1969-12-31,1969-12-31T23:59:59.999Z,"a ""b""
c",10001,NA,
+3,9223372036854775808,-inf,true,false,0001-01-01,2024-02-29,,99999,3,null
`;

const lowest = String(-(2n ** 63n));

describeWith(['h5py'], 'an imported table, read by h5py', () => {
  it('has each column with the type that its values ask for', async () => {
    const { seen, report } = await imported(everyKind);
    const values = Object.fromEntries(
      Object.entries(seen).flatMap(([path, found]) => (found.kind === 'dataset' ? [[path.slice(1), found.values]] : [])),
    );
    expect(values).toEqual({
      id: ['1', '-2', '3'],
      wide: ['18446744073709551615', '0', '9223372036854775808'],
      ratio: doubles(0.5, 1000, -Infinity),
      ok: ['true', 'false', 'true'],
      maybe: ['1', '-1', '0'],
      day: ['19782', '-1', '-719162'],
      moment: ['1709208000250', '-1', '1709164800000'],
      name: ['Zürich', 'a "b"\nc', ''],
      zip: ['00501', '10001', '99999'],
      gap: doubles(1, NaN, 3),
      lost_day: ['19723', lowest, lowest],
    });
    expect(report.tables[0]?.columns.map(({ name, dtype, units, missing }) => [name, dtype, units, missing])).toEqual([
      ['id', 'int64', undefined, 0],
      ['wide', 'uint64', undefined, 0],
      ['ratio', 'float64', undefined, 0],
      ['ok', 'bool', undefined, 0],
      ['maybe', 'int8', undefined, 1],
      ['day', 'int64', 'days since 1970-01-01', 0],
      ['moment', 'int64', 'milliseconds since 1970-01-01 00:00:00', 0],
      ['name', 'string(7)', undefined, 0],
      ['zip', 'string(5)', undefined, 0],
      ['gap', 'float64', undefined, 1],
      ['lost_day', 'int64', 'days since 1970-01-01', 2],
    ]);
    expect(report).toMatchObject({ rows: 3, bytesRead: Buffer.byteLength(everyKind), warnings: [expect.stringContaining('"lost/day" is stored as "lost_day"')] });
  });

  it('says in attributes what the values alone do not', async () => {
    const { seen, report } = await imported(everyKind);
    const of = (path: string): unknown => attributes(dataset(seen, path).attributes);
    expect(of('/id')).toEqual({});
    expect(of('/day')).toEqual({ units: 'days since 1970-01-01', calendar: 'proleptic_gregorian' });
    expect(of('/moment')).toEqual({ units: 'milliseconds since 1970-01-01 00:00:00', calendar: 'proleptic_gregorian' });
    expect(of('/maybe')).toEqual({ _FillValue: '-1' });
    expect(of('/lost_day')).toEqual({ units: 'days since 1970-01-01', calendar: 'proleptic_gregorian', _FillValue: lowest, source_name: 'lost/day' });
    expect(dataset(seen, '/lost_day').attributes['_FillValue']?.type).toEqual(dataset(seen, '/lost_day').type);
    expect(dataset(seen, '/lost_day').fill).toEqual({ state: 'user', value: lowest });
    expect(attributes(group(seen, '/').attributes)).toEqual({ source: basename(report.tables[0]?.file ?? ''), rows: '3' });
  });

  it('is chunked, can grow, and is filtered as text or as numbers', async () => {
    const rows = Array.from({ length: 40_000 }, (_, index) => `${index},t${index % 7}`);
    const { seen } = await imported(`n,text\n${rows.join('\n')}`);
    const n = dataset(seen, '/n');
    const text = dataset(seen, '/text');
    expect([n.shape, n.maxShape, n.chunks]).toEqual([[40_000], [null], [32_768]]);
    expect([text.shape, text.maxShape, text.chunks]).toEqual([[40_000], [null], [40_000]]);
    expect(n.filters.map(({ id }) => id)).toEqual([2, 1]);
    expect(text.filters).toMatchObject([{ id: 1, values: [4] }]);
    expect(n.values).toEqual(rows.map((_, index) => String(index)));
    expect(text.values).toEqual(rows.map((_, index) => `t${index % 7}`));
  });

  it('is stored as the options say', async () => {
    const content = 'n,text\n1,abc\n2,de\n';
    const plain = (await imported(content, { gzip: 0, shuffle: false })).seen;
    expect([dataset(plain, '/n').filters, dataset(plain, '/text').filters]).toEqual([[], []]);
    const { seen } = await imported(content, { gzip: 9, strings: 'variable', group: '/a/b', types: { n: 'int8' } });
    expect(dataset(seen, '/a/b/n').filters).toMatchObject([{ id: 2 }, { id: 1, values: [9] }]);
    expect(dataset(seen, '/a/b/n').type).toMatchObject({ class: 'integer', size: 1, signed: true });
    expect(dataset(seen, '/a/b/text').type).toMatchObject({ class: 'string', size: 'variable', charset: 'utf8' });
    expect(dataset(seen, '/a/b/text').values).toEqual(['abc', 'de']);
    expect(attributes(group(seen, '/a/b').attributes)).toMatchObject({ rows: '2' });
  });

  it('without a header has numbered columns and keeps its first row', async () => {
    const { seen } = await imported('1,a\n2,b\n');
    expect([dataset(seen, '/column_1').values, dataset(seen, '/column_2').values]).toEqual([['1', '2'], ['a', 'b']]);
    const asked = (await imported('a,b\nc,d\n', { header: 'no' })).seen;
    expect(dataset(asked, '/column_1').values).toEqual(['a', 'c']);
    const named = (await imported('1,2\n3,4\n', { header: 'yes' })).seen;
    expect([dataset(named, '/1').values, dataset(named, '/2').values]).toEqual([['3'], ['4']]);
  });

  it('with a header and nothing else has columns without rows', async () => {
    const { seen, report } = await imported('a,b\n');
    expect([dataset(seen, '/a').shape, dataset(seen, '/b').values, report.rows]).toEqual([[0], [], 0]);
    expect(dataset(seen, '/a').maxShape).toEqual([null]);
  });

  it('as one compound dataset has the same values, with what belongs to a field in numbered attributes', async () => {
    const { seen, report } = await imported(everyKind, { as: 'table', name: 'all of it' });
    const found = dataset(seen, '/all of it');
    if (found.type.class !== 'compound') throw new Error('a compound was expected');
    expect(found.type.members.map(({ name }) => name)).toEqual(['id', 'wide', 'ratio', 'ok', 'maybe', 'day', 'moment', 'name', 'zip', 'gap', 'lost_day']);
    expect(found.values).toEqual([
      ['1', '18446744073709551615', ...doubles(0.5), 'true', '1', '19782', '1709208000250', 'Zürich', '00501', ...doubles(1), '19723'],
      ['-2', '0', ...doubles(1000), 'false', '-1', '-1', '-1', 'a "b"\nc', '10001', 'nan', lowest],
      ['3', '9223372036854775808', ...doubles(-Infinity), 'true', '0', '-719162', '1709164800000', '', '99999', ...doubles(3), lowest],
    ]);
    expect(found.filters.map(({ id }) => id)).toEqual([2, 1]);
    expect(attributes(found.attributes)).toEqual({
      source: basename(report.tables[0]?.file ?? ''),
      FIELD_4_FILL: '-1',
      FIELD_5_UNITS: 'days since 1970-01-01',
      FIELD_5_CALENDAR: 'proleptic_gregorian',
      FIELD_6_UNITS: 'milliseconds since 1970-01-01 00:00:00',
      FIELD_6_CALENDAR: 'proleptic_gregorian',
      FIELD_10_UNITS: 'days since 1970-01-01',
      FIELD_10_CALENDAR: 'proleptic_gregorian',
      FIELD_10_FILL: lowest,
      FIELD_10_SOURCE_NAME: 'lost/day',
    });
    expect(report.tables[0]?.path).toBe('/all of it');
  });

  it('as one compound dataset can hold long text, and then every other kind beside it', async () => {
    const long = 'ä'.repeat(500);
    const { seen } = await imported(everyKind.replace('Zürich', long), { as: 'table', name: 'x' });
    const found = dataset(seen, '/x');
    if (found.type.class !== 'compound') throw new Error('a compound was expected');
    expect(found.type.members[7]?.type).toMatchObject({ class: 'string', size: 'variable' });
    expect(found.values[0]).toEqual(['1', '18446744073709551615', ...doubles(0.5), 'true', '1', '19782', '1709208000250', long, '00501', ...doubles(1), '19723']);
    expect(found.values[1]).toEqual(['-2', '0', ...doubles(1000), 'false', '-1', '-1', '-1', 'a "b"\nc', '10001', 'nan', lowest]);
  });

  it('as one compound dataset puts columns that look like array indices first, each with its own values', async () => {
    const { seen } = await imported('name,2001,1999\nx,1.5,3\ny,2.5,4\n', { as: 'table', name: 'x', header: 'yes' });
    const found = dataset(seen, '/x');
    if (found.type.class !== 'compound') throw new Error('a compound was expected');
    expect(found.type.members.map(({ name }) => name)).toEqual(['1999', '2001', 'name']);
    expect(found.values).toEqual([['3', ...doubles(1.5), 'x'], ['4', ...doubles(2.5), 'y']]);
  });

  it('of several inputs has a group for each, named after its file', async () => {
    const output = scratch.path();
    const tsv = csv('x\ty\n1\t2\n', '.tsv');
    const first = csv('a\n1\n');
    const report = await importFiles([first, tsv], output, { group: 'g' });
    const seen = read(output);
    const names = [first, tsv].map((path) => basename(path).replace(/\.\w+$/, ''));
    expect(Object.keys(group(seen, '/g').links)).toEqual(names.toSorted());
    expect(dataset(seen, `/g/${names[1] ?? ''}/y`).values).toEqual(['2']);
    expect(report.tables.map(({ path, delimiter }) => [path, delimiter])).toEqual([[`/g/${names[0] ?? ''}`, ','], [`/g/${names[1] ?? ''}`, '\t']]);
    expect(report.rows).toBe(2);
    const tables = scratch.path();
    await importFiles([first, tsv, first], tables, { as: 'table' });
    expect(Object.keys(group(read(tables), '/').links).toSorted()).toEqual([...names, `${names[0] ?? ''}_2`].toSorted());
  });

  it('text of any kind comes back as it was, fixed, variable and in a compound', async () => {
    const cell = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', ' ', '0', 'NA') }));
    const usable = cell.filter((text) => !text.includes('\0'));
    const tables = fc.sample(fc.array(fc.tuple(usable, usable), { minLength: 1, maxLength: 30 }), 40);
    const outputs: { path: string; expected: readonly (readonly string[])[]; as: 'columns' | 'table' }[] = [];
    for (const [index, rows] of tables.entries()) {
      const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
      const path = scratch.path();
      const as = index % 2 === 0 ? 'columns' : 'table';
      const strings = (['fixed', 'variable', 'auto'] as const)[index % 3] ?? 'auto';
      const content = ['a,b', ...rows.map((row) => row.map(quoted).join(','))].join('\n');
      await importFiles([csv(content)], path, { types: { a: 'string', b: 'string' }, strings, as, ...(as === 'table' ? { name: 't' } : {}) });
      outputs.push({ path, expected: rows, as });
    }
    const seen = readAll(outputs.map(({ path }) => path));
    for (const [index, { expected, as }] of outputs.entries()) {
      const file = seen[index] ?? {};
      const found = as === 'table' ? dataset(file, '/t').values : dataset(file, '/a').values.map((a, row) => [a, dataset(file, '/b').values[row]]);
      expect(found).toEqual(expected);
    }
  });

  it('numbers of any size come back to the last bit', async () => {
    const rows = fc.sample(fc.tuple(fc.double(), fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }), fc.integer({ min: -128, max: 127 })), 3000);
    const content = rows.map(([real, wide, small]) => `${real},${wide},${small}`).join('\n');
    const { seen } = await imported(content, { header: 'no', types: { column_1: 'float64', column_3: 'int8' } });
    // The text of a negative zero has no sign.
    expect(dataset(seen, '/column_1').values).toEqual(rows.map(([real]) => floatDigits(real === 0 ? 0 : real, 8)));
    expect(dataset(seen, '/column_2').values).toEqual(rows.map(([, wide]) => String(wide)));
    expect(dataset(seen, '/column_3').values).toEqual(rows.map(([, , small]) => String(small)));
  });

  it('times keep every digit, in each unit', async () => {
    for (const [digits, perSecond] of [[0, 1n], [3, 1000n], [6, 1_000_000n], [9, 1_000_000_000n]] as const) {
      const earliest = digits === 9 ? '1700-01-01' : '0001-01-01';
      const latest = digits === 9 ? '2200-01-01' : '9999-12-31';
      const dates = fc.sample(fc.date({ min: new Date(earliest), max: new Date(latest), noInvalidDate: true }), 300);
      const fractions = fc.sample(fc.bigInt({ min: 0n, max: perSecond - 1n }), 300);
      const texts = dates.map((date, index) => {
        const fraction = digits === 0 ? '' : `.${String(fractions[index]).padStart(digits, '0')}`;
        return `${date.toISOString().slice(0, 19)}${fraction}Z`;
      });
      const { seen } = await imported(`t\n${texts.join('\n')}\n`);
      const seconds = dates.map((date) => BigInt(Math.floor(date.getTime() / 1000)));
      expect(dataset(seen, '/t').values).toEqual(seconds.map((second, index) => String(second * perSecond + (fractions[index] ?? 0n))));
    }
  });

  it('thousands of columns make a file too', async () => {
    const names = Array.from({ length: 2000 }, (_, index) => `c${index}`);
    const rows = [1, 2, 3].map((row) => names.map((_, index) => row * index).join(','));
    const { seen } = await imported([names.join(','), ...rows].join('\n'));
    expect(Object.keys(group(seen, '/').links)).toHaveLength(2000);
    expect(dataset(seen, '/c1999').values).toEqual(['1999', '3998', '5997']);
  });
});

it('a test file holds every row that its report counts', async () => {
  const output = join(scratch.folder, 'counted.h5');
  const report = await importFiles([csv('a\n1\n2\n')], output);
  expect(report).toMatchObject({ output, rows: 2, bytesRead: 6 });
  expect(report.bytesWritten).toBeGreaterThan(0);
});
