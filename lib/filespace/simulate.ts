// Traces of what was asked of a file's space, replayed to see what each strategy makes of them.
import { FreestoneError, checkInteger, checkOptions, shown } from '../errors.js';
import { FileSpace } from './file-space.js';
import { kinds, strategies, type FileSpaceOptions, type SectionKind, type Strategy } from './types.js';

/**
 * One call. Blocks are named by their number: how many `allocate`s came before theirs.
 * What is freed before a `commit` may be allocated only after it, as always; a trace without any commits after each call.
 */
export type TraceOperation =
  | readonly ['allocate', size: number, kind?: SectionKind | null, alignment?: number]
  | readonly ['free', block: number]
  | readonly ['extend', block: number, newSize: number]
  | readonly ['commit'];

export interface Trace {
  /** Where the space begins; 0 unless given. */
  readonly initialOffset?: number;
  readonly operations: readonly TraceOperation[];
}

export interface Replay {
  readonly strategy: Strategy;
  /** With free space at the end given back. */
  readonly fileSize: number;
  readonly live: number;
  readonly free: number;
  readonly holes: number;
  readonly largestHole: number;
  /** Where the file ended at its longest. */
  readonly longest: number;
  /** Calls that found no room under the limit, or for an extension in place. */
  readonly refused: number;
  /** The share of the file that is free, at up to `samples` moments evenly spread over the trace, the last at its end. */
  readonly fragmentation: readonly number[];
  /** Nanoseconds of a call, on average, with what calling it from JavaScript takes. */
  readonly timePerCall: number;
}

export interface SimulateOptions extends Omit<FileSpaceOptions, 'strategy'> {
  /** All unless given. */
  readonly strategies?: readonly Strategy[];
  /** How many points of fragmentation over time; 100 unless given. */
  readonly samples?: number;
}

/**
 * Replays a trace with each strategy, in spaces of its own: what other libraries have as a mode of the allocator, `mode: 'simulate'`, is
 * this function alone, since a mode would be one constructor for two things.
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT for what is no trace, with the position of the operation; as the constructor of `FileSpace`
 */
export function simulate(trace: Trace, { strategies: wanted = strategies, samples = 100, ...options }: SimulateOptions = {}): Replay[] {
  checkTrace(trace);
  checkInteger('samples', samples, { min: 1, max: 100_000 });
  return wanted.map((strategy) => replay(new FileSpace(trace.initialOffset ?? 0, { ...options, strategy }), trace, samples));
}

/** @internal */
export function replay(space: FileSpace, { operations }: Trace, samples: number): Replay {
  const blocks: { offset: number; size: number }[] = [];
  const fragmentation: number[] = [];
  const commitsItself = !operations.some(([name]) => name === 'commit');
  let refused = 0;
  let longest = space.endOfFile;
  let nanoseconds = 0;
  let done = 0;
  for (let sample = 1; sample <= Math.min(samples, operations.length); sample += 1) {
    const until = Math.round((operations.length * sample) / Math.min(samples, operations.length));
    const start = process.hrtime.bigint();
    for (; done < until; done += 1) {
      if (!perform(space, operations[done] ?? ['commit'], blocks)) refused += 1;
      if (commitsItself) space.commit();
      longest = Math.max(longest, space.endOfFile);
    }
    nanoseconds += Number(process.hrtime.bigint() - start);
    fragmentation.push(space.fragmentation());
  }
  space.commit();
  space.shrinkTail();
  const { endOfFile, live, free, holes, largestHole } = space.stats();
  const timePerCall = operations.length === 0 ? 0 : nanoseconds / operations.length;
  return { strategy: space.strategy, fileSize: endOfFile, live, free, holes, largestHole, longest, refused, fragmentation, timePerCall };
}

/** @returns false when there was no room */
function perform(space: FileSpace, operation: TraceOperation, blocks: { offset: number; size: number }[]): boolean {
  if (operation[0] === 'commit') {
    space.commit();
    return true;
  }
  if (operation[0] === 'allocate') {
    const [, size, kind, alignment = 1] = operation;
    // One that is refused has a number too.
    const block = { offset: 0, size: 0 };
    blocks.push(block);
    try {
      block.offset = space.allocate(size, { alignment, ...(kind === undefined || kind === null ? {} : { kind }) });
      block.size = size;
      return true;
    } catch (error) {
      if (error instanceof FreestoneError && error.code === 'ERR_LIMIT_EXCEEDED') return false;
      throw error;
    }
  }
  const block = blocks[operation[1]];
  if (block === undefined || block.size === 0) return false;
  if (operation[0] === 'free') {
    space.free(block.offset, block.size);
    block.size = 0;
    return true;
  }
  if (!space.extend(block.offset, block.size, operation[2])) return false;
  block.size = operation[2];
  return true;
}

function checkTrace(trace: Trace): void {
  checkOptions('the trace', trace, ['initialOffset', 'operations']);
  if (!Array.isArray(trace.operations)) throw new FreestoneError('ERR_INVALID_ARGUMENT', `operations must be a list, not ${shown(trace.operations)}`, { argument: 'operations' });
  // Sizes as they are before and after, so that a replay does not fail half way.
  const sizes: number[] = [];
  (trace.operations as readonly unknown[]).forEach((operation, position) => {
    const refuse = (what: string): never => {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `operation ${String(position)} of the trace ${what}`, { position });
    };
    if (!Array.isArray(operation)) return refuse(`must be a list, not ${shown(operation)}`);
    const [name, first, second, third] = operation as unknown[];
    const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
    if (name === 'commit') return;
    if (name === 'allocate') {
      if (!isSize(first)) return refuse(`allocates ${shown(first)} bytes`);
      if (second !== undefined && second !== null && !kinds.includes(second as SectionKind)) return refuse(`has the kind ${shown(second)}`);
      if (third !== undefined && !(isSize(third) && Number.isInteger(Math.log2(third)))) return refuse(`has the alignment ${shown(third)}, which is no power of two`);
      sizes.push(first);
      return;
    }
    if (name !== 'free' && name !== 'extend') return refuse(`is ${shown(name)}, and there are allocate, free, extend and commit`);
    const size = typeof first === 'number' ? sizes[first] : undefined;
    if (size === undefined || size === 0) return refuse(`is about the block ${shown(first)}, which is not live then`);
    if (name === 'free') {
      sizes[first as number] = 0;
      return;
    }
    if (!isSize(second) || second < size) return refuse(`extends a block of ${String(size)} bytes to ${shown(second)}`);
    // Where there is no room the block keeps its size, and a second extension may be to less than this one.
  });
}
