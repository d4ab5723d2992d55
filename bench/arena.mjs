// The arena beside other ways to make small objects that end together, and through JavaScript beside Buffers of their own.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Arena } from '../dist/arena/index.js';
import { buildCoreBench } from './harness/core-bench.mjs';
import { buildBumpalo, buildRpmalloc } from './harness/mallocs.mjs';
import { machine } from './harness/report.mjs';
import { median, table } from './harness/table.mjs';

export const about = 'bump allocation by the arena beside obstack, std::pmr, rpmalloc and the pool';

export const options = {
  rpmalloc: { type: 'string', value: 'folder', help: 'rpmalloc beside them: a checkout of mjansson/rpmalloc' },
  bumpalo: { type: 'string', value: 'folder', help: 'bumpalo beside them: a checkout of fitzgen/bumpalo, and rustc' },
};

export const subjectNames = ['arena', 'pool', 'bump', 'obstack', 'monotonic', 'malloc'];

const TITLES = {
  arena: 'arena',
  pool: 'pool, allocate and free',
  bump: 'a pointer and a limit over malloc',
  obstack: 'obstack of glibc',
  monotonic: 'std::pmr::monotonic_buffer_resource over one buffer',
  malloc: 'malloc and free of glibc',
  bumpalo: 'bumpalo',
  rpmalloc: 'rpmalloc, malloc and free',
  rpmallocBump: 'a pointer and a limit over rpmalloc',
};

function ask(program, parts, scale, env = {}) {
  const { status, stdout, stderr } = spawnSync(program, ['arena', ...(scale < 1 ? ['small'] : []), ...parts], { encoding: 'utf8', env: { ...process.env, ...env } });
  if (status !== 0 || stderr !== '') throw new Error(`core_bench arena ${parts.join(' ')}: ${stderr || String(status)}`);
  return Object.fromEntries(stdout.trim().split('\n').map((line) => line.split(' ')).map(([name, , time]) => [name, Number(time)]));
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
  const arena = new Arena();
  const sizes = new Uint32Array(100).fill(32);
  const rounds = Math.floor(count / 1000);
  const perRound = (name, run) => {
    result[name] = each(rounds * 1000, () => {
      for (let round = 0; round < rounds; round += 1) {
        run();
        arena.reset();
      }
    });
  };
  perRound('arena.alloc(32)', () => {
    for (let i = 0; i < 1000; i += 1) arena.alloc(32);
  });
  perRound('arena.allocMany of 100 blocks of 32, a block', () => {
    for (let i = 0; i < 1000; i += 100) arena.allocMany(sizes);
  });
  perRound("arena.strdup('a text of 24 characters')", () => {
    for (let i = 0; i < 1000; i += 1) arena.strdup('a text of 24 characters');
  });
  perRound('arena.writer, 100 numbers to a view, a number', () => {
    for (let i = 0; i < 1000; i += 100) {
      const writer = arena.writer();
      for (let k = 0; k < 100; k += 1) writer.append(k);
      writer.finish();
    }
  });
  result['Buffer.allocUnsafe(32)'] = each(count, () => {
    for (let i = 0; i < count; i += 1) Buffer.allocUnsafe(32);
  });
  result['Buffer.allocUnsafeSlow(32)'] = each(count, () => {
    for (let i = 0; i < count; i += 1) Buffer.allocUnsafeSlow(32);
  });
  result["Buffer.from('a text of 24 characters')"] = each(count, () => {
    for (let i = 0; i < count; i += 1) Buffer.from('a text of 24 characters');
  });
  arena.destroy();
  return result;
}

export function run({ rounds, scale, only, rpmalloc, bumpalo, json }) {
  const folder = mkdtempSync(join(tmpdir(), 'freestone-arena-'));
  try {
    const library = rpmalloc === undefined ? undefined : buildRpmalloc(rpmalloc, folder);
    const rust = bumpalo === undefined ? undefined : buildBumpalo(bumpalo, folder);
    const program = buildCoreBench();
    const measured = Array.from({ length: rounds }, () => {
      const times = ask(program, [...only, 'reset'], scale);
      if (rust !== undefined) times.bumpalo = Number(spawnSync(rust, scale < 1 ? ['small'] : [], { encoding: 'utf8' }).stdout);
      if (library === undefined) return times;
      const { malloc, bump } = ask(program, ['malloc', 'bump'], scale, { LD_PRELOAD: library });
      return { ...times, rpmalloc: malloc, rpmallocBump: bump };
    });
    const of = (name) => median(measured.map((times) => times[name]));
    throughJavaScript(20_000);
    const javascript = Array.from({ length: rounds }, () => throughJavaScript(Math.max(10_000, Math.round(500_000 * scale))));
    console.log(
      [
        `machine      ${machine()}, load average ${loadavg()[0].toFixed(1)} at the end`,
        `nanoseconds of the thread's own time for an object of 32 bytes, 10,000 of which end together, median of ${String(rounds)} rounds`,
        '',
        ...table(
          [
            { title: '', text: (name) => TITLES[name] },
            { title: 'ns', text: (name) => of(name).toFixed(2) },
            { title: 'to the arena', text: (name) => (only.includes('arena') ? (of(name) / of('arena')).toFixed(2) : '') },
          ],
          Object.keys(TITLES).filter((name) => name in measured[0]),
        ),
        '',
        `reset of an arena with 1,000 chunks: ${of('reset').toFixed(0)} ns`,
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
    if (json !== undefined) writeFileSync(json, `${JSON.stringify({ measured, javascript }, null, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
