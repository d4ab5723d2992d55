// The real tables of vega-datasets, imported, against what Python's csv module reads in them.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { importFiles } from '../../lib/import/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { compare, type Comparison } from './compared-tables.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();
/** The package exports neither its manifest nor its data; the folder is where its main module is. */
const data = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '..', 'data');
const tables = readdirSync(data).filter((name) => /\.(csv|tsv)$/.test(name));

interface Job {
  readonly csv: string;
  readonly delimiter: string;
  readonly h5: string;
  readonly place: string;
}

async function importTable(csv: string, as: 'columns' | 'table'): Promise<Job> {
  const h5 = scratch.path();
  const { tables: [table] } = await importFiles([csv], h5, { as });
  if (table === undefined) throw new Error('an import reports every table');
  return { csv, delimiter: csv.endsWith('.tsv') ? '\t' : ',', h5, place: table.path };
}

describeWith(['h5py'], "the tables of vega-datasets equal what Python's csv module reads", () => {
  const found = new Map<string, Comparison>();

  beforeAll(async () => {
    const jobs: [string, Job][] = [];
    for (const name of tables) {
      for (const as of ['columns', 'table'] as const) jobs.push([`${name} as ${as}`, await importTable(join(data, name), as)]);
    }
    compare('compare_csv.py', jobs.map(([, job]) => job)).forEach((comparison, index) => found.set(jobs[index]?.[0] ?? '', comparison));
  });

  it.each(tables.flatMap((name) => [`${name} as columns`, `${name} as table`]))('%s, value by value', (key) => {
    const comparison = found.get(key);
    expect(comparison?.differences).toEqual([]);
    expect(comparison?.rows).toBeGreaterThan(0);
  });

  it.each<[string, number, Record<string, string>, Record<string, number>]>([
    [
      'birdstrikes.csv',
      10_000,
      {
        'Airport Name': 'text', 'Aircraft Make Model': 'text', 'Effect Amount of damage': 'text', 'Flight Date': 'days', 'Aircraft Airline Operator': 'text',
        'Origin State': 'text', 'Phase of flight': 'text', 'Wildlife Size': 'text', 'Wildlife Species': 'text', 'Time of day': 'text',
        'Cost Other': 'integer', 'Cost Repair': 'integer', 'Cost Total $': 'integer', 'Speed IAS in knots': 'real',
      },
      { 'Speed IAS in knots': 2836 },
    ],
    ['airports.csv', 3376, { iata: 'text', name: 'text', city: 'text', state: 'text', country: 'text', latitude: 'real', longitude: 'real' }, {}],
    ['seattle-weather.csv', 1461, { date: 'days', precipitation: 'real', temp_max: 'real', temp_min: 'real', wind: 'real', weather: 'text' }, {}],
    ['gapminder-health-income.csv', 187, { country: 'text', income: 'integer', health: 'real', population: 'integer', region: 'text' }, {}],
    ['zipcodes.csv', 42_049, { zip_code: 'text', latitude: 'real', longitude: 'real', city: 'text', state: 'text', county: 'text' }, {}],
    ['unemployment.tsv', 3218, { id: 'integer', rate: 'real' }, {}],
  ])('%s has the types that a person would give it', (name, rows, columns, missing) => {
    for (const as of ['columns', 'table']) expect(found.get(`${name} as ${as}`)).toMatchObject({ rows, columns, missing });
  });

  it('quotes, line ends in fields, missing values and every kind of column in one table', async () => {
    const csv = scratch.path('.csv');
    const rows = [
      'id,"a ""name"", quoted",when,day,ok,maybe,big,ratio,km/h',
      '1,"one, two",2024-02-29T12:00:00.25+01:00,2024-02-29,true,TRUE,18446744073709551615,0.1,5',
      '2,"three\nfour",1969-12-31 23:59:59.999,0001-01-01,False,,0,-1e-7,',
      '3,"say ""hi""",,,false,false,9223372036854775808,NaN,7',
      '4,,NULL,9999-12-31,TRUE,N/A,7,inf,8',
    ];
    writeFileSync(csv, `\ufeff${rows.join('\r\n')}\r\n`);
    const jobs = [await importTable(csv, 'columns'), await importTable(csv, 'table')];
    for (const comparison of compare('compare_csv.py', jobs)) {
      expect(comparison).toEqual({
        rows: 4,
        columns: {
          id: 'integer', 'a "name", quoted': 'text', when: 'milliseconds', day: 'days', ok: 'boolean', maybe: 'boolean', big: 'integer', ratio: 'real', 'km/h': 'real',
        },
        missing: { when: 2, day: 1, maybe: 2, ratio: 1, 'km/h': 1 },
        differences: [],
      });
    }
  });

  it('the comparison finds what is planted', async () => {
    const job = await importTable(join(data, 'weather.csv'), 'columns');
    const changed = scratch.path('.csv');
    const text = readFileSync(job.csv, 'utf8');
    writeFileSync(changed, text.replace('2012-01-02,10.9', '2012-01-03,10.8').replace(/drizzle$/m, 'drizzles'));
    const shorter = scratch.path('.csv');
    writeFileSync(shorter, text.replace(/\n[^\n]+\n$/, '\n'));
    const [one, two] = compare('compare_csv.py', [{ ...job, csv: changed }, { ...job, csv: shorter }]);
    expect(one?.differences.map((difference) => difference.split(':')[0])).toEqual(['date, row 2', 'precipitation, row 2', 'weather, row 1']);
    expect(two?.differences).toHaveLength(5);
  });
});
