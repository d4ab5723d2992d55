// What traffic leaves in memory: buffers of any size to 64 KiB come and go, and every so often the parts of the resident set are printed.
// Any length to 64 KiB, each new to the engine, or as many lengths as are named, which recur.
//   node [--expose-gc] bench/buffers/soak.mjs [minutes] [seconds between samples] [steps a second] [lengths]
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import { BufferPool } from '../../dist/buffers/index.js';

const minutes = Number(process.argv[2] ?? 10);
const every = Number(process.argv[3] ?? 30);
const perSecond = Number(process.argv[4] ?? 20_000);
const lengths = Number(process.argv[5] ?? 0);
const MIB = 2 ** 20;

/** Resident bytes by what they are of, as the system has them. Linux alone. */
function mappings() {
  const parts = { files: 0, malloc: 0, region: 0, other: 0 };
  let kind = 'other';
  let end = '';
  let inRegion = false;
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ (\d+)\s*(.*)$/.exec(line);
    if (head !== null) {
      const [, from, to, inode, name] = head;
      // The slab heap's region is one reservation of up to a tebibyte, in pieces by what may be done with each.
      const bytes = Number(BigInt(`0x${to}`) - BigInt(`0x${from}`));
      inRegion = name === '' && (bytes > 2 ** 34 || (inRegion && end === from));
      end = to;
      kind = inode !== '0' ? 'files' : name === '[heap]' ? 'malloc' : inRegion || nextIsRegion(from, to) ? 'region' : 'other';
    } else if (line.startsWith('Rss:')) parts[kind] += Number(/\d+/.exec(line)[0]) * 1024;
  }
  return parts;
}

/** Where the region lies: where the pool's first buffers are. */
let regionFrom = 0n;
let regionTo = 0n;
function nextIsRegion(from, to) {
  return BigInt(`0x${from}`) < regionTo && BigInt(`0x${to}`) > regionFrom;
}
function findRegion() {
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n').map((line) => /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ (\d+)\s*(.*)$/.exec(line)).filter(Boolean);
  for (const [, from, to, , inode, name] of maps) {
    const begins = BigInt(`0x${from}`);
    const ends = BigInt(`0x${to}`);
    if (inode !== '0' || name !== '' || ends - begins < 2n ** 34n) continue;
    regionTo = ends;
    regionFrom = begins;
    // What lies directly below it is the committed part of the same reservation.
    for (let more = true; more; ) {
      const below = maps.find(([, , until, , itsInode, itsName]) => BigInt(`0x${until}`) === regionFrom && itsInode === '0' && itsName === '');
      more = below !== undefined;
      if (more) regionFrom = BigInt(`0x${below[1]}`);
    }
  }
}

let state = 1;
const random = (limit) => (state = (state * 48271) % 2147483647) % limit;

const list = Array.from({ length: lengths }, () => 1 + random(65536));
const nextLength = () => (lengths === 0 ? 1 + random(65536) : list[random(lengths)]);

const before = process.memoryUsage();
const pool = new BufferPool(process.env.ZERO === undefined ? {} : { zero: process.env.ZERO });
const live = [];
let steps = 0;
let bound = 1000;
function step() {
  steps += 1;
  // How many are live wanders between 500 and 1,000.
  if (steps % 50_000 === 0) bound = 500 + random(501);
  if (live.length >= bound) {
    const at = random(live.length);
    const last = live.pop();
    if (at < live.length) {
      pool.release(live[at]);
      live[at] = last;
    } else pool.release(last);
    if (live.length >= bound) return;
  }
  const buffer = pool.acquire(nextLength());
  buffer.fill(steps & 255);
  live.push(buffer);
}

const mib = (bytes) => (bytes / MIB).toFixed(1).padStart(7);
const row = (label) => {
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  const { liveBytes, cachedBytes, highWaterBytes, hits, misses } = pool.stats();
  const { files, malloc, region, other } = mappings();
  const young = getHeapSpaceStatistics().reduce((sum, { space_name, space_size }) => sum + (/^new/.test(space_name) ? space_size : 0), 0);
  console.log(
    `${label.padEnd(8)} ${String(steps).padStart(10)} ${[rss, rss - before.rss, highWaterBytes, liveBytes, cachedBytes, region, heapTotal, heapUsed, young, other, malloc, files].map(mib).join(' ')}  ${((rss - before.rss) / highWaterBytes).toFixed(3)} ${((misses / (hits + misses)) * 100).toFixed(3)}`,
  );
};
step();
findRegion();
console.log('MiB         steps     rss   above    high    live    kept  region v8total  v8used v8young   other  malloc   files  above/high  misses %');
row('start');
const began = performance.now();
let next = every;
for (;;) {
  const seconds = (performance.now() - began) / 1000;
  if (seconds >= minutes * 60) break;
  while (steps < seconds * perSecond) step();
  if (seconds >= next) {
    row(`${String(Math.round(seconds))} s`);
    next += every;
  }
  await sleep(5);
}
row('end');
for (const buffer of live.splice(0)) pool.release(buffer);
row('released');
pool.trim();
row('trim');
globalThis.gc?.();
row('gc');
const after = process.memoryUsage().rss;
console.log(`start ${mib(before.rss)}, after trim ${mib(after)}: ${((after / before.rss - 1) * 100).toFixed(1)} % more`);
