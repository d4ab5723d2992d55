// The ways in which a request fails (section K), in LVM's words, with the numbers as properties.
import { FreestoneError } from '../errors.js';

/** Stable names of the failures, the property `reason` of the error. */
export type FailureReason =
  | 'not-divisible'
  | 'not-enough-sources'
  | 'insufficient-free-space'
  | 'insufficient-suitable-extents'
  | 'nothing-found'
  | 'images-too-small'
  | 'no-room-for-log'
  | 'no-usable-source'
  | 'metadata-does-not-fit';

function noSpace(reason: FailureReason, message: string, facts: Record<string, unknown>): FreestoneError {
  return new FreestoneError('ERR_NO_SPACE', message, { reason, ...facts });
}

/** ERR1: the extents do not fill whole stripes. */
export function notDivisible(requested: number, areaMultiple: number): FreestoneError {
  const message = `Number of extents requested (${requested}) needs to be divisible by ${areaMultiple}.`;
  return new FreestoneError('ERR_INVALID_ARGUMENT', message, { reason: 'not-divisible', requested, areaMultiple });
}

/** ERR2: fewer sources than slots, where logs must be apart. */
export function notEnoughSources(needed: number, available: number): FreestoneError {
  return noSpace('not-enough-sources', 'Not enough PVs with free space available for parallel allocation.', {
    needed,
    available,
    hint: 'Consider --alloc anywhere if desperate.',
  });
}

/** ERR3: the free extents of all sources together are too few. */
export function insufficientFreeSpace(needed: number, available: number): FreestoneError {
  return noSpace('insufficient-free-space', `Insufficient free space: ${needed} extents needed, but only ${available} available`, {
    needed,
    requested: needed,
    available,
  });
}

/** ERR4: no policy could place the rest. */
export function insufficientSuitableExtents(name: string, contiguous: boolean, missing: number): FreestoneError {
  return noSpace(
    'insufficient-suitable-extents',
    `Insufficient suitable ${contiguous ? 'contiguous ' : ''}allocatable extents for logical volume ${name}: ${missing} more required`,
    { missing, contiguous },
  );
}

/** ERR5: an approximate request for which nothing at all was found. */
export function nothingFound(name: string, contiguous: boolean): FreestoneError {
  return noSpace('nothing-found', `Insufficient suitable ${contiguous ? 'contiguous ' : ''}allocatable extents found for logical volume ${name}.`, {
    contiguous,
  });
}

/** ERR6: less than one extent for each data image. */
export function imagesTooSmall(name: string, found: number, required: number): FreestoneError {
  return noSpace(
    'images-too-small',
    `Insufficient suitable allocatable extents for logical volume ${name}: ${found} extents found but at least ${required} required (1 extent per data image).`,
    { found, required },
  );
}

/** ERR7: the data was placed and the log was not. */
export function noRoomForLog(name: string, logAreas: number, logLength: number): FreestoneError {
  return noSpace('no-room-for-log', `Insufficient free space for log allocation for logical volume ${name}.`, { logAreas, logLength });
}

/** ERR8: no source may be used. */
export function noUsableSource(): FreestoneError {
  return noSpace('no-usable-source', "Couldn't allocate areas array.", { available: 0 });
}

/** ERR9: the metadata is longer than any area that could hold it (K1). */
export function metadataDoesNotFit(metadataLength: number): FreestoneError {
  return noSpace('metadata-does-not-fit', 'Metadata does not fit on a single PV.', { metadataLength });
}
