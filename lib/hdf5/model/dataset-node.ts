// A dataset in memory: what is known of it, and the order of what is done with it.
import { constants } from 'node:buffer';
import { FreestoneError, checkInteger } from '../../errors.js';
import { externalFiles } from '../format/external-files.js';
import type { Layout } from '../format/layout.js';
import { messageType, type HeaderMessage } from '../format/object-header.js';
import { encode } from '../format/schema.js';
import { product, rowMajorStrides, type Box, type BoxPart, type ElementSource } from '../storage/box.js';
import { ChunkedStorage } from '../storage/chunked.js';
import { ContiguousStorage } from '../storage/contiguous.js';
import { ExternalStorage } from '../storage/external.js';
import { mostReadNow, type MetadataBatch } from '../storage/file-store.js';
import { withSpare } from '../storage/spare.js';
import { begin, done, settled, wait, Flight, Line, type Pending, type Steps } from '../storage/steps.js';
import { aboutDataset } from './about.js';
import { bytesAsInFile, checkedBox, checkedNumbers, dataBlock, type DataBlock, type Selection } from './data.js';
import { encodeDatasetHeader } from './dataset-header.js';
import { checkFits, type DatasetPlan } from './dataset-spec.js';
import { nativeFilters } from './filters.js';
import { ObjectNode, type FileContext } from './object-node.js';
import { RowReads } from './row-reads.js';
import { checkedBlock, SLICE_BYTES, writeSlices, type Encoding } from './slices.js';
import { warnOfThrashing } from './thrashing.js';
import type { Together } from './together.js';
import { boxesOf, checkInto, decoded, type DatasetValues, type ReadOptions } from './values.js';

export class DatasetNode extends ObjectNode {
  readonly plan: DatasetPlan;
  readonly storage: ChunkedStorage | ContiguousStorage | ExternalStorage;
  #shape: readonly number[];
  /** The shape that the next commit writes: the one up to which all data is in the file. */
  #flushedShape: readonly number[];
  /** Writes, appends and resizes take effect in the order of their calls. */
  readonly #line = new Line();
  /** Those that have not ended. */
  #busy = 0;
  /** Of a file that is only read. */
  #rowReads: RowReads | undefined;

