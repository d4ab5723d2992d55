// A worker thread that allocates and frees, and checks that what it wrote into its blocks is still there.
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { Pool, type PoolHandle } from '../../../lib/pool/index.js';

const { handle, task } = workerData as { handle: PoolHandle; task: 'stamp' | 'for ever' };
const pool = Pool.attach(handle);
const blocks: Buffer[] = [];
let random = threadId + 1;

function next(limit: number): number {
  random = (random * 48271) % 2147483647;
  return random % limit;
}

function giveBack(): void {
  const [block] = blocks.splice(next(blocks.length), 1);
  if (block === undefined) return;
  if (block.some((byte) => byte !== (threadId & 255))) throw new Error('a block was handed out twice');
  pool.free(block);
}

for (let i = 0; task === 'for ever' || i < 10_000; i += 1) {
  if (blocks.length < 200 && next(2) === 0) blocks.push(pool.alloc(1 + next(next(50) === 0 ? 100_000 : 500)).fill(threadId & 255));
  else giveBack();
}
while (blocks.length > 0) giveBack();
pool.destroy();
parentPort?.postMessage('right');
