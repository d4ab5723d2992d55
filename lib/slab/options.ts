// What a heap is made from, checked and in the numbers that C++ takes.
import { FreestoneError, checkInteger, checkOptions, shown } from '../errors.js';
import { FrameAllocator } from '../frames/index.js';

const MIB = 2 ** 20;
const LARGEST_ARENA = 256 * MIB;

export interface HeapOptions {
  /** Bytes of the first arena that this heap makes: a power of two from 4 MiB to 256 MiB. 4 MiB unless given. */
  readonly initialArenaSize?: number;
  /** After this many arenas the next ones are twice as large. 8 unless given. */
  readonly growthBatch?: number;
  /** Arenas double at most this often, and are at most 256 MiB. 3 unless given. */
  readonly maxGrowthShift?: number;
  /** Whether other threads may attach. True unless given; without it the path has no locks. */
  readonly threadSafe?: boolean;
  /** Bytes of segments and large blocks that the heap may hold, those that it keeps for later included. Any unless given. */
  readonly limit?: number;
  /** Arenas of its own, which no other heap takes memory from while this one lives. False unless given. */
  readonly dedicated?: boolean;
  /** Frames that arenas and large blocks come from, which nobody else uses: at least 64 MiB. One region for all heaps unless given. */
  readonly source?: FrameAllocator;
  /** Poison, red zones, delayed reuse and call sites for `blocks()`. False unless given. */
  readonly debug?: boolean;
}

function checkFlag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', `${name} must be true or false, not ${shown(value)}`, { argument: name, value });
}

/** The arguments of `SlabHeap`. @throws {FreestoneError} ERR_INVALID_SIZE, ERR_INVALID_ARGUMENT */
export function nativeHeapConfig(options: HeapOptions): [number, number, number, number, number, number] {
  checkOptions('options', options, ['initialArenaSize', 'growthBatch', 'maxGrowthShift', 'threadSafe', 'limit', 'dedicated', 'debug', 'source']);
  const { initialArenaSize = 4 * MIB, growthBatch = 8, maxGrowthShift, threadSafe = true, limit, dedicated = false, debug = false, source } = options;
  if (source !== undefined && !((source as unknown) instanceof FrameAllocator)) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'source must be a FrameAllocator', { argument: 'source' });
  }
  const initial = checkInteger('initialArenaSize', initialArenaSize, { min: 4 * MIB, max: LARGEST_ARENA, code: 'ERR_INVALID_SIZE' });
  if (!Number.isInteger(Math.log2(initial))) {
    throw new FreestoneError('ERR_INVALID_SIZE', `initialArenaSize must be a power of two, not ${shown(initialArenaSize)}`, { argument: 'initialArenaSize' });
  }
  const room = Math.log2(LARGEST_ARENA / initial);
  const flags = (checkFlag('threadSafe', threadSafe) ? 1 : 0) + (checkFlag('dedicated', dedicated) ? 2 : 0) + (checkFlag('debug', debug) ? 4 : 0);
  return [
    initial,
    checkInteger('growthBatch', growthBatch, { min: 1, max: 2 ** 31 }),
    checkInteger('maxGrowthShift', maxGrowthShift ?? Math.min(3, room), { max: room }),
    limit === undefined ? 0 : checkInteger('limit', limit, { min: 1, code: 'ERR_INVALID_SIZE' }),
    flags,
    source?.handle.frames ?? 0,
  ];
}
