// Random datasets and what is done to them: drawn as a plan, played on the code under test and on the model.
import fc from 'fast-check';
import { expect } from 'vitest';
import {
  bitshuffle, fletcher32, gzip, lz4, lzf, nbit, scaleOffset, shuffle, szip, type Data, type Dataset, type Filter, type H5File, type TypedArray, type Value,
} from '../../lib/hdf5/index.js';
import type { SeenDataset } from './h5py.js';
import { kinds, type Kind } from './kinds.js';
import { ModelArray, positionsIn, product, type Box } from './model-array.js';
import { isAvailable } from './readers.js';

/** How the same values are handed over. */
interface Form {
  readonly as: 'nested' | 'typed' | 'strided';
  /** Of strided data, a bit for each dimension: it is walked backwards, or it is one element that is repeated. */
  readonly backwards: number;
  readonly still: number;
  /** Whether the first dimension is the fastest. */
  readonly columnsFirst: boolean;
  /** Elements from one to the next. */
  readonly step: number;
}

type Operation =
  /** The box as fractions of the shape that the dataset has by then. */
  | { readonly do: 'write'; readonly box: readonly (readonly [number, number])[]; readonly values: readonly unknown[]; readonly form: Form }
  | { readonly do: 'append'; readonly rows: number; readonly values: readonly unknown[]; readonly form: Form }
  | { readonly do: 'resize'; readonly to: readonly number[] }
  /** Into memory of the caller's, if there is such memory for the type. */
  | { readonly do: 'read'; readonly box: readonly (readonly [number, number])[]; readonly into: boolean }
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

/** The filters that everyone has, in any order. */
const plainFilters: fc.Arbitrary<Filter[]> = fc
  .shuffledSubarray(['shuffle', 'gzip', 'fletcher32'] as const)
  .chain((names) => fc.nat({ max: 9 }).map((level) => names.map((name) => ({ gzip: gzip(level), shuffle: shuffle(), fletcher32: fletcher32() })[name])));

const some = (...filters: Filter[]): fc.Arbitrary<Filter | undefined> => fc.constantFrom(undefined, ...filters);
const withBitshuffle = isAvailable('the bitshuffle plug-in') ? [bitshuffle(), bitshuffle({ blockSize: 8 }), bitshuffle({ compressor: 'lz4' })] : [];
const withLz4 = isAvailable('the lz4 plug-in') ? [lz4(), lz4({ blockSize: 8 })] : [];
/** All that h5py undoes here, in an order in which they can be. */
const otherFilters: fc.Arbitrary<Filter[]> = fc
  .tuple(some(nbit(), scaleOffset()), some(shuffle()), some(...withBitshuffle), some(szip({ pixelsPerBlock: 2 }), lzf(), gzip(1), ...withLz4), some(fletcher32()))
  .map((filters) => filters.filter((filter) => filter !== undefined));
const filterLists = fc.oneof(plainFilters, otherFilters);

/** Whether a filter can stand behind those before it, and can hold the type in such chunks. */
function holds(filter: Filter, before: readonly Filter[], kind: Kind, chunks: readonly number[]): boolean {
  const { class: type } = kind.described;
  const packed = before.some(({ name }) => name === 'nbit' || name === 'scaleOffset');
  switch (filter.name) {
    // Variable-length data is not in the chunks.
    case 'nbit':
    case 'fletcher32':
      return !hasVariableText(kind);
    case 'scaleOffset':
      return type === 'integer';
    case 'szip':
      return !packed && !before.some(({ compressor }) => compressor !== undefined) && (type === 'integer' || type === 'float') && product(chunks) >= 2;
    case 'bitshuffle':
      return !packed;
    default:
      return true;
  }
}

const bits = fc.nat({ max: 15 });
const forms: fc.Arbitrary<Form> = fc.record({
  as: fc.constantFrom('nested', 'typed', 'strided', 'strided'),
  backwards: bits,
  // Seldom, or most values would be alike.
  still: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: bits }),
  columnsFirst: fc.boolean(),
  step: fc.integer({ min: 1, max: 3 }),
});
const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const MAX_EXTENT = 7;

