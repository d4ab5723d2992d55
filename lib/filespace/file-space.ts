// One file's addresses. The index itself is native; this checks what callers give.
import { FreestoneError, checkChoice, checkInteger, checkOptions, shown } from '../errors.js';
import { native, type NativeFileSpace } from '../native.js';
import { drawSections, mapColumns } from './svg.js';
import {
  kinds,
  states,
  strategies,
  type AllocateOptions,
  type Block,
  type FileSpaceOptions,
  type FileSpaceStats,
  type MapColumn,
  type FreeOptions,
  type FreeSection,
  type Section,
  type SpaceState,
  type Strategy,
} from './types.js';

const DEFAULT_BLOCK = 2048;
/** What a size must be. */
const ofSize = { min: 1, code: 'ERR_INVALID_SIZE' } as const;

/**
 * Hands out the addresses of one file, so that no two structures overlap. Offsets and sizes are bytes.
 * Two ranges overlap when each begins before the other ends: touching ones do not, and an empty one overlaps nothing.
 * Any number of threads may use one; a call that throws has changed nothing.
 */
export class FileSpace {
  static readonly strategies = strategies;
  /** @internal what the native pipeline allocates from */
  readonly native: NativeFileSpace;
  /** Where the first block may lie. */
  readonly initialOffset: number;