  /** @param stored where the elements are, if the file has it already */
  constructor(context: FileContext, parent: ObjectNode, name: string, plan: DatasetPlan, stored?: Layout) {
    super(context, parent, name);
    this.plan = plan;
    this.#shape = plan.shape;
    this.#flushedShape = plan.shape;
    const { type, shape, maxShape, chunkShape, fill } = plan;
    if (plan.external !== undefined) {
      this.storage = new ExternalStorage(context.store, { shape, elementSize: type.size, runs: plan.external, path: context.path });
      return;
    }
    if (chunkShape === null) {
      const address = stored?.kind === 'contiguous' ? stored.address : null;
      this.storage = new ContiguousStorage(context.store, { shape, elementSize: type.size, fill, address });
      return;
    }
    const filters = nativeFilters(plan.filters);
    const cacheBytes = plan.chunkCache ?? context.store.chunkCache;
    const options = { shape, maxShape, chunkShape, elementSize: type.size, filters, fill, cacheBytes };
    const storage = new ChunkedStorage(
      context.store,
      options,
      () => {
        this.touch();
      },
      () => {
        warnOfThrashing({ file: context.path, dataset: this.path, shape: this.#shape, chunkShape, ...storage.cacheStats });
      },
    );
    this.storage = storage;
    if (stored?.kind === 'chunked' && stored.indexAddress !== null) {
      storage.index.decode(stored.indexAddress, (address, size) => context.store.readSync(address, size));
    }
  }

  /** Elements along each dimension; [] for a scalar. */
  get shape(): readonly number[] {
    return this.#shape;
  }

  /** The extents of the file that elements take. */
  *extents(): Generator<{ address: number; size: number }> {
    if (this.storage instanceof ChunkedStorage) {
      for (const { address, size } of this.storage.index.entries()) yield { address, size };
      return;
    }
    const stored = this.storage.layout();
    if (stored.kind === 'contiguous' && stored.address !== null) yield { address: stored.address, size: stored.size };
  }

  /** @returns what settles when the bytes have been handed to the operating system; undefined when nothing need be waited for */
  write(block: DataBlock, selection?: Selection, signal?: AbortSignal): Pending | undefined {
    const boxOf = (): Box => this.boxOf(selection);
    if (this.#takesNow(block)) {
      const box = boxOf();
      checkFits(block, box.count);
      if (this.#take(block, box, this.#shape)) return this.context.store.behind.pressure() ?? this.#turn(block);
    }
    return begin(this.#thenTurn(block, this.#ordered(() => this.#write(block, boxOf, signal))));
  }

  *#write(block: DataBlock, boxOf: () => Box, signal?: AbortSignal): Steps<Flight> {
    signal?.throwIfAborted();
    const box = boxOf();
    checkFits(block, box.count);
    return yield* this.#start(yield* this.#checked(block, box.count, signal), box, 'written', signal);
  }

  /** A write has been done within the call. @param shape with the rows that it added, if any */
  #written(shape: readonly number[]): void {
    this.#shape = shape;
    void this.context.noteUnflushed(this);
    this.touch();
  }

  /** @returns what settles when the rows have been taken; undefined when they have been */
  append(data: unknown, signal?: AbortSignal): Pending | undefined {
    const { type } = this.plan;
    const bytes = bytesAsInFile(data, type);
    if (bytes !== undefined && this.#extend(bytes)) return this.context.store.turns.next(bytes.length);
    return this.appendBlock(dataBlock(data, type), signal);
  }

  /** Nearly all there is to an append: a copy behind the rows that came last. @returns whether that was all */
  #extend(bytes: Uint8Array): boolean {
    const { storage } = this;
    if (this.#busy > 0 || this.context.isFlushBeginning || !(storage instanceof ChunkedStorage)) return false;
    const shape = storage.extend(bytes);
    if (shape === undefined) return false;
    this.#written(shape);
    return true;
  }

  /** As `append`. */
  appendBlock(block: DataBlock, signal?: AbortSignal): Pending | undefined {
    if (this.#takesNow(block)) {
      const { box, shape } = this.#nextRows(block);
      const before = this.#shape;
      try {
        if (this.#take(block, box, shape)) return this.#turn(block);
      } catch (error) {
        return begin(this.#ordered(() => this.#withdrawn(before, error)));
      }
    }
    return begin(this.#thenTurn(block, this.#ordered(() => this.#append(block, signal))));
  }

  /** Other work has its turn also when each call ends before the event loop has come round. */
  #turn(block: DataBlock): Pending | undefined {
    return this.context.store.turns.next(block.count * this.plan.type.size);
  }

  *#thenTurn(block: DataBlock, steps: Steps): Steps {
    yield* steps;
    yield* wait(this.#turn(block) ?? done);
  }

  *#append(block: DataBlock, signal?: AbortSignal): Steps<Flight> {
    signal?.throwIfAborted();
    const { box, shape } = this.#nextRows(block);
    const checked = yield* this.#checked(block, box.count, signal);
    const before = this.#shape;
    yield* this.#reshape(shape);
    try {
      const flight = yield* this.#start(checked, box, 'taken', signal);
      yield* flight.landed();
      return flight;
    } catch (error) {
      return yield* this.#withdrawn(before, error);
    }
  }

  /** What is refused has not been taken, nor a part of it. */
  *#withdrawn(before: readonly number[], error: unknown): Steps<never> {
    yield* this.#withdraw(before);
    throw error;
  }

  /**
   * Appends what others append their part of. Until it is known that all have taken theirs nothing else begins here.
   * @returns undefined when the rows have been taken within the call: then `keep` is owed if it is not known of the others
   */
  appendTogether(block: DataBlock, together: Together, signal?: AbortSignal): Pending | undefined {
    const before = this.#shape;
    if (this.#takesNow(block)) {
      try {
        const { box, shape } = this.#nextRows(block);
        if (this.#take(block, box, shape)) {
          together.tell(false);
          return undefined;
        }
      } catch (error) {
        together.tell(true);
        return begin(this.#refused(before, together, error));
      }
    }
    let hasTold = false;
    const tell = (hasFailed: boolean): void => {
      if (!hasTold) together.tell(hasFailed);
      hasTold = true;
    };
    const appended = begin(this.#ordered(() => this.#appendTogether(block, together, tell, signal)));
    // Also when it failed before its turn came.
    appended.watch(() => { tell(true); });
    return appended;
  }

  *#appendTogether(block: DataBlock, together: Together, tell: (hasFailed: boolean) => void, signal: AbortSignal | undefined): Steps<Flight> {
    const before = this.#shape;
    const taken = begin(this.#taken(block, signal));
    yield* settled(taken);
    tell(taken.hasFailed);
    taken.check();
    if (!(yield* together.keeps())) yield* this.#withdraw(before);
    return new Flight();
  }

  *#taken(block: DataBlock, signal: AbortSignal | undefined): Steps {
    const flight = yield* this.#append(block, signal);
    yield* flight.landed();
  }

  /** Rows that were taken within a call stay, or go if others could not take theirs. @param before the shape without them */
  keep(before: readonly number[], together: Together): Pending {
    return begin(this.undisturbed(() => this.#keepOrWithdraw(before, together)));
  }

  *#keepOrWithdraw(before: readonly number[], together: Together): Steps {
    if (!(yield* together.keeps())) yield* this.#withdraw(before);
  }

  *#refused(before: readonly number[], together: Together, error: unknown): Steps {
    yield* wait(this.keep(before, together));
    throw error;
  }

  *#withdraw(before: readonly number[]): Steps {
    if (this.storage instanceof ChunkedStorage) yield* settled(begin(this.storage.withdraw(before)));
    this.#shape = before;
    this.touch();
  }

  /** What `read` gives, if it can be had at once: numbers, or one value, that are in memory. */
  readNow(selection: Selection | undefined, { into }: ReadOptions): DatasetValues | undefined {
    const rows = this.#rowReads?.read(selection, into);
    if (rows !== undefined) return rows;
    const { storage } = this;
    const { type } = this.plan;
    if (!this.#line.isFree || storage instanceof ExternalStorage || type.swap !== 1 || type.variable) return undefined;
    const box = this.boxOf(selection);
    const count = product(box.count);
    if (count * type.size > mostReadNow || count === 0) return undefined;
    const isScalar = box.count.length === 0;
    if (into !== undefined) checkInto(into, type, count);
    else if (type.arrays.length === 0 || isScalar) return undefined;
    const bytes = into === undefined ? new Uint8Array(count * type.size) : new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    if (!storage.readNow(box, { bytes, isOurs: into === undefined, isBlank: into === undefined })) return undefined;
    if (!this.context.isWritable && !isScalar) {
      this.#rowReads ??= new RowReads(this.context.store, this.#shape, type);
      this.#rowReads.note(storage.rowsAround(box.start[0] ?? 0));
    }
    const [constructor = Uint8Array] = type.arrays;
    return into ?? new constructor(bytes.buffer, 0, count * type.lanes);
  }

  /** Of a selection, or of all there is. @throws {FreestoneError} ERR_INVALID_ARGUMENT for one that reaches outside */
  boxOf(selection: Selection | undefined): Box {
    return selection === undefined ? { start: this.#shape.map(() => 0), count: this.#shape } : checkedBox(selection, this.#shape);
  }

  /** As all writes that were asked for before have left it. */
  *read(selection: Selection | undefined, { into, signal }: ReadOptions): Steps<DatasetValues> {
    yield* wait(this.#line.passed());
    signal?.throwIfAborted();
    const box = this.boxOf(selection);
    const { type } = this.plan;
    const count = product(box.count);
    if (into !== undefined) checkInto(into, type, count);
    const result = into === undefined ? undefined : new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    const bytes = result ?? new Uint8Array(checkInteger('the size of what is read in bytes', count * type.size, { max: constants.MAX_LENGTH, code: 'ERR_INVALID_SIZE' }));
    yield* this.storage.read(box, { bytes, isOurs: into === undefined, isBlank: into === undefined, signal });
    return yield* decoded(bytes, count, type, this.context.heap, { into, isScalar: box.count.length === 0, signal });
  }

  /** Takes steps when all that was asked for before has begun; what is asked for later waits for their end. */
  *undisturbed<T>(steps: () => Steps<T>): Steps<T> {
    this.#busy += 1;
    try {
      return yield* this.#line.inTurn(steps);
    } finally {
      this.#busy -= 1;
    }
  }

  /** The boxes of its chunks, or of about a MiB each where there are none. */
  parts(): Generator<Box> {
    return boxesOf([...this.#shape], this.plan.chunkShape ?? this.#rowsOfAbout(SLICE_BYTES));
  }

  /** A shape of whole rows of about so many bytes. */
  #rowsOfAbout(bytes: number): readonly number[] {
    const [, ...row] = this.#shape;
    return [Math.max(1, Math.floor(bytes / Math.max(1, product(row) * this.plan.type.size))), ...row.map((extent) => Math.max(1, extent))];
  }

  /** Where the rows of a block go that are appended next, and the shape with them. */
  #nextRows(block: DataBlock): { box: Box; shape: readonly number[] } {
    const [extent, ...row] = this.#shape;
    if (extent === undefined) throw new FreestoneError('ERR_INVALID_ARGUMENT', `${this.path} is a scalar: nothing can be appended to it`);
    const rows = this.#rowsOf(block, row);
    const limit = this.plan.maxShape[0] ?? Number.MAX_SAFE_INTEGER;
    if (extent + rows > limit) {
      throw new FreestoneError(
        'ERR_LIMIT_EXCEEDED',
        `${this.path} has ${String(extent)} rows and cannot grow by ${String(rows)}: its maxShape is [${this.plan.maxShape.map((n) => n ?? 'unlimited').join(', ')}]`,
        { requested: extent + rows, limit },
      );
    }
    return { box: { start: [extent, ...row.map(() => 0)], count: [rows, ...row] }, shape: [extent + rows, ...row] };
  }

  /** Whether nothing is under way that a write would have to wait for, so that it may be done within the call. */
  #takesNow(block: DataBlock): boolean {
    const { type } = this.plan;
    if (this.#busy > 0 || this.context.isFlushBeginning || type.variable) return false;
    return block.direct !== null || block.count * type.size <= SLICE_BYTES;
  }

  /** Writes a box within the call, if its storage can do that. */
  #take(block: DataBlock, box: Box, shape: readonly number[]): boolean {
    if (block.direct !== null) return this.#takeSource(block.direct(box.count), box, shape);
    const { size } = this.plan.type;
    return withSpare(block.count * size, (into) => {
      const bytes = block.encode(0, block.count, this.context.heap, into);
      return this.#takeSource({ bytes, offset: 0, strides: rowMajorStrides(box.count, size), swap: 1 }, box, shape);
    });
  }

  #takeSource(source: ElementSource, box: Box, shape: readonly number[]): boolean {
    const storage = this.storage;
    if (storage instanceof ContiguousStorage) {
      if (!storage.take(box, source)) return false;
      this.touch();
      return true;
    }
    if (!(storage instanceof ChunkedStorage) || !storage.take(box, source, shape)) return false;
    this.#written(shape);
    return true;
  }

  resize(shape: readonly number[]): Pending {
    const wanted = checkedNumbers('shape', shape, this.#shape.length);
    return begin(this.#ordered(() => this.#resize(wanted)));
  }

  *#resize(wanted: readonly number[]): Steps<Flight> {
    const { maxShape, chunkShape, type } = this.plan;
    const beyond = wanted.findIndex((extent, d) => extent > (maxShape[d] ?? Infinity));
    if (beyond >= 0 || (chunkShape === null && wanted.some((extent, d) => extent !== this.#shape[d]))) {
      const limit = chunkShape === null ? this.#shape : maxShape;
      throw new FreestoneError(
        'ERR_LIMIT_EXCEEDED',
        `${this.path} cannot have the shape [${wanted.join(', ')}]: ${chunkShape === null ? 'without chunks its shape is fixed at' : 'its maxShape is'} [${limit.map((n) => n ?? 'unlimited').join(', ')}]`,
        { shape: wanted, limit },
      );
    }
    checkInteger('the size of the dataset in bytes', product(wanted) * type.size, { code: 'ERR_INVALID_SIZE' });
    yield* this.#reshape(wanted);
    return new Flight();
  }

  /** Settles when all that was asked for until now has begun its writes. */
  get begun(): Pending {
    return this.#line.passed();
  }

  /** Puts all that has begun into the file, apart from its metadata. Nothing else may begin meanwhile. */
  *flushData(): Steps {
    try {
      yield* this.storage.flush();
    } catch (error) {
      throw aboutDataset(this.path, error);
    }
    if (this.#flushedShape === this.#shape) return;
    this.#flushedShape = this.#shape;
    this.touch();
  }

  /** It could not be written and is in no group any more. Ends when its space has been given back. */
  *discard(): Steps {
    this.markGone();
    this.context.forget(this);
    // A flush that has it on its way still refers to it; later ones do not.
    yield* settled(this.context.flushed());
    yield* wait(this.#line.passed());
    yield* this.storage.discard();
    this.releaseHeader();
  }

  /** One operation after the other up to where it has begun its writes; those overlap. */
  *#ordered(operation: () => Steps<Flight>): Steps {
    const picture = this.context.noteUnflushed(this);
    this.#busy += 1;
    try {
      const flight = yield* this.#line.inTurn(() => this.#begin(picture, operation));
      yield* flight.landed();
    } finally {
      this.#busy -= 1;
    }
  }

  *#begin(picture: Pending | undefined, operation: () => Steps<Flight>): Steps<Flight> {
    yield* settled(picture);
    if (this.storage instanceof ChunkedStorage) yield* this.storage.retry();
    return yield* operation();
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

  #checked(block: DataBlock, count: readonly number[], signal: AbortSignal | undefined): Steps<DataBlock> {
    return checkedBlock(block, count, this.#encoding(signal));
  }

  #encoding(signal: AbortSignal | undefined): Encoding {
    const { store, heap } = this.context;
    return { type: this.plan.type, store, heap, signal };
  }

  /** Begins to write a block that has been checked. @returns what is under way when all has begun */
  *#start(block: DataBlock, box: Box, until: 'written' | 'taken', signal: AbortSignal | undefined): Steps<Flight> {
    this.touch();
    const flight = new Flight();
    const write = ({ start, count }: BoxPart, source: ElementSource): Steps =>
      this.storage.write({ start: box.start.map((first, d) => first + (start[d] ?? 0)), count }, source, until);
    try {
      yield* writeSlices(block, box.count, this.#encoding(signal), write, flight);
    } catch (error) {
      yield* settled(begin(flight.landed()));
      throw error;
    }
    return flight;
  }

  *#reshape(shape: readonly number[]): Steps {
    if (this.storage instanceof ChunkedStorage) yield* this.storage.resize(shape);
    this.#shape = shape;
  }

  /**
   * Gets ready to be let go of: whoever needs it again reads its header. Of a file that is being written that can be a small
   * contiguous dataset, whose header is put on its way to the file if it is not there. No commit may be on its way.
   * @returns whether it is ready
   */
  leave(): boolean {
    const { store, isWritable } = this.context;
    if (this.isGone || this.#busy > 0) return false;
    if (!isWritable) return true;
    if (!(this.storage instanceof ContiguousStorage) || !this.storage.isBehind) return false;
    if (this.isStored) return true;
    const bytes = this.#encode(this.storage.layout(), []);
    const address = store.space.allocate(bytes.length, { kind: 'metadata' });
    store.behind.put(address, bytes);
    this.replaceStored({ address, size: bytes.length });
    return true;
  }

  /** @internal */
  protected encodeHeader(batch: MetadataBatch): number {
    const storage = this.storage;
    if (storage instanceof ChunkedStorage) return batch.place(this.#encode(storage.layout(storage.encodeIndex(batch)), []));
    const files = storage instanceof ExternalStorage ? [{ type: messageType.externalFiles, body: encode(externalFiles, storage.encodeFiles(batch)) }] : [];
    return batch.place(this.#encode(storage.layout(), files));
  }

  #encode(where: Layout, more: readonly HeaderMessage[]): Buffer {
    return encodeDatasetHeader(this.plan, this.#flushedShape, where, [...more, ...this.attributeMessages()]);
  }
}
