// What a request comes to (section A): every value checked, defaults and conveniences translated, so that the allocator sees plain numbers.
import { FreestoneError, checkInteger, checkOptions } from '../errors.js';
import { notDivisible } from './failures.js';
import { lvmPolicies, type PolicyRegistry } from './policies/registry.js';
import type { AllocationPolicy } from './policies/policy.js';
import { areaMultipleOf, dataAreasOf, parityAreasOf, segmentKind, type SegmentType } from './segment-kinds.js';
import { checkSources } from './sources.js';
import { readTagList, type TagList } from './tags.js';
import type { AllocationRequest, ParallelArea, PreviousSegments, SlotEnd } from './types.js';

/** Every field that a request may have. */
export const requestFields = [
  'sources',
  'sourceOrder',
  'segmentType',
  'dataAreas',
  'parityAreas',
  'areaMultiple',
  'extentsNeeded',
  'existingExtents',
  'policy',
  'containerPolicy',
  'approximate',
  'logAreas',
  'logLength',
  'splitMetadataLength',
  'metadataAreas',
  'maximiseCling',
  'logsRequireSeparateSources',
  'clingTagList',
  'previous',
  'parallelAreas',
  'mirrors',
  'clingSources',
  'clingTag',
  'partitionByTags',
  'spread',
  'name',
  'trace',
] as const satisfies readonly (keyof AllocationRequest)[];

/** One slot's end, in numbers. */
export interface KnownEnd {
  readonly source: number;
  /** null when only the source is known, so that nothing continues there. */
  readonly end: number | null;
}

export interface KnownParallelArea {
  /** The first logical extent, of one slot, after it. */
  readonly end: number;
  readonly sources: readonly number[];
}

export interface Demand {
  readonly name: string;
  readonly segmentType: SegmentType;
  /** D, P and M of the specification. */
  readonly dataAreas: number;
  readonly parityAreas: number;
  readonly areaMultiple: number;
  /** N (A8): what the volume has and what it is to get. */
  readonly extents: number;
  readonly existingExtents: number;
  readonly policy: AllocationPolicy;
  readonly approximate: boolean;
  readonly logAreas: number;
  /** One length for logs and for split metadata, as in LVM (A7). */
  readonly logLength: number;
  readonly split: boolean;
  readonly metadataAreas: number;
  readonly maximiseCling: boolean;
  readonly separateLogs: boolean;
  readonly tagList: TagList;
  readonly previous: { readonly first: readonly KnownEnd[]; readonly last: readonly KnownEnd[] } | null;
  /** There is a previous segment with as many areas as slots (D1). */
  readonly areaCountMatches: boolean;
  readonly parallelAreas: readonly KnownParallelArea[];
  readonly order: readonly number[];
  readonly spread: string | undefined;
  readonly trace: boolean;
  readonly warnings: readonly string[];
}

/**
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT for a field that there is not, a value out of its range, fields that contradict
 *   each other, and ERR1: extents that do not fill whole stripes (C2)
 */
