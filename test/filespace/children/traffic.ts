// A worker thread that allocates, extends and frees, and tells which blocks it holds in the end.
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { FileSpace, type Block } from '../../../lib/filespace/index.js';

const { handle, rounds } = workerData as { handle: number; rounds: number };
const space = FileSpace.attach(handle);
const blocks: Block[] = [];
let random = threadId + 1;

function next(limit: number): number {
  random = (random * 48271) % 2147483647;
  return random % limit;
}

for (let i = 0; i < rounds; i += 1) {
  const kind = ([undefined, 'raw', 'metadata'] as const)[next(3)];
  if (next(5) < 3) {
    const size = 1 + next(next(20) === 0 ? 100_000 : 3000);
    blocks.push({ offset: space.allocate(size, kind === undefined ? {} : { kind }), size });
  } else {
    const [block] = blocks.splice(next(blocks.length), 1);
    if (block !== undefined) space.free(block.offset, block.size);
  }
  if (i % 50 === 0) space.commit();
}
parentPort?.postMessage(blocks);
