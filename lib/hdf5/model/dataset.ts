// A dataset as its users see it: elements of one type in n dimensions.
import type { Writable } from 'node:stream';
import { FreestoneError, checkInteger, checkOptions } from '../../errors.js';
import { product } from '../storage/box.js';
import type { ChunkCacheStats } from '../storage/chunk-cache.js';
import { ChunkedStorage } from '../storage/chunked.js';
import { ExternalStorage, type ExternalRun } from '../storage/external.js';
import { begin, done, now, promised } from '../storage/steps.js';
import { aboutDataset } from './about.js';
import { Attributes } from './attributes.js';
import { checkedCall, signalOf, type CallOptions } from './call-options.js';
import { readColumns, type DatasetColumns, type ReadColumnsOptions } from './columns.js';
import { dataBlock, type Data, type Selection } from './data.js';
import type { DatasetNode } from './dataset-node.js';
import { datatypeOf, type Datatype } from './datatype.js';
import { filtersOf, type Filter } from './filters.js';
import type { Group } from './group.js';
import { childPath } from './object-node.js';
import { writableOf, type WritableOptions } from './writable.js';
import type { DatasetChunk, DatasetValues, ReadOptions } from './values.js';

/** Parts of a dataset that are read before they are asked for. */
const CHUNKS_AHEAD = 4;

/** Whether data comes part by part; arrays and texts are one part. */
function isSequence(data: unknown): data is AsyncIterable<Data> | Iterable<Data> {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || ArrayBuffer.isView(data)) return false;
  return Symbol.asyncIterator in data || Symbol.iterator in data;
}

/**
 * Elements of one type in n dimensions. What ends in `Sync` does the same within the call, for scripts: the event loop stands
 * still meanwhile, and so do all other calls, which go on from where they are. Of many datasets in a file only some are in memory: once
 * the file is closed, all there is to ask of the others is `name` and `path`, and the rest throws ERR_CLOSED.
 */
export class Dataset {
  readonly #parent: Group;
  /** The last part of `path`. */
  readonly name: string;
  /** Null while nothing of it but its header is needed, which is in the file. */
  #node: DatasetNode | null;
  /** While it is only there. */
  #headerAddress: number | null = null;

  /** @internal */
  constructor(parent: Group, name: string, node: DatasetNode) {
    this.#parent = parent;
    this.name = name;
    this.#node = node;
  }

