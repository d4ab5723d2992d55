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
export {
  Heap,
  ObjectCache,
  type HeapBlock,
  type HeapHandle,
  type HeapLimit,
  type HeapOptions,
  type HeapStats,
  type ObjectCacheOptions,
  type ObjectCacheStats,
} from './slab/index.js';
