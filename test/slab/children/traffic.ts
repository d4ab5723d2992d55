// A worker thread that allocates and frees in a heap of another thread, and checks that what it wrote is still there.
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { Heap, type HeapHandle } from '../../../lib/slab/index.js';

const { handle, task } = workerData as { handle: HeapHandle; task: 'stamp' | 'for ever' };
const heap = Heap.attach(handle);
const blocks: { buffer: Buffer; stamp: number }[] = [];
let random = threadId + 1;

function next(limit: number): number {
  random = (random * 48271) % 2147483647;
  return random % limit;
}

function take(): void {
  const buffer = heap.alloc(next(40) === 0 ? 150_000 : 8 + next(3000));
  const stamp = threadId * 2 ** 20 + next(2 ** 20);
  buffer.writeUInt32LE(stamp, 0);
  buffer.writeUInt32LE(stamp, buffer.length - 4);
  blocks.push({ buffer, stamp });
}

function giveBack(): void {
  const [block] = blocks.splice(next(blocks.length), 1);
  if (block === undefined) return;
  if (block.buffer.readUInt32LE(block.buffer.length - 4) !== block.stamp) throw new Error('a block was handed out twice');
  heap.dealloc(block.buffer);
}

for (let i = 0; task === 'for ever' || i < 30_000; i += 1) {
  if (blocks.length === 0 || (blocks.length < 200 && next(2) === 0)) take();
  else giveBack();
  if (i % 5000 === 0) heap.stats();
  if (i % 9000 === 0) heap.trim();
}
while (blocks.length > 0) giveBack();
heap.destroy();
parentPort?.postMessage('right');
