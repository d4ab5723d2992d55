import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileSpace, type Block } from '../../lib/filespace/index.js';
import { compileInto } from '../hdf5/compiled.js';

const folder = mkdtempSync(join(tmpdir(), 'freestone-filespace-'));
let script: (child: string) => string;

beforeAll(() => {
  script = compileInto(folder, ['lib/filespace'], 'test/filespace/children');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('workers with the handle of one space', () => {
  it('allocate, free and commit at once, and hold blocks that do not overlap and are all that is live', async () => {
    const space = new FileSpace(96);
    const workers = [1, 2, 3].map(() => new Worker(script('traffic'), { workerData: { handle: space.handle, rounds: 3000 } }));
    const held = await Promise.all(
      workers.map(
        (worker) =>
          new Promise<Block[]>((resolve, reject) => {
            worker.once('message', resolve);
            worker.once('error', reject);
          }),
      ),
    );
    await Promise.all(workers.map((worker) => worker.terminate()));
    const all = held.flat().sort((a, b) => a.offset - b.offset);
    expect(all.length).toBeGreaterThan(1000);
    expect(space.blocks()).toEqual(all);
    space.validate();
  });

  it('see where it begins', async () => {
    const space = new FileSpace(4096);
    const worker = new Worker(script('traffic'), { workerData: { handle: space.handle, rounds: 1 } });
    await new Promise((resolve) => worker.once('message', resolve));
    const attached = FileSpace.attach(space.handle);
    expect(attached.initialOffset).toBe(4096);
    expect(attached.fragmentation()).toBeLessThanOrEqual(1);
    await worker.terminate();
    expect(attached.allocate(10)).toBeGreaterThanOrEqual(4096);
  });
});