  /**
   * @param initialOffset where the first block may lie, such as 48 behind a version-2 superblock
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_INVALID_ALIGNMENT
   */
  constructor(initialOffset: number | bigint, options: FileSpaceOptions = {}) {
    if (options instanceof Attached) {
      this.native = options.native;
      this.initialOffset = this.native.initialOffset();
      return;
    }
    checkOptions('the file space', options, [
      'strategy', 'alignment', 'metadataBlockSize', 'smallDataBlockSize', 'pageSize', 'limit', 'track',
    ]);
    const start = checkInteger('initialOffset', initialOffset);
    const limit = checkInteger('limit', options.limit ?? Number.MAX_SAFE_INTEGER, { min: start });
    const { pageSize, alignment, track = true } = options;
    if (typeof track !== 'boolean') {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `track must be true or false, not ${shown(track)}`, { argument: 'track' });
    }
    if (alignment !== undefined) checkOptions('alignment', alignment, ['threshold', 'value']);
    if (pageSize !== undefined) checkPowerOfTwo('pageSize', checkInteger('pageSize', pageSize, { min: 512, max: 2 ** 30 }), 'ERR_INVALID_ARGUMENT');
    this.initialOffset = start;
    this.native = new (native().FileSpace)(
      start,
      limit,
      Float64Array.of(
        strategyCode(options.strategy ?? 'best-fit'),
        checkInteger('alignment.threshold', alignment?.threshold ?? 1),
        checkAlignment(alignment?.value ?? 1),
        checkInteger('metadataBlockSize', options.metadataBlockSize ?? DEFAULT_BLOCK),
        checkInteger('smallDataBlockSize', options.smallDataBlockSize ?? DEFAULT_BLOCK),
        pageSize ?? 0,
        track ? 1 : 0,
      ),
    );
  }

  /**
   * The space of a file as `serialise` gave it; what is not free is live.
   * @param initialOffset where the file's space begins
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT when sections are not ascending, overlap or lie outside; as the constructor
   */
  static restore(initialOffset: number | bigint, state: SpaceState, options: FileSpaceOptions = {}): FileSpace {
    checkOptions('the state of a file space', state, ['endOfFile', 'free']);
    if (!Array.isArray(state.free)) throw new FreestoneError('ERR_INVALID_ARGUMENT', `free must be a list, not ${shown(state.free)}`, { argument: 'free' });
    const space = new FileSpace(initialOffset, options);
    const free: readonly FreeSection[] = state.free;
    const sections = free.flatMap(({ offset, size, kind }) => [checkInteger('offset', offset), checkInteger('size', size, { min: 1 }), kindCode(kind)]);
    space.native.restore(checkInteger('endOfFile', state.endOfFile), Float64Array.from(sections));
    return space;
  }

  /** The same space in another thread. @throws {FreestoneError} ERR_CLOSED when no thread has it any more, ERR_INVALID_ARGUMENT */
  static attach(handle: number): FileSpace {
    return new FileSpace(0, new Attached(new (native().FileSpace)(checkInteger('handle', handle, { min: 1 }))));
  }

  /** What `attach` takes in another thread; valid while this object, or one attached to it, is alive. */
  get handle(): number {
    return this.native.handle();
  }

  /** How a free section is chosen; may be changed at any time. @throws {FreestoneError} ERR_INVALID_ARGUMENT for one that there is not */
  get strategy(): Strategy {
    return strategies[this.native.strategy()] ?? 'end-of-file';
  }

  set strategy(strategy: Strategy) {
    this.native.setStrategy(strategyCode(strategy));
  }

  /**
   * @param size bytes, 1 or more
   * @returns the offset of the new block
   * @throws {FreestoneError} ERR_INVALID_SIZE, ERR_INVALID_ALIGNMENT, ERR_INVALID_ARGUMENT, ERR_LIMIT_EXCEEDED, ERR_OUT_OF_MEMORY
   */
  allocate(size: number | bigint, options?: AllocateOptions): number {
    // The usual call goes straight on: what is looked at twice costs as much as the allocation.
    if (options === undefined && Number.isSafeInteger(size) && (size as number) > 0) return this.native.allocate(size as number);
    const bytes = checkInteger('size', size, ofSize);
    if (options === undefined) return this.native.allocate(bytes);
    checkOptions('an allocation', options, ['alignment', 'kind']);
    const { alignment, kind } = options;
    return this.native.allocate(bytes, alignment === undefined ? 1 : checkAlignment(alignment), kindCode(kind));
  }

  /** `allocate` at a multiple of `alignment`, a power of two. */
  allocateAligned(size: number | bigint, alignment: number): number {
    return this.allocate(size, { alignment });
  }

  /** One block for each size, all or none. @returns their offsets @throws {FreestoneError} as `allocate` */
  allocateMany(sizes: Float64Array, options: { readonly kind?: AllocateOptions['kind'] } = {}): Float64Array {
    if (!(sizes instanceof Float64Array)) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `sizes must be a Float64Array, not ${shown(sizes)}`, { argument: 'sizes' });
    }
    checkOptions('an allocation', options, ['kind']);
    return this.native.allocateMany(sizes, kindCode(options.kind));
  }

  /**
   * Gives back a whole block; it may be allocated again after the next `commit`.
   * @param options `kind` says what a block was for that was allocated without, such as one of a restored space
   * @throws {FreestoneError} ERR_INVALID_ADDRESS for what is not a live block: freed already, foreign, or a part of one; ERR_INVALID_SIZE
   */
  free(offset: number | bigint, size: number | bigint, options?: FreeOptions): void {
    if (options === undefined) this.native.free(checkInteger('offset', offset), checkInteger('size', size, ofSize));
    else this.native.free(checkInteger('offset', offset), checkInteger('size', size, ofSize), freedKind(options));
  }

  /** As `free`, of live bytes: a part of a block, or several that touch. @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_INVALID_SIZE */
  freeRange(offset: number | bigint, size: number | bigint, options?: FreeOptions): void {
    this.native.freeRange(checkInteger('offset', offset), checkInteger('size', size, ofSize), freedKind(options));
  }

  /**
   * Makes a block longer where it is: into the end of the file, the rest of an aggregated block behind it, or free space behind it,
   * which with pages is the rest of its page.
   * @returns false when there is no room, and nothing has changed
   * @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_INVALID_SIZE when it would become shorter
   */
  extend(offset: number | bigint, oldSize: number | bigint, newSize: number | bigint): boolean {
    return this.native.extend(checkInteger('offset', offset), checkInteger('oldSize', oldSize, ofSize), checkInteger('newSize', newSize, ofSize));
  }

  /** Moves the end of the file below what is free there, rests of aggregated blocks included. @returns by how many bytes */
  shrinkTail(): number {
    return this.native.shrinkTail();
  }

  /** What is left of the blocks that metadata and small raw data come out of becomes free; the next such request begins a new block. */
  releaseBlocks(): void {
    this.native.releaseBlocks();
  }

  /** Makes what was freed since the last commit reusable; what lies free at the end gives the end back. */
  commit(): void {
    this.native.commit();
  }

  /**
   * The state of the last commit. What was allocated since is forgotten: it may be allocated again at once. What was freed since is
   * kept: it is live again, because the file as of that commit still refers to it, and can be freed again. Without a commit so far
   * nothing is left, or what `restore` was given.
   * @throws {FreestoneError} ERR_UNSUPPORTED with `track: false`
   */
  rollback(): void {
    this.native.rollback();
  }

  /** Where the next appended block would begin: the size that the file needs. */
  get endOfFile(): number {
    return this.native.endOfFile();
  }

  /** Whether any byte of the range belongs to a live block. O(log n). */
  isAllocated(offset: number | bigint, size: number | bigint): boolean {
    return this.native.isAllocated(checkInteger('offset', offset), checkInteger('size', size, { code: 'ERR_INVALID_SIZE' }));
  }

  /** A copy of all live blocks, ascending by offset; with `track: false`, of the ranges that are neither free nor pending. */
  blocks(): Block[] {
    const pairs = this.native.blocks();
    return Array.from({ length: pairs.length / 2 }, (_, i) => ({ offset: pairs[2 * i] ?? 0, size: pairs[2 * i + 1] ?? 0 }));
  }

  /** What may be allocated, rests of aggregated blocks included, ascending by offset. */
  holes(): Section[] {
    return sectionList(this.native.holes());
  }

  /**
   * What `restore` makes the same space of: what is free, or will be with the next commit, merged where it touches, and where the file
   * ends then. Without a kind is what serves raw data, and with pages what serves large blocks. Nothing changes.
   */
  serialise(): SpaceState {
    const [endOfFile = 0, ...values] = this.native.freeState();
    const free = Array.from({ length: values.length / 3 }, (_, i): FreeSection => {
      const kind = kinds[values[3 * i + 2] ?? 0];
      return { offset: values[3 * i] ?? 0, size: values[3 * i + 1] ?? 0, ...(kind === undefined ? {} : { kind }) };
    });
    return { endOfFile, free };
  }

  /** All of the file from the initial offset on, ascending by offset. */
  sections(): Section[] {
    return sectionList(this.native.sections());
  }

  /** The share of the file behind the initial offset that is free: free / (end - initial); 0 of an empty one. */
  fragmentation(): number {
    const { free, endOfFile } = this.stats();
    return endOfFile === this.initialOffset ? 0 : free / (endOfFile - this.initialOffset);
  }

  stats(): FileSpaceStats {
    const values = this.native.stats();
    const at = (index: number): number => values[index] ?? 0;
    const ofKind = (kind: number): { live: number; liveBlocks: number } => ({ live: at(10 + 2 * kind), liveBlocks: at(11 + 2 * kind) });
    const counts = values.subarray(16);
    return {
      endOfFile: at(0),
      live: at(1),
      liveBlocks: at(2),
      free: at(3),
      holes: at(4),
      largestHole: at(5),
      rest: at(6),
      pending: at(7),
      pendingBlocks: at(8),
      memory: at(9),
      perKind: { other: ofKind(0), raw: ofKind(1), metadata: ofKind(2) },
      holeSizes: [...counts].map((count, power) => ({ size: 2 ** power, count })).filter(({ count }) => count > 0),
    };
  }

  /** The file in `columns` parts of equal length, and how much of each is what. @throws {FreestoneError} ERR_INVALID_ARGUMENT */
  map(columns: number): MapColumn[] {
    return mapColumns(this.sections(), this.initialOffset, this.endOfFile, checkInteger('columns', columns, { min: 1, max: 1e6 }));
  }

  /** A picture of the file, row by row: an SVG document. */
  toSVG(): string {
    return drawSections(this.sections(), this.stats());
  }

  /** @throws {FreestoneError} ERR_OVERLAP when two sections overlap or the indexes disagree, which would be a fault of this package */
  validateNoOverlaps(): void {
    this.native.validateNoOverlaps();
  }

  /** Every invariant of both indexes, in O(n log n); no other thread may allocate meanwhile. @throws {FreestoneError} ERR_OVERLAP */
  validate(): void {
    this.native.validate();
  }
}