export function demandOf(request: AllocationRequest, registry: PolicyRegistry = lvmPolicies): Demand {
  checkOptions('the request', request, requestFields);
  checkSources(request.sources);
  const sourceCount = request.sources.length;
  const count = (field: keyof AllocationRequest, fallback: number, max?: number): number =>
    request[field] === undefined ? fallback : checkInteger(field, request[field], max === undefined ? {} : { max });

  const slots = slotsOf(request, count);
  const { dataAreas, parityAreas, areaMultiple } = slots;
  const logAreas = count('logAreas', 0, 2 ** 20);
  if (dataAreas + logAreas === 0) contradiction('there is neither a data area nor a log to place', { dataAreas, logAreas });
  const splitLength = count('splitMetadataLength', 0);
  if (splitLength > 0 && logAreas > 0) contradiction('splitMetadataLength and logAreas exclude each other', { splitMetadataLength: splitLength, logAreas });

  const extentsNeeded = checkInteger('extentsNeeded', request.extentsNeeded);
  const existingExtents = count('existingExtents', 0);
  const extents = extentsNeeded + existingExtents;
  // K5: amounts of all slots together must stay exact.
  if (!Number.isSafeInteger(Math.max(extents, 1) * Math.max(dataAreas, parityAreas, areaMultiple, 1))) {
    contradiction('the request counts more than 2^53 extents', { extentsNeeded, existingExtents, dataAreas });
  }
  if (areaMultiple > 1 && extentsNeeded % areaMultiple !== 0) throw notDivisible(extentsNeeded, areaMultiple);

  const { tags, warnings } = tagListOf(request);
  const previous = previousOf(request, sourceCount);
  // A striped mirror's last segment has as many areas as legs, and so never as many as slots (D1, F2).
  const isStripedMirror = slots.segmentType === 'mirror' && areaMultiple > 1;
  return {
    ...slots,
    name: request.name === undefined ? '' : text('name', request.name),
    extents,
    existingExtents,
    policy: registry.requested(request.policy, request.containerPolicy),
    approximate: flag('approximate', request.approximate, false),
    logAreas,
    logLength: splitLength > 0 ? splitLength : count('logLength', 0),
    split: splitLength > 0,
    metadataAreas: count('metadataAreas', 0, 2 ** 20),
    maximiseCling: flag('maximiseCling', request.maximiseCling, true),
    separateLogs: flag('logsRequireSeparateSources', request.logsRequireSeparateSources, false),
    tagList: tags,
    previous,
    areaCountMatches: previous !== null && !isStripedMirror && previous.last.length === dataAreas + parityAreas && previous.last.length > 0,
    parallelAreas: Array.isArray(request.parallelAreas) ? parallelOf(request.parallelAreas as ParallelArea[], sourceCount) : [],
    order: orderOf(request.sourceOrder, sourceCount),
    spread: request.spread === undefined ? undefined : text('spread', request.spread),
    trace: flag('trace', request.trace, false),
    warnings,
  };
}

type Count = (field: keyof AllocationRequest, fallback: number, max?: number) => number;

/** More slots than this are a mistake: LVM stops at 128 stripes (J3). */
const MOST_SLOTS = 2 ** 16;

function slotsOf(request: AllocationRequest, count: Count): Pick<Demand, 'segmentType' | 'dataAreas' | 'parityAreas' | 'areaMultiple'> {
  const isCount = typeof request.parallelAreas === 'number' || typeof request.parallelAreas === 'bigint';
  if (request.parallelAreas !== undefined && !isCount && !Array.isArray(request.parallelAreas)) {
    contradiction('parallelAreas must be an array of { le, len, sources } or a number of stripes', { argument: 'parallelAreas' });
  }
  const mirrors = count('mirrors', 0, MOST_SLOTS);
  const stripes = isCount ? count('parallelAreas', 0, MOST_SLOTS) : 0;
  const segmentType = request.segmentType ?? likelyType(mirrors, request, stripes);
  const kind = segmentKind(segmentType);
  const given = request.dataAreas === undefined ? undefined : count('dataAreas', 0, MOST_SLOTS);
  if (given !== undefined && stripes > 0 && given !== dataAreasOf(stripes, mirrors)) {
    contradiction(`dataAreas is ${given}, and parallelAreas and mirrors make ${dataAreasOf(stripes, mirrors)}`, { dataAreas: given, stripes, mirrors });
  }
  if (given !== undefined && mirrors > 1 && given % mirrors !== 0) {
    contradiction(`${given} data areas are not ${mirrors} mirrors of anything`, { dataAreas: given, mirrors });
  }
  const copies = mirrors > 0 ? mirrors : kind.mirrors;
  const columns = stripes > 0 ? stripes : given !== undefined ? columnsOf(given, mirrors, segmentType) : kind.stripes;
  const dataAreas = given ?? dataAreasOf(columns, copies);
  const parityAreas = request.parityAreas === undefined ? parityAreasOf(segmentType, dataAreas) : count('parityAreas', 0, MOST_SLOTS);
  const areaMultiple =
    request.areaMultiple === undefined
      ? areaMultipleOf(segmentType, dataAreas + parityAreas, columns)
      : checkInteger('areaMultiple', request.areaMultiple, { min: 1, max: MOST_SLOTS });
  return { segmentType, dataAreas, parityAreas, areaMultiple };
}

/** The stripes among so many data slots, 0 when each of them is a whole copy. */
function columnsOf(dataAreas: number, mirrors: number, segmentType: SegmentType): number {
  if (mirrors > 1) return dataAreas / mirrors;
  return segmentKind(segmentType).mirrors > 1 ? 0 : dataAreas;
}

