// Tables: rows of named columns, stored row by row in one compound dataset or column by column in a group of datasets.
import { FreestoneError, checkChoice, checkInteger, checkOptions, shown } from '../../errors.js';
import { checkStillThere, type ElementSource } from '../storage/box.js';
import { copyElements } from '../storage/form.js';
import { withSpare } from '../storage/spare.js';
import { begin, done, now, promised, wait, Flight, type Pending, type Steps } from '../storage/steps.js';
import { aboutDataset } from './about.js';
import { checkedCall, signalOf, type CallOptions } from './call-options.js';
import { chosenMembers, readMembers, slicesInFlight, type DatasetColumns, type ReadColumnsOptions } from './columns.js';
import { dataBlock, packedBlock, type DataBlock, type Value } from './data.js';
import type { Dataset } from './dataset.js';
import type { DatasetNode } from './dataset-node.js';
import { planDataset, type DatasetSpec } from './dataset-spec.js';
import { elementType, t, type Datatype, type DatatypeSpec } from './datatype.js';
import type { ElementType, HeapWriter, Member } from './element-type.js';
import type { Filter } from './filters.js';
import type { Group } from './group.js';
import type { TypedArray } from './number-kind.js';
import { checkedBlock, SLICE_BYTES, type Encoding } from './slices.js';
import { Together } from './together.js';

export interface TableOptions {
  /**
   * `rows`, the default: one dataset of a compound type, which PyTables opens as a table and h5py as a structured array.
   * `columns`: a group with one dataset for each column, which reads single columns faster and compresses better.
   */
  readonly layout?: 'rows' | 'columns';
  /** Rows of a chunk; about 256 KiB of them unless given. */
  readonly chunkRows?: number;
  /** Of each dataset. */
  readonly filters?: readonly Filter[];
}

/** Values of one column: a typed array, or an array of values; of texts of a fixed length also their bytes, one after the other in a Uint8Array. */
export type ColumnValues = TypedArray | readonly Value[];
/** Rows as objects with the columns' names, or all columns of some rows. */
export type TableRows = readonly Readonly<Record<string, unknown>>[] | Readonly<Record<string, ColumnValues>>;

export interface TableReadOptions extends ReadColumnsOptions {
  /** The first row; 0 unless given. */
  readonly start?: number;
  /** How many rows; all that follow unless given. */
  readonly count?: number;
}

/** A table that grows. Made by `group.createTable`. */
export class Table {
  /** Their offsets are those in a row. */
  readonly #columns: readonly Member[];
  readonly #rowType: ElementType;
  /** One, or one for each column. */
  readonly #datasets: readonly Dataset[];
  /** The dataset of a table in rows, the group of one in columns; attributes belong there. */
  readonly object: Dataset | Group;

  /** @internal */
  constructor(columns: readonly Member[], rowType: ElementType, object: Dataset | Group, datasets: readonly Dataset[]) {
    this.#columns = columns;
    this.#rowType = rowType;
    this.object = object;
    this.#datasets = datasets;
  }

  /** The names, in their order. */
  get columns(): readonly string[] {
    return this.#columns.map(({ name }) => name);
  }

  get rows(): number {
    return this.#datasets[0]?.shape[0] ?? 0;
  }

  /**
   * Adds rows: objects with a value for each column, or an object with all values of each column, which is faster: twice with texts, many times with numbers alone.
   * Settles when they have been taken, as `dataset.append`. All are checked before any is added; when a column cannot take its part all the
   * same, the others give theirs back, and the error has its name as `column`.
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT for a column that is missing or unknown, ERR_INVALID_SIZE for columns of different
   * lengths, and as `dataset.append`
   */
  async append(data: TableRows, options?: CallOptions): Promise<void> {
    const signal = checkedCall(options);
    try {
      const pending = this.#append(data, signal);
      if (pending !== undefined) await promised(pending);
    } catch (error) {
      throw aboutDataset(this.object.path, error);
    }
  }

