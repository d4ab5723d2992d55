// What an arena takes and tells.
import type { FrameAllocator } from '../frames/index.js';

/** What happened to a chunk: `allocated`, `freed`; `grown`: the next one will have `size` bytes; `limit`: beyond `softLimit`. */
export interface ChunkEvent {
  readonly event: (typeof chunkEvents)[number];
  /** Bytes. */
  readonly size: number;
}
/** The order is that of `freestone::arena::ChunkEvent`. */
export const chunkEvents = ['allocated', 'freed', 'grown', 'limit'] as const;

export interface ArenaOptions {
  /** Bytes of the first chunk, a power of two; 4096 unless given. */
  readonly initialChunkSize?: number;
  /** Bytes of the largest ordinary chunk, a power of two; each is twice the one before. 65536 unless given. */
  readonly maxChunkSize?: number;
  /** Of every block, a power of two up to 4096; 16 unless given. */
  readonly alignment?: number;
  /** Bytes of chunks that the arena may hold; no bound unless given. */
  readonly limit?: number;
  /** Bytes of chunks beyond which `onChunk` hears of `limit`. */
  readonly softLimit?: number;
  /** Fills what is ended with 0xDD, makes every view of it empty, and keeps call sites. Costs microseconds a block. */
  readonly debug?: boolean;
  /** Called after the call in which it happened. */
  readonly onChunk?: (event: ChunkEvent) => void;
  /**
   * Memory of the caller's that is used before the first chunk, and again after each `reset`, `clear` and `retain`: 64 bytes to 1 GiB,
   * which count as a chunk. Nobody else may use it until the arena is destroyed. Its views stay what they are when blocks end; in debug
   * mode it is therefore left alone. Detached or given another length, every allocation that would use it is ERR_INVALID_ADDRESS.
   */
  readonly initial?: Uint8Array;
  /**
   * Where chunks come from, instead of a pool: frames of the caller's, for memory that is locked, lies in huge pages, in a file or on a
   * node. It must have room for the 64 KiB spans of a pool, which the arena makes over it and destroys with itself.
   */
  readonly source?: FrameAllocator;
}

/** Options of `child`: those of an arena but where its memory comes from; `debug` as the arena around it unless given. */
export type ChildArenaOptions = Omit<ArenaOptions, 'source'>;

/** A moment in an arena's life, for `rewind`. */
export interface Mark {
  readonly generation: number;
  readonly depth: number;
}

/** A block of an arena in debug mode. */
export interface LiveAllocation {
  readonly size: number;
  /** Where it was asked for. */
  readonly stack: string;
}
