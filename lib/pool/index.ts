// The pool tier's door.
export { Pool, type PoolFinding, type PoolHandle, type PoolOptions, type PoolStats } from './pool.js';
export { nativePool } from './pool.js';
