// The recorded placements of the real LVM2, as requests of this library.
import { readFileSync } from 'node:fs';
import type { AllocationRequest, SegmentType } from '../../lib/extents/index.js';

interface RecordedSegment {
  readonly source: number;
  readonly start: number;
  readonly length: number;
  readonly policy?: string;
  readonly area?: number;
}

interface RecordedEnd {
  readonly source: number;
  readonly end: number;
}

export interface RecordedCase {
  readonly id: string;
  readonly title: string;
  readonly level: string;
  readonly sources: readonly { readonly extents: number; readonly free: readonly [number, number][]; readonly tags: readonly string[] }[];
  readonly request: {
    readonly segment_type: SegmentType;
    readonly data_areas: number;
    readonly parity_areas: number;
    readonly area_multiple: number;
    readonly extents_needed: number;
    readonly existing_extents: number;
    readonly policy: string;
    readonly container_policy?: string;
    readonly approximate: boolean;
    readonly log_areas: number;
    readonly log_length: number;
    readonly split_metadata_length: number;
    readonly maximise_cling: boolean;
    readonly logs_require_separate_sources: boolean;
    readonly cling_tag_list: readonly string[];
    readonly source_order?: readonly number[];
    readonly previous?: { readonly first: readonly RecordedEnd[]; readonly last: readonly RecordedEnd[] };
    readonly parallel_areas?: readonly { readonly le: number; readonly len: number; readonly srcs: readonly number[] }[];
  };
  readonly expected:
    | { readonly ok: false; readonly error: string }
    | {
        readonly ok: true;
        readonly areas: readonly (readonly RecordedSegment[])[];
        readonly metadata: readonly RecordedSegment[];
        readonly logs: readonly (readonly RecordedSegment[])[];
        readonly allocated_extents: number;
      };
  readonly lvm_command: string;
  readonly policies_tried: readonly string[];
}

export const lvmCases = JSON.parse(readFileSync(new URL('fixtures/lvm-cases.json', import.meta.url), 'utf8')) as readonly RecordedCase[];

/** The volume that LVM's message names, which the request itself does not hold. */
function volumeOf({ expected }: RecordedCase): string {
  return expected.ok ? '' : (/logical volume (\w+)/.exec(expected.error)?.[1] ?? '');
}

export function requestOf(recorded: RecordedCase): AllocationRequest {
  const { request: from } = recorded;
  return {
    sources: recorded.sources.map(({ extents, free, tags }, i) => ({
      handle: `dev${i}`,
      areas: free.map(([start, length]) => ({ start, length })),
      totalExtents: extents,
      tags,
    })),
    segmentType: from.segment_type,
    dataAreas: from.data_areas,
    parityAreas: from.parity_areas,
    areaMultiple: from.area_multiple,
    extentsNeeded: from.extents_needed,
    existingExtents: from.existing_extents,
    policy: from.policy,
    approximate: from.approximate,
    logAreas: from.log_areas,
    logLength: from.log_length,
    splitMetadataLength: from.split_metadata_length,
    maximiseCling: from.maximise_cling,
    logsRequireSeparateSources: from.logs_require_separate_sources,
    clingTagList: from.cling_tag_list,
    name: volumeOf(recorded),
    ...(from.container_policy === undefined ? {} : { containerPolicy: from.container_policy }),
    ...(from.source_order ? { sourceOrder: from.source_order } : {}),
    ...(from.previous ? { previous: from.previous } : {}),
    ...(from.parallel_areas ? { parallelAreas: from.parallel_areas.map(({ le, len, srcs }) => ({ le, len, sources: srcs })) } : {}),
  };
}
