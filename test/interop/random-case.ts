// Random datasets and what is done to them: drawn as a plan, played on the code under test and on the model.
import fc from 'fast-check';
import { type H5File, fletcher32, gzip, shuffle, type Data, type Dataset, type Filter, type TypedArray, type Value } from '../../lib/hdf5/index.js';
import type { SeenDataset } from './h5py.js';
import { kinds, type Kind } from './kinds.js';
import { ModelArray, product, type Box } from './model-array.js';

/** How the same values are handed over. */
type Form = 'nested' | 'typed' | 'strided';

type Operation =
  /** The box as fractions of the shape that the dataset has by then. */
  | { readonly do: 'write'; readonly box: readonly (readonly [number, number])[]; readonly values: readonly unknown[]; readonly form: Form }
  | { readonly do: 'append'; readonly rows: number; readonly values: readonly unknown[]; readonly form: Form }
  | { readonly do: 'resize'; readonly to: readonly number[] }
  | { readonly do: 'flush' };

export interface RandomCase {
  readonly kind: Kind;
  readonly shape: readonly number[];
  readonly maxShape: readonly (number | null)[];
  readonly chunks: readonly number[] | null;
  readonly filters: readonly Filter[];
  readonly fill: { readonly value: unknown } | null;
  readonly operations: readonly Operation[];
  /** Whether each operation is awaited before the next, or all are under way at once. */
  readonly awaited: boolean;
}

const filterLists: fc.Arbitrary<Filter[]> = fc
  .shuffledSubarray(['shuffle', 'gzip', 'fletcher32'] as const)
  .chain((names) => fc.nat({ max: 9 }).map((level) => names.map((name) => ({ gzip: gzip(level), shuffle: shuffle(), fletcher32: fletcher32() })[name])));

const forms = fc.constantFrom<Form>('nested', 'typed', 'strided');
const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const MAX_EXTENT = 7;

function operationsFor(kind: Kind, rank: number, grows: boolean): fc.Arbitrary<Operation[]> {
  // As many values as the largest box can need; the rest is not used.
  const values = fc.array(kind.values, { minLength: 1, maxLength: 12 });
  const write = fc.record({
    do: fc.constant('write' as const),
    box: fc.array(fc.tuple(fraction, fraction), { minLength: rank, maxLength: rank }),
    values,
    form: forms,
  });
  const flush = fc.constant({ do: 'flush' as const });
  const append = fc.record({ do: fc.constant('append' as const), rows: fc.nat({ max: 4 }), values, form: forms });
  const resize = fc.record({
    do: fc.constant('resize' as const),
    to: fc.array(fc.nat({ max: MAX_EXTENT + 2 }), { minLength: rank, maxLength: rank }),
  });
  const growing = grows ? [{ weight: 3, arbitrary: append }, { weight: 2, arbitrary: resize }] : [];
  return fc.array(fc.oneof({ weight: 4, arbitrary: write }, { weight: 1, arbitrary: flush }, ...growing), { maxLength: 8 });
}

export const randomCase: fc.Arbitrary<RandomCase> = fc
  .record({ kind: fc.constantFrom(...kinds), rank: fc.nat({ max: 4 }), isChunked: fc.boolean() })
  .chain(({ kind, rank, isChunked }) => {
    const chunked = isChunked && rank > 0;
    const extents = fc.array(fc.nat({ max: MAX_EXTENT }), { minLength: rank, maxLength: rank });
    return fc
      .record({
        kind: fc.constant(kind),
        shape: extents,
        headroom: chunked ? fc.array(fc.option(fc.nat({ max: 4 })), { minLength: rank, maxLength: rank }) : fc.constant(null),
        chunks: chunked ? fc.array(fc.integer({ min: 1, max: MAX_EXTENT + 2 }), { minLength: rank, maxLength: rank }) : fc.constant(null),
        filters: chunked ? filterLists : fc.constant([]),
        fill: kind.fillable ? fc.option(fc.record({ value: kind.values })) : fc.constant(null),
        operations: operationsFor(kind, rank, chunked),
        awaited: fc.boolean(),
      })
      .map(({ headroom, chunks, filters, ...rest }) => {
        const maxShape = rest.shape.map((extent, d) => {
          const more = headroom === null ? 0 : (headroom[d] ?? null);
          return more === null ? null : extent + more;
        });
        return {
          ...rest,
          maxShape,
          chunks: chunks?.map((extent, d) => Math.min(extent, Math.max(1, maxShape[d] ?? extent))) ?? null,
          // Variable-length data is not in the chunks, so that no checksum can guard it.
          filters: (filters as readonly Filter[]).filter(({ name }) => name !== 'fletcher32' || !hasVariableText(kind)),
        };
      });
  });

function hasVariableText(kind: Kind): boolean {
  return JSON.stringify(kind.described).includes('"variable"');
}

/** As many values as are asked for, from a few. */
const repeated = (values: readonly unknown[], count: number): unknown[] => Array.from({ length: count }, (_, i) => values[i % values.length]);

function nested(values: readonly unknown[], shape: readonly number[]): Value {
  const [extent, ...rest] = shape;
  if (extent === undefined) return values[0] as Value;
  const size = product(rest);
  return Array.from({ length: extent }, (_, i) => nested(values.slice(i * size, (i + 1) * size), rest));
}

