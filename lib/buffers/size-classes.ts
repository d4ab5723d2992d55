// Which sizes buffers come in: those units of the slab heap that are whole cache lines, so that no two buffers share one, and four steps a
// doubling above 128 KiB.
import { checkInteger } from '../errors.js';
import { native } from '../native.js';

/** The smallest size, and what all are and begin at a multiple of. */
export const LEAST_BYTES = 64;
/** The longest buffer: what an ArrayBuffer can be in every supported engine. */
export const MOST_BYTES = 2 ** 32;
export const LARGEST_UNIT = 2 ** 17;
const STEPS = 4;

export interface SizeClasses {
  /** Bytes, ascending. */
  readonly sizes: readonly number[];
  /** The class of up to LARGEST_UNIT bytes, by cache lines. */
  readonly lookup: Uint8Array;
  /** The class that holds `size` bytes. @throws {FreestoneError} ERR_INVALID_SIZE */
  readonly indexOf: (size: number) => number;
}

let made: SizeClasses | undefined;

/** The same for all pools: they are the slab heap's. */
export function sizeClasses(): SizeClasses {
  made ??= make();
  return made;
}

function make(): SizeClasses {
  const units = [...native().heapClasses()].filter((size) => size % LEAST_BYTES === 0);
  const sizes = [...units];
  for (let from = LARGEST_UNIT; from < MOST_BYTES; from *= 2) {
    for (let step = 1; step <= STEPS; step += 1) sizes.push(from + (from / STEPS) * step);
  }
  // By the size in cache lines.
  const lookup = new Uint8Array(LARGEST_UNIT / LEAST_BYTES + 1);
  for (let i = 0, index = 0; i < lookup.length; i += 1) {
    if ((units[index] ?? 0) < i * LEAST_BYTES) index += 1;
    lookup[i] = index;
  }
  return {
    sizes,
    lookup,
    indexOf: (size) => {
      if (Number.isInteger(size) && size >= 1 && size <= LARGEST_UNIT) return lookup[(size + LEAST_BYTES - 1) >>> 6] ?? 0;
      checkInteger('size', size, { min: 1, max: MOST_BYTES, code: 'ERR_INVALID_SIZE' });
      const doubling = 31 - Math.clz32((size - 1) >>> 17);
      const from = LARGEST_UNIT * 2 ** doubling;
      return units.length + doubling * STEPS + Math.ceil((size - from) / (from / STEPS)) - 1;
    },
  };
}