function operationsFor(kind: Kind, rank: number, grows: boolean): fc.Arbitrary<Operation[]> {
  // As many values as the largest box can need; the rest is not used.
  const values = fc.array(kind.values, { minLength: 1, maxLength: 12 });
  const boxes = fc.array(fc.tuple(fraction, fraction), { minLength: rank, maxLength: rank });
  const write = fc.record({
    do: fc.constant('write' as const),
    box: boxes,
    values,
    form: forms,
  });
  const flush = fc.constant({ do: 'flush' as const });
  const read = fc.record({ do: fc.constant('read' as const), box: boxes, into: fc.boolean() });
  const append = fc.record({ do: fc.constant('append' as const), rows: fc.nat({ max: 4 }), values, form: forms });
  const resize = fc.record({
    do: fc.constant('resize' as const),
    to: fc.array(fc.nat({ max: MAX_EXTENT + 2 }), { minLength: rank, maxLength: rank }),
  });
  const growing = grows ? [{ weight: 3, arbitrary: append }, { weight: 2, arbitrary: resize }] : [];
  return fc.array(fc.oneof({ weight: 4, arbitrary: write }, { weight: 1, arbitrary: flush }, { weight: 1, arbitrary: read }, ...growing), { maxLength: 8 });
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
        const chunkShape = chunks?.map((extent, d) => Math.min(extent, Math.max(1, maxShape[d] ?? extent))) ?? null;
        const fitting = (filters as readonly Filter[]).reduce<Filter[]>(
          (before, filter) => (holds(filter, before, kind, chunkShape ?? []) ? [...before, filter] : before),
          [],
        );
        return { ...rest, maxShape, chunks: chunkShape, filters: fitting };
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

const isStrided = (kind: Kind, shape: readonly number[], { as }: Form): boolean =>
  as === 'strided' && kind.typed !== undefined && !kind.name.startsWith('complex') && product(shape) > 0;

const bit = (mask: number, d: number): boolean => ((mask >> d) & 1) === 1;

/** The values that such data has: alike along the dimensions in which it does not move. */
function valuesIn(kind: Kind, values: readonly unknown[], shape: readonly number[], form: Form): readonly unknown[] {
  if (!isStrided(kind, shape, form) || form.still === 0) return values;
  return positionsIn(shape).map((position) =>
    values[position.reduce((index, at, d) => index * (shape[d] ?? 1) + (bit(form.still, d) ? 0 : at), 0)]);
}

/** The values in one of the forms that say the same; what has no typed array, or is empty, comes as nested arrays. */
function inForm(kind: Kind, values: readonly unknown[], shape: readonly number[], form: Form): Data {
  // Nested arrays of no rows cannot say how long a row is.
  if (product(shape) === 0) return kind.typed === undefined ? { data: new Uint8Array(), shape } : kind.typed([]);
  if (form.as === 'nested' || kind.typed === undefined) return nested(values, shape);
  return isStrided(kind, shape, form) ? strided(kind.typed(values), shape, form) : kind.typed(values);
}

/** The same array with its elements elsewhere in memory. */
function strided(array: TypedArray, shape: readonly number[], { backwards, still, columnsFirst, step }: Form): Data {
  const strides = shape.map(() => 0);
  const dimensions = columnsFirst ? [...shape.keys()] : [...shape.keys()].reverse();
  let stride = step;
  for (const d of dimensions) {
    if (bit(still, d)) continue;
    strides[d] = bit(backwards, d) ? -stride : stride;
    stride *= shape[d] ?? 1;
  }
  const offset = strides.reduce((sum, along, d) => (along < 0 ? sum - along * ((shape[d] ?? 1) - 1) : sum), 1);
  const spread = new (array.constructor as new (length: number) => TypedArray)(stride + 1);
  positionsIn(shape).forEach((position, i) => {
    (spread as Float64Array)[position.reduce((at, along, d) => at + along * (strides[d] ?? 0), offset)] = array[i] as number;
  });
  return { data: spread, shape, strides, offset };
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
    case 'read':
      // What is asked for later may be in it already.
      return drawn.awaited ? expectRead(dataset, kind, model, boxOf(operation.box, model.shape), operation.into) : Promise.resolve();
    case 'append': {
      const [extent = 0, ...row] = model.shape;
      const rows = Math.min(operation.rows, (maxShape[0] ?? Infinity) - extent);
      // Without elements the data does not say how many rows it is.
      if (rows === 0 || product(row) === 0) return Promise.resolve();
      const values = valuesIn(kind, repeated(operation.values, rows * product(row)), [rows, ...row], operation.form);
      model.append(rows, values);
      return dataset.append(inForm(kind, values, [rows, ...row], operation.form));
    }
    case 'write': {
      const box = boxOf(operation.box, model.shape);
      const values = valuesIn(kind, repeated(operation.values, product(box.count)), box.count, operation.form);
      model.write(box, values);
      return dataset.write(inForm(kind, values, box.count, operation.form), box);
    }
  }
}

/** Reads a box by this package's own reader, and compares it with the model. */
export async function expectRead(dataset: Dataset, kind: Kind, model: ModelArray<unknown>, box: Box, into: boolean): Promise<void> {
  const wanted = model.read(box);
  const memory = into ? kind.typed?.(repeated([kind.sample], wanted.length)) : undefined;
  const found = await dataset.read(box, memory === undefined ? {} : { into: memory });
  if (memory !== undefined) expect(found).toBe(memory);
  expect(elements(kind, found).map((value) => kind.printed(value))).toEqual(wanted.map((value) => kind.printed(value)));
}

/** What was read, one by one. */
function elements(kind: Kind, found: unknown): unknown[] {
  if (!ArrayBuffer.isView(found)) return Array.isArray(found) ? found : [found];
  const numbers = [...(found as Float64Array)];
  if (!kind.name.startsWith('complex')) return numbers;
  return Array.from({ length: numbers.length / 2 }, (_, i) => ({ re: numbers[2 * i], im: numbers[2 * i + 1] }));
}

function boxOf(fractions: readonly (readonly [number, number])[], shape: readonly number[]): Box {
  const start = shape.map((extent, d) => Math.floor((fractions[d]?.[0] ?? 0) * extent));
  const count = shape.map((extent, d) => Math.ceil((fractions[d]?.[1] ?? 0) * (extent - (start[d] ?? 0))));
  return { start, count };
}

const filterIds = { gzip: 1, shuffle: 2, fletcher32: 3, szip: 4, nbit: 5, scaleOffset: 6, lzf: 32000, lz4: 32004, bitshuffle: 32008 } as const;

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
      values: name === 'gzip' ? [level ?? 4] : name === 'shuffle' ? [elementSize(kind)] : name === 'fletcher32' ? [] : (expect.any(Array) as number[]),
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
