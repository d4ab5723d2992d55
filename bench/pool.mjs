// The pool beside mallocs that are loaded before the same program, and through JavaScript beside Buffer.allocUnsafe.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from '../dist/pool/index.js';
import { buildCoreBench } from './harness/core-bench.mjs';
import { buildRpmalloc, buildSnmalloc, installedMallocs } from './harness/mallocs.mjs';
import { machine } from './harness/report.mjs';
import { median, table } from './harness/table.mjs';
import { UsageError } from './harness/usage-error.mjs';

export const about = 'general allocation by the pool beside mimalloc, tcmalloc, jemalloc, rpmalloc, snmalloc and the C library';

export const options = {
  cases: { type: 'string', value: 'a,b', help: 'these cases alone' },
  rpmalloc: { type: 'string', value: 'folder', help: 'rpmalloc beside them: a checkout of mjansson/rpmalloc' },
  snmalloc: { type: 'string', value: 'folder', help: 'snmalloc beside them: a checkout of microsoft/snmalloc' },
};

export const subjectNames = ['freestone', 'mimalloc', 'tcmalloc', 'jemalloc', 'rpmalloc', 'snmalloc', 'glibc'];

const CASES = ['churn1k', 'churn64k', 'pair64', 'batch8k', 'handed1k'];

/** The lines that core_bench prints, split. @param library loaded before it; undefined: the pool is measured */
function ask(program, library, parts, scale) {
  const { status, stdout, stderr } = spawnSync(program, ['pool', ...(scale < 1 ? ['small'] : []), ...(library === undefined ? [] : ['malloc']), ...parts], {
    encoding: 'utf8',
    env: { ...process.env, ...(library ? { LD_PRELOAD: library } : {}) },
  });
  if (status !== 0 || stderr !== '') throw new Error(`core_bench pool ${parts.join(' ')} with ${String(library)}: ${stderr || String(status)}`);
  return stdout.trim().split('\n').map((line) => line.split(' '));
}

/** Nanoseconds of this thread's own time for each of `count` operations. */
function each(count, work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / count;
}

function throughJavaScript(count) {
  const result = {};
  const pool = new Pool();
  for (const size of [64, 1024, 65536]) {
    result[`pool.alloc(${String(size)}) and free`] = each(count, () => {
      for (let i = 0; i < count; i += 1) pool.free(pool.alloc(size));
    });
    const kept = new Array(1000);
    result[`pool.alloc(${String(size)}), 1,000 kept, then freed`] = each(count, () => {
      for (let i = 0; i < count; i += kept.length) {
        for (let k = 0; k < kept.length; k += 1) kept[k] = pool.alloc(size);
        for (const block of kept) pool.free(block);
      }
    });
    result[`Buffer.allocUnsafe(${String(size)})`] = each(count, () => {
      for (let i = 0; i < count; i += 1) Buffer.allocUnsafe(size);
    });
    result[`Buffer.allocUnsafeSlow(${String(size)})`] = each(count, () => {
      for (let i = 0; i < count; i += 1) Buffer.allocUnsafeSlow(size);
    });
  }
  pool.destroy();
  return result;
}

export function run({ rounds, scale, only, cases, rpmalloc, snmalloc, json }) {
  const wanted = cases === undefined ? CASES : cases.split(',');
  const unknown = wanted.find((name) => !CASES.includes(name));
  if (unknown !== undefined) throw new UsageError(`--cases: there is no ${unknown}, but ${CASES.join(', ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'freestone-pool-'));
  try {
    const libraries = {
      ...installedMallocs(),
      rpmalloc: rpmalloc === undefined ? undefined : buildRpmalloc(rpmalloc, folder),
      snmalloc: snmalloc === undefined ? undefined : buildSnmalloc(snmalloc, folder),
      glibc: '',
    };
    const program = buildCoreBench();
    const subjects = only.filter((name) => name === 'freestone' || libraries[name] !== undefined);
    const times = new Map();
    for (let round = 0; round < rounds; round += 1) {
      for (const subject of subjects) {
        for (const [name, threads, time] of ask(program, libraries[subject], wanted, scale)) {
          const row = `${name} ${threads}`;
          if (!times.has(row)) times.set(row, Object.fromEntries(subjects.map((one) => [one, []])));
          times.get(row)[subject].push(Number(time));
        }
      }
    }
    const rows = [...times].map(([name, measured]) => ({ name, measured }));
    const memory = ['resident1k', 'resident64k'].flatMap((part) =>
      subjects.map((subject) => {
        const [[live, peak, freed]] = ask(program, libraries[subject], [part], scale).map((line) => line.map(Number));
        return { part, subject, live, peak, freed };
      }),
    );
    throughJavaScript(20_000);
    const javascript = Array.from({ length: rounds }, () => throughJavaScript(Math.max(1000, Math.round(200_000 * scale))));
    const missing = subjectNames.filter((name) => only.includes(name) && !subjects.includes(name));
    const others = subjects.filter((name) => name !== 'freestone');
    const own = ({ measured }) => median(measured.freestone ?? [NaN]);
    const best = ({ measured }) => Math.min(...others.map((name) => median(measured[name])));
    console.log(
      [
        `machine      ${machine()}, load average ${loadavg()[0].toFixed(1)} at the end`,
        `nanoseconds of a thread's own time for a block's allocation and free, median of ${String(rounds)} rounds${missing.length === 0 ? '' : `; not here: ${missing.join(', ')}`}`,
        '',
        ...table(
          [
            { title: 'case, threads', text: ({ name }) => name },
            ...subjects.map((subject) => ({ title: subject, text: ({ measured }) => median(measured[subject]).toFixed(1) })),
            { title: 'to rpmalloc', text: (row) => (row.measured.rpmalloc === undefined ? '' : (own(row) / median(row.measured.rpmalloc)).toFixed(2)) },
            { title: 'to the best', text: (row) => (others.length === 0 ? '' : (own(row) / best(row)).toFixed(2)) },
          ],
          rows,
        ),
        '',
        'MiB: live after a churn of 100,000 blocks to 1 KiB, or 2,000 to 64 KiB; resident then; resident when all is freed and the thread has ended',
        '',
        ...table(
          [
            { title: 'after', text: ({ part, subject }) => `${part.replace('resident', 'churn')} ${subject}` },
            { title: 'live', text: ({ live }) => live.toFixed(1) },
            { title: 'resident', text: ({ peak }) => peak.toFixed(1) },
            { title: 'ratio', text: ({ live, peak }) => (peak / live).toFixed(3) },
            { title: 'all freed', text: ({ freed }) => freed.toFixed(1) },
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
