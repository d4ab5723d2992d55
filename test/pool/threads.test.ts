import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Pool } from '../../lib/pool/index.js';
import { compileInto } from '../hdf5/compiled.js';

const folder = mkdtempSync(join(tmpdir(), 'freestone-pool-'));
let script: (child: string) => string;

beforeAll(() => {
  script = compileInto(folder, ['lib/frames', 'lib/pool'], 'test/pool/children');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function start(pool: Pool, task: string): { worker: Worker; ended: Promise<unknown> } {
  const worker = new Worker(script('traffic'), { workerData: { handle: pool.handle, task } });
  const ended = new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => {
      resolve('ended');
    });
  });
  return { worker, ended };
}

describe('threads', () => {
  it('share one pool, and no block is ever handed out twice', async () => {
    using pool = new Pool();
    const workers = [1, 2, 3].map(() => start(pool, 'stamp'));
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual(['right', 'right', 'right']);
    await Promise.all(workers.map(({ worker }) => worker.terminate()));
    expect(pool.stats().liveBlocks).toBe(0);
    pool.trim();
    pool.validate();
    expect(pool.stats().committed).toBe(0);
  });

  it('that are terminated at random, while all blocks are ended from here, leave the pool whole', async () => {
    using pool = new Pool();
    for (let round = 0; round < 3; round += 1) {
      const workers = [1, 2].map(() => start(pool, 'for ever'));
      for (const { ended } of workers) ended.catch(() => undefined); // their blocks are taken from under them
      await new Promise((resolve) => setTimeout(resolve, 60));
      pool.freeAll();
      await new Promise((resolve) => setTimeout(resolve, 20));
      await Promise.all(workers.map(({ worker }) => worker.terminate()));
    }
    pool.freeAll();
    pool.validate();
    expect(pool.stats().liveBlocks).toBe(0);
  });
});
