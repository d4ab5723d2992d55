// What a dataset is to be, checked before anything is made.
import { FreestoneError, checkInteger, checkOptions } from '../../errors.js';
import type { FilterMessage } from '../format/filter-pipeline.js';
import { maxMessageSize } from '../format/object-header.js';
import { product } from '../storage/box.js';
import type { ExternalRun } from '../storage/external.js';
import { constantMessages } from './dataset-header.js';
import { checkedNumbers, dataBlock, inferredDatatype, type Data, type DataBlock } from './data.js';
import { elementType, type DatatypeSpec } from './datatype.js';
import { plannedExternal, type ExternalExtent } from './external-extent.js';
import { encodeFixed, type ElementType } from './element-type.js';
import { filterMessages, type Filter } from './filters.js';

export interface DatasetSpec {
  /** Follows from `data` unless given. */
  readonly dtype?: DatatypeSpec;
  /** Elements along each dimension, [] for a scalar. Follows from `data` unless given. */
  readonly shape?: readonly number[];
  /** How far each dimension may grow; null for without limit. The shape itself unless given. */
  readonly maxShape?: readonly (number | null)[];
  /**
   * Elements of a chunk along each dimension, or true for a shape that is chosen: as many whole rows as 256 KiB hold, of rows that are
   * larger a part with the longest dimensions halved until it fits. h5py aims at 16 KiB to 1 MiB, more for larger datasets, and halves all
   * dimensions in turn; whole rows suit appending, and reading rows back, better.
   * Needed for filters and for growth, and chosen when either is asked for and this is not given.
   */
  readonly chunks?: readonly number[] | true;
  /**
   * Chunks that are only partly written, or read, stay in memory up to this many bytes, and one of them in any case; as the file says
   * (`chunkCache` there) unless given. When it is too low for the order in which parts come, chunks leave before they are complete and are
   * read back for the next part: a warning, FREESTONE_CHUNK_CACHE, says so once.
   */
  readonly chunkCache?: number;
  /** Ends the writing of `data`: then there is no dataset, as when it fails. */
  readonly signal?: AbortSignal | undefined;
  /** Applied to each chunk in this order. */
  readonly filters?: readonly Filter[];
  /** What elements are that were never written; zero unless given. */
  readonly fill?: unknown;
  /** Written at once. */
  readonly data?: Data;
  /**
   * Where the elements are instead of in the HDF5 file: runs of bytes of other files, in this order. Files are made when they are written;
   * their folders must be there. A path that is not absolute is taken, by every reader, relative to its working directory.
   */
  readonly external?: readonly ExternalExtent[];
}

/** A dataset's properties in the terms of the format. */
export interface DatasetPlan {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly maxShape: readonly (number | null)[];
  /** Null for contiguous layout. */
  readonly chunkShape: readonly number[] | null;
  readonly filters: readonly FilterMessage[];
  /** One element, or null for zeros. */
  readonly fill: Uint8Array | null;
  /** Bytes of chunks that stay in memory; as the file says when absent. */
  readonly chunkCache?: number;
  /** Where the elements are when they are not in the HDF5 file. */
  readonly external?: readonly ExternalRun[];
}

/** The chunk's size and its dimensions are 32-bit numbers in the file. */
const MAX_CHUNK_BYTES = 2 ** 32 - 1;
const AUTOMATIC_CHUNK_BYTES = 256 * 2 ** 10;

/**
 * What is to be made, and the data that is to be written into it, if there is any.
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_INVALID_SIZE, ERR_TYPE_MISMATCH, ERR_UNSUPPORTED
 */
export function planDataset(spec: DatasetSpec): { readonly plan: DatasetPlan; readonly block: DataBlock | null } {
  checkOptions('the dataset', spec, ['dtype', 'shape', 'maxShape', 'chunks', 'filters', 'fill', 'data', 'external', 'chunkCache', 'signal']);
  const type = elementType(spec.dtype ?? inferredDatatype(spec.data));
  const block = spec.data === undefined ? null : dataBlock(spec.data, type);
  const shape = plannedShape(spec, block);
  checkInteger('the size of the dataset in bytes', product(shape) * type.size, { code: 'ERR_INVALID_SIZE' });
  const maxShape = plannedMaxShape(spec, shape);
  const grows = maxShape.some((limit, d) => limit !== shape[d]);
  const isChunked = spec.chunks !== undefined || (spec.filters ?? []).length > 0 || grows;
  const chunkShape = isChunked ? plannedChunks(spec, shape, maxShape, type.size) : null;
  const fill = plannedFill(spec, type);
  const filters = filterMessages(spec.filters ?? [], { type, chunkShape: chunkShape ?? [], fill });
  if (type.variable && filters.some(({ optional }) => !optional)) {
    throw new FreestoneError('ERR_UNSUPPORTED', 'fletcher32 cannot guard variable-length elements, whose data is not in the chunks');
  }
  const chunkCache = spec.chunkCache === undefined ? {} : { chunkCache: checkInteger('chunkCache', spec.chunkCache) };
  const plan = { type, shape, maxShape, chunkShape, filters, fill, ...chunkCache };
  const [typeMessage, fillMessage] = constantMessages(plan);
  checkMessageSize('the description of the datatype', typeMessage.body.length);
  checkMessageSize('the fill value', fillMessage.body.length);
  return { plan: spec.external === undefined ? plan : { ...plan, external: plannedExternal(spec.external, plan) }, block };
}