  /** What is known of it, which is read if it is not in memory. @internal */
  get node(): DatasetNode {
    if (this.#node !== null) return this.#node;
    const { context } = this.#parent;
    context.assertOpen();
    this.#node = context.load(this.#parent, this.name, this.#headerAddress ?? 0) as DatasetNode;
    context.noteHeld(this);
    return this.#node;
  }

  /** What is in memory of it. @internal */
  get held(): DatasetNode | null {
    return this.#node;
  }

  /** As the last commit has it, or what is on its way to the file. @internal */
  get headerAddress(): number | null {
    return this.#node === null ? this.#headerAddress : this.#node.headerAddress;
  }

  /** Keeps the address of the header alone, if that is all that need be known. No commit may be on its way. @internal */
  letGo(): void {
    if (this.#node?.leave() !== true) return;
    this.#headerAddress = this.#node.headerAddress;
    this.#node = null;
  }

  /** From the root on. */
  get path(): string {
    return childPath(this.#parent, this.name);
  }

  get attrs(): Attributes {
    return new Attributes(this);
  }

  /** Elements along each dimension; [] for a scalar. */
  get shape(): readonly number[] {
    return [...this.node.shape];
  }

  /** How far each dimension may grow; null for without limit. */
  get maxShape(): readonly (number | null)[] {
    return [...this.node.plan.maxShape];
  }

  get dtype(): Datatype {
    return datatypeOf(this.node.plan.type);
  }

  /** Elements of a chunk along each dimension, or null for contiguous layout. */
  get chunkShape(): readonly number[] | null {
    const { chunkShape } = this.node.plan;
    return chunkShape === null ? null : [...chunkShape];
  }

  get filters(): readonly Filter[] {
    return filtersOf(this.node.plan.filters);
  }

  /** Where the elements are when they are not in the HDF5 file: runs of bytes of other files, in order. Null when they are in it. */
  get external(): readonly ExternalRun[] | null {
    const { storage } = this.node;
    return storage instanceof ExternalStorage ? storage.runs.map((run) => ({ ...run })) : null;
  }

  /** What became of chunks that were only partly written or read; null without chunks. While the dataset is in memory: figures begin anew when it is read again. */
  get cacheStats(): ChunkCacheStats | null {
    const { storage } = this.node;
    return storage instanceof ChunkedStorage ? storage.cacheStats : null;
  }

  /** Bytes of the file that elements take, as stored. */
  get storageSize(): number {
    return this.node.storage.storageSize;
  }

  /**
   * Writes all elements, or those of a selection. Data is taken in row-major order and must not change until the promise settles.
   * It settles when the bytes have been handed to the operating system; a chunk that is only partly written, and a dataset of up
   * to 64 KiB, may stay in memory until `flush` or `close`, or until more of their kind has come.
   * @throws {FreestoneError} ERR_TYPE_MISMATCH, ERR_INVALID_SIZE, ERR_INVALID_ARGUMENT, ERR_CLOSED, ERR_READ_ONLY, or the system's own; the
   * reason of an aborted signal, here and in all calls that take one
   */
  async write(data: Data, selection?: Selection, options?: CallOptions): Promise<void> {
    const { node } = this;
    node.assertWritable();
    const signal = checkedCall(options);
    try {
      const pending = node.write(dataBlock(data, node.plan.type), selection, signal);
      if (pending !== undefined) await promised(pending);
    } catch (error) {
      throw aboutDataset(this.path, error);
    }
  }

  /** As `write`. @throws {FreestoneError} also ERR_UNSUPPORTED from within another call */
  writeSync(data: Data, selection?: Selection): void {
    const { node } = this;
    node.assertWritable();
    this.#named(() => { now(() => node.write(dataBlock(data, node.plan.type), selection) ?? done); });
  }

  /**
   * Adds rows at the end of the first dimension, which must be able to grow. The promise settles when the rows have been taken:
   * they need not stay as they are, and may be on their way to the file until `flush`. When a chunk cannot be written, it is kept
   * and the next call tries again and says so, as `flush` does.
   * @param data one or more rows: as many values as a whole number of rows has, or an iterable of such
   * @throws {FreestoneError} as `write`; ERR_LIMIT_EXCEEDED when the first dimension cannot grow so far
   */
  async append(data: Data | AsyncIterable<Data> | Iterable<Data>, options?: CallOptions): Promise<void> {
    const { node } = this;
    node.assertWritable();
    const signal = checkedCall(options);
    if (isSequence(data)) {
      for await (const part of data) await this.append(part, options);
      return;
    }
    try {
      const pending = node.append(data, signal);
      if (pending !== undefined) await promised(pending);
    } catch (error) {
      throw aboutDataset(this.path, error);
    }
  }

  /** As `append`. @throws {FreestoneError} also ERR_UNSUPPORTED for data that comes later, and from within another call */
  appendSync(data: Data | Iterable<Data>): void {
    const { node } = this;
    node.assertWritable();
    if (isSequence(data)) {
      if (!(Symbol.iterator in Object(data))) throw new FreestoneError('ERR_UNSUPPORTED', `${this.path}: appendSync of an asynchronous iterable is not supported`);
      for (const part of data as Iterable<Data>) this.appendSync(part);
      return;
    }
    this.#named(() => { now(() => node.append(data) ?? done); });
  }

  /**
   * Reads all elements, or those of a selection, as all writes that were asked for before have left them.
   * @returns numbers as a typed array of their kind in row-major order (complex ones as pairs); elements of other types, and of a
   * compound, as an array of values in row-major order; of a scalar dataset the one value
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_INVALID_SIZE, ERR_TYPE_MISMATCH for an `into` of another kind, ERR_CLOSED,
   * ERR_CORRUPT_FILE, ERR_UNSUPPORTED, or the system's own
   */
  async read(selection?: Selection, options: ReadOptions = {}): Promise<DatasetValues> {
    const { node } = this;
    node.context.assertOpen();
    signalOf(options);
    try {
      const values = node.readNow(selection, options);
      if (values === undefined) return await promised(begin(node.read(selection, options)));
      const turn = node.context.store.turns.next(ArrayBuffer.isView(values) ? values.byteLength : 0);
      if (turn !== undefined) await promised(turn);
      return values;
    } catch (error) {
      throw aboutDataset(this.path, error);
    }
  }

  /** As `read`. @throws {FreestoneError} also ERR_UNSUPPORTED from within another call */
  readSync(selection?: Selection, options: ReadOptions = {}): DatasetValues {
    const { node } = this;
    node.context.assertOpen();
    signalOf(options);
    return this.#named(() => node.readNow(selection, options) ?? now(() => begin(node.read(selection, options))));
  }

  /**
   * Reads members of a compound as columns, as all writes that were asked for before have left them; what is asked for later waits.
   * Faster than `read`, which makes an object of each element. Beside the columns it takes memory for 12 MiB of elements, or one chunk where
   * that is larger, for as much of their members that are no numbers, and for the chunks that are under way, as `read` does.
   * @returns an object with the members' names: numbers as a typed array of their kind (complex ones as pairs), others as an array of the
   * values that `read` gives, in row-major order of the selection; of a scalar dataset, columns of one value
   * @throws {FreestoneError} ERR_TYPE_MISMATCH when the elements are no compound; ERR_INVALID_ARGUMENT, also for a column that is unknown or
   * asked for twice, which is the error's `column`; ERR_INVALID_SIZE for a column that no array can hold; and as `read`
   */
  async readColumns(selection?: Selection, options: ReadColumnsOptions = {}): Promise<DatasetColumns> {
    const { node } = this;
    node.context.assertOpen();
    signalOf(options);
    try {
      return await promised(begin(readColumns(node, selection, options)));
    } catch (error) {
      throw aboutDataset(this.path, error);
    }
  }

  /** As `readColumns`. @throws {FreestoneError} also ERR_UNSUPPORTED from within another call */
  readColumnsSync(selection?: Selection, options: ReadColumnsOptions = {}): DatasetColumns {
    const { node } = this;
    node.context.assertOpen();
    signalOf(options);
    return this.#named(() => now(() => begin(readColumns(node, selection, options))));
  }

  /**
   * The elements part by part, in row-major order of the chunks: those of one chunk at a time, or of about a MiB where there are
   * no chunks. The next parts are read meanwhile.
   * @throws {FreestoneError} as `read`
   */
  async *chunks(options?: CallOptions): AsyncGenerator<DatasetChunk> {
    const { node } = this;
    node.context.assertOpen();
    const signal = checkedCall(options);
    const parts = node.parts();
    const ahead: Promise<DatasetChunk>[] = [];
    const beginNext = (): void => {
      const next = parts.next();
      if (next.done === true) return;
      const box = next.value;
      const part = this.read(box, { signal }).then((data) => ({ start: box.start, shape: box.count, data }));
      part.catch(() => undefined); // it is thrown when its turn comes
      ahead.push(part);
    };
    for (let i = 0; i < CHUNKS_AHEAD; i += 1) beginNext();
    for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
      signal?.throwIfAborted();
      beginNext();
      yield await part;
    }
  }

  /**
   * A stream whose parts are appended: values, rows, typed arrays, whatever `append` takes; of a dataset of one dimension single
   * values are gathered. It asks its source to pause while much waits, and emits `progress` with a WriteProgress.
   * The stream has ended when all has been taken; `flush` makes it visible in the file.
   * @throws {FreestoneError} ERR_CLOSED, ERR_READ_ONLY, ERR_INVALID_ARGUMENT; what `append` refuses destroys the stream
   */
  writable(options: WritableOptions = {}): Writable {
    const { node } = this;
    node.assertWritable();
    checkOptions('the stream', options, ['signal', 'highWaterMark']);
    if (options.highWaterMark !== undefined) checkInteger('highWaterMark', options.highWaterMark, { min: 1 });
    const { storage } = node;
    const rowBytes = (): number => product(node.shape.slice(1)) * node.plan.type.size;
    return writableOf(this, () => (storage instanceof ChunkedStorage ? storage.index.count : 0), rowBytes, options);
  }

  /**
   * Gives the dataset another shape. What is cut off is forgotten; what is added reads as the fill value.
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_LIMIT_EXCEEDED beyond maxShape
   */
  async resize(shape: readonly number[]): Promise<void> {
    const { node } = this;
    node.assertWritable();
    try {
      await promised(node.resize(shape));
    } catch (error) {
      throw aboutDataset(this.path, error);
    }
  }

  /** As `resize`. @throws {FreestoneError} also ERR_UNSUPPORTED from within another call */
  resizeSync(shape: readonly number[]): void {
    const { node } = this;
    node.assertWritable();
    this.#named(() => { now(() => node.resize(shape)); });
  }

  /** What goes wrong names this dataset. */
  #named<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw aboutDataset(this.path, error);
    }
  }
}
