// Placing extents: how long one large request takes, and whether many in sequence stay cheap. LVM itself is C inside its commands, so that there
// is no peer to be called; rates are published without a ratio.
import { writeFileSync } from 'node:fs';
import { arch, cpus, platform, release } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { allocate, normalise, reserve } from '../dist/extents/index.js';
import { median, mib, table } from './harness/table.mjs';

export const about = 'place 8 stripes on 10,000 sources, and 100,000 volumes one after another on 100';

export const options = {};

export const subjectNames = ['freestone'];

const SOURCES = 10_000;
const AREAS = 100;
const STRIPES = 8;
const SEQUENCE_SOURCES = 100;
const SEQUENCE = 100_000;
const WARM_UPS = 10;
/** What the tier promises. */
const MOST_MS = 50;
const MOST_MIB = 200;

/** The same numbers in every run. */
function randomNumbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function fragmented(count, areaCount, random) {
  return Array.from({ length: count }, (_, handle) => {
    let end = 0;
    const areas = Array.from({ length: areaCount }, () => {
      const start = end + 1 + random(50);
      const length = 1 + random(1000);
      end = start + length;
      return { start, length };
    });
    return { handle, areas, totalExtents: end, tags: [] };
  });
}

function timed(work) {
  const start = performance.now();
  work();
  return performance.now() - start;
}

async function oneRequest({ rounds, scale, signal }) {
  const sources = fragmented(Math.max(STRIPES, Math.round(SOURCES * scale)), AREAS, randomNumbers(1));
  const normal = normalise(sources);
  const rows = [];
  for (const extents of [1, 100, 900]) {
    for (const [form, list] of [
      ['plain objects', sources],
      ['normalised', normal],
    ]) {
      const request = { sources: list, segmentType: 'striped', dataAreas: STRIPES, extentsNeeded: STRIPES * extents };
      for (let i = 0; i < WARM_UPS; i += 1) allocate(request); // until the engine has compiled what is measured
      const times = [];
      for (let round = 0; round < rounds; round += 1) {
        signal.throwIfAborted();
        times.push(timed(() => allocate(request)));
        await turn();
      }
      rows.push({ form, extents, sources: list.length, ms: median(times), times });
    }
  }
  return { rows, peakBytes: process.resourceUsage().maxRSS * 1024 };
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
  const { rows, peakBytes } = await oneRequest({ rounds, scale, signal });
  const lines = table(
    [
      { title: 'sources as', text: ({ form }) => form },
      { title: 'extents a stripe', text: ({ extents }) => String(extents) },
      { title: 'ms', text: ({ ms }) => ms.toFixed(1) },
      { title: `below ${MOST_MS} ms`, text: ({ ms }) => (ms < MOST_MS ? 'yes' : 'no') },
    ],
    rows,
  );
  for (const line of ['', ...lines, '']) console.log(line);
  console.log(`memory       ${mib(peakBytes)} MiB at the most, both forms of the sources included (${peakBytes < MOST_MIB * 2 ** 20 ? 'below' : 'not below'} ${MOST_MIB} MiB)`);

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
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ rounds, scale, rows, peakBytes, sequence }, null, 2)}\n`);
}