/** What is larger could not be committed, nor anything else in the file. */
function checkMessageSize(what: string, size: number): void {
  if (size <= maxMessageSize) return;
  throw new FreestoneError('ERR_INVALID_SIZE', `${what} needs ${String(size)} bytes in the header, and ${String(maxMessageSize)} is the most`, {
    size,
    limit: maxMessageSize,
  });
}

function plannedShape({ shape }: DatasetSpec, block: DataBlock | null): readonly number[] {
  if (shape === undefined) {
    if (block !== null) return block.shape ?? [block.count];
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'shape is needed: there is no data that it follows from', { argument: 'shape' });
  }
  const checked = checkedNumbers('shape', shape);
  if (block !== null) checkFits(block, checked);
  return checked;
}

/** @throws {FreestoneError} ERR_INVALID_SIZE when data has another number of elements, or another shape of its own, than it should fill */
export function checkFits(block: DataBlock, shape: readonly number[]): void {
  const own = block.shape;
  const same = own === null || (own.length === shape.length && own.every((extent, d) => extent === shape[d]));
  if (same && block.count === product(shape)) return;
  const given = own === null ? `${String(block.count)} values` : `data of shape [${own.join(', ')}]`;
  throw new FreestoneError('ERR_INVALID_SIZE', `${given} cannot fill the shape [${shape.join(', ')}]`, {
    expected: product(shape),
    received: block.count,
    shape,
  });
}

function plannedMaxShape({ maxShape }: DatasetSpec, shape: readonly number[]): readonly (number | null)[] {
  if (maxShape === undefined) return shape;
  if (!Array.isArray(maxShape) || maxShape.length !== shape.length) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `maxShape must have ${String(shape.length)} items, integers or null`, { maxShape });
  }
  return maxShape.map((limit: unknown, d) =>
    limit === null || limit === Infinity ? null : checkInteger(`maxShape[${String(d)}]`, limit, { min: shape[d] ?? 0 }),
  );
}

function plannedChunks(
  { chunks = true }: DatasetSpec,
  shape: readonly number[],
  maxShape: readonly (number | null)[],
  elementSize: number,
): readonly number[] {
  if (shape.length === 0) throw new FreestoneError('ERR_INVALID_ARGUMENT', 'a scalar cannot have chunks or filters');
  if (chunks === true) return automaticChunks(shape, maxShape, elementSize);
  const checked = checkedNumbers('chunks', chunks, shape.length);
  checked.forEach((extent, d) => {
    // An empty dataset that cannot grow needs a chunk of one element at least.
    const limit = Math.max(1, maxShape[d] ?? Number.MAX_SAFE_INTEGER);
    checkInteger(`chunks[${String(d)}]`, extent, { min: 1, max: Math.min(limit, MAX_CHUNK_BYTES), code: 'ERR_INVALID_SIZE' });
  });
  checkInteger('the size of a chunk in bytes', product(checked) * elementSize, { min: 1, max: MAX_CHUNK_BYTES, code: 'ERR_INVALID_SIZE' });
  return checked;
}

/** Whole rows as long as they fit; otherwise a part of one row, the longest dimensions halved. */
function automaticChunks(shape: readonly number[], maxShape: readonly (number | null)[], elementSize: number): number[] {
  // A dimension that is empty and will grow is taken as if it had this many already.
  const expected = shape.map((extent, d) => Math.max(1, extent === 0 ? Math.min(maxShape[d] ?? 1024, 1024) : extent));
  const row = expected.slice(1);
  while (product(row) * elementSize > AUTOMATIC_CHUNK_BYTES && row.some((extent) => extent > 1)) {
    const longest = row.indexOf(Math.max(...row));
    row[longest] = Math.ceil((row[longest] ?? 1) / 2);
  }
  const rows = Math.max(1, Math.floor(AUTOMATIC_CHUNK_BYTES / (product(row) * elementSize)));
  return [Math.max(1, Math.min(rows, maxShape[0] ?? Infinity)), ...row];
}

function plannedFill({ fill }: DatasetSpec, type: ElementType): Uint8Array | null {
  if (fill === undefined) return null;
  if (type.variable) throw new FreestoneError('ERR_UNSUPPORTED', `a fill value for ${type.name} is not supported; unwritten elements are empty`);
  const bytes = encodeFixed(type, fill);
  return bytes.every((byte) => byte === 0) ? null : bytes;
}
