// An HDF5 file: created and written, or opened and looked at.
import { unlinkSync } from 'node:fs';
import { FreestoneError, checkChoice, checkInteger, checkOptions, shown } from '../../errors.js';
import type { FileSpace } from '../../filespace/index.js';
import { native, openMode, type NativeFile } from '../../native.js';
import { commit, finish, type Committed, type Durability } from '../commit/commit.js';
import { unsupported } from '../format/bytes.js';
import { describeMessage } from '../format/message.js';
import { decodeSuperblock, isSignature, signatureSize, superblockSize } from '../format/superblock.js';
import { defaultCacheBytes } from '../storage/chunk-cache.js';
import { FileStore, closeFile, readFile, threadCount } from '../storage/file-store.js';
import { GlobalHeap } from '../storage/global-heap.js';
import { Flight, Pending, begin, done, now, promised, settled, wait, type Steps } from '../storage/steps.js';
import { newSpace, readSpaceInfo, restoredSpace, type SpaceOptions, type SuperblockExtension } from '../storage/superblock-extension.js';
import { Dataset } from './dataset.js';
import type { DatasetNode } from './dataset-node.js';
import { mapFile, type FileExtent } from './file-map.js';
import { Group } from './group.js';
import { loadObject, readHeader } from './load.js';
import type { FileContext } from './object-node.js';

export interface CreateOptions {
  /** Replace a file that is there; otherwise it is ERR_EXISTS. */
  readonly overwrite?: boolean;
  /** The oldest libhdf5 that must read the file: 1.8. */
  readonly compat?: 'v18';
  /** What a resolved flush survives; `process` unless given. */
  readonly durability?: Durability;
  /** How the file's addresses are handed out, and whether what is free is noted in it. As libhdf5 does by default unless given. */
  readonly space?: SpaceOptions;
  /** How many tasks of this file run at once on the worker threads; as many as there are processors unless given. */
  readonly threads?: number;
  /** Of each dataset that says nothing else: chunks that are only partly written stay in memory up to this many bytes; 32 MiB unless given. */
  readonly chunkCache?: number;
  /**
   * Large writes pass the system's page cache by (O_DIRECT), so that what others have there stays. Where the file system cannot do that,
   * and off Linux, they do not. Off unless true.
   */
  readonly direct?: boolean;
}

export interface OpenOptions {
  /** As of `create`. */
  readonly threads?: number;
  /** As of `create`, of chunks that are only partly read. */
  readonly chunkCache?: number;
}

type State = 'writing' | 'reading' | 'closed';

/** So many datasets are held in memory for what may still be done with them; others that need not be are read again when they are. */
const HELD_DATASETS = 128;

/**
 * One HDF5 file. What is in it at any moment is the state of the last `flush` that resolved, also when this process is killed.
 * While it is open for writing it is locked as libhdf5 locks it: others are refused until it is closed, and readers that set
 * HDF5_USE_FILE_LOCKING=FALSE find that state. What ends in `Sync` does the same within the call, for scripts.
 */
export class H5File implements AsyncDisposable, Disposable {
  readonly path: string;
  readonly root: Group;
  /** The addresses of the file. */
  readonly space: FileSpace;
  readonly #store: FileStore;
  readonly #context: FileContext;
  readonly #heap: GlobalHeap;
  /** None for a file that is only read. */
  readonly #extension: SuperblockExtension | undefined;
  #committed: Committed | undefined;
  /** Where the file ends if nothing more is committed; unknown after a commit that has failed. */
  #end: number | undefined;
  readonly #durability: Durability;
  /** Datasets that have taken data since the last flush was asked for, or whose flush failed. */
  #unflushed = new Set<DatasetNode>();
  /** In the order in which they came into memory. */
  #newest: Dataset[] = [];
  /** Flushes that have not ended. */
  #flushes = 0;
  #state: State;
  /** The last of them. */
  #flushing: Pending = done;
  /** Of the flush that was asked for last, until it has its state of the file. */
  #picture: Pending | undefined;
  #closing: Pending | undefined;
  #closePromise: Promise<void> | undefined;

