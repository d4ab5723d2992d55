// The file-space tier's door: one file's addresses, shared by the metadata writer and the native worker threads.
export { FileSpace } from './file-space.js';
export { drawReplays } from './plot.js';
export { simulate, type Replay, type SimulateOptions, type Trace, type TraceOperation } from './simulate.js';
export type { AllocateOptions, Block, FileSpaceOptions, FileSpaceStats, FreeOptions, FreeSection, MapColumn, Section, SectionKind, SectionState, SpaceState, Strategy } from './types.js';
