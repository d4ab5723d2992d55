// What a pool says about itself.
import type { Magazine } from './magazine.js';

export interface BufferPoolStats {
  readonly name: string;
  readonly maxBytes: number;
  /** Buffers that are held, and their bytes, each counted as its size class. */
  readonly live: number;
  readonly liveBytes: number;
  /** Buffers that are ready for the next one who asks. */
  readonly cached: number;
  readonly cachedBytes: number;
  /** The most that was held at a time since the pool was made or trimmed. */
  readonly highWaterBytes: number;
  /** Requests that found a ready buffer, and those that did not. */
  readonly hits: number;
  readonly misses: number;
  /** Requests that had to wait, and those that still do. */
  readonly waits: number;
  readonly waiting: number;
  /** Buffers that were collected without a release. */
  readonly leaks: number;
  /** By size class, those that were ever used. */
  readonly perClass: readonly { readonly size: number; readonly live: number; readonly cached: number; readonly hits: number; readonly misses: number }[];
  /** What all threads of a shared pool have together; null for other pools. */
  readonly shared: SharedStats | null;
}

export interface SharedStats {
  readonly limit: number;
  /** Cached, held and in transit, of all threads. */
  readonly blocks: number;
  readonly bytes: number;
  readonly members: number;
  readonly transitBlocks: number;
  readonly transitBytes: number;
  /** What threads held when they ended, and what was taken back from them. */
  readonly lostBlocks: number;
  readonly lostBytes: number;
}

type Counts = Pick<BufferPoolStats, 'live' | 'cached' | 'cachedBytes' | 'hits' | 'misses' | 'perClass'>;

/** The size classes of a pool, and what they have together. */
export function countsOf(magazines: readonly Magazine[]): Counts {
  const sum = (of: (magazine: Magazine) => number): number => magazines.reduce((total, each) => total + of(each), 0);
  return {
    live: sum((each) => each.live),
    cached: sum((each) => each.count),
    cachedBytes: sum((each) => each.count * each.size),
    hits: sum((each) => each.hits),
    misses: sum((each) => each.misses),
    perClass: magazines
      .filter((each) => each.loans + each.total > 0)
      .map(({ size, live, count, hits, misses }) => ({ size, live, cached: count, hits, misses })),
  };
}
