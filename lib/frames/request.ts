// What an allocator is made of and what a request asks for, checked and in the numbers that C++ takes.
import { FreestoneError, checkChoice, checkInteger, checkOptions } from '../errors.js';

/** The order is that of `freestone::frames::ZoneKind`. */
export const zoneKinds = ['normal', 'dma', 'huge', 'device'] as const;
/** Ordinary memory; locked in RAM; huge pages that were set aside; a file or memory shared with other processes. */
export type ZoneKind = (typeof zoneKinds)[number];

/** The order is that of `freestone::frames::HugePages`. */
const hugePagePolicies = ['never', 'advise', 'always', 'reserve'] as const;
export type HugePagePolicy = (typeof hugePagePolicies)[number];

/** Free frames at which a zone reports pressure: 0 <= min <= low <= high. */
export interface Watermarks {
  /** The last `min` frames are for requests with `emergency`. */
  readonly min: number;
  /** Pressure begins when this many frames are free. */
  readonly low: number;
  /** Pressure ends when this many frames are free. */
  readonly high: number;
}

export interface ZoneOptions {
  readonly kind: ZoneKind;
  /** Bytes. */
  readonly size: number;
  /** Of a device zone: the file that is its memory, made or extended as needed. Without one it is memory that has no name. */
  readonly path?: string;
  readonly watermarks?: Watermarks;
}

export interface NodeOptions {
  /** The system's number of the node; it need not exist, so that any topology can be tried anywhere. */
  readonly id: number;
  /** Bytes; those of all nodes add up to the region. */
  readonly size: number;
  /** To each of the nodes, in their order; 10 is local. */
  readonly distances: readonly number[];
}

export interface FrameAllocatorOptions {
  /** Bytes of address space to reserve; memory is taken as it is used. */
  readonly size: number | bigint;
  /** Bytes, a power of two from 4096 to 1 MiB; 4096 unless given. */
  readonly frameSize?: number;
  /** One normal zone unless given. */
  readonly zones?: readonly ZoneOptions[];
  /** Those of the system unless given. */
  readonly nodes?: 'system' | readonly NodeOptions[];
  /** When the system is asked for huge pages: `advise` unless given. */
  readonly hugePages?: HugePagePolicy;
  /** Frames that each CPU may keep in whole blocks; 0 turns the caches off. 4096 unless given. */
  readonly cpuCache?: number;
  /** Kinds of zones to try, in this order, when a request for the key finds nothing. */
  readonly fallback?: Readonly<Partial<Record<ZoneKind, readonly ZoneKind[]>>>;
  /** Record the call site of each allocation, for `leaks()`. It costs some microseconds an allocation. */
  readonly track?: boolean;
}

/** Runs are told that they have moved: their content is at `to` already. Answering false keeps them where they were. */
export type Mover = (from: number, to: number, frames: number) => unknown;

export interface FrameRequest {
  /** Only from zones of this kind and their fallbacks; the first kind that there is unless given. */
  readonly zone?: ZoneKind;
  /** The node to try first; that of the calling thread unless given. */
  readonly node?: number;
  /** From the node or not at all. */
  readonly strict?: boolean;
  /** In frames, a power of two: the first frame's index is a multiple. */
  readonly alignment?: number;
  /** May take the frames below the zone's `min`. */
  readonly emergency?: boolean;
  /** For 512 frames and more: give back at once what the rounding up to a power of two added. */
  readonly exact?: boolean;
  /** `compact` may move the run and then calls this. For fewer than 512 frames. */
  readonly movable?: Mover;
}

export type NativeFramesConfig = [
  size: number,
  frameSize: number,
  hugePages: number,
  cpuCache: number,
  track: boolean,
  zones: Float64Array,
  paths: (string | null)[],
  nodes: Float64Array,
  distances: Float64Array,
  fallbacks: Float64Array,
];

