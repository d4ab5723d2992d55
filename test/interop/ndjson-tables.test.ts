// The records of vega-datasets' JSON files, one a line, imported, against what Python's json module reads in them.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { importFiles } from '../../lib/import/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { compare, type Comparison } from './compared-tables.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();
const data = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '..', 'data');

const isRecord = (item: unknown): boolean => typeof item === 'object' && item !== null && !Array.isArray(item);

/** A file's records, one a line, where it is a list of such. */
function linesOf(name: string): string | undefined {
  const content = JSON.parse(readFileSync(join(data, name), 'utf8')) as unknown;
  return Array.isArray(content) && content.every(isRecord) ? content.map((record) => `${JSON.stringify(record)}\n`).join('') : undefined;
}

const names = readdirSync(data).filter((name) => name.endsWith('.json') && name !== 'flights-200k.json');

interface Job {
  readonly ndjson: string;
  readonly h5: string;
  readonly place: string;
}

async function importLines(content: string, as: 'columns' | 'table' = 'columns'): Promise<Job> {
  const ndjson = scratch.path('.ndjson');
  writeFileSync(ndjson, content);
  const h5 = scratch.path();
  const { tables: [table] } = await importFiles([ndjson], h5, { as });
  if (table === undefined) throw new Error('an import reports every table');
  return { ndjson, h5, place: table.path };
}

describeWith(['h5py'], "the records of vega-datasets equal what Python's json module reads", () => {
  const found = new Map<string, Comparison>();
  const failed = new Map<string, unknown>();

  beforeAll(async () => {
    const jobs: [string, Job][] = [];
    for (const name of names) {
      const lines = linesOf(name);
      if (lines === undefined) continue;
      for (const as of ['columns', 'table'] as const) {
        try {
          jobs.push([`${name} as ${as}`, await importLines(lines, as)]);
        } catch (error) {
          failed.set(name, error);
        }
      }
    }
    compare('compare_ndjson.py', jobs.map(([, job]) => job)).forEach((comparison, index) => found.set(jobs[index]?.[0] ?? '', comparison));
  });

  it('all that are lists of flat or nested records are imported, value by value', () => {
    expect([...failed].map(([name, error]) => `${name}: ${String(error)}`)).toEqual([]);
    expect([...found].filter(([, { differences, rows }]) => rows === 0 || differences.length > 0)).toEqual([]);
    expect(found.size).toBeGreaterThan(30);
  });

  it.each<[string, number, Record<string, string>, Record<string, number>]>([
    [
      'cars.json',
      406,
      {
        Name: 'text', Miles_per_Gallon: 'real', Cylinders: 'integer', Displacement: 'real', Horsepower: 'real', Weight_in_lbs: 'integer', Acceleration: 'real',
        Year: 'days', Origin: 'text',
      },
      { Miles_per_Gallon: 8, Horsepower: 6 },
    ],
    ['barley.json', 120, { yield: 'real', variety: 'text', year: 'integer', site: 'text' }, {}],
    ['ohlc.json', 44, { date: 'days', open: 'real', high: 'real', low: 'real', close: 'real', signal: 'text', ret: 'real' }, {}],
  ])('%s has the types that a person would give it', (name, rows, columns, missing) => {
    for (const as of ['columns', 'table']) expect(found.get(`${name} as ${as}`)).toMatchObject({ rows, columns, missing });
  });

  it('nested objects, arrays, wide integers, escapes, dates, nulls and keys that come and go', async () => {
    const lines = [
      String.raw`{"id":1,"k.\u00e9":"Z\u00fcrich \ud83d\ude00 \"q\" \\ \/ \n\t","at":"2024-02-29T12:00:00.25+01:00","in":{"x":1.5,"deep":{"y":true}},"m":[[1,2],[3,4]],"wide":-9223372036854775808,"zip":"00501"}`,
      ``,
      ` { "m" : [ [5e0, -0.5] , [ 7 , null ] ] , "in" : null , "late" : false , "id" : 9007199254740993 , "wide" : 9223372036854775807 } `,
      `{"in":{"deep":{"y":false},"x":1e-7},"at":"1969-12-31 23:59:59","zip":null,"id":3,"wide":0}`,
    ];
    const job = await importLines(`\ufeff${lines.join('\r\n')}`);
    expect(compare('compare_ndjson.py', [job])).toEqual([
      {
        rows: 3,
        columns: { id: 'integer', 'k.é': 'text', at: 'milliseconds', 'in.x': 'real', 'in.deep.y': 'boolean', m: 'real', wide: 'integer', zip: 'text', late: 'boolean' },
        missing: { 'k.é': 2, at: 1, 'in.x': 1, 'in.deep.y': 1, m: 1, zip: 2, late: 2 },
        differences: [],
      },
    ]);
  });

  it('the comparison finds what is planted', async () => {
    const lines = linesOf('barley.json') ?? '';
    const job = await importLines(lines);
    const changed = scratch.path('.ndjson');
    writeFileSync(changed, lines.replace('"yield":27', '"yield":28').replace('Manchuria', 'Mandchuria'));
    expect(compare('compare_ndjson.py', [{ ...job, ndjson: changed }])[0]?.differences.map((difference) => difference.split(':')[0])).toEqual(['variety, row 1', 'yield, row 1']);
  });
});
