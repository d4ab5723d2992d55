// Filters as a user names them.
import { FreestoneError, checkInteger, shown } from '../../errors.js';
import { filterId, type FilterMessage } from '../format/filter-pipeline.js';

/** One step of a chunk's way into the file. */
export interface Filter {
  readonly name: 'gzip' | 'shuffle' | 'fletcher32';
  /** Of gzip: 0 (none) to 9 (smallest). */
  readonly level?: number;
}

/**
 * Compresses with deflate, HDF5's filter 1.
 * @param level 0 to 9, 4 unless given
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT
 */
export function gzip(level = 4): Filter {
  return { name: 'gzip', level: checkInteger('level', level, { max: 9 }) };
}

/** Puts the first bytes of all elements together, then the second ones and so on, HDF5's filter 2: numbers compress better. */
export function shuffle(): Filter {
  return { name: 'shuffle' };
}

/** Adds a checksum to each chunk, HDF5's filter 3: readers notice damage. */
export function fletcher32(): Filter {
  return { name: 'fletcher32' };
}

/** What the file says of each filter. @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_UNSUPPORTED */
export function filterMessages(filters: readonly Filter[], elementSize: number): FilterMessage[] {
  if (!Array.isArray(filters)) throw new FreestoneError('ERR_INVALID_ARGUMENT', `filters must be an array, not ${shown(filters)}`, { argument: 'filters' });
  const messages = (filters as readonly Filter[]).map((filter): FilterMessage => {
    const name = (filter as Filter | null | undefined)?.name as string | undefined;
    switch (name) {
      case 'gzip':
        return { id: filterId.deflate, optional: true, values: [checkInteger('level', filter.level ?? 4, { max: 9 })] };
      case 'shuffle':
        return { id: filterId.shuffle, optional: true, values: [elementSize] };
      case 'fletcher32':
        return { id: filterId.fletcher32, optional: false, values: [] };
      default:
        throw new FreestoneError('ERR_UNSUPPORTED', `the filter ${shown(name)} is not supported; there are gzip(), shuffle() and fletcher32()`, {
          filter: name,
        });
    }
  });
  const twice = messages.find(({ id }, i) => messages.some((other, j) => j < i && other.id === id));
  if (twice !== undefined) throw new FreestoneError('ERR_INVALID_ARGUMENT', 'a filter is named twice', { filters });
  return messages;
}

/** The filters that a file names. @throws {FreestoneError} ERR_UNSUPPORTED */
export function filtersOf(messages: readonly FilterMessage[]): Filter[] {
  return messages.map(({ id, values, name }) => {
    switch (id) {
      case filterId.deflate:
        return { name: 'gzip', level: values[0] ?? 0 };
      case filterId.shuffle:
        return { name: 'shuffle' };
      case filterId.fletcher32:
        return { name: 'fletcher32' };
      default:
        throw new FreestoneError('ERR_UNSUPPORTED', `filter ${String(id)}${name === undefined ? '' : ` (${name})`} is not supported`, { filter: id });
    }
  });
}

/** For the native codec: id, number of values, values, one filter after the other. */
export function nativeFilters(messages: readonly FilterMessage[]): Uint32Array {
  return Uint32Array.from(messages.flatMap(({ id, values }) => [id, values.length, ...values]));
}
