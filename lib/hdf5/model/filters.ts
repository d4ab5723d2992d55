// Filters as a user names them.
import { FreestoneError, checkChoice, checkInteger, checkOptions, shown } from '../../errors.js';
import { native } from '../../native.js';
import { filterId, type FilterMessage } from '../format/filter-pipeline.js';
import type { ElementType } from './element-type.js';
import { bitshuffleValues, lzfValues, nbitValues, scaleOffsetValues, szipValues } from './filter-values.js';

/** What there is, by the names of the functions that make them. */
export type FilterName = keyof typeof filterIds;

/** One step of a chunk's way into the file. Made by the functions below. */
export interface Filter {
  readonly name: FilterName;
  /** Of gzip: 0 (none) to 9 (smallest). Of zstd, and of bitshuffle with zstd: 1 to 22. */
  readonly level?: number;
  /** Of scaleOffset, for floats: decimal digits after the point that are kept; negative for tens, hundreds and so on. */
  readonly digits?: number;
  /** Of scaleOffset, for integers: bits that each value takes at least. */
  readonly bits?: number;
  /** Of lz4: bytes. Of bitshuffle: elements, a multiple of 8. */
  readonly blockSize?: number;
  /** Of bitshuffle. */
  readonly compressor?: 'lz4' | 'zstd';
  /** Of szip. */
  readonly coding?: 'nearest-neighbour' | 'entropy';
  /** Of szip: even, 2 to 32. */
  readonly pixelsPerBlock?: number;
}

/** What a filter's values follow from. */
export interface FilteredChunk {
  readonly type: ElementType;
  /** Elements along each dimension. */
  readonly chunkShape: readonly number[];
  /** One element, or null for zeros. */
  readonly fill: Uint8Array | null;
}

const filterIds = {
  gzip: filterId.deflate,
  shuffle: filterId.shuffle,
  fletcher32: filterId.fletcher32,
  szip: filterId.szip,
  nbit: filterId.nbit,
  scaleOffset: filterId.scaleOffset,
  lzf: filterId.lzf,
  lz4: filterId.lz4,
  bitshuffle: filterId.bitshuffle,
  zstd: filterId.zstd,
} as const;

const filterNames = new Map(Object.entries(filterIds).map(([name, id]) => [id as number, name as FilterName]));

/**
 * Compresses with deflate, HDF5's filter 1, which every reader has.
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

/** Compresses fast and little, the registered filter 32000, which every h5py has. */
export function lzf(): Filter {
  return { name: 'lzf' };
}

/**
 * Compresses fastest, the registered filter 32004: readers need its plug-in.
 * @param options.blockSize bytes that are compressed at a time, up to 2,113,929,216; 1 GiB, so in practice the chunk, unless given
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT
 */
export function lz4(options: { readonly blockSize?: number } = {}): Filter {
  checkOptions('lz4', options, ['blockSize']);
  const { blockSize } = options;
  if (blockSize !== undefined) checkInteger('blockSize', blockSize, { min: 1, max: 0x7e000000 });
  return { name: 'lz4', ...(blockSize === undefined ? {} : { blockSize }) };
}

/**
 * Compresses as small as gzip and several times as fast, the registered filter 32015: readers need its plug-in.
 * @param level 1 to 22, 3 unless given
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT
 */
export function zstd(level = 3): Filter {
  return { name: 'zstd', level: checkInteger('level', level, { min: 1, max: 22 }) };
}

/**
 * Puts the first bits of all elements together, then the second ones and so on, the registered filter 32008: readers need its plug-in.
 * @param options.compressor compresses each block then; none unless given
 * @param options.level of zstd, 1 to 22, 3 unless given
 * @param options.blockSize elements, a multiple of 8; what fits into 8 KiB unless given
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT
 */
export function bitshuffle(options: Pick<Filter, 'compressor' | 'level' | 'blockSize'> = {}): Filter {
  checkOptions('bitshuffle', options, ['compressor', 'level', 'blockSize']);
  const { compressor, level, blockSize } = options;
  if (compressor !== undefined) checkChoice('compressor', compressor, ['lz4', 'zstd']);
  if (level !== undefined) {
    checkInteger('level', level, { min: 1, max: 22 });
    if (compressor !== 'zstd') throw new FreestoneError('ERR_INVALID_ARGUMENT', 'bitshuffle has a level with zstd alone', { argument: 'level' });
  }
  if (blockSize !== undefined && checkInteger('blockSize', blockSize, { min: 8, max: 0x7e000000 }) % 8 !== 0) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'blockSize must be a multiple of 8', { argument: 'blockSize', received: blockSize });
  }
  return { name: 'bitshuffle', ...options };
}

