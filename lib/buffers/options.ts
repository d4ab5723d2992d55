// What a pool is made from, checked.
import { FreestoneError, checkChoice, checkInteger, checkOptions, shown } from '../errors.js';
import type { HugePagePolicy } from '../frames/index.js';
import { MOST_SHARED_BYTES } from './shared-source.js';

export interface BufferPoolOptions {
  /**
   * Bytes that the pool may have, held and kept ones together, each buffer counted as the size class that it takes. None unless
   * given; 256 MiB for a shared pool, whose memory is address space until it is used.
   */
  readonly maxBytes?: number;
  /** Buffers over SharedArrayBuffers, which other threads may use by `handle` and `attach`. False unless given. */
  readonly shared?: boolean;
  /** When buffers are zeroed. 'release' unless given: no holder's bytes outlive its release. */
  readonly zero?: 'none' | 'acquire' | 'release';
  /** A released buffer, and every part of it, becomes length 0. Costs microseconds a buffer; not for shared pools. False unless given. */
  readonly strict?: boolean;
  /** Reports buffers that were collected without a release: all, or this share of them (0 to 1). Costs microseconds a tracked buffer. */
  readonly trackLeaks?: boolean | number;
  readonly hugePages?: HugePagePolicy;
  /** The NUMA node that memory should come from. */
  readonly node?: number;
  /** In messages, metrics and diagnostics channels. 'buffers' unless given. */
  readonly name?: string;
}

export type Zero = NonNullable<BufferPoolOptions['zero']>;

export interface Settings {
  readonly maxBytes: number;
  readonly shared: boolean;
  readonly zero: Zero;
  readonly strict: boolean;
  /** 0 to 1. */
  readonly trackLeaks: number;
  readonly hugePages?: HugePagePolicy;
  readonly node?: number;
  readonly name: string;
}

const known = ['maxBytes', 'shared', 'zero', 'strict', 'trackLeaks', 'hugePages', 'node', 'name'];
const SHARED_BYTES = 2 ** 28;

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_INVALID_SIZE */
export function settingsOf(options: BufferPoolOptions): Settings {
  checkOptions('the pool', options, known);
  const { shared = false, zero = 'release', strict = false, trackLeaks = false, hugePages, node, name = 'buffers' } = options;
  for (const [argument, value] of Object.entries({ shared, strict })) {
    if (typeof value !== 'boolean') throw new FreestoneError('ERR_INVALID_ARGUMENT', `${argument} must be true or false, not ${shown(value)}`, { argument });
  }
  checkChoice('zero', zero, ['none', 'acquire', 'release']);
  const rate = typeof trackLeaks === 'boolean' ? Number(trackLeaks) : trackLeaks;
  if (typeof rate !== 'number' || !(rate >= 0 && rate <= 1)) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `trackLeaks must be true, false or a share from 0 to 1, not ${shown(trackLeaks)}`, { argument: 'trackLeaks' });
  }
  if (typeof name !== 'string') throw new FreestoneError('ERR_INVALID_ARGUMENT', `name must be a string, not ${shown(name)}`, { argument: 'name' });
  if (shared && (strict || rate > 0 || hugePages !== undefined || node !== undefined)) {
    const what = strict ? 'strict' : rate > 0 ? 'trackLeaks' : hugePages !== undefined ? 'hugePages' : 'node';
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `a shared pool has no ${what}: its memory is the engine's, and cannot be taken from its views`, {
      argument: what,
    });
  }
  const most = shared ? MOST_SHARED_BYTES : Number.MAX_SAFE_INTEGER;
  return {
    maxBytes: checkInteger('maxBytes', options.maxBytes ?? (shared ? SHARED_BYTES : Number.MAX_SAFE_INTEGER), { min: 64, max: most, code: 'ERR_INVALID_SIZE' }),
    shared,
    zero,
    strict,
    trackLeaks: rate,
    name,
    ...(hugePages === undefined ? {} : { hugePages }),
    ...(node === undefined ? {} : { node: checkInteger('node', node, { max: 63 }) }),
  };
}
