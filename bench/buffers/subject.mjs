// One way to get buffers, in a process of its own: replaces one buffer after another in a set of live ones, touching both ends of each.
import { createRequire } from 'node:module';
import { PerformanceObserver } from 'node:perf_hooks';
import { BufferPool } from '../../dist/buffers/index.js';

const require = createRequire(import.meta.url);
const [name, work, count] = process.argv.slice(2);
const LIVE = 1000;
const powerOf = (size) => 32 - Math.clz32(size - 1);

const subjects = {
  'zero: none': () => pooled({ zero: 'none' }),
  'zero: release': () => pooled({}),
  'shared, none': () => pooled({ zero: 'none', shared: true, maxBytes: 2 ** 31 }),
  /** What a pool cannot be faster than: arrays of ready Buffers by powers of two, which are longer than what is asked for. */
  'cached views': () => {
    const free = Array.from({ length: 33 }, () => []);
    return { get: (size) => free[powerOf(size)].pop() ?? Buffer.allocUnsafeSlow(2 ** powerOf(size)), put: (buffer) => free[powerOf(buffer.length)].push(buffer) };
  },
  /** The same by exact length, without any check: what there is to gain beside views of exactly what is asked for. */
  'exact views': () => {
    const free = new Map();
    const listOf = (size) => {
      let list = free.get(size);
      if (list === undefined) free.set(size, (list = []));
      return list;
    };
    return { get: (size) => listOf(size).pop() ?? Buffer.allocUnsafeSlow(size), put: (buffer) => listOf(buffer.length).push(buffer) };
  },
  'buffer-reuse-pool': () => {
    const { pool, free } = require('buffer-reuse-pool');
    const pools = Array.from({ length: 33 }, (_, power) => pool(2 ** power));
    return { get: (size) => pools[powerOf(size)].alloc(), put: free };
  },
  'typedarray-pool': () => {
    const { mallocUint8, freeUint8 } = require('typedarray-pool');
    return { get: mallocUint8, put: freeUint8 };
  },
  allocUnsafe: () => ({ get: (size) => Buffer.allocUnsafe(size), put: () => undefined }),
  alloc: () => ({ get: (size) => Buffer.alloc(size), put: () => undefined }),
};

function pooled(options) {
  const pool = new BufferPool(options);
  return { get: (size) => pool.acquire(size), put: (buffer) => pool.release(buffer), pool };
}

/** The same for every subject. */
function randomNumbers() {
  let state = 1;
  return (limit) => {
    state = (state * 48271) % 2147483647;
    return state % limit;
  };
}

function sizesOf(random) {
  if (work === '16 KiB') return () => 16384;
  if (work === 'any to 64 KiB') return () => 1 + random(65536);
  const list = Array.from({ length: 32 }, () => 1 + random(work === 'to 1 MiB' ? 2 ** 20 : 65536));
  return () => list[random(list.length)];
}

let collecting = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) collecting += entry.duration;
}).observe({ entryTypes: ['gc'] });

const random = randomNumbers();
const nextSize = sizesOf(random);
const sizes = Uint32Array.from({ length: 2 ** 16 }, nextSize);
const places = Uint32Array.from({ length: 2 ** 16 }, () => random(LIVE));
const before = process.memoryUsage.rss();
const { get, put, pool } = subjects[name]();
const live = Array.from({ length: LIVE }, (_, i) => get(sizes[i]));

let at = 0;
function replace(steps) {
  const end = at + steps;
  for (let i = at; i < end; i += 1) {
    const place = places[i & 65535];
    put(live[place]);
    const buffer = get(sizes[i & 65535]);
    buffer[0] = i;
    buffer[buffer.length - 1] = i;
    live[place] = buffer;
  }
  at = end;
}

replace(Number(count) / 4);
await new Promise((resolve) => setTimeout(resolve, 5));
collecting = 0;
const cpu = process.cpuUsage();
const began = performance.now();
replace(Number(count));
const milliseconds = performance.now() - began;
const used = process.cpuUsage(cpu);
// What was collected is told afterwards.
await new Promise((resolve) => setTimeout(resolve, 20));
const rss = process.memoryUsage.rss();
// One by one, for the slow ones among them; reading the clock twice is in each.
const times = new Float64Array(Math.ceil(Number(count) / 20));
for (let i = 0; i < times.length; i += 1) {
  const start = process.hrtime.bigint();
  replace(1);
  times[i] = Number(process.hrtime.bigint() - start);
}
times.sort();
const p99 = times[Math.floor(times.length * 0.99)];
const result = { ns: (milliseconds * 1e6) / Number(count), cpu: ((used.user + used.system) * 1000) / Number(count), gc: collecting / milliseconds, p99, resident: rss - before };
if (pool !== undefined) {
  result.highWater = pool.stats().highWaterBytes;
  for (const buffer of live.splice(0)) put(buffer);
  pool.trim();
  result.trimmed = process.memoryUsage.rss() - before;
}
console.log(JSON.stringify(result));
