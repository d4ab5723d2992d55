// Between a chunk in memory and the elements of a box that is written or read.
import type { CachedChunk, ChunkCache } from './chunk-cache.js';
import { checkTarget, dot, isContiguous, product, rowMajorStrides, type Box, type ElementSource, type ElementTarget } from './box.js';
import { changedMeanwhile, checkSource, copyElements, fetchNow, isAsInFile } from './form.js';
import { withSpare } from './spare.js';

/** What all chunks of a dataset have in common. */
export interface ChunkGeometry {
  readonly shape: readonly number[];
  /** In bytes. */
  readonly strides: readonly number[];
  readonly elementSize: number;
}

/** The bytes of a row, if a box is whole rows of one chunk after the other, and these lie in the source as they do in chunks; else 0. */
export function rowBytesThrough({ shape, elementSize }: ChunkGeometry, { start, count }: Box, source: ElementSource): number {
  if (!isAsInFile(source)) return 0;
  let row = elementSize;
  for (let d = 1; d < shape.length; d += 1) {
    if (count[d] !== shape[d] || (start[d] ?? 0) % (shape[d] ?? 1) !== 0) return 0;
    row *= count[d] ?? 0;
  }
  return isContiguous(source, count, elementSize) ? row : 0;
}

/** Copies `part` of a chunk that begins at `start` to where it is in `box`. @throws ERR_INVALID_ARGUMENT when the target is no longer there */
export function copyOut({ strides: chunkStrides, elementSize }: ChunkGeometry, chunk: Buffer, start: readonly number[], part: Box, box: Box, target: ElementTarget): void {
  const size = product(box.count) * elementSize;
  checkTarget(target, size);
  if (part === box && box.count.length === 1) {
    const from = ((box.start[0] ?? 0) - (start[0] ?? 0)) * elementSize;
    target.bytes.set(chunk.subarray(from, from + size));
    return;
  }
  const strides = rowMajorStrides(box.count, elementSize);
  const to = dot(part.start.map((first, d) => first - (box.start[d] ?? 0)), strides);
  const from = dot(part.start.map((first, d) => first - (start[d] ?? 0)), chunkStrides);
  copyElements(target.bytes, to, strides, { bytes: chunk, offset: from, strides: chunkStrides, swap: 1 }, part.count, elementSize);
}

/**
 * Copies `part` of what the elements of `box` are into a chunk that begins at `start`.
 * @param cache gives the fill value to what is left out
 * @throws ERR_INVALID_ARGUMENT when the source is no longer there
 */
export function copyInto(
  geometry: ChunkGeometry,
  cache: ChunkCache,
  cached: CachedChunk,
  start: readonly number[],
  part: Box,
  box: Box,
  source: ElementSource,
): void {
  if (source.conversion !== undefined) {
    copyConverted(geometry, cache, cached, start, part, box, source);
    return;
  }
  const { shape, strides: chunkStrides, elementSize } = geometry;
  let from = source.offset;
  let to = 0;
  // How many of the chunk's bytes one element takes of the outermost dimension that is not whole: what is written is one run if nothing outside of it is left out.
  let run = elementSize;
  let isRun = true;
  let inner = true;
  for (let d = shape.length - 1; d >= 0; d -= 1) {
    const first = part.start[d] ?? 0;
    const count = part.count[d] ?? 0;
    from += (first - (box.start[d] ?? 0)) * (source.strides[d] ?? 0);
    to += (first - (start[d] ?? 0)) * (chunkStrides[d] ?? 0);
    if (!inner && count !== 1) isRun = false;
    run *= count;
    if (count !== shape[d]) inner = false;
  }
  checkSource(source, part.count, elementSize, from);
  if (isRun && to <= cached.filled) cached.filled = Math.max(cached.filled, to + run);
  else cache.fillUp(cached);
  cached.dirty = true;
  cached.isWritten = true;
  if (source.swap === 1 && isRun && isContiguous(source, part.count, elementSize)) {
    cached.buffer.set(source.bytes.subarray(from, from + run), to);
  } else {
    copyElements(cached.buffer, to, chunkStrides, { ...source, offset: from }, part.count, elementSize);
  }
}

/** The same with numbers that become others: all of them, before the chunk has any. */
function copyConverted(geometry: ChunkGeometry, cache: ChunkCache, cached: CachedChunk, start: readonly number[], part: Box, box: Box, source: ElementSource): void {
  const { elementSize } = geometry;
  const offset = source.offset + dot(part.start.map((first, d) => first - (box.start[d] ?? 0)), source.strides);
  checkSource(source, part.count, elementSize, offset);
  withSpare(product(part.count) * elementSize, (bytes) => {
    if (!fetchNow(bytes, { ...source, offset }, part.count, elementSize)) throw changedMeanwhile();
    copyInto(geometry, cache, cached, start, part, part, { bytes, offset: 0, strides: rowMajorStrides(part.count, elementSize), swap: 1 });
  });
}
