// How many extents metadata and logs need (A7), and the whole demand of a new or growing volume (A5–A8).
import { FreestoneError, checkInteger, checkOptions } from '../errors.js';
import { areaMultipleOf, dataAreasOf, parityAreasOf, segmentKind, type SegmentType } from './segment-kinds.js';
import type { AllocationRequest } from './types.js';

const SECTOR_BYTES = 512;
/** The superblocks of a RAID image and of its bitmap. */
const RAID_SUPERBLOCK_BYTES = 2 * 4096;
/** The header of a mirror log. */
const LOG_HEADER_BYTES = 4096;
/** The bitset of a mirror log is a row of words of so many bits. */
const LOG_WORD_BITS = 32;

/** How large extents and mirrored regions are. */
export interface ExtentGeometry {
  /** Sectors of 512 bytes in an extent; 8192, which is 4 MiB, unless given. */
  readonly extentSize?: number | bigint;
  /** Sectors of 512 bytes in a region of a mirror or RAID image; 4096, which is 2 MiB, unless given. */
  readonly regionSize?: number | bigint;
}

function geometryOf({ extentSize, regionSize }: ExtentGeometry): { extentSize: number; regionSize: number } {
  return {
    extentSize: extentSize === undefined ? 8192 : checkInteger('extentSize', extentSize, { min: 1 }),
    regionSize: regionSize === undefined ? 4096 : checkInteger('regionSize', regionSize, { min: 1 }),
  };
}

function sectors(extents: number, extentSize: number): number {
  return checkInteger('the size in sectors', extents * extentSize);
}

/**
 * Extents of the metadata of one RAID image (A7).
 * @param imageExtents the image's data
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT
 */
export function raidMetadataExtents(imageExtents: number | bigint, geometry: ExtentGeometry = {}): number {
  const { extentSize, regionSize } = geometryOf(geometry);
  const regions = Math.floor(sectors(checkInteger('imageExtents', imageExtents), extentSize) / regionSize);
  const bytes = RAID_SUPERBLOCK_BYTES + Math.ceil(regions / 8);
  return Math.ceil(Math.ceil(bytes / SECTOR_BYTES) / extentSize);
}

/**
 * Extents of a mirror's log: a header and a bit for each region (A7).
 * @param areaExtents the extents of one leg
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT
 */
export function mirrorLogExtents(areaExtents: number | bigint, geometry: ExtentGeometry = {}): number {
  const { extentSize, regionSize } = geometryOf(geometry);
  const regions = Math.ceil(sectors(checkInteger('areaExtents', areaExtents), extentSize) / regionSize);
  const bitsetBytes = (Math.ceil(regions / LOG_WORD_BITS) * LOG_WORD_BITS) / 8;
  return Math.ceil(Math.ceil((LOG_HEADER_BYTES + bitsetBytes) / SECTOR_BYTES) / extentSize);
}

/** What a command asks for, before it is a request. */
export interface VolumeSpec extends ExtentGeometry {
  readonly segmentType: SegmentType;
  /** Logical extents of data to add. */
  readonly extents: number | bigint;
  /** Logical extents of data that there are; 0 unless given. */
  readonly existingExtents?: number | bigint;
  /** Stripes; what the kind of segment has unless given. */
  readonly stripes?: number | bigint;
  /** Copies; what the kind of segment has unless given. */
  readonly mirrors?: number | bigint;
  /** Logs of a mirror, or metadata areas of a thin pool: 1 unless given; 0 for none. */
  readonly logAreas?: number | bigint;
  /** Extents of a pool's metadata; 1 unless given. */
  readonly metadataExtents?: number | bigint;
  /** RAID metadata beside each image; `true` unless given. */
  readonly withMetadata?: boolean;
  /** A cache pool's metadata is not cut from its data (A3); `false` unless given. */
  readonly separateMetadata?: boolean;
}

const volumeFields = [
  'segmentType',
  'extents',
  'existingExtents',
  'stripes',
  'mirrors',
  'logAreas',
  'metadataExtents',
  'withMetadata',
  'separateMetadata',
  'extentSize',
  'regionSize',
] as const satisfies readonly (keyof VolumeSpec)[];

/** The fields of a request that say how much is asked for. */
export type VolumeDemand = Required<
  Pick<
    AllocationRequest,
    | 'segmentType'
    | 'dataAreas'
    | 'parityAreas'
    | 'areaMultiple'
    | 'extentsNeeded'
    | 'existingExtents'
    | 'logAreas'
    | 'logLength'
    | 'splitMetadataLength'
    | 'metadataAreas'
  >
>;

/**
 * Counts slots, metadata and logs as LVM's commands do (A5–A8), to be spread into a request. Mirrors get their log in the same call, as a conversion
 * does; LVM's creation of a mirror asks for the images first (`logAreas: 0`) and then for the log alone (A9).
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT
 */
export function demandFor(volume: VolumeSpec): VolumeDemand {
  checkOptions('the volume', volume, volumeFields);
  const { segmentType } = volume;
  const kind = segmentKind(segmentType);
  const count = (field: keyof VolumeSpec, fallback: number): number =>
    volume[field] === undefined ? fallback : checkInteger(field, volume[field], { max: 2 ** 20 });
  const stripes = count('stripes', kind.stripes);
  const mirrors = count('mirrors', kind.mirrors);
  const extents = checkInteger('extents', volume.extents);
  const existingExtents = volume.existingExtents === undefined ? 0 : checkInteger('existingExtents', volume.existingExtents);
  const dataAreas = dataAreasOf(stripes, mirrors);
  const parityAreas = parityAreasOf(segmentType, dataAreas);
  const areaMultiple = areaMultipleOf(segmentType, dataAreas + parityAreas, stripes);
  if (dataAreas === 0) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'a volume has at least one stripe or mirror', { stripes, mirrors });
  }
  const imageExtents = (all: number): number => Math.ceil(all / areaMultiple);
  const none = { logAreas: 0, logLength: 0, splitMetadataLength: 0, metadataAreas: 0 };
  const base = { segmentType, dataAreas, parityAreas, areaMultiple, existingExtents, extentsNeeded: extents, ...none };

  switch (kind.metadata) {
    case 'none':
      return base;
    case 'split': {
      // A volume that grows gets no metadata.
      if (volume.withMetadata === false || existingExtents > 0) return base;
      const length = raidMetadataExtents(imageExtents(extents), volume);
      return { ...base, splitMetadataLength: length, extentsNeeded: extents + length * (segmentType === 'raid1' ? 1 : areaMultiple) };
    }
    case 'split-unless-separate': {
      const length = count('metadataExtents', 1);
      if (volume.separateMetadata) return { ...base, metadataAreas: 1 };
      return { ...base, splitMetadataLength: length, extentsNeeded: extents + length };
    }
    case 'log': {
      const logAreas = count('logAreas', 1);
      if (logAreas === 0) return base;
      const logLength = segmentType === 'mirror' ? mirrorLogExtents(imageExtents(existingExtents + extents), volume) : count('metadataExtents', 1);
      return { ...base, logAreas, logLength };
    }
  }
}
