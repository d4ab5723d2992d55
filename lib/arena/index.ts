// The arena tier's door.
export { Arena, type ArenaOptions, type ChunkEvent, type LiveAllocation, type Mark } from './arena.js';
export { ArenaPool, type ArenaPoolOptions } from './arena-pool.js';
export type { ArenaWriter } from './writer.js';
