import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL, fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'freestone-memory-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const door = pathToFileURL(fileURLToPath(new URL('../../dist/import/index.js', import.meta.url))).href;

/** Imports in a process of its own, and says how large that became. */
function peakBytes(input: string, options: object): { peak: number; rows: number } {
  const script = `
    import { importFiles } from ${JSON.stringify(door)};
    const { rows } = await importFiles([${JSON.stringify(input)}], ${JSON.stringify(`${input}.h5`)}, ${JSON.stringify(options)});
    console.log(JSON.stringify({ rows, peak: process.resourceUsage().maxRSS * 1024 }));`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as { peak: number; rows: number };
}

/** Writes rows until the file has so many bytes. */
function grow(name: string, bytes: number, header: string, row: (index: number) => string): { path: string; rows: number } {
  const path = join(folder, name);
  const file = openSync(path, 'w');
  let size = writeSync(file, header);
  let rows = 0;
  while (size < bytes) {
    let block = '';
    for (const first = rows; rows < first + 2000; rows++) block += row(rows);
    size += writeSync(file, block);
  }
  closeSync(file);
  return { path, rows };
}

const limit = 200e6;
const columns = (field: (column: number) => string | number): string => Array.from({ length: 500 }, (_, column) => field(column)).join();

describe('the memory of an import does not grow with its input', () => {
  it.each<[string, string, number, (index: number) => string, object]>([
    ['100 MB of numbers, times and text', 'n,t,x,text,ok\n', 100e6, (i) => `${i},${new Date(1.6e12 + i * 250).toISOString()},${i / 7},"text, number ${i}",${i % 2 === 0}\n`, {}],
    ['100 MB as one compound dataset', 'n,x,text\n', 100e6, (i) => `${i},${i / 7},${'text '.repeat(20)}${i}\n`, { as: 'table' }],
    ['50 MB of long text', 'n,text\n', 50e6, (i) => `${i},${'long text '.repeat(30 + (i % 10))}\n`, {}],
    ['60 MB of NDJSON with arrays and nested objects', '', 60e6, (i) => `{"n":${i},"in":{"x":${i / 7},"text":"number ${i}"},"v":[${i},${i % 7},0.5]}\n`, { format: 'ndjson' }],
    ['50 MB of 500 columns', `${columns((c) => `c${c}`)}\n`, 50e6, (i) => `${columns((c) => (c % 2 === 0 ? (i + c) % 1000 : `t${(i * c) % 100}`))}\n`, {}],
  ])(
    '%s stay under 200 MB',
    (name, header, bytes, row, options) => {
      const { path, rows } = grow(`${name}.csv`, bytes, header, row);
      const found = peakBytes(path, options);
      rmSync(path);
      expect(found.rows).toBe(rows);
      expect(found.peak).toBeLessThan(limit);
    },
  );
});
