// How an array is cut into parts for copying: boxes of whole chunks, each of which lies in few runs of the file that is read.

export interface ArrayBox {
  readonly start: readonly number[];
  readonly count: readonly number[];
}

const product = (numbers: readonly number[]): number => numbers.reduce((all, number) => all * number, 1);

/**
 * The boxes that make up an array whose elements lie in row-major order.
 * @param units the extents that boxes have multiples of, where they are not the whole
 * @param budget bytes that a box should not exceed; one of `units` may
 */
export function* boxesOf(shape: readonly number[], units: readonly number[], elementBytes: number, budget: number): Generator<ArrayBox> {
  if (product(shape) === 0) return;
  const count = [...shape];
  // The first dimensions are the ones whose parts lie apart already.
  for (let d = 0; d < shape.length && product(count) * elementBytes > budget; d++) {
    const unit = units[d] ?? 1;
    const whole = count[d] ?? 1;
    const fitting = Math.floor(budget / ((product(count) / whole) * elementBytes) / unit) * unit;
    count[d] = Math.min(whole, Math.max(unit, fitting));
  }
  const start = shape.map(() => 0);
  for (;;) {
    yield { start: [...start], count: shape.map((extent, d) => Math.min(count[d] ?? 1, extent - (start[d] ?? 0))) };
    let d = shape.length - 1;
    for (; d >= 0; d--) {
      start[d] = (start[d] ?? 0) + (count[d] ?? 1);
      if ((start[d] ?? 0) < (shape[d] ?? 0)) break;
      start[d] = 0;
    }
    if (d < 0) return;
  }
}

/** A run of elements of a box that lie one behind the other in a row-major array. @returns where in the array, and how many */
export function* runsOf(shape: readonly number[], { start, count }: ArrayBox): Generator<{ readonly at: number; readonly length: number }> {
  let inner = shape.length;
  let length = 1;
  // Dimensions that the box has all of belong to the run, and so does the one before them.
  while (inner > 0) {
    inner--;
    length *= count[inner] ?? 1;
    if (count[inner] !== shape[inner]) break;
  }
  const strides = shape.map((_, d) => product(shape.slice(d + 1)));
  const first = start.reduce((sum, position, d) => sum + position * (strides[d] ?? 1), 0);
  const index = count.slice(0, inner).map(() => 0);
  for (;;) {
    yield { at: index.reduce((sum, position, d) => sum + position * (strides[d] ?? 1), first), length };
    let d = inner - 1;
    for (; d >= 0; d--) {
      index[d] = (index[d] ?? 0) + 1;
      if ((index[d] ?? 0) < (count[d] ?? 1)) break;
      index[d] = 0;
    }
    if (d < 0) return;
  }
}

/** A chunk of about so many bytes that has about the same extent along each dimension, for arrays that are read across. */
export function evenChunk(shape: readonly number[], elementBytes: number, bytes: number): number[] {
  const chunk = shape.map((extent) => Math.max(1, extent));
  while (product(chunk) * elementBytes > bytes && chunk.some((extent) => extent > 1)) {
    const longest = chunk.indexOf(Math.max(...chunk));
    chunk[longest] = Math.ceil((chunk[longest] ?? 1) / 2);
  }
  return chunk;
}

/** Whole rows of about so many bytes, or part of one. */
export function rowChunk(shape: readonly number[], elementBytes: number, bytes: number): number[] {
  const row = evenChunk(shape.slice(1), elementBytes, bytes);
  return [Math.max(1, Math.min(Math.floor(bytes / (product(row) * elementBytes)), shape[0] ?? 1)), ...row];
}

/** Elements whose first dimension runs fastest, put so that the last one does. */
export function rowMajor(bytes: Uint8Array, count: readonly number[], elementBytes: number): Buffer {
  const result = Buffer.allocUnsafe(bytes.length);
  const strides = count.map((_, d) => product(count.slice(0, d)) * elementBytes);
  const index = count.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to += elementBytes) {
    for (let i = 0; i < elementBytes; i++) result[to + i] = bytes[from + i] ?? 0;
    for (let d = count.length - 1; d >= 0; d--) {
      from += strides[d] ?? 0;
      index[d] = (index[d] ?? 0) + 1;
      if ((index[d] ?? 0) < (count[d] ?? 1)) break;
      from -= (index[d] ?? 0) * (strides[d] ?? 0);
      index[d] = 0;
    }
  }
  return result;
}

/** Values in a row as arrays in arrays. */
export function nested(values: readonly unknown[], shape: readonly number[]): unknown {
  if (shape.length <= 1) return shape.length === 0 ? values[0] : values;
  const [extent = 0, ...inner] = shape;
  const size = product(inner);
  return Array.from({ length: extent }, (_, i) => nested(values.slice(i * size, (i + 1) * size), inner));
}
