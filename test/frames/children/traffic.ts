// A worker thread that allocates and frees, and checks that what it wrote into its frames is still there.
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { FrameAllocator, type FramesHandle } from '../../../lib/frames/index.js';

const { handle, task } = workerData as { handle: FramesHandle; task: 'stamp' | 'for ever' };
const frames = FrameAllocator.attach(handle);
const runs: { first: number; count: number; stamp: number }[] = [];
let random = threadId + 1;

function next(limit: number): number {
  random = (random * 48271) % 2147483647;
  return random % limit;
}

function take(): void {
  const count = next(20) === 0 ? 512 : 1 + next(40);
  const first = frames.allocate(count);
  const stamp = threadId * 2 ** 20 + next(2 ** 20);
  for (let i = 0; i < count; i += 1) frames.view(first + i, 1).writeUInt32LE(stamp, 0);
  runs.push({ first, count, stamp });
}

function giveBack(): void {
  const [run] = runs.splice(next(runs.length), 1);
  if (run === undefined) return;
  for (let i = 0; i < run.count; i += 1) {
    if (frames.view(run.first + i, 1).readUInt32LE(0) !== run.stamp) throw new Error(`frame ${String(run.first + i)} was handed out twice`);
  }
  frames.free(run.first, run.count);
}

for (let i = 0; task === 'for ever' || i < 4000; i += 1) {
  if (runs.length < 100 && next(2) === 0) take();
  else giveBack();
}
while (runs.length > 0) giveBack();
frames.close();
parentPort?.postMessage('right');
