// A dataset: elements of one type in n dimensions.
import { constants } from 'node:buffer';
import type { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FreestoneError, checkInteger, checkOptions } from '../../errors.js';
import { externalFiles } from '../format/external-files.js';
import type { Layout } from '../format/layout.js';
import { messageType, type HeaderMessage } from '../format/object-header.js';
import { encode } from '../format/schema.js';
import { product, rowMajorStrides, type Box, type ElementSource } from '../storage/box.js';
import { ChunkedStorage } from '../storage/chunked.js';
import { ContiguousStorage } from '../storage/contiguous.js';
import { ExternalStorage, type ExternalRun } from '../storage/external.js';
import type { MetadataBatch } from '../storage/file-store.js';
import { checkedBox, checkedNumbers, dataBlock, type Data, type DataBlock, type Selection } from './data.js';
import { encodeDatasetHeader } from './dataset-header.js';
import { checkFits, type DatasetPlan } from './dataset-spec.js';
import { datatypeOf, type Datatype } from './datatype.js';
import { filtersOf, nativeFilters, type Filter } from './filters.js';
import { ObjectNode, type FileContext } from './object-node.js';
import { writableOf, type WritableOptions } from './writable.js';
import { boxesOf, checkInto, decoded, type DatasetChunk, type DatasetValues, type ReadOptions } from './values.js';

/** Values are converted in slices of about this many bytes, between which other work has its turn. */
const SLICE_BYTES = 2 ** 20;
/** Parts of a dataset that are read before they are asked for. */
const CHUNKS_AHEAD = 4;

/** One for all: files have many datasets. */
const settled = Promise.resolve();

/** Whether data comes part by part; arrays and texts are one part. */
function isSequence(data: unknown): data is AsyncIterable<Data> | Iterable<Data> {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || ArrayBuffer.isView(data)) return false;
  return Symbol.asyncIterator in data || Symbol.iterator in data;
}

/** Elements ready to be written: a box of them, relative to the first. */
interface Piece {
  readonly firstRow: number;
  readonly rows: number;
  readonly source: ElementSource;
}

export class Dataset extends ObjectNode {
  readonly #plan: DatasetPlan;
  readonly #storage: ChunkedStorage | ContiguousStorage | ExternalStorage;
  #shape: readonly number[];
  /** The shape that the next commit writes: the one up to which all data is in the file. */
  #flushedShape: readonly number[];
  /** Writes, appends and resizes take effect in the order of their calls. */
  #turn: Promise<void> = settled;
  /** Those that have not ended. */
  #busy = 0;

