// What LVM's commands do to a size before they ask for extents (J1–J4).
import { FreestoneError, checkInteger, checkOptions } from '../errors.js';

/** LVM's most stripes (J3). */
export const MAX_STRIPES = 128;

/**
 * Extents rounded to whole stripes (J1): up, or down when `available` is given and up does not fit in it, as for a size in percent.
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT
 */
export function roundToStripes(extents: number | bigint, stripes: number | bigint, available?: number | bigint): number {
  const wanted = checkInteger('extents', extents);
  const columns = checkInteger('stripes', stripes, { min: 1 });
  const rest = wanted % columns;
  if (rest === 0) return wanted;
  const up = checkInteger('extents', wanted - rest + columns);
  return available !== undefined && checkInteger('available', available) < up ? wanted - rest : up;
}

/** What a percentage is of (J2). */
export type PercentBase = 'container' | 'free' | 'sources' | 'origin' | 'volume';

/** A size as LVM's `--extents` takes it: `50%FREE`, `+100%FREE`. */
export interface PercentSize {
  /** May be above 100. */
  readonly percent: number;
  readonly of: PercentBase;
  /** The extents that 100 % are. */
  readonly base: number | bigint;
  /** `create` unless given. */
  readonly action?: 'create' | 'extend';
  /** Add to the present size; `false` unless given. */
  readonly plus?: boolean;
  /** Copies that the free extents are shared by (mirror, RAID 1); 1 unless given. */
  readonly mirrors?: number | bigint;
}

/**
 * A size in percent in extents, and whether the request is approximate because of it (J2): always on creation; on extension for the
 * container, the free extents and the sources without a sign, and for more of the free extents.
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT
 */
export function percentOf(size: PercentSize): { readonly extents: number; readonly approximate: boolean } {
  checkOptions('the size', size, ['percent', 'of', 'base', 'action', 'plus', 'mirrors']);
  const { percent, of, action = 'create', plus = false } = size;
  if (!['container', 'free', 'sources', 'origin', 'volume'].includes(of)) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `a percentage is of container, free, sources, origin or volume, not ${JSON.stringify(of)}`, { of });
  }
  if (typeof percent !== 'number' || !(percent >= 0) || !Number.isFinite(percent)) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'percent must be a number, 0 or more', { percent });
  }
  const base = checkInteger('base', size.base);
  const mirrors = checkInteger('mirrors', size.mirrors ?? 1, { min: 1 });
  const exact = exactShare(percent, base, of === 'origin' || of === 'volume');
  // The physical extents of all copies become the logical ones of each, and at least one.
  const shared = mirrors > 1 && of !== 'origin' ? Math.max(1, Math.floor(exact / mirrors)) : exact;
  const physical = of === 'container' || of === 'free' || of === 'sources';
  const approximate = action === 'create' || (physical && !plus) || (plus && of === 'free');
  return { extents: checkInteger('the size', shared), approximate };
}

/** `percent` of `base` without the error of a division in floating point. */
function exactShare(percent: number, base: number, up: boolean): number {
  if (!Number.isInteger(percent)) return up ? Math.ceil((percent / 100) * base) : Math.floor((percent / 100) * base);
  const product = BigInt(percent) * BigInt(base);
  return Number(up ? (product + 99n) / 100n : product / 100n);
}

/**
 * The checks of LVM's commands on the number of stripes (J3).
 * @param sourceCount the sources that were named or that there are
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT with LVM's words
 */
export function checkStripes(stripes: number | bigint, sourceCount: number | bigint, policy = 'normal'): void {
  const count = checkInteger('stripes', stripes, { max: 2 ** 32 });
  const sources = checkInteger('sourceCount', sourceCount);
  if (count < 1 || count > MAX_STRIPES) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `Number of stripes (${count}) must be between 1 and ${MAX_STRIPES}`, { stripes: count, max: MAX_STRIPES });
  }
  if (policy !== 'anywhere' && count > sources) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `Number of stripes (${count}) must not exceed number of physical volumes (${sources})`, {
      stripes: count,
      sources,
    });
  }
}

/**
 * The check of LVM's commands before a volume is created with a size that is not a percentage (J4).
 * @throws {FreestoneError} ERR_NO_SPACE with LVM's words
 */
export function checkFree(container: string, available: number | bigint, required: number | bigint): void {
  const [free, wanted] = [checkInteger('available', available), checkInteger('required', required)];
  if (wanted <= free) return;
  throw new FreestoneError('ERR_NO_SPACE', `Volume group "${container}" has insufficient free space (${free} extents): ${wanted} required.`, {
    reason: 'insufficient-free-space',
    available: free,
    needed: wanted,
    requested: wanted,
  });
}

/**
 * The sources that a move may go to (J5): those that were listed without the one that is emptied, unless the policy is anywhere.
 * @throws {FreestoneError} ERR_NO_SPACE when none is left
 */
export function moveTargets(sourceOrder: readonly number[], emptied: number, policy = 'normal'): number[] {
  const targets = policy === 'anywhere' ? [...sourceOrder] : sourceOrder.filter((source) => source !== emptied);
  if (targets.length === 0) throw new FreestoneError('ERR_NO_SPACE', 'No extents available for allocation', { reason: 'no-usable-source', available: 0 });
  return targets;
}

/**
 * The check after a RAID volume has been placed (J6): no source carries two images, except under anywhere.
 * @returns the sources that do
 */
export function sharedSources(allocated: readonly (readonly { readonly source: number }[])[]): number[] {
  const slotsOf = new Map<number, Set<number>>();
  allocated.forEach((slot, i) => {
    for (const { source } of slot) slotsOf.set(source, (slotsOf.get(source) ?? new Set()).add(i));
  });
  return [...slotsOf].filter(([, slots]) => slots.size > 1).map(([source]) => source);
}