/** Stores only the significant bits of numbers that have fewer than their size, HDF5's filter 5. Others stay as they are. */
export function nbit(): Filter {
  return { name: 'nbit' };
}

/**
 * Stores numbers as their distance from a chunk's smallest, in as few bits as that needs, HDF5's filter 6. Integers come back as they were,
 * floats rounded to `digits`.
 * @param options.digits decimal digits after the point that are kept, for floats, which need it; -307 to 307
 * @param options.bits bits that each value takes at least, for integers; 0, which is as few as needed, unless given
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT
 */
export function scaleOffset(options: Pick<Filter, 'digits' | 'bits'> = {}): Filter {
  checkOptions('scaleOffset', options, ['digits', 'bits']);
  if (options.digits !== undefined) checkInteger('digits', options.digits, { min: -307, max: 307 });
  if (options.bits !== undefined) checkInteger('bits', options.bits, { max: 64 });
  return { name: 'scaleOffset', ...options };
}

/**
 * Compresses numbers of 1, 2, 4 or 8 bytes with the CCSDS algorithm, HDF5's filter 4. Needs libsz (of libaec) when it runs.
 * @param options.coding `'nearest-neighbour'` for data that changes slowly, which it is unless given, or `'entropy'`
 * @param options.pixelsPerBlock elements, even, 2 to 32; 8 unless given, as by h5py
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT
 */
export function szip(options: Pick<Filter, 'coding' | 'pixelsPerBlock'> = {}): Filter {
  checkOptions('szip', options, ['coding', 'pixelsPerBlock']);
  const { coding = 'nearest-neighbour', pixelsPerBlock = 8 } = options;
  checkChoice('coding', coding, ['nearest-neighbour', 'entropy']);
  if (checkInteger('pixelsPerBlock', pixelsPerBlock, { min: 2, max: 32 }) % 2 !== 0) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'pixelsPerBlock must be even', { argument: 'pixelsPerBlock', received: pixelsPerBlock });
  }
  return { name: 'szip', coding, pixelsPerBlock };
}

/** Who does the work of each filter in this process, in order of preference; an empty list where something is missing for it. */
export function filterLibraries(): Readonly<Record<FilterName, readonly string[]>> {
  return Object.fromEntries(Object.entries(filterIds).map(([name, id]) => [name, librariesOf(id)])) as Record<FilterName, readonly string[]>;
}

function librariesOf(id: number): readonly string[] {
  return native().filterLibraries(id);
}

/** Filters that look at elements, and what may stand before them: nothing that changes how many bytes there are. */
const needsElements: Readonly<Partial<Record<FilterName, readonly FilterName[]>>> = {
  nbit: [],
  scaleOffset: [],
  szip: ['shuffle', 'bitshuffle'],
  bitshuffle: ['shuffle'],
};

/** Whether there are such filters, and in such an order. @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_UNSUPPORTED */
function checkNames(filters: unknown): void {
  if (!Array.isArray(filters)) throw new FreestoneError('ERR_INVALID_ARGUMENT', `filters must be an array, not ${shown(filters)}`, { argument: 'filters' });
  const names = filters.map((filter: Filter | null | undefined) => {
    const name = filter?.name as string | undefined;
    if (name !== undefined && Object.hasOwn(filterIds, name)) return name as FilterName;
    const known = Object.keys(filterIds).map((other) => `${other}()`).join(', ');
    throw new FreestoneError('ERR_UNSUPPORTED', `the filter ${shown(name)} is not supported; there are ${known}`, { filter: name });
  });
  const compresses = (i: number): boolean => (filters[i] as Filter).compressor !== undefined;
  names.forEach((name, i) => {
    if (names.indexOf(name) !== i) throw new FreestoneError('ERR_INVALID_ARGUMENT', 'a filter is named twice', { filters, filter: name });
    const before = needsElements[name];
    const wrong = before && names.slice(0, i).find((other, j) => !before.includes(other) || compresses(j));
    if (wrong !== undefined) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `the filter ${name} needs the elements themselves, so it must stand before ${wrong}`, { filters, filter: name });
    }
  });
}

