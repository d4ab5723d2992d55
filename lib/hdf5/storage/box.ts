// Boxes of elements in n dimensions, and where their bytes are.
import { FreestoneError } from '../../errors.js';

/** A box inside an array: `start` and `count` have one number per dimension. */
export interface Box {
  readonly start: readonly number[];
  readonly count: readonly number[];
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
export function isContiguous(source: ElementSource, count: readonly number[], elementSize: number): boolean {
  const packed = rowMajorStrides(count, elementSize);
  return count.every((n, d) => n <= 1 || source.strides[d] === packed[d]);
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

export function intersect(a: Box, b: Box): Box {
  const start = a.start.map((first, d) => Math.max(first, b.start[d] ?? 0));
  const count = start.map((first, d) =>
    Math.max(0, Math.min((a.start[d] ?? 0) + (a.count[d] ?? 0), (b.start[d] ?? 0) + (b.count[d] ?? 0)) - first),
  );
  return { start, count };
}

/** Data that a caller lent for a write may have been detached since: then it must not be taken for shorter data. @throws ERR_INVALID_ARGUMENT */
export function checkStillThere(
  bytes: Uint8Array,
  offset: number,
  strides: readonly number[],
  count: readonly number[],
  elementSize: number,
): void {
  const end = count.reduce((sum, n, d) => sum + (n - 1) * (strides[d] ?? 0), offset) + elementSize;
  if (end <= bytes.byteLength) return;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', 'the data was detached or made shorter while it was being written', { needed: end });
}
