// Boxes of elements in n dimensions, and where their bytes are.
import { FreestoneError } from '../../errors.js';

/** A box inside an array: `start` and `count` have one number per dimension. */
export interface Box {
  readonly start: readonly number[];
  readonly count: readonly number[];
}

/** Numbers of one type that become numbers of another. */
export interface Conversion {
  /** See `numberCode` of form.ts. */
  readonly from: number;
  readonly to: number;
  /** Bytes of a number in memory. */
  readonly size: number;
  /** Whether some of them may not fit. */
  readonly refuses: boolean;
}

/** The elements of a box in memory. They are only read while a call runs on the calling thread, or by the kernel. */
export interface ElementSource {
  readonly bytes: Uint8Array;
  /** Of the first element, in bytes. */
  readonly offset: number;
  /** One per dimension, in bytes. */
  readonly strides: readonly number[];
  /** The words whose bytes must be reversed on the way into the file: 1 for none, else 2, 4 or 8. */
  readonly swap: number;
  /** Numbers that must become others before that; all have been found to fit. Strides are those in memory. */
  readonly conversion?: Conversion;
  /** Ends what is done with them before the next chunk or piece. */
  readonly signal?: AbortSignal | undefined;
}

/** Where the elements of a box are read to: packed, in row-major order. */
export interface ElementTarget {
  readonly bytes: Uint8Array;
  /** Nobody else has this memory, so that worker threads may fill it. What is a user's may be detached at any time. */
  readonly isOurs: boolean;
  /** It is zeros, which need not be written again. */
  readonly isBlank: boolean;
  /** As of `ElementSource`. */
  readonly signal?: AbortSignal | undefined;
}

export function product(values: readonly number[]): number {
  return values.reduce((result, value) => result * value, 1);
}

/** The strides, in bytes, of elements that lie one after the other, the last dimension fastest. */
export function rowMajorStrides(shape: readonly number[], elementSize: number): number[] {
  const strides = new Array<number>(shape.length);
  let stride = elementSize;
  for (let d = shape.length - 1; d >= 0; d -= 1) {
    strides[d] = stride;
    stride *= shape[d] ?? 0;
  }
  return strides;
}

export function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let d = 0; d < a.length; d += 1) sum += (a[d] ?? 0) * (b[d] ?? 0);
  return sum;
}

/** Whether the elements of `source` lie one after the other for a box of this `count`. */
export function isContiguous({ strides }: { readonly strides: readonly number[] }, count: readonly number[], elementSize: number): boolean {
  const packed = rowMajorStrides(count, elementSize);
  return count.every((n, d) => n <= 1 || strides[d] === packed[d]);
}

/** All positions of a grid, the last dimension fastest; the same array is given each time. */
export function* positions(from: readonly number[], to: readonly number[]): Generator<readonly number[]> {
  if (from.some((first, d) => first > (to[d] ?? 0))) return;
  const position = [...from];
  for (;;) {
    yield position;
    let d = position.length - 1;
    for (; d >= 0; d -= 1) {
      const next = (position[d] ?? 0) + 1;
      if (next <= (to[d] ?? 0)) {
        position[d] = next;
        break;
      }
      position[d] = from[d] ?? 0;
    }
    if (d < 0) return;
  }
}

/** The positions, in a grid of parts, of those that a box touches. */
export function positionsOf({ start, count }: Box, part: readonly number[]): Iterable<readonly number[]> {
  return positions(
    start.map((first, d) => Math.floor(first / (part[d] ?? 1))),
    start.map((first, d) => Math.floor((first + (count[d] ?? 0) - 1) / (part[d] ?? 1))),
  );
}

/** The position, in a grid of parts, of the one that a box lies in; undefined when there are several, or none. */
export function positionOf({ start, count }: Box, part: readonly number[]): number[] | undefined {
  const position: number[] = [];
  for (let d = 0; d < part.length; d += 1) {
    const extent = part[d] ?? 1;
    const first = start[d] ?? 0;
    const at = Math.floor(first / extent);
    if (count[d] === 0 || first + (count[d] ?? 0) > (at + 1) * extent) return undefined;
    position.push(at);
  }
  return position;
}

export function intersect(a: Box, b: Box): Box {
  const start = a.start.map((first, d) => Math.max(first, b.start[d] ?? 0));
  const count = start.map((first, d) =>
    Math.max(0, Math.min((a.start[d] ?? 0) + (a.count[d] ?? 0), (b.start[d] ?? 0) + (b.count[d] ?? 0)) - first),
  );
  return { start, count };
}

