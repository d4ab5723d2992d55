// The file-space tier's door: one file's addresses, shared by the metadata writer and the native worker threads.
import { FreestoneError, checkChoice, checkInteger, checkOptions } from '../errors.js';
import { native, type NativeFileSpace } from '../native.js';

export interface FileSpaceOptions {
  /** How a place is chosen. Space is appended at the end of the file. */
  readonly strategy?: 'end-of-file';
  /** The end of the file may not go beyond this offset; 2^53 - 1 unless given. */
  readonly limit?: number;
}

export interface AllocateOptions {
  /** A power of two that the offset is a multiple of. */
  readonly alignment?: number;
}

/** A run of allocated bytes. */
export interface Block {
  readonly offset: number;
  readonly size: number;
}

/**
 * Hands out the addresses of one file, so that no two structures overlap. Offsets and sizes are bytes.
 * Two ranges overlap when each begins before the other ends: touching ones do not, and an empty one overlaps nothing.
 */
export class FileSpace {
  /** @internal what the native pipeline allocates from */
  readonly native: NativeFileSpace;

  /**
   * @param initialOffset where the first block may lie, such as 48 behind a version-2 superblock
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_UNSUPPORTED for a strategy that is not there
   */
  constructor(initialOffset: number | bigint, options: FileSpaceOptions = {}) {
    checkOptions('the file space', options, ['strategy', 'limit']);
    const start = checkInteger('initialOffset', initialOffset);
    const limit = checkInteger('limit', options.limit ?? Number.MAX_SAFE_INTEGER, { min: start });
    checkChoice('strategy', options.strategy ?? 'end-of-file', ['end-of-file'], 'ERR_UNSUPPORTED');
    this.native = new (native().FileSpace)(start, limit);
  }

  /**
   * @param size bytes, 1 or more
   * @returns the offset of the new block
   * @throws {FreestoneError} ERR_INVALID_SIZE, ERR_INVALID_ALIGNMENT, ERR_INVALID_ARGUMENT, ERR_LIMIT_EXCEEDED, ERR_OUT_OF_MEMORY
   */
  allocate(size: number | bigint, options: AllocateOptions = {}): number {
    const bytes = checkInteger('size', size, { min: 1, code: 'ERR_INVALID_SIZE' });
    checkOptions('an allocation', options, ['alignment']);
    return this.native.allocate(bytes, checkAlignment(options.alignment ?? 1));
  }

  /** `allocate` at a multiple of `alignment`, a power of two. */
  allocateAligned(size: number | bigint, alignment: number): number {
    return this.allocate(size, { alignment });
  }

  /** Where the next block would begin: the size that the file needs. */
  get endOfFile(): number {
    return this.native.endOfFile();
  }

  /** Whether any byte of the range belongs to a block. O(log n). */
  isAllocated(offset: number | bigint, size: number | bigint): boolean {
    return this.native.isAllocated(checkInteger('offset', offset), checkInteger('size', size, { code: 'ERR_INVALID_SIZE' }));
  }

  /** A copy of all blocks, ascending by offset. */
  blocks(): Block[] {
    const pairs = this.native.blocks();
    return Array.from({ length: pairs.length / 2 }, (_, i) => ({ offset: pairs[2 * i] ?? 0, size: pairs[2 * i + 1] ?? 0 }));
  }

  /** @throws {FreestoneError} ERR_OVERLAP when two blocks overlap, which would be a fault of this package */
  validateNoOverlaps(): void {
    this.native.validateNoOverlaps();
  }
}

function checkAlignment(alignment: unknown): number {
  const value = checkInteger('alignment', alignment, { min: 1, code: 'ERR_INVALID_ALIGNMENT' });
  if (!Number.isInteger(Math.log2(value))) {
    throw new FreestoneError('ERR_INVALID_ALIGNMENT', `alignment must be a power of two, not ${String(value)}`, { alignment: value });
  }
  return value;
}
