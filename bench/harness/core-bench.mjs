// The benchmarks of bench/native, which measure a core without Node.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative, run } from '../../scripts/native-build.mjs';
import { UsageError } from './usage-error.mjs';

const native = join(dirname(fileURLToPath(import.meta.url)), '..', 'native');

/** @returns the path of `core_bench`, built */
export function buildCoreBench() {
  const program = buildNative('bench', 'core_bench', { build_bench: 1 }, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (program === undefined) throw new Error('core_bench could not be built');
  return program;
}

/**
 * Builds `core_bench` and runs one of its benchmarks, which prints for itself.
 * @param name of the benchmark @param scale below 1: a tenth of the operations @param parts of it; none: all
 */
export function coreBench(name, { scale, parts = [] }) {
  const program = buildCoreBench();
  const status = run(program, [name, ...(scale < 1 ? ['small'] : []), ...parts]);
  if (status !== 0) throw new Error(`core_bench ${name} ended with ${String(status)}`);
}

/** Builds bench/native/llfree.c with a checkout of luhsra/llfree-c as one program, as link-time optimisation would, and runs it. */
export function llfreeBench(checkout) {
  const source = resolve(checkout, 'src');
  let files;
  try {
    files = readdirSync(source).filter((file) => file.endsWith('.c'));
  } catch (error) {
    throw new UsageError(`--llfree: no checkout of luhsra/llfree-c in ${checkout} (${error.code})`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'freestone-llfree-'));
  try {
    const program = join(folder, 'llfree');
    const all = [...files.map((file) => join(source, file)), join(native, 'llfree.c')];
    const includes = ['src', 'include', 'std'].map((name) => `-I${resolve(checkout, name)}`);
    const input = all.map((file) => `#include "${file}"\n`).join('');
    const flags = ['-O3', '-march=native', '-std=gnu11', '-D_GNU_SOURCE', '-DSTD', '-w', ...includes];
    if (run('clang', [...flags, '-x', 'c', '-', '-o', program, '-pthread'], { input, stdio: ['pipe', 'inherit', 'inherit'] }) !== 0) {
      throw new Error('LLFree could not be built; it needs clang');
    }
    // It reports its beginning on standard error each time.
    if (run(program, [], { stdio: ['ignore', 'inherit', 'ignore'] }) !== 0) throw new Error('the benchmark of LLFree failed');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
