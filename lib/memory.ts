// The entry `freestone/memory`: allocators of memory.
export * from './frames/index.js';
