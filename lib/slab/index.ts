// The slab tier's door.
export { Heap, nativeHeap, type HeapBlock, type HeapHandle, type HeapLimit, type HeapOptions, type HeapStats } from './heap.js';
export { ObjectCache, type ObjectCacheOptions, type ObjectCacheStats } from './object-cache.js';
