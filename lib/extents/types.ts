// The words of the library: what a caller gives and gets. Sizes and positions are extents, whatever an extent is to the caller.
import type { SegmentType } from './segment-kinds.js';

/** A run of adjacent free extents of one source. */
export interface Area {
  /** The first free extent. */
  readonly start: number | bigint;
  /** How many extents; an area of 0 is passed over. */
  readonly length: number | bigint;
  /** The caller's own reference, given back as `areaHandle` of every segment taken from the area. */
  readonly handle?: unknown;
  /** Tags of this area alone, beside those of its source. */
  readonly tags?: readonly string[];
}

/** A restriction of a source to some of its extents (B3). */
export interface ExtentRange {
  readonly start: number | bigint;
  readonly length: number | bigint;
}

/** Something with extents: a disk, a directory, a server. The library does not look behind `handle`. */
export interface Source {
  /** The caller's own reference, given back in every segment. Two sources with one handle are one source whose ranges are joined (B1). */
  readonly handle?: unknown;
  /** The free areas, in any order; they must not overlap. */
  readonly areas: readonly Area[];
  /** All extents of the source, free or not; the end of the last area unless given. */
  readonly totalExtents?: number | bigint;
  /** Names that `clingTagList` and `spread` look at; none unless given. */
  readonly tags?: readonly string[];
  /** `false` keeps the source out of every placement (B1); `true` unless given. */
  readonly allocatable?: boolean;
  /** Only extents in one of these may be taken (B3); all unless given. */
  readonly ranges?: readonly ExtentRange[];
  /** Above 0. A source of weight 2 is chosen before one of weight 1 with up to twice the space; 1 unless given. Not LVM's. */
  readonly weight?: number;
}

/** The policies that a caller may name (A1). */
export type PolicyName = 'contiguous' | 'cling' | 'normal' | 'anywhere' | 'inherit';

/** A policy as it is reported; `cling_by_tags` is tried by itself after `cling` and cannot be asked for (A1). */
export type TriedPolicy = Exclude<PolicyName, 'inherit'> | 'cling_by_tags' | (string & {});

/** Where one slot of an existing volume ends: the source's index in `sources`, and the first extent after the segment. */
export interface SlotEnd {
  readonly source: number;
  readonly end: number | bigint;
}

/** The volume's first and last segment, slot by slot (section M). */
export interface PreviousSegments {
  readonly first: readonly SlotEnd[];
  readonly last: readonly SlotEnd[];
}

/** Sources that no slot may use while it holds the logical extents `le` to `le + len` of one image (E2). */
export interface ParallelArea {
  readonly le: number | bigint;
  readonly len: number | bigint;
  readonly sources: readonly number[];
}

export interface AllocationRequest {
  readonly sources: readonly Source[];
  /** Which sources may be used, in order of preference: indexes in `sources` (B2). All, as they stand, unless given. */
  readonly sourceOrder?: readonly number[];
  /** `linear` unless the other fields say otherwise: `mirrors`, `parityAreas` or several data areas make it `mirror`, `raid5` or `raid6`, `striped`. */
  readonly segmentType?: SegmentType;
  /** Parallel data slots, stripes times mirrors (A5). From the kind of segment unless given; 0 asks for logs alone (A9). */
  readonly dataAreas?: number | bigint;
  /** Parity slots; from the kind of segment unless given, and none when the data slots are no more than its parity (A5). */
  readonly parityAreas?: number | bigint;
  /** Logical extents for each extent of one slot (A6). From the kind of segment unless given. */
  readonly areaMultiple?: number | bigint;
  /** Logical extents to add, split metadata included (A8). */
  readonly extentsNeeded: number | bigint;
  /** Logical extents that the volume has already; 0 unless given. */
  readonly existingExtents?: number | bigint;
  /** The last policy to be tried (C6). `normal` unless given, or the policy of a registry of the caller's own. */
  readonly policy?: PolicyName | (string & {});
  /** What `inherit` stands for (A2). `normal` unless given; it may not be `inherit`. */
  readonly containerPolicy?: PolicyName | (string & {});
  /** Take what there is when there is less (J2, C10). */
  readonly approximate?: boolean;
  /** Logs or metadata areas to be placed beside the data (A7); 0 unless given. */
  readonly logAreas?: number | bigint;
  /** Extents of each log; 0 unless given. */
  readonly logLength?: number | bigint;
  /** Metadata extents cut from the front of each slot (A7); 0 unless given. */
  readonly splitMetadataLength?: number | bigint;
  /** Metadata areas placed by somebody else, counted as one extent each before every policy (A7, C7); 0 unless given. */
  readonly metadataAreas?: number | bigint;
  /** Prefer sources that the volume already uses (A3); `true` unless given. */
  readonly maximiseCling?: boolean;
  /** A log may not share a source with data (A3); `false` unless given. */
  readonly logsRequireSeparateSources?: boolean;
  /** Tags, each written `@tag`, that make sources alike; `@*` stands for every tag (A4, H5). */
  readonly clingTagList?: readonly string[];
  /** The volume that grows; none for a new one. */
  readonly previous?: PreviousSegments;
  /** What must not share a source with the new extents (E2), or, as a number, how many stripes there are. */
  readonly parallelAreas?: readonly ParallelArea[] | number | bigint;
  /** Copies of the data (A5): the data slots are stripes times mirrors. */
  readonly mirrors?: number | bigint;
  /** Sources that the data is to stay on: indexes in `sources`, one a slot. Short for `previous` when there is no end to continue at. */
  readonly clingSources?: readonly number[];
  /** One tag, with or without the `@`: short for a `clingTagList` of one. */
  readonly clingTag?: string;
  /** Slots go to sources with different tags where that is possible (D5, I6). Short for a `clingTagList` of `@*` when there is none. */
  readonly partitionByTags?: boolean;
  /**
   * No two slots in one failure domain: `rack` reads the domain from a tag `rack=…` or `rack:…`; a source without one is a domain
   * of its own. When that is impossible, as few slots as can be share a domain, and `relaxation` says so. Not LVM's.
   */
  readonly spread?: string;
  /** The volume's name, for messages. */
  readonly name?: string;
  /** Keep, in `trace`, what was thought of each source. */
  readonly trace?: boolean;
}

