// Buffers that are forgotten, in a process with --expose-gc, and what the pool says of them: one line of JSON.
import { subscribe } from 'node:diagnostics_channel';
import { setImmediate as soon } from 'node:timers/promises';
import { BufferPool, type LeakReport } from '../../../lib/buffers/index.js';

const collect = (globalThis as { gc?: () => void }).gc;
if (collect === undefined) throw new Error('needs --expose-gc');

/** A function of its own, so that no register of the caller still has the buffer. */
function forgetful(pool: BufferPool, size: number): void {
  pool.acquire(size).fill(1);
}

/** Collects until so many leaks are found, or long enough. */
async function collected(pool: BufferPool, count: number): Promise<void> {
  for (let i = 0; i < 50 && pool.stats().leaks < count; i += 1) {
    collect?.();
    await soon();
  }
}

const scenarios: Record<string, () => Promise<object>> = {
  async one() {
    const pool = new BufferPool({ trackLeaks: true, name: 'leaky' });
    const reports: LeakReport[] = [];
    const published: unknown[] = [];
    subscribe('freestone:pool:leak', (event) => void published.push(event));
    pool.on('leak', (report) => reports.push(report));
    forgetful(pool, 5000);
    await collected(pool, 1);
    const { live, leaks } = pool.stats();
    return { reports, published, live, leaks, clean: pool.acquire(5000).every((byte) => byte === 0) };
  },
  async part() {
    const pool = new BufferPool({ trackLeaks: true });
    const part = ((): Buffer => pool.acquire(5000).fill(3).subarray(100, 200))();
    await collected(pool, 1);
    const { live, leaks } = pool.stats();
    return { live, leaks, whole: part.every((byte) => byte === 3) };
  },
  async released() {
    const pool = new BufferPool({ trackLeaks: true });
    for (let i = 0; i < 500; i += 1) pool.release(pool.acquire(1000));
    await collected(pool, 1);
    const { live, leaks } = pool.stats();
    return { live, leaks };
  },
  async share() {
    const pool = new BufferPool({ trackLeaks: 0.25 });
    for (let i = 0; i < 100; i += 1) forgetful(pool, 1000);
    await collected(pool, 25);
    await soon();
    return { leaks: pool.stats().leaks };
  },
  async waiting() {
    const pool = new BufferPool({ trackLeaks: true, maxBytes: 2 ** 20 });
    forgetful(pool, 2 ** 20);
    const waiting = pool.acquireAsync(100);
    await collected(pool, 1);
    return { length: pool.stats().leaks === 1 ? (await waiting).length : null };
  },
};

console.log(JSON.stringify(await scenarios[process.argv[2] ?? '']?.()));
