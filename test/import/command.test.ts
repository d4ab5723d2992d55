// The command as a user runs it: the compiled program in a process of its own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ImportReport } from '../../lib/import/index.js';
import { scratchFolder } from '../hdf5/scratch.js';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const scratch = scratchFolder();
const small = 'day,temp,what\n2024-01-01,1.5,a\n2024-01-02,,b/c\n';
let folder = '';
let folders = 0;

beforeAll(() => {
  if (!existsSync(program)) throw new Error('dist/cli/main.js is missing: npm run build');
});

beforeEach(() => {
  folder = join(scratch.folder, `place ${++folders}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'small.csv'), small);
});

function freestone(args: readonly string[], input = ''): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: folder, input, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** A table that takes seconds to import. */
function writeLargeTable(): void {
  const rows = Array.from({ length: 20_000 }, (_, row) => `${row},${Math.sin(row)},text of row ${row}\n`).join('');
  writeFileSync(join(folder, 'large.csv'), 'n,x,text\n');
  for (let i = 0; i < 100; i++) appendFileSync(join(folder, 'large.csv'), rows);
}

describe('freestone import', () => {
  it('says what it made of the table, and how fast', () => {
    const { status, stdout, stderr } = freestone(['import', 'small.csv', 'out.h5']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      'small.csv: 2 rows, 3 columns, to /',
      '  day   int64      days since 1970-01-01',
      '  temp  float64    1 missing',
      '  what  string(3)',
    ]);
    expect(stdout).toMatch(/\n\d+ B in \d+\.\d\d s \(.*\/s\), out\.h5 has .*\n$/);
    expect(readdirSync(folder)).toEqual(['out.h5', 'small.csv']);
  });

  it('reports as one JSON document and nothing else', () => {
    const { status, stdout, stderr } = freestone(['import', '--json', '--types', 'temp=float32', 'small.csv', 'out.h5']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const report = JSON.parse(stdout) as ImportReport;
    expect(report).toMatchObject({ output: 'out.h5', rows: 2, bytesRead: small.length, warnings: [] });
    expect(report.tables[0]?.columns[1]).toEqual({ name: 'temp', dtype: 'float32', missing: 1 });
  });

  it('reads standard input for -, with its options', () => {
    const { status, stdout } = freestone(['import', '--json', '-d', 'tab', '--header', 'no', '-g', 'in/here', '-', 'out.h5'], 'x, y\t1\nz\t2\n');
    expect(status).toBe(0);
    const report = JSON.parse(stdout) as ImportReport;
    expect(report.tables[0]).toMatchObject({ file: 'stdin', path: '/in/here', rows: 2, delimiter: '\t', header: false });
    expect(readdirSync(folder)).toEqual(['out.h5', 'small.csv']);
  });

  it('takes several inputs of several formats, some compressed, and tells names that are the same apart', () => {
    mkdirSync(join(folder, 'b'));
    writeFileSync(join(folder, 'b', 'small.jsonl'), '{"a":1}\n');
    writeFileSync(join(folder, 'more.ndjson.gz'), gzipSync('{"a":[1,2]}\n{"a":[3,4]}\n'));
    const { status, stdout } = freestone(['import', '--json', 'small.csv', 'b/small.jsonl', 'more.ndjson.gz', 'out.h5']);
    expect(status).toBe(0);
    const report = JSON.parse(stdout) as ImportReport;
    expect(report.tables.map(({ format, path, rows }) => [format, path, rows])).toEqual([
      ['csv', '/small', 2],
      ['ndjson', '/small_2', 1],
      ['ndjson', '/more', 2],
    ]);
    expect(report.warnings).toEqual(['b/small.jsonl is stored under the name "small_2"']);
    expect(readdirSync(folder)).toEqual(['b', 'more.ndjson.gz', 'out.h5', 'small.csv']);
  });

  it('reads standard input in the format that is named', () => {
    const { status, stdout, stderr } = freestone(['import', '--format', 'ndjson', '-', 'out.h5'], '{"n":1,"at":"2024-01-01"}\n');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n').slice(0, 3)).toEqual(['stdin: 1 row, 2 columns, to /', '  n   int64', '  at  int64  days since 1970-01-01']);
    expect(readdirSync(folder)).toEqual(['out.h5', 'small.csv']);
  });

  it('passes every option on', () => {
    writeFileSync(join(folder, 'odd.txt'), "k;'v';w\n1;'a;b';-\n2;'c''d';5\"\n");
    const args = ['--quote', "'", '--delimiter', ';', '--missing=-,?', '--strings', 'variable', '--as', 'table', '--name', 't', '--gzip', '0', '--no-shuffle', '--relax-quotes', '--header', 'yes', '-f'];
    writeFileSync(join(folder, 'out.h5'), 'old');
    const { status, stdout } = freestone(['import', '--json', ...args, 'odd.txt', 'out.h5']);
    expect(status).toBe(0);
    expect((JSON.parse(stdout) as ImportReport).tables[0]).toMatchObject({
      path: '/t',
      columns: [{ name: 'k', dtype: 'int64' }, { name: 'v', dtype: 'string' }, { name: 'w', dtype: 'string' }],
    });
  });

  it('takes types for names that hold commas and equals signs', () => {
    writeFileSync(join(folder, 'odd.csv'), '"a,b","c=d",e\n1,2,3\n');
    const { stdout } = freestone(['import', '--json', '-t', 'a,b=int8,c=d=uint16', '-t', 'e=string', 'odd.csv', 'out.h5']);
    expect((JSON.parse(stdout) as ImportReport).tables[0]?.columns.map(({ dtype }) => dtype)).toEqual(['int8', 'uint16', 'string(1)']);
  });

  it.each<[string, string[], string]>([
    ['a file that is not there', ['absent.csv', 'out.h5'], "freestone import: ENOENT: no such file or directory, stat 'absent.csv'\n"],
    ['a bad row', ['bad.csv', 'out.h5'], 'freestone import: bad.csv:3: a row of 3 fields where the first has 2\n'],
    ['an output that exists', ['small.csv', 'small.csv'], 'freestone import: small.csv exists already; --overwrite replaces it\n'],
    ['another format', ['x.xlsx', 'out.h5'], 'freestone import: x.xlsx: .xlsx cannot be imported, only csv, ndjson, npy, npz, arrow, parquet\n'],
  ])('%s is status 1 and one line without a stack', (_, args, expected) => {
    writeFileSync(join(folder, 'bad.csv'), 'a,b\n1,2\n3,4,5\n');
    expect(freestone(['import', ...args])).toEqual({ status: 1, stdout: '', stderr: expected });
    expect(existsSync(join(folder, 'out.h5'))).toBe(false);
  });

  it.each<[string, string[], RegExp]>([
    ['no arguments', [], /^Usage: freestone import/],
    ['an input only', ['small.csv'], /^Usage: freestone import/],
    ['an option that is not known', ['--bogus', 'small.csv', 'out.h5'], /Unknown option '--bogus'/],
    ['an option without its value', ['small.csv', 'out.h5', '--gzip'], /--gzip/],
    ['a level that is none', ['--gzip', '12', 'small.csv', 'out.h5'], /gzip must be an integer from 0 to 9, not 12/],
    ['a type that is none', ['-t', 'temp=double', 'small.csv', 'out.h5'], /"temp=double" is not name=type; there are int8/],
    ['a format that is none', ['--format', 'xml', 'small.csv', 'out.h5'], /format must be csv or ndjson or npy or npz or arrow or parquet, not "xml"/],
    ['an option of another format', ['--format', 'ndjson', '-d', ';', 'small.csv', 'out.h5'], /delimiter is for csv, and there is no such input/],
    ['a form that is none', ['--as', 'rows', 'small.csv', 'out.h5'], /as must be columns or table, not "rows"/],
  ])('%s is status 2 with a word on the usage', (_, args, expected) => {
    const { status, stdout, stderr } = freestone(['import', ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(expected);
    expect(stderr).toMatch(/Usage:|--help/);
    expect(existsSync(join(folder, 'out.h5'))).toBe(false);
  });

  it('a disk that is full is status 1 and leaves nothing behind', () => {
    writeLargeTable();
    // A limit on the size of a file is met in the same place as the end of a disk, and can be had without one.
    const args = ['-c', 'ulimit -f 200; exec "$@"', 'sh', process.execPath, program, 'import', '--gzip', '0'];
    const expected = { status: 1, stdout: '', stderr: expect.stringMatching(/^freestone import: (\/\S+: )?EFBIG: file too large, write '\.out\.h5\.\d+\.\w+'\n$/) as string };
    const importLimited = (last: string[], input: string | Buffer = ''): object => {
      const { status, stdout, stderr } = spawnSync('sh', [...args, ...last], { cwd: folder, input, encoding: 'utf8' });
      return { status, stdout, stderr };
    };
    expect(importLimited(['large.csv', 'out.h5'])).toEqual(expected);
    expect(readdirSync(folder)).toEqual(['large.csv', 'small.csv']);
    expect(importLimited(['-', 'out.h5'], readFileSync(join(folder, 'large.csv')).subarray(0, 5e6))).toMatchObject({ status: 1 });
    expect(readdirSync(folder)).toEqual(['large.csv', 'small.csv']);
    rmSync(join(folder, 'large.csv'));
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('leaves nothing behind when %s ends it, and ends by that signal', async (signal) => {
    writeLargeTable();
    const child: ChildProcess = spawn(process.execPath, [program, 'import', 'large.csv', 'out.h5'], { cwd: folder, stdio: 'ignore' });
    const ended = once(child, 'exit');
    while (!readdirSync(folder).some((name) => name.endsWith('.partial'))) {
      if (child.exitCode !== null) throw new Error('the import ended before it could be interrupted');
      await delay(5);
    }
    child.kill(signal);
    expect(await ended).toEqual([null, signal]);
    expect(readdirSync(folder)).toEqual(['large.csv', 'small.csv']);
    rmSync(join(folder, 'large.csv'));
  });

  it('--help shows every option, within 80 columns', () => {
    const { status, stdout } = freestone(['import', '--help']);
    expect(status).toBe(0);
    for (const option of ['format', 'delimiter', 'quote', 'relax-quotes', 'header', 'types', 'missing', 'as', 'name', 'group', 'strings', 'gzip', 'no-shuffle', 'overwrite', 'json', 'help']) {
      expect(stdout).toContain(`--${option}`);
    }
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});

describe('freestone', () => {
  it('alone and for a command that is not there shows the commands and is status 2', () => {
    const alone = freestone([]);
    expect({ status: alone.status, stdout: alone.stdout }).toEqual({ status: 2, stdout: '' });
    expect(alone.stderr).toMatch(/^Usage: freestone <command>[^]*\n {2}import {2}/);
    const unknown = freestone(['impotr']);
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toMatch(/^freestone: there is no command "impotr"\n\nUsage:/);
  });

  it('--help and --version are answered on standard output', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
    expect(freestone(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
    const { status, stdout, stderr } = freestone(['--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const name of ['import', 'ls', 'map']) expect(stdout).toMatch(new RegExp(`^ {2}${name} +\\S`, 'm'));
  });

  it('a reader that closes its end early is no failure', async () => {
    writeFileSync(join(folder, 'wide.csv'), `${Array.from({ length: 5000 }, (_, column) => `c${column}`).join(',')}\n`);
    expect(freestone(['import', 'wide.csv', 'wide.h5']).status).toBe(0);
    const child = spawn(process.execPath, [program, 'ls', '-r', '--json', 'wide.h5'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let complaints = '';
    child.stderr.on('data', (text: Buffer) => {
      complaints += text.toString();
    });
    child.stdout.destroy();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(complaints).toBe('');
  });
});
