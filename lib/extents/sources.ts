// From the caller's sources to free areas in order (B1–B3), with every check that this needs.
//
// `normalise`, `reserve` and `free` give sources whose areas are known to be in order; those are recognised here and not looked at again,
// which is what makes one placement after another cheap.
import { at } from './at.js';
import { FreestoneError, checkInteger, checkOptions } from '../errors.js';
import { SourceAreas, type PlacedAreas } from './area-order.js';
import type { AreaLabel } from './areas.js';
import type { Area, ExtentRange, Source } from './types.js';

const sourceOptions = ['handle', 'areas', 'totalExtents', 'tags', 'allocatable', 'ranges', 'weight'];
const knownOptions = new Set(sourceOptions);
const noTags: readonly string[] = Object.freeze([]);

/** A source whose values have been checked. */
export interface CheckedSource {
  readonly handle: unknown;
  readonly areas: SourceAreas;
  readonly totalExtents: number;
  readonly tags: readonly string[];
  readonly allocatable: boolean;
  readonly ranges: readonly { readonly start: number; readonly end: number }[] | undefined;
  readonly weight: number;
  /** The areas within the ranges, once they have been cut to them. */
  inRanges?: SourceAreas;
}

const checked = Symbol('checked source');

/** What is known of a source that this library made itself. */
export function known(source: Source): CheckedSource | undefined {
  return (source as { [checked]?: CheckedSource })[checked];
}

/**
 * A source as the library gives it: a plain frozen object to the caller, whose areas are made when they are asked for.
 */
export function sourceOf(values: CheckedSource): Source {
  const { handle, totalExtents, tags, allocatable, ranges, weight } = values;
  const source: Source = {
    handle,
    get areas() {
      return areasOf(values.areas.placed);
    },
    totalExtents,
    tags,
    ...(allocatable ? {} : { allocatable }),
    ...(ranges ? { ranges: ranges.map(({ start, end }) => ({ start, length: end - start })) } : {}),
    ...(weight === 1 ? {} : { weight }),
  };
  return Object.freeze(Object.defineProperty(source, checked, { value: values }));
}

function areasOf({ starts, counts, labels }: PlacedAreas): Area[] {
  return starts.map((start, i) => {
    const label = labels?.[i];
    return {
      start,
      length: at(counts, i),
      ...(label?.handle === undefined ? {} : { handle: label.handle }),
      ...(label && label.tags.length > 0 ? { tags: label.tags } : {}),
    };
  });
}

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT when it is no array */
export function checkSources(sources: unknown): asserts sources is readonly Source[] {
  if (Array.isArray(sources)) return;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', 'sources must be an array', { argument: 'sources', value: sources });
}

/**
 * One source with every value checked.
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT; ERR_OVERLAP when areas or ranges overlap
 */
