// Placing extents: how long one large request takes, and whether many in sequence stay cheap. LVM itself is C inside its commands, so that there
// is no peer to be called; rates are published without a ratio.
import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { arch, cpus, platform, release } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { allocate, normalise, reserve } from '../dist/extents/index.js';
import { fragmented, randomNumbers } from './extents/sources.mjs';
import { median, mib, table } from './harness/table.mjs';

export const about = 'place 8 stripes on 10,000 sources, and 100,000 volumes one after another on 100';

export const options = {};

export const subjectNames = ['freestone'];

const SOURCES = 10_000;
const AREAS = 100;
const STRIPES = 8;
const SEQUENCE_SOURCES = 100;
const SEQUENCE = 100_000;
/** What the tier promises. */
const MOST_MS = 50;
const MOST_MIB = 200;

/** What one-request.mjs measures in a process of its own. */
function inOwnProcess(task, signal) {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('extents/one-request.mjs', import.meta.url), [JSON.stringify(task)], { signal });
    let answer;
    child.on('message', (message) => {
      answer = message;
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (answer === undefined) reject(new Error(`the process of ${task.form} ended with ${String(code)}`));
      else resolve(answer);
    });
  });
}

async function oneRequest({ rounds, scale, signal }) {
  const sources = Math.max(STRIPES, Math.round(SOURCES * scale));
  const rows = [];
  for (const form of ['plain objects', 'normalised']) {
    const measured = await inOwnProcess({ form, sources, areas: AREAS, stripes: STRIPES, rounds }, signal);
    for (const row of measured.rows) rows.push({ ...row, sources, ms: median(row.times), firstPeakBytes: measured.firstPeakBytes, peakBytes: measured.peakBytes });
  }
  return rows;
}

async function inSequence({ scale, signal }) {
  const rows = [];
  for (const share of [8, 4, 2, 1]) {
    const count = Math.max(1, Math.round((SEQUENCE * scale) / share));
    let sources = normalise(fragmented(SEQUENCE_SOURCES, AREAS, randomNumbers(2)));
    const start = performance.now();
    for (let i = 0; i < count; i += 1) {
      sources = reserve(sources, allocate({ sources, extentsNeeded: 1 + (i % 40) }));
      if (i % 4096 === 0) {
        signal.throwIfAborted();
        await turn();
      }
    }
    rows.push({ count, ms: performance.now() - start });
  }
  return rows;
}

export async function run({ rounds, scale, json, signal }) {
  console.log(`machine      ${cpus()[0]?.model ?? 'unknown'}, ${platform()} ${release()} ${arch()}, Node ${process.version}`);
  console.log(`one request  ${STRIPES} stripes on ${Math.round(SOURCES * scale)} sources of ${AREAS} free areas; the median of ${rounds} rounds`);
  const rows = await oneRequest({ rounds, scale, signal });
  const lines = table(
    [
      { title: 'sources as', text: ({ form }) => form },
      { title: 'extents a stripe', text: ({ extents }) => String(extents) },
      { title: 'ms', text: ({ ms }) => ms.toFixed(1) },
      { title: `below ${MOST_MS} ms`, text: ({ ms }) => (ms < MOST_MS ? 'yes' : 'no') },
      { title: 'peak MiB, first', text: ({ firstPeakBytes }) => mib(firstPeakBytes) },
      { title: `below ${MOST_MIB} MiB`, text: ({ firstPeakBytes }) => (firstPeakBytes < MOST_MIB * 2 ** 20 ? 'yes' : 'no') },
      { title: 'all', text: ({ peakBytes }) => mib(peakBytes) },
    ],
    rows,
  );
  for (const line of ['', ...lines, '']) console.log(line);
  console.log('peak         of a process with its sources in one form, the engine included: after its first request, and after all of them, when');
  console.log('             what earlier ones left may not have been collected yet');
  console.log(`sequence     volumes of 1 to 40 extents, each on what the others leave, on ${SEQUENCE_SOURCES} sources`);
  const sequence = await inSequence({ scale, signal });
  const growth = (row, i) => {
    const before = sequence[i - 1];
    return before === undefined ? '' : (row.ms / before.ms / ((row.count * Math.log(row.count)) / (before.count * Math.log(before.count)))).toFixed(2);
  };
  const steps = sequence.map((row, i) => ({ ...row, growth: growth(row, i) }));
  const columns = [
    { title: 'placements', text: ({ count }) => String(count) },
    { title: 'ms', text: ({ ms }) => ms.toFixed(0) },
    { title: 'a second', text: ({ count, ms }) => String(Math.round((count / ms) * 1000)) },
    { title: 'growth / n log n', text: ({ growth: text }) => text },
  ];
  for (const line of ['', ...table(columns, steps)]) console.log(line);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ rounds, scale, rows, sequence }, null, 2)}\n`);
}
