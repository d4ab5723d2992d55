// What a dataset should hold: a naive array with the same operations.

export interface Box {
  readonly start: readonly number[];
  readonly count: readonly number[];
}

export const product = (shape: readonly number[]): number => shape.reduce((all, extent) => all * extent, 1);

/** All positions inside a shape, the last dimension fastest. */
export function positionsIn(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (prefixes, extent) => prefixes.flatMap((prefix) => Array.from({ length: extent }, (_, at) => [...prefix, at])),
    [[]],
  );
}

export class ModelArray<T> {
  shape: readonly number[];
  readonly #fill: T;
  #elements = new Map<string, T>();

  constructor(shape: readonly number[], fill: T) {
    this.shape = shape;
    this.#fill = fill;
  }

  /** `values` in row-major order. */
  write({ start, count }: Box, values: readonly T[]): void {
    positionsIn(count).forEach((position, i) => {
      this.#elements.set(position.map((at, d) => at + (start[d] ?? 0)).join(), values[i] as T);
    });
  }

  /** In row-major order. */
  read({ start, count }: Box): T[] {
    return positionsIn(count).map((position) => this.#at(position.map((at, d) => at + (start[d] ?? 0))));
  }

  append(rows: number, values: readonly T[]): void {
    const [extent = 0, ...row] = this.shape;
    this.shape = [extent + rows, ...row];
    this.write({ start: [extent, ...row.map(() => 0)], count: [rows, ...row] }, values);
  }

  resize(shape: readonly number[]): void {
    this.shape = shape;
    const inside = new Set(positionsIn(shape).map((position) => position.join()));
    this.#elements = new Map([...this.#elements].filter(([position]) => inside.has(position)));
  }

  /** All elements in row-major order. */
  values(): T[] {
    return positionsIn(this.shape).map((position) => this.#at(position));
  }

  #at(position: readonly number[]): T {
    const key = position.join();
    return this.#elements.has(key) ? (this.#elements.get(key) as T) : this.#fill;
  }
}