export function checkSource(source: Source, index: number): CheckedSource {
  const name = (field: string): string => `sources[${index}]${field}`;
  if (typeof source !== 'object' || (source as unknown) === null) checkOptions(name(''), source, sourceOptions);
  const before = known(source);
  if (before) return before;
  for (const option in source) if (!knownOptions.has(option)) checkOptions(name(''), source, sourceOptions);
  const { handle, areas, tags, allocatable = true, ranges, weight = 1 } = source;
  if (!Array.isArray(areas)) refuse(name('.areas'), areas, 'an array of { start, length }');
  if (typeof allocatable !== 'boolean') refuse(name('.allocatable'), allocatable, 'true or false');
  if (!(typeof weight === 'number' && Number.isFinite(weight) && weight > 0)) refuse(name('.weight'), weight, 'a number above 0');
  const { areas: found, end } = checkAreas(index, areas);
  const totalExtents = source.totalExtents === undefined ? end : wholeNumber(source.totalExtents) ?? checkInteger(name('.totalExtents'), source.totalExtents);
  if (end > totalExtents) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${name('')} has an area that ends at ${end}, beyond its ${totalExtents} extents`, {
      source: index,
      end,
      totalExtents,
    });
  }
  return {
    handle,
    areas: found,
    totalExtents,
    tags: tags?.length === 0 ? noTags : checkTags(name('.tags'), tags),
    allocatable,
    ranges: ranges === undefined ? undefined : checkRanges(name('.ranges'), ranges),
    weight,
  };
}

/** The areas of a source that may be taken (B3). */
export function usableAreas(source: CheckedSource): SourceAreas {
  if (!source.ranges) return source.areas;
  return (source.inRanges ??= SourceAreas.of(within(source.areas.placed, source.ranges)));
}

/** Two sources with one handle as one: the second one's areas follow (B1). @throws {FreestoneError} ERR_OVERLAP */
export function joined(one: CheckedSource, other: CheckedSource, name: string): CheckedSource {
  const [first, second] = [usableAreas(one).placed, usableAreas(other).placed];
  const placed: PlacedAreas = {
    starts: [...first.starts, ...second.starts],
    counts: [...first.counts, ...second.counts],
    labels: first.labels || second.labels ? [...labelsOf(first), ...labelsOf(second)] : undefined,
  };
  checkApart(name, placed, byStart(placed));
  return {
    handle: one.handle,
    areas: SourceAreas.of(placed),
    totalExtents: Math.max(one.totalExtents, other.totalExtents),
    tags: [...new Set([...one.tags, ...other.tags])],
    allocatable: one.allocatable && other.allocatable,
    ranges: undefined,
    weight: one.weight,
  };
}

function labelsOf(placed: PlacedAreas): readonly (AreaLabel | undefined)[] {
  return placed.labels ?? placed.starts.map(() => undefined);
}

/** Each free area cut to each range, range by range (B3). */
function within(placed: PlacedAreas, ranges: readonly { readonly start: number; readonly end: number }[]): PlacedAreas {
  const starts: number[] = [];
  const counts: number[] = [];
  const labels: (AreaLabel | undefined)[] = [];
  for (const range of ranges) {
    placed.starts.forEach((areaStart, i) => {
      const start = Math.max(areaStart, range.start);
      const end = Math.min(areaStart + at(placed.counts, i), range.end);
      if (start >= end) return;
      starts.push(start);
      counts.push(end - start);
      labels.push(placed.labels?.[i]);
    });
  }
  return { starts, counts, labels: placed.labels && labels };
}

function refuse(argument: string, value: unknown, wanted: string): never {
  throw new FreestoneError('ERR_INVALID_ARGUMENT', `${argument} must be ${wanted}`, { argument, value });
}

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT unless it is undefined or an array of strings */
export function checkTags(argument: string, tags: unknown): readonly string[] {
  if (tags === undefined) return noTags;
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string')) refuse(argument, tags, 'an array of strings');
  return [...tags];
}

/** An extent count or position: the check of the common case, small and correct, without a call. */
function extent(value: unknown, source: number, index: number, field: string): number {
  return wholeNumber(value) ?? checkInteger(`sources[${source}].areas[${index}].${field}`, value);
}

function wholeNumber(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && Number.isSafeInteger(value) ? value : undefined;
}

/** Checks areas; those in order, as they mostly are, are read again only if they are needed. */
function checkAreas(source: number, areas: readonly Area[]): { areas: SourceAreas; end: number } {
  let end = 0;
  let longest = 0;
  let free = 0;
  let hasLabels = false;
  let inOrder = true;
  for (let i = 0; i < areas.length; i++) {
    const area = areas[i] as Area | null | undefined;
    if (typeof area !== 'object' || area === null) refuse(`sources[${source}].areas[${i}]`, area, 'an object { start, length }');
    const start = extent(area.start, source, i, 'start');
    const count = extent(area.length, source, i, 'length');
    if (count === 0) continue;
    if (area.handle !== undefined || area.tags !== undefined) hasLabels = true;
    if (start < end) inOrder = false;
    end = start + count;
    if (!Number.isSafeInteger(end)) refuse(`sources[${source}].areas[${i}]`, area, 'below 2^53');
    free += count;
    if (count > longest) longest = count;
  }
  const summary = { longest, free, hasLabels };
  if (inOrder) {
    return { areas: new SourceAreas(summary, () => readAreas(source, areas)), end };
  }
  const placed = inPlace(`sources[${source}]`, readAreas(source, areas));
  return { areas: new SourceAreas(summary, placed), end: (placed.starts.at(-1) ?? 0) + (placed.counts.at(-1) ?? 0) };
}

/** The areas that are not empty, in the order given. */
function readAreas(source: number, areas: readonly Area[]): PlacedAreas {
  const starts: number[] = [];
  const counts: number[] = [];
  const labels: (AreaLabel | undefined)[] = [];
  areas.forEach((area, i) => {
    const count = extent(area.length, source, i, 'length');
    if (count === 0) return;
    starts.push(extent(area.start, source, i, 'start'));
    counts.push(count);
    const isPlain = area.handle === undefined && area.tags === undefined;
    labels.push(isPlain ? undefined : { handle: area.handle, tags: checkTags(`sources[${source}].areas[${i}].tags`, area.tags) });
  });
  return { starts, counts, labels: labels.some((label) => label) ? labels : undefined };
}

/** Areas by position. @throws {FreestoneError} ERR_OVERLAP */
function inPlace(name: string, placed: PlacedAreas): PlacedAreas {
  const { starts, counts, labels } = placed;
  const order = byStart(placed);
  checkApart(name, placed, order);
  return {
    starts: order.map((i) => at(starts, i)),
    counts: order.map((i) => at(counts, i)),
    labels: labels && order.map((i) => labels[i]),
  };
}

function byStart({ starts }: PlacedAreas): number[] {
  return starts.map((_, i) => i).sort((one, other) => at(starts, one) - at(starts, other));
}

function checkApart(name: string, { starts, counts }: PlacedAreas, order: readonly number[]): void {
  for (let i = 1; i < order.length; i++) {
    const before = at(order, i - 1);
    const start = at(starts, at(order, i));
    const end = at(starts, before) + at(counts, before);
    if (start < end) {
      throw new FreestoneError('ERR_OVERLAP', `${name} has overlapping areas: one that ends at ${end} and one that starts at ${start}`, {
        source: name,
        start,
        end,
      });
    }
  }
}

function checkRanges(name: string, ranges: readonly ExtentRange[]): { start: number; end: number }[] {
  if (!Array.isArray(ranges)) refuse(name, ranges, 'an array of { start, length }');
  const list = (ranges as readonly ExtentRange[]).map((range, i) => {
    checkOptions(`${name}[${i}]`, range, ['start', 'length']);
    const start = checkInteger(`${name}[${i}].start`, range.start);
    const length = checkInteger(`${name}[${i}].length`, range.length, { max: Number.MAX_SAFE_INTEGER - start });
    return { start, end: start + length };
  });
  const inOrder = list.filter(({ start, end }) => end > start).toSorted((one, other) => one.start - other.start);
  inOrder.forEach(({ start }, i) => {
    const before = inOrder[i - 1];
    if (before && start < before.end) {
      throw new FreestoneError('ERR_OVERLAP', `${name} has overlapping ranges: one that ends at ${before.end} and one that starts at ${start}`, {
        start,
        end: before.end,
      });
    }
  });
  return list;
}