  /** As `append`, within the call. @throws {FreestoneError} also ERR_UNSUPPORTED from within another call */
  appendSync(data: TableRows): void {
    try {
      now(() => this.#append(data) ?? done);
    } catch (error) {
      throw aboutDataset(this.object.path, error);
    }
  }

  /**
   * Reads columns of all rows, or of some, with all that was appended before; what is appended later waits. Columns and memory are as those of
   * `dataset.readColumns`, in either layout.
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT for rows that there are not and for a column that is unknown or asked for twice, and as
   * `dataset.readColumns`; in a table in columns the error has the name of the column that it is about as `column`
   */
  async read(options: TableReadOptions = {}): Promise<DatasetColumns> {
    signalOf(options);
    try {
      return await promised(begin(this.#read(options)));
    } catch (error) {
      throw aboutDataset(this.object.path, error);
    }
  }

  /** As `read`. @throws {FreestoneError} also ERR_UNSUPPORTED from within another call */
  readSync(options: TableReadOptions = {}): DatasetColumns {
    signalOf(options);
    try {
      return now(() => begin(this.#read(options)));
    } catch (error) {
      throw aboutDataset(this.object.path, error);
    }
  }

  *#read(options: TableReadOptions): Steps<DatasetColumns> {
    checkOptions('reading a table', options, ['start', 'count', 'columns', 'signal']);
    const { start = 0, count, signal } = options;
    checkInteger('start', start);
    if (count !== undefined) checkInteger('count', count);
    const chosen = chosenMembers(this.#columns, options.columns);
    const [first] = this.#datasets;
    first?.node.context.assertOpen();
    const inFlight = slicesInFlight();
    const read = (node: DatasetNode, members: readonly Member[]): Pending<DatasetColumns> =>
      begin(node.undisturbed(() => readMembers(node, members, node.boxOf({ start: [start], count: [count ?? Math.max(0, (node.shape[0] ?? 0) - start)] }), inFlight, signal)));
    if (first !== undefined && this.object === first) return yield* wait(read(first.node, chosen));
    // All have their place in line from here on, so that they have the same rows.
    const reads = chosen.flatMap((column) => {
      const at = this.#columns.indexOf(column);
      const dataset = this.#datasets[at];
      return dataset === undefined ? [] : [{ at, pending: read(dataset.node, [{ ...column, offset: 0 }]) }];
    });
    const flight = new Flight();
    for (const { at, pending } of reads) flight.add(begin(this.#named(pending, at)));
    yield* flight.landed();
    return Object.fromEntries(reads.flatMap(({ pending }) => Object.entries(pending.value)));
  }

  #append(data: TableRows, signal?: AbortSignal): Pending | undefined {
    const nodes = this.#datasets.map(({ node }) => node);
    const [first] = nodes;
    if (first === undefined) return undefined;
    first.assertWritable();
    if (this.object === this.#datasets[0]) {
      if (Array.isArray(data)) return first.append(data, signal);
      return first.appendBlock(this.#rowsBlock(this.#blocks(data as Readonly<Record<string, ColumnValues>>)), signal);
    }
    const blocks = this.#blocks(Array.isArray(data) ? this.#transposed(data as readonly unknown[]) : (data as Readonly<Record<string, ColumnValues>>));
    // What needs conversion and is not much is converted now, so that no column grows when another cannot.
    const ready = blocks.map((block, i) => this.#converted(block, i, first.context.heap));
    // After that, for a value may be an object of the caller's whose conversion takes memory away.
    ready.forEach((block, i) => { this.#checkStillThere(block, i); });
    const together = new Together(nodes.length);
    const waits: Pending[] = [];
    const taken: [DatasetNode, before: readonly number[]][] = [];
    nodes.forEach((node, i) => {
      const before = node.shape;
      const block = ready[i];
      const pending = block === undefined ? undefined : node.appendTogether(block, together, signal);
      if (pending === undefined) taken.push([node, before]);
      else waits.push(begin(this.#named(pending, i)));
    });
    const turn = first.context.store.turns.next((blocks[0]?.count ?? 0) * this.#rowType.size);
    if (waits.length === 0) return turn;
    if (turn !== undefined) waits.push(turn);
    for (const [node, before] of taken) waits.push(node.keep(before, together));
    return begin(all(waits));
  }

  /** Names the column in what goes wrong. */
  *#named(pending: Pending<unknown>, column: number): Steps {
    yield* inColumnLater(this.#columns[column]?.name ?? '', wait(pending));
  }

  #checkStillThere({ direct, count }: DataBlock, column: number): void {
    const { name = '', type } = this.#columns[column] ?? {};
    inColumn(name, () => {
      const { bytes, offset, strides } = direct?.([count]) ?? {};
      if (bytes !== undefined) checkStillThere(bytes, offset ?? 0, strides ?? [], [count], type?.size ?? 1);
    });
  }

  /** The same elements of a column, converted if they are not many. */
  #converted(block: DataBlock, column: number, heap: HeapWriter): DataBlock {
    const { name = '', type = this.#rowType } = this.#columns[column] ?? {};
    if (block.direct !== null || block.count * type.size > SLICE_BYTES) return block;
    return packedBlock(inColumn(name, () => block.encode(0, block.count, heap)), block.count, type, 1);
  }

  #transposed(rows: readonly unknown[]): Record<string, Value[]> {
    const columns: Record<string, Value[]> = {};
    for (const { name } of this.#columns) {
      columns[name] = rows.map((row) => {
        const value = typeof row === 'object' && row !== null ? (row as Record<string, unknown>)[name] : undefined;
        if (value === undefined) throw new FreestoneError('ERR_INVALID_ARGUMENT', `a row lacks the column ${shown(name)}`, { column: name });
        return value as Value;
      });
    }
    return columns;
  }

  /** One block for each column, all of one length. */
  #blocks(data: Readonly<Record<string, ColumnValues>>): DataBlock[] {
    if (typeof data !== 'object' || (data as object | null) === null || ArrayBuffer.isView(data)) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', `rows must be an array of objects, or an object of columns, not ${shown(data)}`);
    }
    const unknown = Object.keys(data).find((name) => !this.#columns.some((column) => column.name === name));
    if (unknown !== undefined) throw new FreestoneError('ERR_INVALID_ARGUMENT', `the table has no column ${shown(unknown)}; it has ${this.columns.join(', ')}`, { column: unknown });
    let rows: number | undefined;
    return this.#columns.map(({ name, type }) => {
      const values = data[name];
      if (values === undefined) throw new FreestoneError('ERR_INVALID_ARGUMENT', `the column ${shown(name)} is missing`, { column: name });
      const block = inColumn(name, () => dataBlock(values, type));
      const isFlat = block.shape === null || block.shape.length === 1;
      rows ??= block.count;
      if (isFlat && block.count === rows) return block;
      throw new FreestoneError('ERR_INVALID_SIZE', `the column ${shown(name)} has ${String(block.count)} values, and the first one ${String(rows)}`, {
        column: name,
        expected: rows,
        received: block.count,
      });
    });
  }

  /** Columns as rows, which are put together a slice at a time. */
  #rowsBlock(blocks: readonly DataBlock[]): DataBlock {
    const rowSize = this.#rowType.size;
    const rows = blocks[0]?.count ?? 0;
    const columns = this.#columns.flatMap((column, i) => {
      const block = blocks[i];
      return block === undefined ? [] : [{ ...column, block, source: block.direct?.([rows]) ?? block.numbers?.([rows]) }];
    });
    return {
      shape: null,
      count: rows,
      direct: null,
      encode: (first, count, heap, into = Buffer.allocUnsafeSlow(count * rowSize)) => {
        // The columns fill it. On the calling thread: for worker threads the kernel would have to read the columns, and twice the
        // processor time be spent.
        for (const { name, type, offset, block, source } of columns) {
          // Where a number does not fit, taking each by itself says which.
          if (source !== undefined && copyElements(into, offset, [rowSize], behind(source, first), [count], type.size)) continue;
          withSpare(count * type.size, (memory) => {
            const bytes = inColumn(name, () => block.encode(first, count, heap, memory));
            copyElements(into, offset, [rowSize], { bytes, offset: 0, strides: [type.size], swap: 1 }, [count], type.size);
          });
        }
        return into;
      },
      checked: (encoding) => this.#checkedRows(blocks, encoding),
    };
  }

  *#checkedRows(blocks: readonly DataBlock[], encoding: Encoding): Steps<DataBlock> {
    const checked: DataBlock[] = [];
    for (const [i, block] of blocks.entries()) {
      const { name = '', type = encoding.type } = this.#columns[i] ?? {};
      checked.push(yield* inColumnLater(name, checkedBlock(block, [block.count], { ...encoding, type })));
    }
    return this.#rowsBlock(checked);
  }
}

/** The elements of a column from one on. */
function behind(source: ElementSource, first: number): ElementSource {
  return { ...source, offset: source.offset + first * (source.strides[0] ?? 0) };
}

/** Names the column in what is wrong with its values. */
function inColumn<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw aboutColumn(name, error);
  }
}

function* inColumnLater<T>(name: string, steps: Steps<T>): Steps<T> {
  try {
    return yield* steps;
  } catch (error) {
    throw aboutColumn(name, error);
  }
}

function aboutColumn(name: string, error: unknown): unknown {
  if (!(error instanceof FreestoneError)) return error;
  const facts = { ...Object.fromEntries(Object.entries(error)), column: name };
  return new FreestoneError(error.code, `column ${shown(name)}: ${error.message}`, facts, { cause: error });
}

function* all(waits: readonly Pending[]): Steps {
  const flight = new Flight();
  for (const pending of waits) flight.add(pending);
  yield* flight.landed();
}

/** Makes a table at a path of a group. @throws {FreestoneError} as `group.createDataset` */
export function createTable(group: Group, path: string, columns: Readonly<Record<string, DatatypeSpec>>, options: TableOptions): Table {
  checkOptions('the table', options, ['layout', 'chunkRows', 'filters']);
  const { layout = 'rows' } = options;
  checkChoice('layout', layout, ['rows', 'columns']);
  if (options.chunkRows !== undefined) checkInteger('chunkRows', options.chunkRows, { min: 1 });
  if (typeof columns !== 'object' || (columns as object | null) === null || Object.keys(columns).length === 0) {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', 'a table needs at least one column', { columns });
  }
  const rowDatatype = t.compound(columns);
  const rowType = elementType(rowDatatype);
  let offset = 0;
  const placed = Object.entries(columns).map(([name, spec]): Member => {
    const column = { name, type: elementType(spec), offset };
    offset += column.type.size;
    return column;
  });
  const spec = (dtype: DatatypeSpec | Datatype): DatasetSpec => ({
    dtype,
    shape: [0],
    maxShape: [null],
    ...(options.chunkRows === undefined ? {} : { chunks: [options.chunkRows] }),
    ...(options.filters === undefined ? {} : { filters: options.filters }),
  });
  if (layout === 'rows') {
    const dataset = group.newEmptyDataset(path, spec(rowDatatype));
    return new Table(placed, rowType, dataset, [dataset]);
  }
  // All are checked before any is made.
  for (const dtype of Object.values(columns)) planDataset(spec(dtype));
  const made = group.createGroup(path);
  const datasets = Object.entries(columns).map(([name, dtype]) => made.newEmptyDataset(`./${name}`, spec(dtype)));
  return new Table(placed, rowType, made, datasets);
}
