// The slab heap as malloc beside others, each loaded before the same program; and the heap through JavaScript.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Heap } from '../dist/slab/index.js';
import { buildNative } from '../scripts/native-build.mjs';
import { buildRpmalloc, installedMallocs } from './harness/mallocs.mjs';
import { machine } from './harness/report.mjs';
import { median, table } from './harness/table.mjs';
import { UsageError } from './harness/usage-error.mjs';

export const about = 'malloc and free of the slab heap beside mimalloc, tcmalloc, jemalloc, rpmalloc and the C library';

export const options = {
  cases: { type: 'string', value: 'a,b', help: 'these cases alone' },
  rpmalloc: { type: 'string', value: 'folder', help: 'rpmalloc beside them: a checkout of mjansson/rpmalloc' },
};

export const subjectNames = ['freestone', 'mimalloc', 'tcmalloc', 'jemalloc', 'rpmalloc', 'glibc'];

/** Operations of each case at scale 1. */
const CASES = { pair64: 3e6, pair1024: 3e6, pair8192: 3e6, batch64: 3e6, batch8192: 1e6, churn1k: 2e6, churn64k: 1e6, large: 30_000 };

function ask(program, library, args, env = {}) {
  const { status, stdout, stderr } = spawnSync(program, args.map(String), {
    encoding: 'utf8',
    env: { ...process.env, ...env, ...(library === '' ? {} : { LD_PRELOAD: library }) },
  });
  if (status !== 0 || stderr !== '') throw new Error(`${program} ${args.join(' ')} with ${library}: ${stderr || String(status)}`);
  return stdout.trim().split(' ').map(Number);
}

/** Nanoseconds of this thread's own time for each of `count` operations. */
function each(count, work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / count;
}

function throughJavaScript(count) {
  const heap = new Heap();
  const result = {};
  for (const size of [1024, 65536]) {
    result[`heap.alloc(${String(size)}) and dealloc`] = each(count, () => {
      for (let i = 0; i < count; i += 1) heap.dealloc(heap.alloc(size));
    });
    result[`heap.allocMany(${String(size)}, 64) and freeMany, a block`] = each(count, () => {
      for (let i = 0; i < count; i += 64) heap.freeMany(heap.allocMany(size, 64));
    });
    result[`Buffer.allocUnsafeSlow(${String(size)})`] = each(count, () => {
      for (let i = 0; i < count; i += 1) Buffer.allocUnsafeSlow(size);
    });
  }
  heap.destroy();
  return result;
}

const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1);

export function run({ rounds, scale, only, cases, rpmalloc, json }) {
  const wanted = cases === undefined ? Object.keys(CASES) : cases.split(',');
  const unknown = wanted.find((name) => !(name in CASES));
  if (unknown !== undefined) throw new UsageError(`--cases: there is no ${unknown}, but ${Object.keys(CASES).join(', ')}`);
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'] };
  const program = buildNative('bench', 'malloc_bench', { build_bench: 1 }, quiet);
  const own = buildNative('bench', 'freestone_malloc', { build_bench: 1 }, quiet);
  if (program === undefined || own === undefined) throw new Error('the programs could not be built');
  const folder = mkdtempSync(join(tmpdir(), 'freestone-slab-'));
  try {
    const libraries = {
      freestone: `${own}.so`,
      ...installedMallocs(),
      rpmalloc: rpmalloc === undefined ? undefined : buildRpmalloc(rpmalloc, folder),
      glibc: '',
    };
    const subjects = only.filter((name) => libraries[name] !== undefined);
    const rows = [];
    for (const name of wanted) {
      for (const threads of cpus().length > 1 ? [1, 2] : [1]) {
        const count = Math.max(1000, Math.round(CASES[name] * scale));
        const times = Object.fromEntries(subjects.map((subject) => [subject, []]));
        // Large blocks: what the C library does before it has learnt not to map each one.
        const env = name === 'large' ? { MALLOC_MMAP_THRESHOLD_: '131072' } : {};
        for (let round = 0; round < rounds; round += 1) {
          for (const subject of subjects) times[subject].push(...ask(program, libraries[subject], [name, threads, count], env));
        }
        rows.push({ name, threads, times });
      }
    }
    const memory = subjects.map((subject) => {
      const [peak, atPeak, peakTrimmed, rest, atEnd, trimmed, touched, empty] = ask(program, libraries[subject], ['resident', 1, Math.round(4e6 * scale)]);
      return { subject, peak, atPeak, peakTrimmed, rest, atEnd, trimmed, touched, empty };
    });
    throughJavaScript(20_000);
    const javascript = Array.from({ length: rounds }, () => throughJavaScript(Math.max(640, Math.round(200_000 * scale))));
    const missing = subjectNames.filter((name) => only.includes(name) && !subjects.includes(name));
    console.log(
      [
        `machine      ${machine()}, load average ${loadavg()[0].toFixed(1)} at the end`,
        `nanoseconds of a thread's own time for a malloc and a free, median of ${String(rounds)} rounds${missing.length === 0 ? '' : `; not here: ${missing.join(', ')}`}`,
        '',
        ...table(
          [
            { title: 'case', text: ({ name }) => name },
            { title: 'threads', text: ({ threads }) => String(threads) },
            ...subjects.map((subject) => ({ title: subject, text: ({ times }) => median(times[subject]).toFixed(1) })),
          ],
          rows,
        ),
        '',
        'resident memory in MiB after a churn of 400,000 blocks of up to 1 KiB, and after nine of ten at random ended; each before and after',
        'malloc_trim, where there is one. Pages: those that a live block touches, which no malloc can give back',
        '',
        ...table(
          [
            { title: 'malloc', text: ({ subject }) => subject },
            { title: 'live', text: ({ peak }) => mebibytes(peak) },
            { title: 'resident', text: ({ atPeak }) => mebibytes(atPeak) },
            { title: 'ratio', text: ({ peak, atPeak }) => (atPeak / peak).toFixed(2) },
            { title: 'trimmed', text: ({ peak, peakTrimmed }) => (peakTrimmed / peak).toFixed(2) },
            { title: 'then live', text: ({ rest }) => mebibytes(rest) },
            { title: 'resident', text: ({ atEnd }) => mebibytes(atEnd) },
            { title: 'trimmed', text: ({ trimmed }) => mebibytes(trimmed) },
            { title: 'pages', text: ({ touched }) => mebibytes(touched) },
            { title: 'ratio', text: ({ trimmed, touched }) => (trimmed / touched).toFixed(2) },
            { title: 'all freed, trimmed', text: ({ empty }) => mebibytes(empty) },
          ],
          memory,
        ),
        '',
        ...table(
          [
            { title: 'through JavaScript', text: (name) => name },
            { title: 'ns', text: (name) => median(javascript.map((round) => round[name])).toFixed(0) },
          ],
          Object.keys(javascript[0]),
        ),
      ].join('\n'),
    );
    if (json !== undefined) writeFileSync(json, `${JSON.stringify({ rows, memory, javascript }, null, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