const invalidSize = { min: 1, code: 'ERR_INVALID_SIZE' } as const;

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_INVALID_SIZE */
export function nativeConfig(options: FrameAllocatorOptions): NativeFramesConfig {
  checkOptions('the frame allocator', options, ['size', 'frameSize', 'zones', 'nodes', 'hugePages', 'cpuCache', 'fallback', 'track']);
  const size = checkInteger('size', options.size, invalidSize);
  const frameSize = checkInteger('frameSize', options.frameSize ?? 4096, { min: 4096, max: 2 ** 20, code: 'ERR_INVALID_SIZE' });
  const hugePages = options.hugePages ?? 'advise';
  checkChoice('hugePages', hugePages, hugePagePolicies);
  const zones = checkedArray('zones', options.zones ?? []);
  const nodes = options.nodes === undefined || options.nodes === 'system' ? [] : checkedArray('nodes', options.nodes);
  return [
    size,
    frameSize,
    hugePagePolicies.indexOf(hugePages),
    checkInteger('cpuCache', options.cpuCache ?? 4096, { max: 2 ** 32 - 1 }),
    options.track === true,
    Float64Array.from(zones.flatMap(zoneNumbers)),
    zones.map(({ path }) => path ?? null),
    Float64Array.from(nodes.flatMap((node, i) => [checkInteger(`nodes[${String(i)}].id`, node.id, { max: 2 ** 32 - 2 }), checkInteger(`nodes[${String(i)}].size`, node.size)])),
    Float64Array.from(nodes.flatMap((node, i) => distances(node, i, nodes.length))),
    Float64Array.from(fallbackPairs(options.fallback ?? {})),
  ];
}

function checkedArray<T extends object>(name: string, value: readonly T[]): readonly T[] {
  const given: unknown = value;
  if (Array.isArray(given) && !given.some((item) => typeof item !== 'object' || item === null)) return value;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', `${name} must be an array of objects`, { argument: name });
}

function zoneNumbers(zone: ZoneOptions, i: number): number[] {
  const name = `zones[${String(i)}]`;
  checkOptions(name, zone, ['kind', 'size', 'path', 'watermarks']);
  checkChoice(`${name}.kind`, zone.kind, zoneKinds);
  if (zone.path !== undefined && (typeof zone.path !== 'string' || zone.path === '' || zone.path.includes('\0') || zone.kind !== 'device')) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${name}.path must be the path of a file, and only a device zone has one`, { argument: `${name}.path` });
  }
  const { min, low, high } = zone.watermarks ?? { min: 0, low: 0, high: 0 };
  return [
    zoneKinds.indexOf(zone.kind),
    checkInteger(`${name}.size`, zone.size, invalidSize),
    checkInteger(`${name}.watermarks.min`, min),
    checkInteger(`${name}.watermarks.low`, low),
    checkInteger(`${name}.watermarks.high`, high),
  ];
}

function distances(node: NodeOptions, i: number, count: number): number[] {
  const list: unknown = node.distances;
  if (!Array.isArray(list) || list.length !== count) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `nodes[${String(i)}].distances must have one number for each of the ${String(count)} nodes`, {
      argument: `nodes[${String(i)}].distances`,
    });
  }
  return list.map((distance: unknown) => checkInteger(`nodes[${String(i)}].distances`, distance, { min: 1, max: 2 ** 32 - 1 }));
}

function fallbackPairs(fallback: NonNullable<FrameAllocatorOptions['fallback']>): number[] {
  checkOptions('fallback', fallback, zoneKinds);
  return Object.entries(fallback).flatMap(([from, list]) => {
    const kinds: unknown = list;
    if (!Array.isArray(kinds)) throw new FreestoneError('ERR_INVALID_ARGUMENT', `fallback.${from} must be an array of kinds of zones`);
    return kinds.flatMap((kind: unknown) => {
      checkChoice(`fallback.${from}`, kind, zoneKinds);
      return [zoneKinds.indexOf(from as ZoneKind), zoneKinds.indexOf(kind as ZoneKind)];
    });
  });
}

/** The largest run: 2^20 frames. */
export const maxRunFrames = 2 ** 20;
const DEFAULT_ZONE = 255;
const LOCAL_NODE = 2 ** 32 - 1;
const STRICT = 1;
const EMERGENCY = 2;
const EXACT = 4;

/** Zone, node, alignment and flags. @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_INVALID_ALIGNMENT */
export function nativeRequest(request: FrameRequest): [zone: number, node: number, alignment: number, flags: number] {
  checkOptions('the request', request, ['zone', 'node', 'strict', 'alignment', 'emergency', 'exact', 'movable']);
  const { zone, node, alignment = 1, movable } = request;
  if (zone !== undefined) checkChoice('zone', zone, zoneKinds);
  checkInteger('alignment', alignment, { min: 1, max: maxRunFrames, code: 'ERR_INVALID_ALIGNMENT' });
  if (movable !== undefined && typeof movable !== 'function') {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'movable must be a function', { argument: 'movable' });
  }
  return [
    zone === undefined ? DEFAULT_ZONE : zoneKinds.indexOf(zone),
    node === undefined ? LOCAL_NODE : checkInteger('node', node, { max: LOCAL_NODE - 1 }),
    alignment,
    (request.strict === true ? STRICT : 0) | (request.emergency === true ? EMERGENCY : 0) | (request.exact === true ? EXACT : 0),
  ];
}
