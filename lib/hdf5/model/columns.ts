// The members of compounds as columns. Rows are read a slice at a time; of each slice the members are put where they belong.
import { constants } from 'node:buffer';
import { FreestoneError, checkInteger, checkOptions, shown } from '../../errors.js';
import { dot, partsOf, product, rowMajorStrides, runsOf, slicesOf, type Box } from '../storage/box.js';
import { ExternalStorage } from '../storage/external.js';
import { Throttle } from '../storage/file-store.js';
import { copyElements, fetchNow } from '../storage/form.js';
import { begin, done, flown, turn, wait, Flight, type Steps } from '../storage/steps.js';
import type { CallOptions } from './call-options.js';
import type { Selection } from './data.js';
import type { DatasetNode } from './dataset-node.js';
import type { Member } from './element-type.js';
import type { TypedArray } from './number-kind.js';
import { decoded } from './values.js';

/** Values by the names of their columns: numbers in a typed array of their kind (complex ones as pairs), others in an array. */
export type DatasetColumns = Readonly<Record<string, TypedArray | readonly unknown[]>>;

export interface ReadColumnsOptions extends CallOptions {
  /** Names of members, each once; all unless given. */
  readonly columns?: readonly string[];
}

/** So many bytes of rows are read at once, or a chunk where that is larger. */
const SLICE_BYTES = 4 * 2 ** 20;
/** While the calling thread takes columns out of one slice, workers read others. */
const SLICES = 3;
/** Numbers of all columns are taken out of so many bytes of rows, or of so many rows, while these are in the processor's cache. */
const WINDOW_BYTES = 2 ** 18;
const LEAST_WINDOW = 2048;
/** An array has no more elements. */
const MOST_VALUES = 2 ** 32 - 1;

/** Lets in slices of all the columns that one call reads. */
export function slicesInFlight(): Throttle {
  return new Throttle(SLICES, SLICES * SLICE_BYTES);
}

/** Those that were asked for, in the order of asking. @throws {FreestoneError} ERR_INVALID_ARGUMENT, with `column` for one that is unknown or there twice */
export function chosenMembers<T extends { readonly name: string }>(members: readonly T[], columns: unknown): readonly T[] {
  if (columns === undefined) return members;
  if (!Array.isArray(columns)) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `columns must be an array of names, not ${shown(columns)}`, { argument: 'columns', value: columns });
  }
  const byName = new Map(members.map((member) => [member.name, member]));
  const chosen = new Map<unknown, T>();
  for (const name of columns as unknown[]) {
    const member = byName.get(name as string);
    if (member === undefined) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `there is no column ${shown(name)}, but ${[...byName.keys()].join(', ')}`, { column: name });
    }
    if (chosen.has(name)) throw new FreestoneError('ERR_INVALID_ARGUMENT', `columns has ${shown(name)} twice`, { column: name });
    chosen.set(name, member);
  }
  return [...chosen.values()];
}

/** What `dataset.readColumns` gives. */
export function* readColumns(node: DatasetNode, selection: Selection | undefined, options: ReadColumnsOptions): Steps<DatasetColumns> {
  checkOptions('reading columns', options, ['columns', 'signal']);
  const { type } = node.plan;
  if (type.members === undefined) throw new FreestoneError('ERR_TYPE_MISMATCH', `${type.name} is no compound: it has no members to be read as columns`, { dtype: type.name });
  const members = chosenMembers(type.members, options.columns);
  return yield* node.undisturbed(() => readMembers(node, members, node.boxOf(selection), slicesInFlight(), options.signal));
}

/**
 * Columns of a box. Nothing may be written meanwhile.
 * @param members parts of an element, or the element itself
 */
export function* readMembers(node: DatasetNode, members: readonly Member[], box: Box, inFlight: Throttle, signal?: AbortSignal): Steps<DatasetColumns> {
  signal?.throwIfAborted();
  const columns = members.map((member) => columnOf(member, box.count, node));
  const [only] = columns;
  if (columns.length === 1 && only?.elements !== undefined) yield* node.storage.read(box, { bytes: only.elements, isOurs: true, isBlank: true, signal });
  else if (columns.length > 0) yield* readSlices(node, columns, box, inFlight, signal);
  return Object.fromEntries(columns.map(({ name, values }) => [name, values]));
}

/** Where the values of one member go. */
interface Column {
  readonly name: string;
  readonly values: TypedArray | readonly unknown[];
  /** Their memory, where it is that of the elements themselves as the file has them. */
  readonly elements?: Uint8Array | undefined;
  /** Takes numbers out of a part of a slice. */
  readonly copy?: (slice: Slice) => void;
  /** Takes other values out of a slice. */
  readonly decode?: (slice: Slice) => Steps;
}

