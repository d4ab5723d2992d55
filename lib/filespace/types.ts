// What a file space is told, and what it says of itself. Offsets and sizes are bytes.

/** How a free section is chosen; the positions are those of `freestone::filespace::Strategy`. */
export const strategies = ['end-of-file', 'first-fit', 'best-fit', 'worst-fit'] as const;
/** `end-of-file` remembers what is free and does not use it; `best-fit` takes the smallest that fits, and of equal ones the lowest. */
export type Strategy = (typeof strategies)[number];

/** The positions are those of `freestone::filespace::Kind`; the first is a block without a kind. */
export const kinds = [undefined, 'raw', 'metadata'] as const;
export type SectionKind = 'raw' | 'metadata';

/** The positions are those of `freestone::filespace::State`. */
export const states = ['free', 'rest', 'pending', 'live'] as const;
/** `rest` is what is left of the block that requests of a kind come out of; `pending` was freed since the last commit. */
export type SectionState = (typeof states)[number];

export interface FileSpaceOptions {
  /** How a free section is chosen; `best-fit` unless given. */
  readonly strategy?: Strategy;
  /** Requests of `threshold` bytes or more begin at a multiple of `value`, a power of two. None unless given. */
  readonly alignment?: { readonly threshold: number; readonly value: number };
  /** Smaller requests of the kind `metadata` come out of blocks of this size; 2048 unless given, 0 for no such blocks. */
  readonly metadataBlockSize?: number;
  /** Smaller requests of the kind `raw` come out of blocks of this size; 2048 unless given, 0 for no such blocks. */
  readonly smallDataBlockSize?: number;
  /** Smaller blocks share pages of this size with those of their kind, larger ones begin on one: a power of two from 512 to 2^30. No pages unless given. */
  readonly pageSize?: number;
  /** The end of the file may not go beyond this offset; 2^53 - 1 unless given. */
  readonly limit?: number;
  /**
   * Remember live blocks; true unless given. Without, memory is spent on free space alone, and a free of what is live but was not
   * allocated as one block is not caught; `blocks()` gives merged ranges, and `rollback()` is ERR_UNSUPPORTED.
   */
  readonly track?: boolean;
}

export interface AllocateOptions {
  /** A power of two that the offset is a multiple of. */
  readonly alignment?: number;
  /** Small requests of a kind share blocks or pages; without, a request goes where the strategy says. */
  readonly kind?: SectionKind;
}

export interface FreeOptions {
  /** What the block was for, where that is not known. */
  readonly kind?: SectionKind;
}

/** A run of bytes. */
export interface Block {
  readonly offset: number;
  readonly size: number;
}

export interface Section extends Block {
  readonly state: SectionState;
  /** Of a block, what it was allocated for; of free space, what it serves. Undefined for any. */
  readonly kind?: SectionKind | undefined;
}

/** Free space of a file, and which kind it serves. */
export interface FreeSection extends Block {
  readonly kind?: SectionKind | undefined;
}

/** A file's space between two sessions. */
export interface SpaceState {
  readonly endOfFile: number;
  /** Ascending by offset. */
  readonly free: readonly FreeSection[];
}

export interface FileSpaceStats {
  readonly endOfFile: number;
  readonly live: number;
  /** 0 without tracking. */
  readonly liveBlocks: number;
  /** Holes, rests of aggregated blocks among them. */
  readonly free: number;
  readonly holes: number;
  readonly largestHole: number;
  /** The part of `free` that is left of blocks for aggregation. */
  readonly rest: number;
  readonly pending: number;
  readonly pendingBlocks: number;
  /** What the indexes take, in bytes of memory. */
  readonly memory: number;
  /** Live bytes and blocks by kind; 0 without tracking. */
  readonly perKind: Readonly<Record<SectionKind | 'other', { readonly live: number; readonly liveBlocks: number }>>;
  /** How many holes have `size` bytes or more, and less than twice as many; the sizes that occur, ascending. */
  readonly holeSizes: readonly { readonly size: number; readonly count: number }[];
}

/** One part of a map: its bytes by state. */
export interface MapColumn extends Block {
  readonly live: number;
  readonly free: number;
  readonly pending: number;
}
