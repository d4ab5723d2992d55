// `freestone import`: tables and arrays of other formats into an HDF5 file.
import { parseArgs } from 'node:util';
import { FreestoneError, formatBytes } from '../errors.js';
import { type ArrayReport, type ImportOptions, type ImportReport, type TableReport, type TypeName, formats, importFiles, typeNames } from '../import/index.js';
import type { Command } from './command.js';
import { ProgressBar } from './progress.js';
import { table } from './terminal.js';

const usage = `Usage: freestone import [options] <input...> <output.h5>

Reads tables and arrays (- is standard input) and writes them into a new HDF5
file: a table as one dataset for each column, an array as one dataset. The
output appears only when it is complete.

Input: CSV, TSV, NDJSON (.ndjson .jsonl), numpy's .npy and .npz, Arrow (.arrow
.arrows .feather .ipc), Parquet (.parquet .pq); .gz is decompressed
      --format <name>   of all inputs, whatever their names end in:
                        ${formats.join(' ')}
  -t, --types <list>    name=type,… for columns of CSV and NDJSON whose types
                        should not be found out:
                        ${typeNames.slice(0, 8).join(' ')}
                        ${typeNames.slice(8).join(' ')}
      --missing=<list>  what stands for no value in CSV and NDJSON, in columns
                        that are not text (nothing, NA, N/A, NaN, nan, null,
                        NULL)
Input: CSV and TSV
  -d, --delimiter <c>   one character, or tab; otherwise found out
      --quote <c>       one character, or '' for none (")
      --relax-quotes    take a quote inside an unquoted field as it is
      --header <how>    yes, no, or auto: find out (auto)
Output
      --as <form>       of tables: columns: a dataset each; table: one compound
                        dataset (columns)
      --name <name>     the name of the only dataset (the input's)
  -g, --group <path>    where the data goes (the root; with several inputs a
                        group each, named after the file)
      --strings <how>   fixed, variable, or auto: fixed up to 255 bytes (auto)
      --gzip <level>    0 (none) to 9 (4)
      --no-shuffle      leave the bytes of numbers in their order
  -f, --overwrite       replace an output that is there

      --json            report as one JSON document on standard output
  -h, --help            show this text`;

const options = {
  format: { type: 'string' },
  delimiter: { type: 'string', short: 'd' },
  quote: { type: 'string' },
  'relax-quotes': { type: 'boolean' },
  header: { type: 'string' },
  types: { type: 'string', short: 't', multiple: true },
  missing: { type: 'string' },
  as: { type: 'string' },
  name: { type: 'string' },
  group: { type: 'string', short: 'g' },
  strings: { type: 'string' },
  gzip: { type: 'string' },
  'no-shuffle': { type: 'boolean' },
  overwrite: { type: 'boolean', short: 'f' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>['values'];

/** `a=int8,b, with a comma=string`: a type's name ends an item, so that names may hold commas and equals signs. */
function typesOf(list: string): Record<string, TypeName> {
  const item = new RegExp(`([^]+?)=(${typeNames.join('|')})(?:,|$)`, 'y');
  const types: [string, TypeName][] = [];
  while (item.lastIndex < list.length) {
    const at = item.lastIndex;
    const [, name, type] = item.exec(list) ?? [];
    if (name === undefined) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `--types: ${JSON.stringify(list.slice(at))} is not name=type; there are ${typeNames.join(', ')}`);
    }
    types.push([name, type as TypeName]);
  }
  return Object.fromEntries(types);
}

/** The options as the library has them; it checks their values. */
function importOptions(values: Values): ImportOptions {
  const { delimiter, gzip } = values;
  const given = {
    format: values.format,
    delimiter: delimiter === 'tab' || delimiter === '\\t' ? '\t' : delimiter,
    quote: values.quote,
    relaxQuotes: values['relax-quotes'],
    header: values.header,
    types: values.types === undefined ? undefined : Object.fromEntries(values.types.flatMap((list) => Object.entries(typesOf(list)))),
    missing: values.missing?.split(','),
    strings: values.strings,
    as: values.as,
    name: values.name,
    group: values.group,
    // Number('') is 0, which nobody means.
    gzip: gzip === undefined ? undefined : /^\d+$/.test(gzip) ? Number(gzip) : NaN,
    shuffle: values['no-shuffle'] === true ? false : undefined,
    overwrite: values.overwrite,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs `work` so that a signal ends it in good order, and then this process as if it had not been caught. */
async function untilSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let caught: NodeJS.Signals | undefined;
  const abort = (signal: NodeJS.Signals): void => {
    caught ??= signal;
    controller.abort(new FreestoneError('ERR_CLOSED', `interrupted by ${signal}; nothing was written`, { signal }));
  };
  for (const signal of signals) process.on(signal, abort);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of signals) process.off(signal, abort);
    if (caught !== undefined) process.kill(process.pid, caught);
  }
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en').replaceAll(',', ' ')} ${noun}${number === 1 ? '' : 's'}`;
}

/** How many columns are listed before the rest is only counted. */
const listedColumns = 40;

function describeTable({ file, path, rows, columns }: TableReport): string {
  const listed = columns.slice(0, listedColumns).map(({ name, dtype, units, shape, missing }) => [
    `  ${name}`,
    shape === undefined ? dtype : `${dtype} [${shape.join(', ')}]`,
    [units ?? '', missing > 0 ? `${missing} missing` : ''].filter((note) => note !== '').join(', '),
  ]);
  const more = columns.length > listedColumns ? `\n  … and ${count(columns.length - listedColumns, 'more column')}` : '';
  return `${file}: ${count(rows, 'row')}, ${count(columns.length, 'column')}, to ${path}\n${table(listed)}${more}`;
}

function describeArray({ file, path, shape, dtype, units }: ArrayReport): string {
  return `${file}: ${dtype} [${shape.join(', ')}]${units === undefined ? '' : `, ${units}`}, to ${path}`;
}

function describe({ output, tables, arrays, bytesRead, bytesWritten, seconds, warnings }: ImportReport): string {
  return [
    ...tables.map(describeTable),
    ...arrays.map(describeArray),
    ...warnings.map((warning) => `note: ${warning}`),
    `${formatBytes(bytesRead)} in ${seconds.toFixed(2)} s (${formatBytes(bytesRead / seconds)}/s), ${output} has ${formatBytes(bytesWritten)}`,
  ].join('\n');
}

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const inputs = positionals.slice(0, -1);
  const output = positionals.at(-1);
  if (output === undefined || inputs.length === 0) {
    console.error(usage);
    return 2;
  }
  try {
    const wanted = importOptions(values);
    const report = await untilSignal(async (signal) => {
      using bar = new ProgressBar();
      return await importFiles(inputs, output, {
        ...wanted,
        signal,
        onProgress: ({ phase, file, bytes, totalBytes }) => {
          bar.update(`${file}: ${phase === 'infer' ? 'finding types' : 'writing'}`, bytes, totalBytes);
        },
      });
    });
    console.log(values.json === true ? JSON.stringify(report, undefined, 2) : describe(report));
    return 0;
  } catch (error) {
    if (!(error instanceof FreestoneError) || error.code !== 'ERR_INVALID_ARGUMENT') throw error;
    console.error(`freestone import: ${error.message}\nfreestone import --help shows how it is used.`);
    return 2;
  }
}

export const importCommand: Command = { name: 'import', summary: 'CSV, NDJSON, .npy, .npz, Arrow and Parquet into an HDF5 file', usage, run };