function checkAvailable({ name, compressor }: Filter): void {
  for (const [needed, what] of [[name, `the filter ${name}`], [compressor, `${name} with ${String(compressor)}`]] as const) {
    if (needed === undefined || librariesOf(filterIds[needed]).length > 0) continue;
    const library = { szip: 'libsz.so.2 of libaec, which is not installed' }[needed as string] ?? `lib${needed}, which this build does not have`;
    throw new FreestoneError('ERR_UNSUPPORTED', `${what} needs ${library}`, { filter: name });
  }
}

/**
 * What the file says of each filter.
 * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_UNSUPPORTED, also for a filter that cannot hold the type
 */
export function filterMessages(filters: readonly Filter[], chunk: FilteredChunk): FilterMessage[] {
  checkNames(filters);
  filters.forEach(checkAvailable);
  return filters.map((filter) => {
    const { name } = filter;
    const values = valuesOf[name](filter, chunk);
    const id = filterIds[name];
    return { id, optional: name !== 'fletcher32', ...(id >= 256 ? { name } : {}), values };
  });
}

// Options are checked again: a filter may have been written out by hand.
const valuesOf: Readonly<Record<FilterName, (filter: Filter, chunk: FilteredChunk) => readonly number[]>> = {
  gzip: ({ level }) => [gzip(level).level ?? 0],
  shuffle: (_, { type }) => [type.size],
  fletcher32: () => [],
  szip: ({ coding, pixelsPerBlock }, chunk) => szipValues(szip(given({ coding, pixelsPerBlock })), chunk),
  nbit: (_, chunk) => nbitValues(chunk),
  scaleOffset: ({ digits, bits }, chunk) => scaleOffsetValues(scaleOffset(given({ digits, bits })), chunk),
  lzf: (_, chunk) => lzfValues(chunk),
  lz4: ({ blockSize }) => [lz4(given({ blockSize })).blockSize ?? 0],
  bitshuffle: ({ compressor, level, blockSize }, chunk) => bitshuffleValues(bitshuffle(given({ compressor, level, blockSize })), chunk),
  zstd: ({ level }) => [zstd(level).level ?? 0],
};

/** Without what is undefined. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** The filters that a file names. @throws {FreestoneError} ERR_UNSUPPORTED */
export function filtersOf(messages: readonly FilterMessage[]): Filter[] {
  return messages.map(({ id, values, name: written }) => {
    const name = filterNames.get(id);
    if (name === undefined) {
      throw new FreestoneError('ERR_UNSUPPORTED', `filter ${String(id)}${written === undefined ? '' : ` (${written})`} is not supported`, { filter: id });
    }
    return { name, ...optionsOf(name, values) };
  });
}

function optionsOf(name: FilterName, values: readonly number[]): Omit<Filter, 'name'> {
  switch (name) {
    case 'gzip':
      return { level: values[0] ?? 0 };
    case 'zstd':
      return { level: values[0] ?? 3 };
    case 'lz4':
      return values[0] ? { blockSize: values[0] } : {};
    case 'szip':
      return { coding: ((values[0] ?? 0) & 32) !== 0 ? 'nearest-neighbour' : 'entropy', pixelsPerBlock: values[1] ?? 0 };
    case 'scaleOffset':
      return values[3] === 1 ? { digits: (values[1] ?? 0) | 0 } : (values[1] ?? 0) > 0 ? { bits: values[1] ?? 0 } : {};
    case 'bitshuffle': {
      const compressor = ({ 2: 'lz4', 3: 'zstd' } as const)[values[4] as 2 | 3] as 'lz4' | 'zstd' | undefined;
      return {
        ...(values[3] ? { blockSize: values[3] } : {}),
        ...(compressor === undefined ? {} : { compressor }),
        ...(compressor === 'zstd' ? { level: values[5] ?? 3 } : {}),
      };
    }
    default:
      return {};
  }
}

/** For the native codec: id, number of values, values, one filter after the other. */
export function nativeFilters(messages: readonly FilterMessage[]): Uint32Array {
  return Uint32Array.from(messages.flatMap(({ id, values }) => [id, values.length, ...values]));
}
