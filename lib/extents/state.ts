// What one call of the allocator has placed so far, and what is still missing.
import { at } from './at.js';
import type { AreaList, FreeArea } from './areas.js';
import type { Demand, KnownEnd } from './demand.js';
import type { CheckedSource } from './sources.js';
import type { Batch, MetadataSegment, Segment, TraceEntry, TriedPolicy } from './types.js';

export class AllocationState {
  /** Logical extents of the volume, those that it had included (C1). */
  allocated: number;
  /** Logs are placed once, all together, in the first batch (I4). */
  logsMissing: boolean;
  /** Split metadata is placed once, in the first batch (I8). */
  splitPending: boolean;
  /** The lengths of all batches together, metadata included (ERR6). */
  batchLengths = 0;
  /** An attempt was given up because metadata is longer than a slot's area (K1). */
  metadataTooLong = false;
  attempts = 0;
  readonly slots: Segment[][];
  readonly metadata: MetadataSegment[] = [];
  readonly logs: Segment[][];
  readonly batches: Batch[] = [];
  readonly policiesTried: TriedPolicy[] = [];
  readonly trace: TraceEntry[] | undefined;
  /** The sources of each data and parity slot's data. */
  readonly slotSources: Set<number>[];

  /**
   * @param sources every source of the request
   * @param lists the free areas of those that may be used, in order of preference (B2)
   */
  constructor(
    readonly demand: Demand,
    readonly sources: readonly CheckedSource[],
    readonly lists: readonly AreaList[],
  ) {
    const slotCount = demand.dataAreas + demand.parityAreas;
    this.allocated = demand.existingExtents;
    this.logsMissing = demand.logAreas > 0;
    this.splitPending = demand.split;
    this.slots = Array.from({ length: slotCount }, () => []);
    this.slotSources = Array.from({ length: slotCount }, () => new Set<number>());
    this.logs = Array.from({ length: demand.logAreas }, () => []);
    this.trace = demand.trace ? [] : undefined;
  }

  get slotCount(): number {
    return this.slots.length;
  }

  /** Logs that the next attempt has to place as well. */
  get logCount(): number {
    return this.logsMissing ? this.demand.logAreas : 0;
  }

  get isComplete(): boolean {
    return this.allocated === this.demand.extents;
  }

  /** Free extents of all sources in use. */
  get free(): number {
    return this.lists.reduce((sum, list) => sum + list.free, 0);
  }

  tagsOf(source: number): readonly string[] {
    return at(this.sources, source).tags;
  }

  /** The previous segment that cling looks at (H2b): the volume's first one, or the last one without `maximiseCling`. */
  get clingEnds(): readonly KnownEnd[] {
    const { previous, maximiseCling } = this.demand;
    return previous ? (maximiseCling ? previous.first : previous.last) : [];
  }

  /** Takes extents from the front of an area for good (B6). */
  take(area: FreeArea, length: number, policy: TriedPolicy): Segment {
    const { source } = area.owner;
    const start = area.owner.consume(area, length);
    const handle = at(this.sources, source).handle;
    const label = area.label?.handle === undefined ? {} : { areaHandle: area.label.handle };
    return { handle, source, start, length, policy, ...label };
  }
}

/** The tags that count for an area: its source's and its own. */
export function tagsOfArea({ owner, label }: FreeArea): readonly string[] {
  return label && label.tags.length > 0 ? [...owner.tags, ...label.tags] : owner.tags;
}
