// The entry `freestone/memory`: allocators of memory.
export {
  FrameAllocator,
  type Allocator,
  type FrameAllocatorOptions,
  type FrameRequest,
  type FramesHandle,
  type FrameStats,
  type HugePagePolicy,
  type Leak,
  type Mover,
  type NodeOptions,
  type NodeStats,
  type Pressure,
  type Times,
  type Watermarks,
  type ZoneKind,
  type ZoneOptions,
  type ZoneStats,
} from './frames/index.js';
export { Pool, type PoolFinding, type PoolHandle, type PoolOptions, type PoolStats } from './pool/index.js';
export * from './arena/index.js';
export * from './slab/index.js';
