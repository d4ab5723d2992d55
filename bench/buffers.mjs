// Pooled Buffers beside the engine's own, npm's pools and a bare array; and buffers from one thread to another.
import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { BufferPool } from '../dist/buffers/index.js';
import { machine } from './harness/report.mjs';
import { median, table } from './harness/table.mjs';

export const about = "BufferPool beside Buffer.alloc, npm's pools and an array of cached views; and between threads";
export const options = {};
export const subjectNames = ['zero: none', 'zero: release', 'shared, none', 'cached views', 'exact views', 'buffer-reuse-pool', 'typedarray-pool', 'allocUnsafe', 'alloc'];

const WORK = { 'to 64 KiB': 2e6, 'any to 64 KiB': 1e6, '16 KiB': 2e6, 'to 1 MiB': 3e5 };
/** The engine's own are slow, and as steady with fewer. */
const SLOW = new Set(['allocUnsafe', 'alloc', 'typedarray-pool']);

const subject = fileURLToPath(new URL('buffers/subject.mjs', import.meta.url));
const partner = new URL('buffers/partner.mjs', import.meta.url);
const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1);

const SIZE = 65536;
/** How many are under way at a time. */
const WINDOW = 16;

/** Microseconds for a buffer of 64 KiB to another thread, one way. */
async function exchange(way, count) {
  const pool = new BufferPool({ shared: true, zero: 'none' });
  const there = pool.channel();
  const back = pool.channel();
  const worker = new Worker(partner, { workerData: { way, handle: pool.handle, from: there.handle, to: back.handle } });
  await new Promise((resolve) => worker.once('online', resolve));
  const send = {
    copy: () => worker.postMessage(new Uint8Array(SIZE)),
    transfer: (buffer) => worker.postMessage(buffer, [buffer.buffer]),
    token: (buffer) => worker.postMessage(pool.token(buffer)),
  };
  const messages = (total) =>
    new Promise((resolve, reject) => {
      let sent = 0;
      let received = 0;
      const next = (buffer) => {
        sent += 1;
        send[way](buffer);
      };
      worker.on('error', reject);
      worker.removeAllListeners('message').on('message', (message) => {
        received += 1;
        const buffer = way === 'token' ? pool.fromToken(message) : message;
        if (sent < total) next(way === 'copy' ? undefined : buffer);
        else if (way === 'token') pool.release(buffer);
        if (received === total) resolve();
      });
      for (let i = 0; i < WINDOW; i += 1) next(way === 'token' ? pool.acquire(SIZE) : new Uint8Array(SIZE));
    });
  const ring = (total) => {
    let sent = 0;
    for (let received = 0; received < total; received += 1) {
      while (sent < total && sent - received < WINDOW && there.send(pool.acquire(SIZE))) sent += 1;
      pool.release(back.receiveSync());
    }
  };
  const run = way === 'ring' ? ring : messages;
  await run(count / 4);
  const began = performance.now();
  await run(count);
  const microseconds = ((performance.now() - began) * 1000) / count / 2;
  there.close();
  await worker.terminate();
  pool.close();
  return microseconds;
}

export async function run({ rounds, scale, only }) {
  const rows = [];
  for (const [work, count] of Object.entries(WORK)) {
    const measured = Object.fromEntries(only.map((name) => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const name of only) {
        const steps = Math.max(2000, Math.round((count * scale) / (SLOW.has(name) ? 10 : 1)));
        measured[name].push(JSON.parse(execFileSync(process.execPath, [subject, name, work, String(steps)], { encoding: 'utf8' })));
      }
    }
    const of = (name, what) => median(measured[name].map((each) => each[what] ?? NaN));
    const bare = only.includes('cached views') ? of('cached views', 'cpu') : NaN;
    for (const name of only) {
      rows.push({ work, name, ns: of(name, 'ns'), cpu: of(name, 'cpu'), ratio: of(name, 'cpu') / bare, gc: of(name, 'gc'), p99: of(name, 'p99'), resident: of(name, 'resident'), high: of(name, 'highWater'), trimmed: of(name, 'trimmed') });
    }
  }
  const ways = [];
  for (const way of ['copy', 'transfer', 'token', 'ring']) {
    const times = [];
    for (let round = 0; round < rounds; round += 1) times.push(await exchange(way, Math.max(400, Math.round(40_000 * scale))));
    ways.push({ way, microseconds: median(times) });
  }
  const known = (value, text) => (Number.isNaN(value) ? '' : text(value));
  console.log(
    [
      `machine      ${machine()}, ${String(cpus().length)} processors, load average ${loadavg()[0].toFixed(1)} at the end`,
      `one buffer of a set of 1,000 replaced, both ends of the new one touched: medians of ${String(rounds)} rounds, each a process of its own.`,
      'cached views and buffer-reuse-pool give the next power of two, the others exactly the bytes that are asked for',
      '',
      ...table(
        [
          { title: 'sizes', text: ({ work }) => work },
          { title: 'subject', text: ({ name }) => name },
          { title: 'ns', text: ({ ns }) => ns.toFixed(0) },
          { title: 'CPU ns', text: ({ cpu }) => cpu.toFixed(0) },
          { title: 'to cached views', text: ({ ratio }) => known(ratio, (value) => value.toFixed(2)) },
          { title: 'p99 ns', text: ({ p99 }) => p99.toFixed(0) },
          { title: 'in GC', text: ({ gc }) => `${(gc * 100).toFixed(1)} %` },
          { title: 'resident MiB', text: ({ resident }) => mebibytes(resident) },
          { title: 'high water MiB', text: ({ high }) => known(high, mebibytes) },
          { title: 'trimmed MiB', text: ({ trimmed }) => known(trimmed, mebibytes) },
        ],
        rows,
      ),
      '',
      '64 KiB from one thread to another, one way, 16 under way, in microseconds',
      '',
      ...table([{ title: 'by', text: ({ way }) => way }, { title: 'us', text: ({ microseconds }) => microseconds.toFixed(2) }], ways),
    ].join('\n'),
  );
}