  /** @param stored where the elements are in a file that is being opened @internal */
  constructor(context: FileContext, parent: ObjectNode, name: string, plan: DatasetPlan, stored?: Layout) {
    super(context, parent, name);
    this.#plan = plan;
    this.#shape = plan.shape;
    this.#flushedShape = plan.shape;
    const { type, shape, maxShape, chunkShape, fill } = plan;
    if (plan.external !== undefined) {
      this.#storage = new ExternalStorage(context.store, { shape, elementSize: type.size, runs: plan.external, path: context.path });
      return;
    }
    if (chunkShape === null) {
      const address = stored?.kind === 'contiguous' ? stored.address : null;
      this.#storage = new ContiguousStorage(context.store, { shape, elementSize: type.size, fill, address });
      return;
    }
    const filters = nativeFilters(plan.filters);
    const options = { shape, maxShape, chunkShape, elementSize: type.size, filters, fill };
    this.#storage = new ChunkedStorage(context.store, options, () => {
      this.touch();
    });
    if (stored?.kind === 'chunked' && stored.indexAddress !== null) {
      this.#storage.index.decode(stored.indexAddress, (address, size) => context.store.readSync(address, size));
    }
  }

  /** Elements along each dimension; [] for a scalar. */
  get shape(): readonly number[] {
    return [...this.#shape];
  }

  /** How far each dimension may grow; null for without limit. */
  get maxShape(): readonly (number | null)[] {
    return [...this.#plan.maxShape];
  }

  get dtype(): Datatype {
    return datatypeOf(this.#plan.type);
  }

  /** Elements of a chunk along each dimension, or null for contiguous layout. */
  get chunkShape(): readonly number[] | null {
    return this.#plan.chunkShape === null ? null : [...this.#plan.chunkShape];
  }

  get filters(): readonly Filter[] {
    return filtersOf(this.#plan.filters);
  }

  /** Where the elements are when they are not in the HDF5 file: runs of bytes of other files, in order. Null when they are in it. */
  get external(): readonly ExternalRun[] | null {
    return this.#storage instanceof ExternalStorage ? this.#storage.runs.map((run) => ({ ...run })) : null;
  }

  /** Bytes of the file that elements take, as stored. */
  get storageSize(): number {
    return this.#storage.storageSize;
  }

  /** The extents of the file that elements take. @internal */
  *extents(): Generator<{ address: number; size: number }> {
    if (this.#storage instanceof ChunkedStorage) {
      for (const { address, size } of this.#storage.index.entries()) yield { address, size };
      return;
    }
    const stored = this.#storage.layout();
    if (stored.kind === 'contiguous' && stored.address !== null) yield { address: stored.address, size: stored.size };
  }

  /**
   * Writes all elements, or those of a selection. Data is taken in row-major order and must not change until the promise settles.
   * It settles when the bytes have been handed to the operating system; a chunk that is only partly written, and a dataset of up
   * to 64 KiB, may stay in memory until `flush` or `close`, or until more of their kind has come.
   * @throws {FreestoneError} ERR_TYPE_MISMATCH, ERR_INVALID_SIZE, ERR_INVALID_ARGUMENT, ERR_CLOSED, ERR_READ_ONLY, or the system's own
   */
  async write(data: Data, selection?: Selection): Promise<void> {
    this.assertWritable();
    await this.writeBlock(dataBlock(data, this.#plan.type), selection);
  }

  /** @internal */
  writeBlock(block: DataBlock, selection?: Selection): Promise<void> {
    const boxOf = (): Box => (selection === undefined ? { start: this.#shape.map(() => 0), count: this.#shape } : checkedBox(selection, this.#shape));
    if (this.#takesNow(block)) {
      const box = boxOf();
      checkFits(block, box.count);
      if (this.#take(block, box, this.#shape)) return this.context.store.behind.pressure() ?? this.context.store.turns.next() ?? settled;
    }
    return this.#ordered(async () => {
      const box = boxOf();
      checkFits(block, box.count);
      return this.#start(await this.#pieces(block, box.count), box, 'written');
    });
  }

  /**
   * Adds rows at the end of the first dimension, which must be able to grow. The promise settles when the rows have been taken:
   * they need not stay as they are, and may be on their way to the file until `flush`. When a chunk cannot be written, it is kept
   * and the next call tries again and says so, as `flush` does.
   * @param data one or more rows: as many values as a whole number of rows has, or an iterable of such
   * @throws {FreestoneError} as `write`; ERR_LIMIT_EXCEEDED when the first dimension cannot grow so far
   */
  async append(data: Data | AsyncIterable<Data> | Iterable<Data>): Promise<void> {
    this.assertWritable();
    if (isSequence(data)) {
      for await (const part of data) await this.append(part);
      return;
    }
    const block = dataBlock(data, this.#plan.type);
    await this.appendBlock(block);
  }

  /** @internal */
  async appendBlock(block: DataBlock): Promise<void> {
    if (this.#takesNow(block)) {
      const { box, shape } = this.#nextRows(block);
      if (this.#take(block, box, shape)) {
        const turn = this.context.store.turns.next();
        if (turn !== undefined) await turn;
        return;
      }
    }
    await this.#ordered(async () => {
      const { box, shape } = this.#nextRows(block);
      const pieces = await this.#pieces(block, box.count);
      await this.#reshape(shape);
      return this.#start(pieces, box, 'taken');
    });
  }

  /**
   * Reads all elements, or those of a selection, as all writes that were asked for before have left them.
   * @returns numbers as a typed array of their kind in row-major order (complex ones as pairs); elements of other types, and of a
   * compound, as an array of values in row-major order; of a scalar dataset the one value
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_INVALID_SIZE, ERR_TYPE_MISMATCH for an `into` of another kind, ERR_CLOSED,
   * ERR_CORRUPT_FILE, ERR_UNSUPPORTED, or the system's own
   */
  async read(selection?: Selection, { into }: ReadOptions = {}): Promise<DatasetValues> {
    this.context.assertOpen();
    await this.#turn;
    const box = selection === undefined ? { start: this.#shape.map(() => 0), count: this.#shape } : checkedBox(selection, this.#shape);
    const { type } = this.#plan;
    const count = product(box.count);
    if (into !== undefined) checkInto(into, type, count);
    const result = into === undefined ? undefined : new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    const bytes = result ?? new Uint8Array(checkInteger('the size of what is read in bytes', count * type.size, { max: constants.MAX_LENGTH, code: 'ERR_INVALID_SIZE' }));
    await this.#storage.read(box, { bytes, isOurs: into === undefined });
    return decoded(bytes, count, type, this.context.heap, { into, isScalar: box.count.length === 0 });
  }

  /**
   * The elements part by part, in row-major order of the chunks: those of one chunk at a time, or of about a MiB where there are
   * no chunks. The next parts are read meanwhile.
   * @throws {FreestoneError} as `read`
   */
  async *chunks(): AsyncGenerator<DatasetChunk> {
    this.context.assertOpen();
    const shape = this.shape;
    const parts = boxesOf(shape, this.#plan.chunkShape ?? this.#rowsOfAbout(SLICE_BYTES));
    const ahead: Promise<DatasetChunk>[] = [];
    const begin = (): void => {
      const next = parts.next();
      if (next.done === true) return;
      const box = next.value;
      const part = this.read(box).then((data) => ({ start: box.start, shape: box.count, data }));
      part.catch(() => undefined); // it is thrown when its turn comes
      ahead.push(part);
    };
    for (let i = 0; i < CHUNKS_AHEAD; i += 1) begin();
    for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
      begin();
      yield await part;
    }
  }

  /** A shape of whole rows of about so many bytes. */
  #rowsOfAbout(bytes: number): readonly number[] {
    const [, ...row] = this.#shape;
    return [Math.max(1, Math.floor(bytes / Math.max(1, product(row) * this.#plan.type.size))), ...row.map((extent) => Math.max(1, extent))];
  }

  /**
   * A stream whose parts are appended: values, rows, typed arrays, whatever `append` takes; of a dataset of one dimension single
   * values are gathered. It asks its source to pause while much waits, and emits `progress` with a WriteProgress.
   * The stream has ended when all has been taken; `flush` makes it visible in the file.
   * @throws {FreestoneError} ERR_CLOSED, ERR_READ_ONLY, ERR_INVALID_ARGUMENT; what `append` refuses destroys the stream
   */
  writable(options: WritableOptions = {}): Writable {
    this.assertWritable();
    checkOptions('the stream', options, ['signal', 'highWaterMark']);
    if (options.highWaterMark !== undefined) checkInteger('highWaterMark', options.highWaterMark, { min: 1 });
    const storage = this.#storage;
    const rowBytes = (): number => product(this.#shape.slice(1)) * this.#plan.type.size;
    return writableOf(this, () => (storage instanceof ChunkedStorage ? storage.index.count : 0), rowBytes, options);
  }

  /** Where the rows of a block go that are appended next, and the shape with them. */
  #nextRows(block: DataBlock): { box: Box; shape: readonly number[] } {
    const [extent, ...row] = this.#shape;
    if (extent === undefined) throw new FreestoneError('ERR_INVALID_ARGUMENT', `${this.path} is a scalar: nothing can be appended to it`);
    const rows = this.#rowsOf(block, row);
    const limit = this.#plan.maxShape[0] ?? Number.MAX_SAFE_INTEGER;
    if (extent + rows > limit) {
      throw new FreestoneError(
        'ERR_LIMIT_EXCEEDED',
        `${this.path} has ${String(extent)} rows and cannot grow by ${String(rows)}: its maxShape is [${this.#plan.maxShape.map((n) => n ?? 'unlimited').join(', ')}]`,
        { requested: extent + rows, limit },
      );
    }
    return { box: { start: [extent, ...row.map(() => 0)], count: [rows, ...row] }, shape: [extent + rows, ...row] };
  }

  /** Whether nothing is under way that a write would have to wait for, so that it may be done within the call. */
  #takesNow(block: DataBlock): boolean {
    const { type } = this.#plan;
    if (this.#busy > 0 || this.context.isFlushBeginning || type.variable) return false;
    return block.direct !== null || block.count * type.size <= SLICE_BYTES;
  }

  /** Writes a box within the call, if its storage can do that. */
  #take(block: DataBlock, box: Box, shape: readonly number[]): boolean {
    const storage = this.#storage;
    if (storage instanceof ContiguousStorage) {
      if (!storage.takes) return false;
      storage.take(box, this.#sourceOf(block, box.count));
    } else {
      if (!(storage instanceof ChunkedStorage) || !storage.take(box, this.#sourceOf(block, box.count), shape)) return false;
      this.#shape = shape;
      void this.context.noteUnflushed(this);
    }
    this.touch();
    return true;
  }

  #sourceOf(block: DataBlock, count: readonly number[]): ElementSource {
    if (block.direct !== null) return block.direct(count);
    const { type } = this.#plan;
    return { bytes: block.encode(0, block.count, this.context.heap), offset: 0, strides: rowMajorStrides(count, type.size), swap: 1 };
  }

  /**
   * Gives the dataset another shape. What is cut off is forgotten; what is added reads as the fill value.
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_LIMIT_EXCEEDED beyond maxShape
   */
  async resize(shape: readonly number[]): Promise<void> {
    this.assertWritable();
    const wanted = checkedNumbers('shape', shape, this.#shape.length);
    await this.#ordered(async () => {
      const beyond = wanted.findIndex((extent, d) => extent > (this.#plan.maxShape[d] ?? Infinity));
      if (beyond >= 0 || (this.#plan.chunkShape === null && wanted.some((extent, d) => extent !== this.#shape[d]))) {
        const limit = this.#plan.chunkShape === null ? this.#shape : this.#plan.maxShape;
        throw new FreestoneError(
          'ERR_LIMIT_EXCEEDED',
          `${this.path} cannot have the shape [${wanted.join(', ')}]: ${this.#plan.chunkShape === null ? 'without chunks its shape is fixed at' : 'its maxShape is'} [${limit.map((n) => n ?? 'unlimited').join(', ')}]`,
          { shape: wanted, limit },
        );
      }
      checkInteger('the size of the dataset in bytes', product(wanted) * this.#plan.type.size, { code: 'ERR_INVALID_SIZE' });
      await this.#reshape(wanted);
      return [];
    });
  }

  /** Settles when all that was asked for until now has begun its writes. @internal */
  get begun(): Promise<void> {
    return this.#turn;
  }

  /** Puts all that has begun into the file, apart from its metadata. Nothing else may begin meanwhile. @internal */
  async flushData(): Promise<void> {
    await this.#storage.flush();
    if (this.#flushedShape === this.#shape) return;
    this.#flushedShape = this.#shape;
    this.touch();
  }

  /** It could not be written and is in no group any more. Settles when its space has been given back. @internal */
  async discard(): Promise<void> {
    this.markGone();
    this.context.forget(this);
    // A flush that has it on its way still refers to it; later ones do not.
    await this.context.flushed();
    await this.#turn;
    await this.#storage.discard();
    this.releaseHeader();
  }

  /** One operation after the other up to where it has begun its writes; those overlap. */
  async #ordered(operation: () => Promise<Promise<void>[]>): Promise<void> {
    const picture = this.context.noteUnflushed(this);
    const turn = picture === undefined ? this.#turn : this.#turn.then(() => picture);
    const begun = turn.then(async () => {
      if (this.#storage instanceof ChunkedStorage) await this.#storage.retry();
      return operation();
    });
    this.#turn = begun.then(
      () => undefined,
      () => undefined,
    );
    this.#busy += 1;
    try {
      await Promise.all(await begun);
    } finally {
      this.#busy -= 1;
    }
  }

  #rowsOf(block: DataBlock, row: readonly number[]): number {
    const own = block.shape;
    if (own !== null && (own.length !== row.length + 1 || row.some((extent, d) => extent !== own[d + 1]))) {
      // One row may come without the dimension along which rows are counted.
      if (own.length === row.length && own.every((extent, d) => extent === row[d])) return 1;
      checkFits(block, [own[0] ?? 1, ...row]);
    }
    const perRow = product(row);
    const rows = perRow === 0 ? 0 : block.count / perRow;
    if (!Number.isInteger(rows)) checkFits(block, [Math.ceil(rows), ...row]);
    return rows;
  }

  /** The data as it will be written: all values are converted, and so checked, before anything changes. */
  async #pieces(block: DataBlock, count: readonly number[]): Promise<Piece[]> {
    const { type } = this.#plan;
    const [rows = 1, ...row] = count;
    if (block.direct !== null) return [{ firstRow: 0, rows, source: block.direct(count) }];
    const perRow = product(row);
    const rowsAtOnce = Math.max(1, Math.floor(SLICE_BYTES / Math.max(1, perRow * type.size)));
    const pieces: Piece[] = [];
    for (let firstRow = 0; firstRow < rows; firstRow += rowsAtOnce) {
      if (firstRow > 0) await nextTurn();
      const n = Math.min(rowsAtOnce, rows - firstRow);
      const bytes = block.encode(firstRow * perRow, n * perRow, this.context.heap);
      const strides = count.length === 0 ? [] : rowMajorStrides([n, ...row], type.size);
      pieces.push({ firstRow, rows: n, source: { bytes, offset: 0, strides, swap: 1 } });
      if (type.variable) await this.context.store.behind.pressure();
    }
    return pieces;
  }

  #start(pieces: readonly Piece[], box: Box, until: 'written' | 'taken'): Promise<void>[] {
    this.touch();
    return pieces.map(({ firstRow, rows, source }) => {
      const [first, ...otherStarts] = box.start;
      if (first === undefined) return this.#storage.write(box, source, until);
      return this.#storage.write({ start: [first + firstRow, ...otherStarts], count: [rows, ...box.count.slice(1)] }, source, until);
    });
  }

  async #reshape(shape: readonly number[]): Promise<void> {
    if (this.#storage instanceof ChunkedStorage) await this.#storage.resize(shape);
    this.#shape = shape;
  }

  /**
   * Lets go of the dataset, if the file's metadata is all that has to be known of it: the group above knows its header from here
   * on, which is put on its way to the file if it is not there. No commit may be on its way.
   * @internal
   */
  letGo(): void {
    const { store } = this.context;
    if (this.#busy > 0 || !(this.#storage instanceof ContiguousStorage) || !this.#storage.takes) return;
    if (!this.isStored) {
      const bytes = this.#encode(this.#storage.layout(), []);
      const address = store.space.allocate(bytes.length, { kind: 'metadata' });
      store.behind.put(address, bytes);
      this.replaceStored({ address, size: bytes.length });
    }
    this.markLetGo();
  }

  /** @internal */
  protected encodeHeader(batch: MetadataBatch): number {
    const storage = this.#storage;
    if (storage instanceof ChunkedStorage) return batch.place(this.#encode(storage.layout(storage.encodeIndex(batch)), []));
    const files = storage instanceof ExternalStorage ? [{ type: messageType.externalFiles, body: encode(externalFiles, storage.encodeFiles(batch)) }] : [];
    return batch.place(this.#encode(storage.layout(), files));
  }

  #encode(where: Layout, more: readonly HeaderMessage[]): Buffer {
    return encodeDatasetHeader(this.#plan, this.#flushedShape, where, [...more, ...this.attributeMessages()]);
  }
}
