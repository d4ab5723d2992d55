// The numbers that a file has for filters whose work depends on the datatype and the chunk, as libhdf5 and the filters' own libraries
// set them.
import { FreestoneError } from '../../errors.js';
import type { DatatypeMessage } from '../format/datatype.js';
import { product } from '../storage/box.js';
import type { ElementType } from './element-type.js';
import type { Filter, FilteredChunk, FilterName } from './filters.js';

function refused(filter: FilterName, type: ElementType, why: string): FreestoneError {
  return new FreestoneError('ERR_UNSUPPORTED', `the filter ${filter} cannot hold ${type.name}: ${why}`, { argument: 'filters', filter, dtype: type.name });
}

/** h5py's revision of the filter and the version of LibLZF that it carries. */
const LZF_REVISION = 4;
const LZF_VERSION = 0x0105;

export function lzfValues({ type, chunkShape }: FilteredChunk): number[] {
  return [LZF_REVISION, LZF_VERSION, product(chunkShape) * type.size];
}

/** The version of bitshuffle whose format this is. */
const BITSHUFFLE_VERSION = [0, 3];
const BITSHUFFLE_COMPRESSORS = { lz4: 2, zstd: 3 } as const;
const MOST_BITSHUFFLE_BLOCK_BYTES = 0x7e000000;
const LEAST_BITSHUFFLE_BLOCK = 128;

export function bitshuffleValues({ blockSize = 0, compressor, level = 3 }: Filter, { type }: FilteredChunk): number[] {
  if ((blockSize === 0 ? LEAST_BITSHUFFLE_BLOCK : blockSize) * type.size > MOST_BITSHUFFLE_BLOCK_BYTES) {
    throw refused('bitshuffle', type, 'a block of such elements is larger than 2,113,929,216 bytes');
  }
  const code = compressor === undefined ? 0 : BITSHUFFLE_COMPRESSORS[compressor];
  return [...BITSHUFFLE_VERSION, type.size, blockSize, code, ...(compressor === 'zstd' ? [level] : [])];
}

// Options of szip: HDF5's H5Zpublic.h.
const SZIP_ALLOW_K13 = 1;
const SZIP_ENTROPY = 4;
const SZIP_LITTLE_ENDIAN = 8;
const SZIP_BIG_ENDIAN = 16;
const SZIP_NEAREST_NEIGHBOUR = 32;
const SZIP_RAW = 128;
const SZIP_BLOCKS_PER_LINE = 128;

export function szipValues({ coding, pixelsPerBlock = 8 }: Filter, { type, chunkShape }: FilteredChunk): number[] {
  const { message } = type;
  if (message.class !== 'integer' && message.class !== 'float') throw refused('szip', type, 'it is for integers and floats');
  const elements = product(chunkShape);
  if (elements < pixelsPerBlock) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `szip needs chunks of ${String(pixelsPerBlock)} elements at least, which is its pixelsPerBlock`, {
      argument: 'filters',
      filter: 'szip',
      elements,
    });
  }
  // A line is a row of the chunk where that is long enough, and no longer than szip allows.
  const row = chunkShape.at(-1) ?? 1;
  const line = Math.min(row < pixelsPerBlock ? elements : row, pixelsPerBlock * SZIP_BLOCKS_PER_LINE);
  const options = SZIP_ALLOW_K13 | SZIP_RAW | (coding === 'entropy' ? SZIP_ENTROPY : SZIP_NEAREST_NEIGHBOUR);
  return [options | (message.bigEndian ? SZIP_BIG_ENDIAN : SZIP_LITTLE_ENDIAN), pixelsPerBlock, message.size * 8, line];
}

const SCALE_FLOATS = 0;
const SCALE_INTEGERS = 2;
const SCALE_VALUES = 20;
const SCALE_FILL_AT = 8;

export function scaleOffsetValues({ digits, bits = 0 }: Filter, { type, chunkShape, fill }: FilteredChunk): number[] {
  const { message } = type;
  if (message.class !== 'integer' && message.class !== 'float') throw refused('scaleOffset', type, 'it is for integers and floats');
  const isFloat = message.class === 'float';
  if (isFloat && message.size < 4) throw refused('scaleOffset', type, 'its floats have 32 or 64 bits');
  if (isFloat && digits === undefined) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'scaleOffset needs digits for floats: how many after the point are kept', { argument: 'filters', filter: 'scaleOffset' });
  }
  if (isFloat ? bits !== 0 : digits !== undefined) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `scaleOffset has digits for floats and bits for integers, and the dtype is ${type.name}`, {
      argument: 'filters',
      filter: 'scaleOffset',
    });
  }
  if (bits > message.size * 8) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `scaleOffset cannot take ${String(bits)} bits of ${type.name}`, { argument: 'filters', filter: 'scaleOffset', bits });
  }
  const values = new Array<number>(SCALE_VALUES).fill(0);
  const isSigned = message.class === 'integer' && message.signed;
  const parameters = [
    isFloat ? SCALE_FLOATS : SCALE_INTEGERS, (isFloat ? (digits ?? 0) : bits) >>> 0, product(chunkShape),
    Number(isFloat), message.size, Number(isSigned), Number(message.bigEndian), 1,
  ];
  values.splice(0, parameters.length, ...parameters);
  // The fill value is there for libhdf5 even when it is zero for want of another.
  const bytes = Buffer.alloc(8);
  if (fill !== null) bytes.set(message.bigEndian ? fill.toReversed() : fill);
  values[SCALE_FILL_AT] = bytes.readUInt32LE(0);
  values[SCALE_FILL_AT + 1] = bytes.readUInt32LE(4);
  return values;
}

const NBIT_NUMBER = 1;
const NBIT_ARRAY = 2;
const NBIT_COMPOUND = 3;
const NBIT_OTHER = 4;
/** libhdf5's own limit. */
const NBIT_MOST_VALUES = 4096;

export function nbitValues({ type, chunkShape }: FilteredChunk): number[] {
  if (type.variable) throw refused('nbit', type, 'its bytes are not in the chunks');
  const described = nbitType(type.message);
  const values = [described.values.length + 3, Number(!described.packs), product(chunkShape), ...described.values];
  if (values.length > NBIT_MOST_VALUES) throw refused('nbit', type, `it would need more than ${String(NBIT_MOST_VALUES)} values`);
  return values;
}

/** @returns `packs`: whether a number has fewer bits than its size */
function nbitType(message: DatatypeMessage): { readonly values: readonly number[]; readonly packs: boolean } {
  switch (message.class) {
    case 'integer': {
      const { precision, offset } = message.bits ?? { precision: message.size * 8, offset: 0 };
      return { values: [NBIT_NUMBER, message.size, Number(message.bigEndian), precision, offset], packs: message.bits !== undefined };
    }
    case 'float': {
      const { precision } = message.layout;
      return { values: [NBIT_NUMBER, message.size, Number(message.bigEndian), precision, 0], packs: precision < message.size * 8 };
    }
    case 'array': {
      const base = nbitType(message.base);
      return { values: [NBIT_ARRAY, message.size, ...base.values], packs: base.packs };
    }
    case 'compound': {
      const members = message.members.map(({ offset, type }) => ({ offset, ...nbitType(type) }));
      return {
        values: [NBIT_COMPOUND, message.size, members.length, ...members.flatMap(({ offset, values }) => [offset, ...values])],
        packs: members.some(({ packs }) => packs),
      };
    }
    default:
      return { values: [NBIT_OTHER, message.size], packs: false };
  }
}