/** Rows that are in memory, as elements of a source without the offset of a member. */
interface Slice {
  /** Where they are among all that are read. */
  readonly part: Box;
  readonly bytes: Uint8Array;
  /** Of the first row, in bytes. */
  readonly offset: number;
  readonly strides: readonly number[];
}

function columnOf({ name, type, offset }: Member, count: readonly number[], { plan: { type: row }, context }: DatasetNode): Column {
  const size = product(count);
  const bytes = checkInteger(`the size of the column ${name} in bytes`, size * type.size, { max: constants.MAX_LENGTH, code: 'ERR_INVALID_SIZE' });
  const [constructor] = type.arrays;
  if (constructor !== undefined) {
    const memory = new Uint8Array(bytes);
    const strides = rowMajorStrides(count, type.size);
    return {
      name,
      values: new constructor(memory.buffer, 0, size * type.lanes),
      elements: type.size === row.size && type.swap === 1 ? memory : undefined,
      copy: ({ part, ...slice }) => {
        copyElements(memory, dot(part.start, strides), strides, { ...slice, offset: slice.offset + offset, swap: type.swap }, part.count, type.size);
      },
    };
  }
  const values = new Array<unknown>(checkInteger(`the number of values in the column ${name}`, size, { max: MOST_VALUES, code: 'ERR_INVALID_SIZE' }));
  return {
    name,
    values,
    *decode({ part, ...slice }) {
      const some = product(part.count);
      const elements = Buffer.allocUnsafeSlow(some * type.size);
      fetchNow(elements, { ...slice, offset: slice.offset + offset, swap: 1 }, part.count, type.size);
      const found = (yield* decoded(elements, some, type, context.heap, { into: undefined, isScalar: false })) as readonly unknown[];
      const { run, starts } = runsOf(part, count, 1);
      let next = 0;
      for (const start of starts) for (let i = 0; i < run; i += 1) values[start + i] = found[next++];
    },
  };
}

function* readSlices(node: DatasetNode, columns: readonly Column[], box: Box, inFlight: Throttle, signal: AbortSignal | undefined): Steps {
  const flight = new Flight();
  yield* flown(flight, beginSlices(node, columns, box, inFlight, signal, flight));
}

function* beginSlices(node: DatasetNode, columns: readonly Column[], box: Box, inFlight: Throttle, signal: AbortSignal | undefined, flight: Flight): Steps {
  const { chunkShape, type, shape } = node.plan;
  const spare: Buffer[] = [];
  for (const part of slicesOf(box, chunkShape ?? shape.map(() => 1), type.size, SLICE_BYTES)) {
    signal?.throwIfAborted();
    const size = product(part.count) * type.size;
    yield* wait(inFlight.enter(size));
    if (flight.failed) {
      inFlight.leave(size);
      break;
    }
    flight.add(begin(readSlice(node, columns, part, box, spare, inFlight)));
  }
}

/** One slice, which has been let in. @param part of the dataset */
function* readSlice(node: DatasetNode, columns: readonly Column[], part: Box, box: Box, spare: Buffer[], inFlight: Throttle): Steps {
  const { type } = node.plan;
  const size = product(part.count) * type.size;
  try {
    const found = spare.pop();
    // Not from Node's pool: worker threads write to this memory, and nobody else may hold a part of it.
    const memory = found !== undefined && found.length >= size ? found : Buffer.allocUnsafeSlow(size);
    const bytes = memory.subarray(0, size);
    const target = { bytes, isOurs: true, isBlank: false };
    // What is one slice is had at once if it can be, as `read` does; while there are others, workers read them.
    if (product(part.count) === product(box.count) && !(node.storage instanceof ExternalStorage) && node.storage.readNow(part, target)) {
      yield* wait(node.context.store.turns.next(size) ?? done);
    } else {
      yield* node.storage.read(part, target);
      yield* wait(turn());
    }
    const strides = rowMajorStrides(part.count, type.size);
    const start = part.start.map((first, d) => first - (box.start[d] ?? 0));
    for (const window of partsOf(part.count, type.size, Math.max(WINDOW_BYTES, LEAST_WINDOW * type.size))) {
      const there = { start: start.map((first, d) => first + (window.start[d] ?? 0)), count: window.count };
      for (const { copy } of columns) copy?.({ part: there, bytes, offset: window.first * type.size, strides });
    }
    for (const { decode } of columns) if (decode !== undefined) yield* decode({ part: { start, count: part.count }, bytes, offset: 0, strides });
    spare.push(memory);
  } finally {
    inFlight.leave(size);
  }
}