/** Adjacent extents of one source. */
export interface Segment {
  /** The source's own `handle`. */
  readonly handle: unknown;
  /** The source's index in `sources`. */
  readonly source: number;
  readonly start: number;
  readonly length: number;
  /** The policy that placed it. */
  readonly policy: TriedPolicy;
  /** The area's own `handle`, if it had one. */
  readonly areaHandle?: unknown;
}

/** Metadata at the front of the slot `area` (I8). */
export interface MetadataSegment extends Segment {
  readonly area: number;
}

/** What one successful attempt placed: segments of the same length, one a slot (I10). */
export interface Batch {
  readonly policy: TriedPolicy;
  /** Extents of each slot. */
  readonly length: number;
  readonly segments: readonly Segment[];
}

/** A failure domain that more than one slot had to use. */
export interface Relaxation {
  readonly spread: string;
  /** The most slots that share a domain. */
  readonly slotsPerDomain: number;
  /** The domains that are shared. */
  readonly domains: readonly string[];
  readonly text: string;
}

/** Why a source was taken or passed over in one attempt. */
export interface TraceEntry {
  readonly policy: TriedPolicy;
  /** Counts the attempts of the whole request from 1. */
  readonly attempt: number;
  readonly source: number;
  readonly verdict: Verdict;
  /** What the verdict is about: an amount of extents, another source, a slot. */
  readonly extents?: number;
  readonly other?: number;
  readonly slot?: number;
}

export type Verdict =
  | 'taken'
  | 'taken-for-log'
  | 'not-needed'
  | 'attempt-failed'
  | 'no-free-area'
  | 'parallel'
  | 'parallel-tag'
  | 'in-use-by-log'
  | 'in-use'
  | 'too-small'
  | 'not-contiguous'
  | 'not-cling'
  | 'tag-in-use'
  | 'domain-in-use'
  | 'not-allocatable'
  | 'not-listed';

export interface AllocationResult {
  /** Logical extents added, split metadata included; fewer than asked for only when the request is approximate. */
  readonly extentsAllocated: number;
  /** Data and parity slots. */
  readonly parallelCount: number;
  /** Slot by slot, the segments in order of allocation; data slots first, then parity (I11). */
  readonly allocated: readonly (readonly Segment[])[];
  /** RAID and cache metadata, one segment a slot. */
  readonly metadata: readonly MetadataSegment[];
  /** Log by log. */
  readonly logs: readonly (readonly Segment[])[];
  /** The same segments by the attempt that placed them. */
  readonly batches: readonly Batch[];
  /** In order of trial (C6). */
  readonly policiesTried: readonly TriedPolicy[];
  /** Ignored entries of the tag list (A4) and requests without work (C1). */
  readonly warnings: readonly string[];
  /** Only when `spread` could not be kept to the letter. */
  readonly relaxation?: Relaxation;
  /** Only when asked for. */
  readonly trace?: readonly TraceEntry[];
}