/** Tells the constructor of a space that is there already. */
class Attached implements FileSpaceOptions {
  readonly track = true;
  readonly native: NativeFileSpace;

  constructor(space: NativeFileSpace) {
    this.native = space;
  }
}

function sectionList(values: Float64Array): Section[] {
  return Array.from({ length: values.length / 4 }, (_, i) => ({
    offset: values[4 * i] ?? 0,
    size: values[4 * i + 1] ?? 0,
    state: states[values[4 * i + 2] ?? 0] ?? 'free',
    kind: kinds[values[4 * i + 3] ?? 0],
  }));
}

function strategyCode(strategy: Strategy): number {
  checkChoice('strategy', strategy, strategies);
  return strategies.indexOf(strategy);
}

function kindCode(kind: AllocateOptions['kind']): number {
  const code = kinds.indexOf(kind);
  if (code < 0) checkChoice('kind', kind, ['metadata', 'raw']);
  return code;
}

function freedKind(options: FreeOptions | undefined): number | undefined {
  if (options === undefined) return undefined;
  checkOptions('a free', options, ['kind']);
  return kindCode(options.kind);
}

function checkAlignment(alignment: unknown): number {
  return checkPowerOfTwo('alignment', checkInteger('alignment', alignment, { min: 1, code: 'ERR_INVALID_ALIGNMENT' }), 'ERR_INVALID_ALIGNMENT');
}

function checkPowerOfTwo(name: string, value: number, code: 'ERR_INVALID_ALIGNMENT' | 'ERR_INVALID_ARGUMENT'): number {
  if (Number.isInteger(Math.log2(value))) return value;
  throw new FreestoneError(code, `${name} must be a power of two, not ${String(value)}`, { [name]: value });
}
