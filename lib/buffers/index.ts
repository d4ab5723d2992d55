// The buffers tier's door, and the entry `freestone/buffers`.
export { BufferPool, type BufferPoolHandle, type BufferToken } from './buffer-pool.js';
export { TokenChannel, type ChannelHandle } from './channel.js';
export type { LeakReport, PoolPressure } from './events.js';
export type { BufferPoolOptions } from './options.js';
export { BufferScope, type Lease, type ScopeEnd, type ScopeOptions } from './scope.js';
export type { SharedMemory } from './shared-source.js';
export type { BufferPoolStats, SharedStats } from './stats.js';
