// Every program in docs/buffers.md runs, and prints what stands below it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../..', import.meta.url));
// Within the package, whose name they import.
const folder = mkdtempSync(join(repository, 'build', 'docs-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Program {
  readonly line: number;
  readonly code: string;
  /** What it prints; undefined for a file that another program uses. */
  readonly output: string | undefined;
}

const text = readFileSync(join(repository, 'docs', 'buffers.md'), 'utf8');
const programs: Program[] = [...text.matchAll(/^```js\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```\n)?/gm)].map(({ index, 1: code = '', 2: output }) => ({
  line: text.slice(0, index).split('\n').length,
  code,
  output,
}));
for (const { code } of programs) {
  const name = /^\/\/ (\S+\.mjs)\n/.exec(code)?.[1];
  if (name !== undefined) writeFileSync(join(folder, name), code);
}

it('has a program for each thing that it explains', () => {
  expect(programs.length).toBe(text.match(/^```js$/gm)?.length);
  expect(programs.filter(({ output }) => output !== undefined).length).toBeGreaterThanOrEqual(9);
});

it.each(programs.filter(({ code }) => !/^\/\/ \S+\.mjs\n/.test(code)))('the program in line $line prints what is below it', ({ line, code, output }) => {
  const path = join(folder, `line-${String(line)}.mjs`);
  writeFileSync(path, code);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', path], { cwd: repository, encoding: 'utf8', timeout: 150_000 });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: output, stderr: '' });
});
