import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Heap } from '../../lib/slab/index.js';
import { compileInto } from '../hdf5/compiled.js';

const folder = mkdtempSync(join(tmpdir(), 'freestone-slab-'));
let script: (child: string) => string;

beforeAll(() => {
  script = compileInto(folder, ['lib/frames', 'lib/slab'], 'test/slab/children');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function start(heap: Heap, task: string): { worker: Worker; ended: Promise<unknown> } {
  const worker = new Worker(script('traffic'), { workerData: { handle: heap.handle, task } });
  const ended = new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return { worker, ended };
}

describe('threads', () => {
  it('share one heap, and no block is ever handed out twice', async () => {
    using heap = new Heap();
    const workers = [1, 2, 3].map(() => start(heap, 'stamp'));
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual(['right', 'right', 'right']);
    await Promise.all(workers.map(({ worker }) => worker.terminate()));
    heap.validate();
    expect(heap.stats().allocated).toBe(0);
  });

  it('that are terminated at random leave the heap whole', async () => {
    using heap = new Heap();
    for (let round = 0; round < 3; round += 1) {
      const workers = [1, 2].map(() => start(heap, 'for ever').worker);
      await new Promise((resolve) => setTimeout(resolve, 60 + round * 25));
      await Promise.all(workers.map((worker) => worker.terminate()));
      heap.validate();
    }
    heap.freeAll();
    heap.trim();
    expect(heap.stats()).toMatchObject({ allocated: 0, committed: 0 });
  });

  it('lose every block while they work when one of them ends them all, and the heap is whole', async () => {
    using heap = new Heap();
    const { worker, ended } = start(heap, 'for ever');
    ended.catch(() => undefined); // its blocks are gone: what it finds in them may be another's, and a free of one is refused
    for (let i = 0; i < 20; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      heap.freeAll();
    }
    await worker.terminate();
    heap.validate();
  });

  it('keep the heap for as long as one of them holds it', () => {
    const heap = new Heap();
    const second = Heap.attach(heap.handle);
    const block = second.alloc(100).fill(5);
    heap.destroy();
    expect(block.every((byte) => byte === 5)).toBe(true);
    expect(() => heap.alloc(8)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
    second.dealloc(block);
    second.destroy();
    expect(() => Heap.attach(heap.handle)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  it('cannot attach to a heap that was made for one', () => {
    using heap = new Heap({ threadSafe: false });
    expect(heap.alloc(100)).toHaveLength(100);
    expect(() => Heap.attach(heap.handle)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
  });
});
