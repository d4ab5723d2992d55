// Telling that a dataset's chunk cache is too small for the order in which its parts are written or read.
import { channel } from 'node:diagnostics_channel';
import { formatBytes } from '../../errors.js';
import type { ChunkCacheStats } from '../storage/chunk-cache.js';

const thrashing = channel('freestone:hdf5:thrash');

/** What subscribers of the diagnostics channel `freestone:hdf5:thrash` are given, once for each dataset. */
export interface ThrashEvent extends ChunkCacheStats {
  /** The file's path. */
  readonly file: string;
  /** From the root on. */
  readonly dataset: string;
  readonly shape: readonly number[];
  readonly chunkShape: readonly number[];
}

export function warnOfThrashing(event: ThrashEvent): void {
  const { file, dataset, shape, chunkShape, chunkBytes, limit, reloads } = event;
  process.emitWarning(
    `${dataset} of ${file}: ${String(reloads)} chunks left memory before they were complete and had to be read back. Its chunks are [${chunkShape.join(', ')}], ` +
      `${formatBytes(chunkBytes)} each, of the shape [${shape.join(', ')}], and ${formatBytes(limit)} of them stay in memory`,
    {
      type: 'FreestoneWarning',
      code: 'FREESTONE_CHUNK_CACHE',
      detail: 'Write or read whole chunks, or parts of one chunk after the other; choose chunks that have the shape of the parts; or give chunkCache more bytes.',
    },
  );
  thrashing.publish(event);
}
