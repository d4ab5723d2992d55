// Where a dataset's elements are when they are not in the HDF5 file, as a user says it.
import { FreestoneError, checkInteger, checkOptions, shown } from '../../errors.js';
import { maxExternalSlots } from '../format/external-files.js';
import { product } from '../storage/box.js';
import type { ExternalRun } from '../storage/external.js';
import { isText, type ElementType } from './element-type.js';

/** A run of bytes of another file. */
export interface ExternalExtent {
  readonly path: string;
  /** The first byte in that file; 0 unless given. */
  readonly offset?: number;
  /** Bytes, 1 or more. */
  readonly size: number;
}

interface Elements {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly chunkShape: readonly number[] | null;
  readonly fill: Uint8Array | null;
}

/**
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT; ERR_INVALID_SIZE when there are fewer bytes than the elements need; ERR_LIMIT_EXCEEDED for more parts
 *   than a header holds; ERR_OVERLAP when two parts share a byte; ERR_UNSUPPORTED for variable-length elements and fill values
 */
export function plannedExternal(external: unknown, { type, shape, chunkShape, fill }: Elements): ExternalRun[] {
  if (!Array.isArray(external) || external.length === 0) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'external must be an array of { path, offset, size }', { argument: 'external' });
  }
  if (external.length > maxExternalSlots) {
    throw new FreestoneError('ERR_LIMIT_EXCEEDED', `external has ${String(external.length)} parts, and an object header holds ${String(maxExternalSlots)}`, {
      requested: external.length,
      limit: maxExternalSlots,
    });
  }
  if (chunkShape !== null) throw new FreestoneError('ERR_INVALID_ARGUMENT', 'what is in external files can have neither chunks nor filters nor growth');
  if (type.variable) throw new FreestoneError('ERR_UNSUPPORTED', `${type.name} in external files is not supported`);
  if (fill !== null) throw new FreestoneError('ERR_UNSUPPORTED', 'a fill value for external files is not supported; unwritten elements are zero');
  const extents = (external as readonly ExternalExtent[]).map((extent, i) => checked(extent, `external[${String(i)}]`));
  const available = extents.reduce((sum, { size }) => sum + size, 0);
  const requested = product(shape) * type.size;
  if (available < requested) {
    throw new FreestoneError('ERR_INVALID_SIZE', `external holds ${String(available)} bytes, and the dataset has ${String(requested)}`, { requested, available });
  }
  checkApart(extents);
  return extents;
}

function checked(extent: ExternalExtent, name: string): Required<ExternalExtent> {
  checkOptions(name, extent, ['path', 'offset', 'size']);
  const { path } = extent;
  if (typeof path !== 'string' || path === '' || !isText(path)) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `${name}.path must be a path, not ${shown(path)}`, { argument: `${name}.path`, value: path });
  }
  const offset = checkInteger(`${name}.offset`, extent.offset ?? 0);
  return { path, offset, size: checkInteger(`${name}.size`, extent.size, { min: 1, max: Number.MAX_SAFE_INTEGER - offset }) };
}

function checkApart(extents: readonly Required<ExternalExtent>[]): void {
  const ordered = extents.toSorted((a, b) => (a.path === b.path ? a.offset - b.offset : a.path < b.path ? -1 : 1));
  ordered.forEach(({ path, offset }, i) => {
    const before = ordered[i - 1];
    if (before?.path !== path || before.offset + before.size <= offset) return;
    throw new FreestoneError('ERR_OVERLAP', `two parts of external have the byte ${String(offset)} of ${path}`, { path, offset });
  });
}