/**
 * How many dimensions of a box, the slowest ones, are walked position by position: the inner ones that it covers whole lie in one run
 * of an array of `shape`, together with a part of the dimension above them.
 */
export function walkedDimensions({ count }: Box, shape: readonly number[]): number {
  let inner = shape.length;
  while (inner > 0 && count[inner - 1] === shape[inner - 1]) inner -= 1;
  return Math.max(0, inner - 1);
}

/** The runs of a box that lie in one piece in an array of `shape`: where each begins in the array, in bytes, and how long all are. */
export function runsOf(box: Box, shape: readonly number[], elementSize: number): { readonly run: number; readonly starts: Iterable<number> } {
  const strides = rowMajorStrides(shape, elementSize);
  const outer = walkedDimensions(box, shape);
  const run = product(box.count.slice(outer)) * elementSize;
  const first = dot(box.start, strides);
  const starts = function* (): Generator<number> {
    if (product(box.count) === 0) return;
    for (const position of positions(box.count.slice(0, outer).map(() => 0), box.count.slice(0, outer).map((n) => n - 1))) {
      yield first + dot(position, strides);
    }
  };
  return { run, starts: starts() };
}

/** A part of a box whose elements follow each other in row-major order. */
export interface BoxPart {
  /** Its first element, in the box. */
  readonly start: readonly number[];
  readonly count: readonly number[];
  /** How many elements of the box are before it. */
  readonly first: number;
}

/** Cuts a box of `count` elements into parts of at most `most` bytes each, or of one element. */
export function* partsOf(count: readonly number[], elementSize: number, most: number): Generator<BoxPart> {
  if (product(count) === 0) return;
  const packed = rowMajorStrides(count, 1);
  let inner = elementSize;
  let cut = count.length;
  for (; cut > 0 && inner * (count[cut - 1] ?? 1) <= most; cut -= 1) inner *= count[cut - 1] ?? 1;
  if (cut === 0) {
    yield { start: count.map(() => 0), count, first: 0 };
    return;
  }
  const extent = count[cut - 1] ?? 1;
  const rows = Math.max(1, Math.floor(most / inner));
  const outer = count.slice(0, cut - 1);
  const behind = count.slice(cut);
  for (const position of positions(outer.map(() => 0), outer.map((n) => n - 1))) {
    for (let row = 0; row < extent; row += rows) {
      const start = [...position, row, ...behind.map(() => 0)];
      yield { start, count: [...outer.map(() => 1), Math.min(rows, extent - row), ...behind], first: dot(start, packed) };
    }
  }
}

/** A box in parts of whole parts of a grid, such as chunks, of at most `most` bytes each, or of one part of the grid. */
export function* slicesOf({ start, count }: Box, gridShape: readonly number[], elementSize: number, most: number): Generator<Box> {
  if (count.includes(0)) return;
  const origin = start.map((first, d) => first - (first % (gridShape[d] ?? 1)));
  const from = start.map((first, d) => first - (origin[d] ?? 0));
  const slice = [...gridShape];
  for (let d = slice.length - 1; d >= 0; d -= 1) {
    const extent = gridShape[d] ?? 1;
    const bytes = elementSize * product(slice.map((length, e) => Math.min(length, count[e] ?? 0)));
    const touched = Math.ceil(((from[d] ?? 0) + (count[d] ?? 0)) / extent);
    slice[d] = extent * Math.min(touched, Math.max(1, Math.floor(most / bytes)));
  }
  for (const position of positionsOf({ start: from, count }, slice)) {
    yield intersect({ start, count }, { start: position.map((at, d) => (origin[d] ?? 0) + at * (slice[d] ?? 1)), count: slice });
  }
}

/** @throws ERR_INVALID_ARGUMENT when memory that is read into was detached meanwhile */
export function checkTarget({ bytes }: ElementTarget, size: number): void {
  if (bytes.byteLength === size) return;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', 'the memory to read into was detached or made shorter meanwhile', { needed: size });
}

/** Data that a caller lent for a write may have been detached since: then it must not be taken for shorter data. @throws ERR_INVALID_ARGUMENT */
export function checkStillThere(
  bytes: Uint8Array,
  offset: number,
  strides: readonly number[],
  count: readonly number[],
  elementSize: number,
): void {
  let end = offset + elementSize;
  for (let d = 0; d < count.length; d += 1) {
    const n = count[d] ?? 0;
    if (n === 0) return;
    end += Math.max(0, (n - 1) * (strides[d] ?? 0));
  }
  if (end <= bytes.byteLength) return;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', 'the data was detached or made shorter while it was being written', { needed: end });
}
