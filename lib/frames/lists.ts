// Lists of frames, the short ones cut from one buffer as Node cuts its small Buffers.
import { markAsUntransferable } from 'node:worker_threads';

const POOL_BYTES = 8192;
/** The most numbers of a list that shares its buffer. */
const MAX_SHARED = POOL_BYTES / 8 / 4;

let pool = new ArrayBuffer(0);
let used = 0;

/**
 * A list of `count` zeros. An ArrayBuffer of its own costs as much as allocating 64 frames, so that short lists share theirs, which cannot be
 * transferred to another thread for that.
 */
export function newList(count: number): Float64Array {
  if (count > MAX_SHARED) return new Float64Array(count);
  if (used + count * 8 > pool.byteLength) {
    pool = new ArrayBuffer(POOL_BYTES);
    markAsUntransferable(pool);
    used = 0;
  }
  const list = new Float64Array(pool, used, count);
  used += count * 8;
  return list;
}
