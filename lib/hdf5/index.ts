// The HDF5 tier's door.
export { H5File, type CreateOptions, type OpenOptions } from './model/file.js';
export type { Durability } from './commit/commit.js';
export type { SpaceOptions } from './storage/superblock-extension.js';
export type { ChunkCacheStats } from './storage/chunk-cache.js';
export type { ExternalRun } from './storage/external.js';
export type { ThrashEvent } from './model/thrashing.js';
export type { ExtentKind, FileExtent } from './model/file-map.js';
export { Group } from './model/group.js';
export { Dataset } from './model/dataset.js';
export type { CallOptions } from './model/call-options.js';
export type { DatasetColumns, ReadColumnsOptions } from './model/columns.js';
export type { DatasetSpec } from './model/dataset-spec.js';
export type { ExternalExtent } from './model/external-extent.js';
export type { Attributes, AttributeOptions } from './model/attributes.js';
export type { Data, Selection, StridedArray, Value } from './model/data.js';
export { t, type Datatype, type DatatypeName, type DatatypeSpec } from './model/datatype.js';
export type { StringOptions } from './model/element-type.js';
export type { TypedArray } from './model/number-kind.js';
export {
  bitshuffle,
  filterLibraries,
  fletcher32,
  gzip,
  lz4,
  lzf,
  nbit,
  scaleOffset,
  shuffle,
  szip,
  zstd,
  type Filter,
  type FilterName,
} from './model/filters.js';
export { Table, type ColumnValues, type TableOptions, type TableReadOptions, type TableRows } from './model/table.js';
export type { DatasetChunk, DatasetValues, ReadOptions } from './model/values.js';
export type { WritableOptions, WriteProgress } from './model/writable.js';
