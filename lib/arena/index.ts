// The arena tier's door.
export { Arena } from './arena.js';
export type { ArenaOptions, ChildArenaOptions, ChunkEvent, LiveAllocation, Mark } from './options.js';
export { ArenaPool, type ArenaPoolOptions } from './arena-pool.js';
export type { ArenaWriter } from './writer.js';