  private constructor(path: string, file: NativeFile, space: FileSpace, origin: SuperblockExtension | { readonly rootAddress: number }, options: CreateOptions) {
    this.path = path;
    this.space = space;
    this.#state = 'rootAddress' in origin ? 'reading' : 'writing';
    this.#extension = 'rootAddress' in origin ? undefined : origin;
    this.#durability = options.durability ?? 'process';
    this.#store = new FileStore(file, space, {
      threads: threadCount(options.threads),
      isWritable: this.#state === 'writing',
      isDirect: options.direct === true,
      chunkCache: cacheBytes(options.chunkCache),
    });
    this.#heap = new GlobalHeap(this.#store);
    const isFlushBeginning = (): boolean => this.#picture !== undefined;
    this.#context = {
      path,
      isWritable: this.#state === 'writing',
      store: this.#store,
      heap: this.#heap,
      assertOpen: () => {
        this.#assertOpen();
      },
      assertWritable: () => {
        this.#assertOpen();
        if (this.#state === 'reading') throw new FreestoneError('ERR_READ_ONLY', `${path} is open for reading`, { path });
      },
      noteUnflushed: (dataset) => {
        this.#unflushed.add(dataset);
        return this.#picture;
      },
      forget: (dataset) => {
        this.#unflushed.delete(dataset);
        const at = this.#newest.findIndex(({ held }) => held === dataset);
        if (at >= 0) this.#newest.splice(at, 1);
      },
      get isFlushBeginning() {
        return isFlushBeginning();
      },
      noteHeld: (dataset) => {
        this.#newest.push(dataset);
        if (this.#newest.length > HELD_DATASETS && this.#flushes === 0) this.#letGo();
      },
      flushed: () => this.#flushing,
      load: (parent, name, headerAddress) => loadObject(this.#context, parent, name, headerAddress),
    };
    if ('rootAddress' in origin) this.root = loadObject(this.#context, null, '', origin.rootAddress) as Group;
    else this.root = new Group(this.#context, null, '');
  }

  /**
   * Makes a new file, which at once is a valid, empty one.
   * @throws {FreestoneError} ERR_EXISTS, ERR_FILE_LOCKED, ERR_INVALID_ARGUMENT, or the system's own: ENOENT, EACCES, ENOSPC …
   */
  static async create(path: string, options: CreateOptions = {}): Promise<H5File> {
    return promised(begin(H5File.#create(path, options)));
  }

  /** As `create`. @throws {FreestoneError} also ERR_UNSUPPORTED from within another call */
  static createSync(path: string, options: CreateOptions = {}): H5File {
    return now(() => begin(H5File.#create(path, options)));
  }

  static *#create(path: string, options: CreateOptions): Steps<H5File> {
    checkPath(path);
    checkOptions('the file', options, ['overwrite', 'compat', 'durability', 'space', 'threads', 'chunkCache', 'direct']);
    checkChoice('compat', options.compat ?? 'v18', ['v18'], 'ERR_UNSUPPORTED');
    checkChoice('durability', options.durability ?? 'process', ['none', 'process', 'power']);
    threadCount(options.threads);
    cacheBytes(options.chunkCache);
    checkFlag('overwrite', options.overwrite);
    checkFlag('direct', options.direct);
    if (options.space !== undefined) {
      checkOptions('space', options.space, [
        'strategy', 'alignment', 'metadataBlockSize', 'smallDataBlockSize', 'pageSize', 'limit', 'track', 'persist', 'threshold',
      ]);
    }
    const { space, extension } = newSpace(options.space ?? {});
    const file = new (native().File)(path, options.overwrite === true ? openMode.overwrite : openMode.create, options.direct === true);
    try {
      const created = new H5File(path, file, space, extension, options);
      yield* wait(created.#flush());
      return created;
    } catch (error) {
      // What went wrong is the first thing that did.
      yield* settled(begin(closeFile(file)));
      // What could not even become an empty file is no file. One that was there before may be anything, and is left alone.
      if (options.overwrite !== true) unlinkSync(path);
      throw error;
    }
  }

  /**
   * Opens a file to look at its groups, datasets and attributes.
   * @throws {FreestoneError} ERR_CORRUPT_FILE, ERR_UNSUPPORTED, ERR_INVALID_ARGUMENT, or the system's own
   */
  static async open(path: string, mode: 'r' = 'r', options: OpenOptions = {}): Promise<H5File> {
    return promised(begin(H5File.#open(path, mode, options)));
  }

  /** As `open`. @throws {FreestoneError} also ERR_UNSUPPORTED from within another call */
  static openSync(path: string, mode: 'r' = 'r', options: OpenOptions = {}): H5File {
    return now(() => begin(H5File.#open(path, mode, options)));
  }

  static *#open(path: string, mode: 'r', options: OpenOptions): Steps<H5File> {
    checkPath(path);
    checkChoice('mode', mode, ['r'], 'ERR_UNSUPPORTED');
    checkOptions('opening', options, ['threads', 'chunkCache']);
    threadCount(options.threads);
    cacheBytes(options.chunkCache);
    const file = new (native().File)(path, openMode.read);
    try {
      const start = Buffer.alloc(Math.min(superblockSize, file.size()));
      file.readSync(0, start);
      if (!isSignature(start)) refuseUserBlock(file);
      const { endOfFile, rootHeaderAddress, extensionAddress } = decodeSuperblock(start);
      if (file.size() < endOfFile) {
        throw new FreestoneError('ERR_CORRUPT_FILE', `${path} is cut off: it has ${String(file.size())} of ${String(endOfFile)} bytes`, {
          path,
          size: file.size(),
          expected: endOfFile,
        });
      }
      const read = (address: number, size: number): Buffer => readFile(file, address, size);
      const info = extensionAddress === null ? null : readSpaceInfo(read, extensionAddress);
      return new H5File(path, file, restoredSpace(read, info, endOfFile), { rootAddress: rootHeaderAddress }, options);
    } catch (error) {
      yield* settled(begin(closeFile(file)));
      throw withPath(error, path);
    }
  }

  /**
   * Writes what is only in memory and makes it visible. What was written when this was called is in the file when it resolves.
   * When it fails the file stays as it was, and it can be tried again.
   * @throws {FreestoneError} ERR_CLOSED, ERR_READ_ONLY, or the system's own: ENOSPC, EIO …
   */
  async flush(): Promise<void> {
    this.#context.assertWritable();
    await promised(this.#flush());
  }

  /** As `flush`. @throws {FreestoneError} also ERR_UNSUPPORTED from within another call */
  flushSync(): void {
    this.#context.assertWritable();
    now(() => this.#flush());
  }

  /** Flushes, and closes the file. A second call does nothing. @throws {FreestoneError} as `flush`; the file is closed all the same */
  close(): Promise<void> {
    return (this.#closePromise ??= promised(this.#closed(this.#state === 'writing')));
  }

  /** As `close`. @throws {FreestoneError} also ERR_UNSUPPORTED from within another call */
  closeSync(): void {
    now(() => this.#closed(this.#state === 'writing'));
  }

  /** Closes the file as of the last flush that resolved: what came after is dropped. A second call does nothing. */
  abort(): Promise<void> {
    return (this.#closePromise ??= promised(this.#closed(false)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  /**
   * What is where in the file, ascending by offset, as of the last flush.
   * @throws {FreestoneError} ERR_CLOSED, ERR_CORRUPT_FILE, ERR_UNSUPPORTED
   */
  map(): FileExtent[] {
    this.#assertOpen();
    return mapFile(this.#store, this.root);
  }

  /**
   * The header of a group or dataset as the file has it, message by message, field by field.
   * @throws {FreestoneError} ERR_NOT_FOUND, ERR_CLOSED, ERR_CORRUPT_FILE, ERR_UNSUPPORTED
   */
  messages(path: string): { readonly name: string; readonly text: string }[] {
    const found = path === '/' ? this.root : this.root.get(path);
    this.#assertOpen();
    const node = found instanceof Dataset ? found.node : found;
    if (node.headerAddress === null) throw new FreestoneError('ERR_NOT_FOUND', `${path} is not in the file before the next flush`, { path });
    return readHeader(this.#store, node.headerAddress).messages.map(describeMessage);
  }

  #assertOpen(): void {
    if (this.#state === 'closed') throw new FreestoneError('ERR_CLOSED', `${this.path} is closed`, { path: this.path });
  }

  #flush(): Pending {
    // What was asked for before this call is in the commit, and what is asked for after it waits until the commit has its
    // state of the file: otherwise an operation would be there by halves, or its data without the header that leads to it.
    const asked = this.#unflushed;
    this.#unflushed = new Set();
    const begun = [...asked].map((dataset) => dataset.begun);
    const picture = new Pending();
    this.#picture = picture;
    this.#flushes += 1;
    const before = this.#flushing;
    this.#flushing = begin(this.#flushSteps(before, asked, begun, picture));
    return this.#flushing;
  }

  *#flushSteps(before: Pending, asked: ReadonlySet<DatasetNode>, begun: readonly Pending[], picture: Pending): Steps {
    const taken = (): void => {
      if (this.#picture === picture) this.#picture = undefined;
      picture.resolve();
    };
    try {
      yield* settled(before);
      for (const pending of begun) yield* settled(pending);
      // The flush before this one may have failed, and left its datasets to this one.
      const datasets = new Set([...asked, ...this.#unflushed]);
      const flight = new Flight();
      for (const dataset of datasets) if (!dataset.isGone) flight.add(begin(dataset.flushData()));
      yield* flight.landed();
      // Attributes may be set at any time. No turn is left between this and the commit's state of the file.
      this.#heap.seal();
      if (this.#extension !== undefined) {
        // A commit that fails may be in the file all the same.
        this.#end = undefined;
        this.#committed = yield* commit(this.#store, this.root, this.#extension, this.#durability, taken);
        this.#end = this.#committed.endOfFile;
      }
    } catch (error) {
      for (const dataset of asked) if (!dataset.isGone) this.#unflushed.add(dataset);
      throw error;
    } finally {
      taken();
      this.#flushes -= 1;
    }
  }

  /** Lets the older half of the held datasets go. */
  #letGo(): void {
    for (const dataset of this.#newest.splice(0, this.#newest.length - HELD_DATASETS / 2)) dataset.letGo();
  }

  #closed(withFlush: boolean): Pending {
    return (this.#closing ??= begin(this.#close(withFlush)));
  }

  *#close(withFlush: boolean): Steps {
    // From here on nobody can begin anything; what was begun still takes part in the last flush.
    this.#state = 'closed';
    try {
      yield* settled(this.#flushing);
      if (withFlush) {
        yield* wait(this.#flush());
        this.#end = undefined;
        if (this.#committed !== undefined && this.#extension !== undefined) yield* finish(this.#store, this.#committed, this.#extension, this.#durability);
      }
    } finally {
      yield* closeFile(this.#store.file, this.#end);
    }
  }
}

/** Other data may stand before the superblock, which then begins at 512 bytes, 1024, 2048 and so on. @throws ERR_UNSUPPORTED */
function refuseUserBlock(file: NativeFile): void {
  const start = Buffer.alloc(signatureSize);
  for (let at = 512; at + signatureSize <= file.size(); at *= 2) {
    file.readSync(at, start);
    if (isSignature(start)) throw unsupported(`a user block (of ${String(at)} bytes)`);
  }
}

function cacheBytes(bytes: number | undefined): number {
  return bytes === undefined ? defaultCacheBytes : checkInteger('chunkCache', bytes);
}

function checkFlag(name: string, flag: unknown): void {
  if (flag === undefined || typeof flag === 'boolean') return;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', `${name} must be true or false, not ${shown(flag)}`, { argument: name });
}

function checkPath(path: unknown): void {
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return;
  throw new FreestoneError('ERR_INVALID_ARGUMENT', `path must be a string that is not empty, not ${shown(path)}`, { argument: 'path' });
}

/** What is wrong with a file's bytes is found where its name is not known. */
function withPath(error: unknown, path: string): unknown {
  if (!(error instanceof FreestoneError) || error.path !== undefined) return error;
  return new FreestoneError(error.code, `${path}: ${error.message}`, { path }, { cause: error });
}
