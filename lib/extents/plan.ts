// Rebalancing (beyond LVM): which extents to move so that sources are emptied or equally full, moving as few as can be.
import { FreestoneError, checkInteger, checkOptions } from '../errors.js';
import { at } from './at.js';
import { normalSources } from './normalise.js';
import { bySource, flatten, type CheckedExtents, type Extents } from './segments.js';
import type { CheckedSource } from './sources.js';
import type { AllocationResult, Source } from './types.js';

/**
 * What may be moved: segments that do not depend on each other; the slots of one volume, of which no two may come to share a source; or
 * results, each a volume.
 */
export type MovableSegments = readonly Extents[] | readonly (readonly Extents[])[] | readonly AllocationResult[] | AllocationResult;

export interface PlanGoal {
  /** Sources to be emptied: indexes in `sources`. None unless given. */
  readonly drain?: number | readonly number[];
  /**
   * Make the others equally full, in proportion to their size. A number is how far the share in use may be from the mean, 0 to 1;
   * `true` is 0, within the rounding to whole extents. Not unless given.
   */
  readonly level?: boolean | number;
}

/** One run of extents to copy. */
export interface Move {
  readonly from: { readonly handle: unknown; readonly source: number; readonly start: number };
  readonly to: { readonly handle: unknown; readonly source: number; readonly start: number };
  readonly length: number;
}

export interface MovePlan {
  /** In an order in which they can be done: no target is an extent that another move frees. */
  readonly moves: readonly Move[];
  /** All extents to be moved. */
  readonly extents: number;
  /** Extents in use on each source, before and after. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Extents on drained sources that no segment covers, so that they stay. */
  readonly remaining: number;
}

/**
 * The fewest extents to move to reach the goal. Draining moves exactly what is there; levelling exactly what the fullest have above the
 * band or the emptiest below it, whichever is more. Nothing is changed.
 * @throws {FreestoneError} ERR_NO_SPACE (`missing`) when what is drained has no place, ERR_OVERLAP when a segment is free or two overlap,
 *   ERR_INVALID_ARGUMENT
 */
export function plan(sources: readonly Source[], segments: MovableSegments, goal: PlanGoal): MovePlan {
  checkOptions('the goal', goal, ['drain', 'level']);
  const normal = normalSources(sources);
  const drain = drainOf(goal.drain, sources.length);
  const tolerance = toleranceOf(goal.level);
  if (drain.size === 0 && tolerance === null) throw new FreestoneError('ERR_INVALID_ARGUMENT', 'the goal must name drain or level', { goal });
  const pieces = piecesOf(segments, sources.length);
  checkInUse(normal, pieces);

  // When volumes have slots, the order of the moves decides which sources are left for the others: another order may do where one fails.
  let failure: FreestoneError | undefined;
  for (let turn = 0; turn < Math.max(1, Math.min(pieces.length, 16)); turn++) {
    const planner = new Planner(normal, [...pieces.slice(turn), ...pieces.slice(0, turn)], drain, tolerance);
    try {
      return planner.plan();
    } catch (error) {
      if (!(error instanceof FreestoneError) || error.code !== 'ERR_NO_SPACE') throw error;
      failure ??= error;
    }
  }
  throw failure ?? new RangeError('no plan was tried');
}

/** A segment with the slot it belongs to; pieces of other slots of its volume must not share its source. */
interface Piece extends CheckedExtents {
  readonly volume: number;
  readonly slot: number;
}

/** Why extents move: off a source, from above its band, or to one that is below its band. */
type Purpose = 'drain' | 'lower' | 'fill';

interface Band {
  readonly low: number;
  readonly high: number;
}

interface Gap {
  start: number;
  count: number;
}

class Planner {
  readonly #sources: readonly CheckedSource[];
  readonly #pieces: readonly Piece[];
  readonly #drain: ReadonlySet<number>;
  readonly #gaps: Gap[][];
  readonly #before: number[];
  readonly #used: number[];
  readonly #bands: readonly Band[];
  readonly #level: boolean;
  readonly #moves: Move[] = [];
  /** By volume and source, the slots there now. */
  readonly #holders = new Map<string, Set<number>>();

  constructor(sources: readonly CheckedSource[], pieces: readonly Piece[], drain: ReadonlySet<number>, tolerance: number | null) {
    this.#sources = sources;
    this.#pieces = pieces;
    this.#drain = drain;
    this.#level = tolerance !== null;
    this.#gaps = sources.map(({ areas: { placed } }) => placed.starts.map((start, i) => ({ start, count: at(placed.counts, i) })));
    this.#before = sources.map(({ areas, totalExtents }) => totalExtents - areas.free);
    this.#used = [...this.#before];
    this.#bands = this.#bandsFor(tolerance);
    for (const { volume, slot, source } of pieces) this.#slotsAt(volume, source).add(slot);
  }

