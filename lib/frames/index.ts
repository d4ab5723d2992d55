// The frames tier's door.
export { FrameAllocator, type FramesHandle, type FrameStats, type ZoneStats, type NodeStats, type Leak, type Pressure, type Times } from './frame-allocator.js';
export { CallSites } from './call-sites.js';
export { Windows, bufferOver } from './windows.js';
export type { Allocator } from './allocator.js';
export type { FrameAllocatorOptions, FrameRequest, HugePagePolicy, Mover, NodeOptions, Watermarks, ZoneKind, ZoneOptions } from './request.js';
