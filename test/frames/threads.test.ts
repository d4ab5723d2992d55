import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FrameAllocator } from '../../lib/frames/index.js';
import { compileInto } from '../hdf5/compiled.js';

const BLOCK = 2 * 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'freestone-frames-'));
let script: (child: string) => string;

beforeAll(() => {
  script = compileInto(folder, ['lib/frames'], 'test/frames/children');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function start(frames: FrameAllocator, task: string): { worker: Worker; ended: Promise<unknown> } {
  const worker = new Worker(script('traffic'), { workerData: { handle: frames.handle, task } });
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
  it('share one allocator, and no frame is ever handed out twice', async () => {
    using frames = new FrameAllocator({ size: 64 * BLOCK });
    const workers = [1, 2, 3].map(() => start(frames, 'stamp'));
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual(['right', 'right', 'right']);
    await Promise.all(workers.map(({ worker }) => worker.terminate()));
    frames.validate();
    expect(frames.stats().freeFrames).toBe(frames.stats().totalFrames);
  });

  it('that are terminated at random leave the allocator whole', async () => {
    using frames = new FrameAllocator({ size: 64 * BLOCK });
    for (let round = 0; round < 4; round += 1) {
      const workers = [1, 2].map(() => start(frames, 'for ever').worker);
      await new Promise((resolve) => setTimeout(resolve, 60 + round * 25));
      await Promise.all(workers.map((worker) => worker.terminate()));
      frames.validate();
    }
    for (const { frame, frames: count } of frames.leaks()) frames.free(frame, count);
    frames.drain();
    expect(frames.stats().freeFrames).toBe(frames.stats().totalFrames);
  });

  it('keep the region for as long as one of them holds it', async () => {
    const frames = new FrameAllocator({ size: 4 * BLOCK });
    const { handle } = frames;
    const second = FrameAllocator.attach(handle);
    const first = frames.allocate(1);
    frames.view(first, 1).write('still here');
    frames.close();
    expect(second.view(first, 1).toString('utf8', 0, 10)).toBe('still here');
    second.close();
    expect(() => FrameAllocator.attach(handle)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }) as Error);
    for (const wrong of [null, undefined, {}, { frames: -1 }, { frames: 'x' }, { frames: 2 ** 40 }]) {
      expect(() => FrameAllocator.attach(wrong as never)).toThrow(expect.objectContaining({ name: 'FreestoneError' }) as Error);
    }
    await Promise.resolve();
  });

  it('see a closed view as empty, not as the memory of someone else', () => {
    const frames = new FrameAllocator({ size: 4 * BLOCK });
    const other = FrameAllocator.attach(frames.handle);
    const first = frames.allocate(2);
    const view = frames.view(first, 2);
    frames.close();
    expect(view.length).toBe(0);
    other.free(first, 2);
    other.close();
  });
});