  plan(): MovePlan {
    for (const piece of this.#pieces) if (this.#drain.has(piece.source)) this.#moveAway(piece, piece.length, 'drain');
    if (this.#level) this.#flatten();
    const drained = [...this.#drain].reduce((sum, source) => sum + at(this.#used, source), 0);
    return {
      moves: this.#moves,
      extents: this.#moves.reduce((sum, { length }) => sum + length, 0),
      before: this.#before,
      after: this.#used,
      remaining: drained,
    };
  }

  /** The extents that each source may have in use in the end. */
  #bandsFor(tolerance: number | null): Band[] {
    const kept = this.#sources.map(({ allocatable }, i) => allocatable && !this.#drain.has(i));
    if (tolerance === null) return this.#sources.map(({ totalExtents }) => ({ low: 0, high: totalExtents }));
    const leaving = this.#pieces.reduce((sum, { source, length }) => sum + (this.#drain.has(source) ? length : 0), 0);
    let used = leaving;
    let total = 0;
    this.#sources.forEach(({ totalExtents }, i) => {
      if (!kept[i]) return;
      used += at(this.#before, i);
      total += totalExtents;
    });
    const mean = total === 0 ? 0 : used / total;
    return this.#sources.map(({ totalExtents }, i) => {
      if (!kept[i]) return { low: 0, high: at(this.#before, i) };
      return {
        low: Math.max(0, Math.floor((mean - tolerance) * totalExtents)),
        high: Math.min(totalExtents, Math.ceil((mean + tolerance) * totalExtents)),
      };
    });
  }

  /** Moves from the fullest until none is above its band and none below. */
  #flatten(): void {
    const surplus = (i: number): number => at(this.#used, i) - at(this.#bands, i).high;
    const deficit = (i: number): number => at(this.#bands, i).low - at(this.#used, i);
    const donors = this.#sources.map((_, i) => i).filter((i) => !this.#drain.has(i) && at(this.#sources, i).allocatable);
    const rest = new Map(this.#pieces.map((piece) => [piece, piece.length]));
    // First what is above the bands; then, if some are still below theirs, more from those that can spare it.
    const give = (source: number, amount: number, purpose: Purpose): void => {
      for (const piece of this.#pieces) {
        if (amount <= 0) return;
        const left = rest.get(piece) ?? 0;
        if (piece.source !== source || left === 0) continue;
        const moved = this.#moveAway({ ...piece, length: left }, Math.min(left, amount), purpose);
        rest.set(piece, left - moved);
        amount -= moved;
      }
    };
    for (const source of donors) give(source, surplus(source), 'lower');
    const wanting = donors.reduce((sum, i) => sum + Math.max(0, deficit(i)), 0);
    const spare = donors.toSorted((one, other) => deficit(one) - deficit(other));
    let open = wanting;
    for (const source of spare) {
      const amount = Math.min(open, -deficit(source));
      if (amount <= 0) break;
      const before = at(this.#used, source);
      give(source, amount, 'fill');
      open -= before - at(this.#used, source);
    }
  }

  /** Moves the end of a piece elsewhere. @returns how much was moved, which is all of it when it has to be */
  #moveAway(piece: Piece, amount: number, purpose: Purpose): number {
    let left = amount;
    while (left > 0) {
      const gap = this.#gapFor(piece, left, purpose);
      if (!gap) break;
      const length = Math.min(left, gap.most);
      const start = piece.start + piece.length - amount + (amount - left);
      this.#moves.push({ from: this.#place(piece.source, start), to: this.#place(gap.source, gap.gap.start), length });
      gap.gap.start += length;
      gap.gap.count -= length;
      this.#used[gap.source] = at(this.#used, gap.source) + length;
      this.#used[piece.source] = at(this.#used, piece.source) - length;
      this.#slotsAt(piece.volume, gap.source).add(piece.slot);
      left -= length;
    }
    if (left > 0 && purpose === 'drain') {
      throw new FreestoneError('ERR_NO_SPACE', `source ${piece.source} cannot be drained: ${left} extents have no place elsewhere`, {
        source: piece.source,
        missing: left,
      });
    }
    return amount - left;
  }

  /** Where so many extents could go: below the band first, then within it, then, for what must go, anywhere. In one piece if possible. */
  #gapFor(piece: Piece, length: number, purpose: Purpose): { source: number; gap: Gap; most: number } | null {
    const limits: ((source: number) => number)[] = this.#level
      ? [(i) => at(this.#bands, i).low, ...(purpose === 'fill' ? [] : [(i: number) => at(this.#bands, i).high]), ...(purpose === 'drain' ? [() => Infinity] : [])]
      : [() => Infinity];
    for (const limit of limits) {
      let best: { source: number; gap: Gap; most: number } | null = null;
      for (const [source, gaps] of this.#gaps.entries()) {
        if (!this.#mayGoTo(piece, source)) continue;
        const room = limit(source) - at(this.#used, source);
        for (const gap of gaps) {
          const most = Math.min(gap.count, room);
          if (most > 0 && (best === null || isBetter(most, gap, best, length))) best = { source, gap, most };
        }
      }
      if (best !== null) return best;
    }
    return null;
  }

  #mayGoTo({ volume, slot, source }: Piece, target: number): boolean {
    if (target === source || this.#drain.has(target) || !at(this.#sources, target).allocatable) return false;
    return [...this.#slotsAt(volume, target)].every((other) => other === slot);
  }

  #slotsAt(volume: number, source: number): Set<number> {
    const key = `${volume} ${source}`;
    const slots = this.#holders.get(key) ?? new Set<number>();
    this.#holders.set(key, slots);
    return slots;
  }

  #place(source: number, start: number): Move['from'] {
    return { handle: at(this.#sources, source).handle, source, start };
  }
}

/** The smallest gap that holds all of it; failing that, the one that holds most. */
function isBetter(most: number, gap: Gap, best: { gap: Gap; most: number }, length: number): boolean {
  if (most >= length) return best.most < length || gap.count < best.gap.count;
  return most > best.most;
}

function drainOf(drain: PlanGoal['drain'], sourceCount: number): Set<number> {
  if (drain === undefined) return new Set();
  const list = typeof drain === 'number' ? [drain] : drain;
  if (!Array.isArray(list)) throw new FreestoneError('ERR_INVALID_ARGUMENT', 'drain must be an index in sources or an array of them', { drain });
  return new Set((list as readonly unknown[]).map((each) => checkInteger('drain', each, { max: sourceCount - 1 })));
}

function toleranceOf(level: PlanGoal['level']): number | null {
  if (level === undefined || level === false) return null;
  if (level === true) return 0;
  if (typeof level === 'number' && level >= 0 && level <= 1) return level;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', 'level must be true, false or a number from 0 to 1', { argument: 'level', value: level });
}

function piecesOf(segments: MovableSegments, sourceCount: number): Piece[] {
  const groups: readonly (Extents | readonly Extents[] | AllocationResult)[] = Array.isArray(segments)
    ? (segments as readonly (Extents | readonly Extents[] | AllocationResult)[])
    : [segments as AllocationResult];
  return groups.flatMap((group, i) => {
    const of = (list: readonly Extents[], volume: number, slot: number): Piece[] =>
      flatten(list, sourceCount).map((extents) => ({ ...extents, volume, slot }));
    if (Array.isArray(group)) return of(group as readonly Extents[], 0, i);
    if (typeof group !== 'object' || !('allocated' in group)) return of([group as Extents], i, 0);
    return [
      ...group.allocated.flatMap((slot, s) => of(slot, i, s)),
      ...group.metadata.flatMap((metadata) => of([metadata], i, metadata.area)),
      ...group.logs.flatMap((log, l) => of(log, i, group.parallelCount + l)),
    ];
  });
}

/** @throws {FreestoneError} ERR_OVERLAP when an extent to be moved is free */
function checkInUse(sources: readonly CheckedSource[], pieces: readonly Piece[]): void {
  for (const [source, list] of bySource(pieces)) {
    const { areas, totalExtents } = at(sources, source);
    const { placed } = areas;
    let i = 0;
    for (const { start, length } of list) {
      if (start + length > totalExtents) {
        throw new FreestoneError('ERR_INVALID_ARGUMENT', `source ${source} has no extents ${start} to ${start + length - 1}`, { source, start, length });
      }
      while (i < placed.starts.length && at(placed.starts, i) + at(placed.counts, i) <= start) i++;
      const next = placed.starts[i];
      if (next !== undefined && next < start + length) {
        throw new FreestoneError('ERR_OVERLAP', `extents ${start} to ${start + length - 1} of source ${source} are not all in use`, { source, start, length });
      }
    }
  }
}