function likelyType(mirrors: number, { parityAreas, dataAreas }: AllocationRequest, stripes: number): SegmentType {
  if (mirrors > 1) return 'mirror';
  const parity = Number(parityAreas ?? 0);
  if (parity > 0) return parity > 1 ? 'raid6' : 'raid5';
  return Math.max(stripes, Number(dataAreas ?? 0)) > 1 ? 'striped' : 'linear';
}

function tagListOf(request: AllocationRequest): { tags: TagList; warnings: string[] } {
  const { clingTagList, clingTag } = request;
  if (clingTagList !== undefined && !Array.isArray(clingTagList)) contradiction('clingTagList must be an array', { argument: 'clingTagList' });
  const entries: unknown[] = [...((clingTagList ?? []) as readonly unknown[])];
  if (clingTag !== undefined) {
    const tag = text('clingTag', clingTag);
    entries.push(tag.startsWith('@') ? tag : `@${tag}`);
  }
  if (flag('partitionByTags', request.partitionByTags, false) && entries.length === 0) entries.push('@*');
  return readTagList(entries);
}

function previousOf(request: AllocationRequest, sourceCount: number): Demand['previous'] {
  const { previous, clingSources } = request;
  if (previous !== undefined) {
    if (clingSources !== undefined) contradiction('previous and clingSources exclude each other', { argument: 'clingSources' });
    checkOptions('previous', previous, ['first', 'last']);
    return { first: endsOf(previous, 'first', sourceCount), last: endsOf(previous, 'last', sourceCount) };
  }
  if (clingSources === undefined) return null;
  const ends = indexes('clingSources', clingSources, sourceCount).map((source) => ({ source, end: null }));
  return { first: ends, last: ends };
}

function endsOf(previous: PreviousSegments, which: 'first' | 'last', sourceCount: number): KnownEnd[] {
  const ends: unknown = previous[which];
  if (!Array.isArray(ends)) contradiction(`previous.${which} must be an array of { source, end }`, { argument: `previous.${which}` });
  return (ends as readonly SlotEnd[]).map((end, i) => {
    const name = `previous.${which}[${i}]`;
    checkOptions(name, end, ['source', 'end']);
    return {
      source: checkInteger(`${name}.source`, end.source, { max: Math.max(0, sourceCount - 1) }),
      end: checkInteger(`${name}.end`, end.end),
    };
  });
}

function parallelOf(areas: readonly ParallelArea[], sourceCount: number): KnownParallelArea[] {
  return areas.map((area, i) => {
    const name = `parallelAreas[${i}]`;
    checkOptions(name, area, ['le', 'len', 'sources']);
    const le = checkInteger(`${name}.le`, area.le);
    const len = checkInteger(`${name}.len`, area.len, { max: Number.MAX_SAFE_INTEGER - le });
    return { end: le + len, sources: indexes(`${name}.sources`, area.sources, sourceCount) };
  });
}

/** A source named twice counts once, where it was named first (B1, B2). */
function orderOf(order: readonly number[] | undefined, sourceCount: number): readonly number[] {
  if (order === undefined) {
    const all: number[] = [];
    for (let i = 0; i < sourceCount; i++) all.push(i);
    return all;
  }
  return [...new Set(indexes('sourceOrder', order, sourceCount))];
}

function indexes(name: string, list: unknown, sourceCount: number): number[] {
  if (!Array.isArray(list)) contradiction(`${name} must be an array of indexes in sources`, { argument: name });
  return (list as unknown[]).map((each, i) => {
    if (sourceCount === 0) contradiction(`${name}[${i}] names a source, and there is none`, { argument: name });
    return checkInteger(`${name}[${i}]`, each, { max: sourceCount - 1 });
  });
}

function flag(name: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') contradiction(`${name} must be true or false`, { argument: name, value });
  return value;
}

function text(name: string, value: unknown): string {
  if (typeof value !== 'string') contradiction(`${name} must be a string`, { argument: name, value });
  return value;
}

function contradiction(message: string, facts: Record<string, unknown>): never {
  throw new FreestoneError('ERR_INVALID_ARGUMENT', message, facts);
}
