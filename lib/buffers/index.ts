// The buffers tier's door, and the entry `freestone/buffers`.
export { BufferPool } from './buffer-pool.js';
export { TokenChannel, type ChannelHandle } from './channel.js';
export type { CollectOptions, CollectSource } from './collect.js';
export type { LeakReport, PoolPressure } from './events.js';
export type { MetricsRegistry } from './metrics.js';
export type { Onread, OnreadCallback, OnreadOptions } from './onread.js';
export type { BufferPoolOptions } from './options.js';
export type { PooledReadStream, ReadStreamOptions } from './read-stream.js';
export { BufferScope, type Lease, type ScopeEnd, type ScopeOptions } from './scope.js';
export type { SharedMemory } from './shared-source.js';
export type { BufferPoolStats, SharedStats } from './stats.js';
export type { BufferPoolHandle, BufferToken } from './tokens.js';
export type { FromWebOptions } from './web-streams.js';
export type { WriteOptions, WriteTarget } from './write.js';
