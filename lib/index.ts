// Everything that the package offers.
export { FreestoneError, errorCodes, type ErrorCode } from './errors.js';
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
export * from './buffers/index.js';
export * from './extents/index.js';
export {
  FileSpace,
  drawReplays,
  simulate,
  type AllocateOptions,
  type Block,
  type FileSpaceOptions,
  type FileSpaceStats,
  type FreeSection,
  type Replay,
  type SimulateOptions,
  type SpaceState,
  type Trace,
  type TraceOperation,
} from './filespace/index.js';
export * from './hdf5/index.js';
export * from './placement/index.js';
