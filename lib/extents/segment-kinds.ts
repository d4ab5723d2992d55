// The kinds of segment and the slots that each asks for (A5, A6).
import { FreestoneError } from '../errors.js';

/** What a kind of segment says about its slots. */
interface SegmentKind {
  /** Parity images: one for RAID 4 and 5, two for RAID 6. */
  readonly parity: number;
  /** Stripes and mirrors when the request gives neither, as LVM's commands have them. */
  readonly stripes: number;
  readonly mirrors: number;
  /** Whether the extents of a slot carry a part of the data each, so that the area multiple counts slots. */
  readonly multiple: 'slots' | 'slots-without-parity' | 'stripes-or-half' | 'stripes';
  /** Where the metadata of a new volume goes (A7). */
  readonly metadata: 'none' | 'split' | 'split-unless-separate' | 'log';
}

const linear: SegmentKind = { parity: 0, stripes: 1, mirrors: 1, multiple: 'stripes', metadata: 'none' };
const striped: SegmentKind = { parity: 0, stripes: 1, mirrors: 1, multiple: 'slots', metadata: 'none' };
const parityRaid: SegmentKind = { parity: 1, stripes: 2, mirrors: 1, multiple: 'slots-without-parity', metadata: 'split' };

const kinds = {
  linear,
  striped,
  mirror: { parity: 0, stripes: 1, mirrors: 2, multiple: 'stripes', metadata: 'log' },
  raid0: { ...striped, stripes: 2, multiple: 'stripes' },
  raid1: { parity: 0, stripes: 1, mirrors: 2, multiple: 'stripes', metadata: 'split' },
  raid4: parityRaid,
  raid5: parityRaid,
  raid6: { ...parityRaid, parity: 2, stripes: 3 },
  raid10: { parity: 0, stripes: 2, mirrors: 2, multiple: 'stripes-or-half', metadata: 'split' },
  'thin-pool': { ...linear, metadata: 'log' },
  'cache-pool': { ...linear, metadata: 'split-unless-separate' },
} as const satisfies Record<string, SegmentKind>;

export type SegmentType = keyof typeof kinds;

/** All kinds, in the order of LVM's manual. */
export const segmentTypes = Object.keys(kinds) as readonly SegmentType[];

/** @throws {FreestoneError} ERR_INVALID_ARGUMENT for a kind that there is not */
export function segmentKind(type: string): SegmentKind {
  const kind = Object.hasOwn(kinds, type) ? kinds[type as SegmentType] : undefined;
  if (kind) return kind;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', `segmentType must be one of ${segmentTypes.join(', ')}, not ${JSON.stringify(type)}`, {
    argument: 'segmentType',
    value: type,
  });
}

/** The data slots for so many stripes and mirrors (A5): mirrors alone have one stripe each. */
export function dataAreasOf(stripes: number, mirrors: number): number {
  const columns = mirrors > 0 && stripes === 0 ? 1 : stripes;
  return mirrors > 1 ? mirrors * columns : columns;
}

/** The parity slots (A5): none when there are no more data slots than parity, which is a replacement of single images. */
export function parityAreasOf(type: SegmentType, dataAreas: number): number {
  const { parity } = segmentKind(type);
  return dataAreas <= parity ? 0 : parity;
}

/**
 * Logical extents for each extent of one slot (A6).
 * @param areas data and parity slots together
 * @param stripes as the caller counts them, 0 when it does not
 */
export function areaMultipleOf(type: SegmentType, areas: number, stripes: number): number {
  if (areas === 0) return 1;
  const { multiple, parity } = segmentKind(type);
  switch (multiple) {
    case 'slots':
      return areas;
    case 'slots-without-parity':
      return areas <= parity ? 1 : areas - parity;
    case 'stripes-or-half':
      return stripes > 1 ? stripes : Math.max(1, Math.floor(areas / 2));
    case 'stripes':
      return Math.max(1, stripes);
  }
}