/** The values in one of the forms that say the same; what has no typed array, or is empty, comes as nested arrays. */
function inForm(kind: Kind, values: readonly unknown[], shape: readonly number[], form: Form): Data {
  // Nested arrays of no rows cannot say how long a row is.
  if (product(shape) === 0) return kind.typed === undefined ? { data: new Uint8Array(), shape } : kind.typed([]);
  if (form === 'nested' || kind.typed === undefined) return nested(values, shape);
  if (form === 'typed' || kind.name.startsWith('complex')) return kind.typed(values);
  return transposed(kind.typed(values), shape);
}

/** The same array with its elements in memory in the opposite order of dimensions and a gap after each. */
function transposed(array: TypedArray, shape: readonly number[]): Data {
  const strides: number[] = [];
  let stride = 2;
  for (const extent of shape) {
    strides.push(stride);
    stride *= extent;
  }
  const spread = new (array.constructor as new (length: number) => TypedArray)(stride + 1);
  const place = (index: number): number => {
    let rest = index;
    let at = 1;
    for (let d = shape.length - 1; d >= 0; d -= 1) {
      const extent = shape[d] ?? 1;
      at += (rest % extent) * (strides[d] ?? 0);
      rest = Math.floor(rest / extent);
    }
    return at;
  };
  array.forEach((value: number | bigint, i: number) => {
    (spread as Float64Array)[place(i)] = value as number;
  });
  return { data: spread, shape, strides, offset: 1 };
}

/** Plays a case on a new dataset and on the model, which is what a reader must find. */
export async function play(file: H5File, name: string, drawn: RandomCase): Promise<ModelArray<unknown>> {
  const { kind, shape, maxShape, chunks, filters, fill, operations, awaited } = drawn;
  const dataset = await file.root.createDataset(name, {
    dtype: kind.spec,
    shape,
    maxShape,
    ...(chunks === null ? {} : { chunks }),
    ...(filters.length === 0 ? {} : { filters }),
    ...(fill === null ? {} : { fill: fill.value }),
  });
  const model = new ModelArray<unknown>(shape, fill === null ? kind.zero : fill.value);
  const underWay: Promise<void>[] = [];
  for (const operation of operations) {
    const done = start(file, dataset, drawn, model, operation);
    if (awaited) await done;
    else underWay.push(done);
  }
  await Promise.all(underWay);
  return model;
}

function start(file: H5File, dataset: Dataset, drawn: RandomCase, model: ModelArray<unknown>, operation: Operation): Promise<void> {
  const { kind, maxShape } = drawn;
  switch (operation.do) {
    case 'flush':
      return file.flush();
    case 'resize': {
      const to = operation.to.map((extent, d) => Math.min(extent, maxShape[d] ?? extent));
      model.resize(to);
      return dataset.resize(to);
    }
    case 'append': {
      const [extent = 0, ...row] = model.shape;
      const rows = Math.min(operation.rows, (maxShape[0] ?? Infinity) - extent);
      // Without elements the data does not say how many rows it is.
      if (rows === 0 || product(row) === 0) return Promise.resolve();
      const values = repeated(operation.values, rows * product(row));
      model.append(rows, values);
      return dataset.append(inForm(kind, values, [rows, ...row], operation.form));
    }
    case 'write': {
      const box = boxOf(operation.box, model.shape);
      const values = repeated(operation.values, product(box.count));
      model.write(box, values);
      return dataset.write(inForm(kind, values, box.count, operation.form), box);
    }
  }
}

function boxOf(fractions: readonly (readonly [number, number])[], shape: readonly number[]): Box {
  const start = shape.map((extent, d) => Math.floor((fractions[d]?.[0] ?? 0) * extent));
  const count = shape.map((extent, d) => Math.ceil((fractions[d]?.[1] ?? 0) * (extent - (start[d] ?? 0))));
  return { start, count };
}

const filterIds = { gzip: 1, shuffle: 2, fletcher32: 3 } as const;

/** What h5py must see of a case, in the part of its description that a case decides. */
export function expected(drawn: RandomCase, model: ModelArray<unknown>): Omit<SeenDataset, 'kind' | 'storageSize' | 'attributes' | 'fill'> {
  const { kind, maxShape, chunks, filters, fill } = drawn;
  // An empty text padded with spaces is not zero bytes.
  const isZero = fill === null || (!kind.name.endsWith('space') && JSON.stringify(kind.printed(fill.value)) === JSON.stringify(kind.printed(kind.zero)));
  return {
    type: kind.described,
    shape: model.shape,
    maxShape,
    layout: chunks === null ? 'contiguous' : 'chunked',
    chunks,
    filters: filters.map(({ name, level }) => ({
      id: filterIds[name as keyof typeof filterIds],
      optional: name !== 'fletcher32',
      values: name === 'gzip' ? [level ?? 4] : name === 'shuffle' ? [elementSize(kind)] : [],
    })),
    ...(kind.fillable ? { fill: { state: isZero ? 'default' : 'user', value: kind.printed(fill === null ? kind.zero : fill.value) } } : {}),
    values: model.values().map((value) => kind.printed(value)),
  };
}

/** In the file, where a variable-length text is a reference of 16 bytes. */
function elementSize(kind: Kind): number {
  const size = (type: Kind['described']): number => {
    if (type.class === 'compound') return type.members.reduce((sum, { type: member }) => sum + size(member), 0);
    return type.size === 'variable' ? 16 : type.size;
  };
  return size(kind.described);
}
