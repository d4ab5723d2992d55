// External storage: all elements in one sequence of bytes whose parts are runs of other files.
import fs, { constants } from 'node:fs';
import { constants as os } from 'node:os';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { FreestoneError, systemError } from '../../errors.js';
import type { ExternalFiles } from '../format/external-files.js';
import type { Layout } from '../format/layout.js';
import { decodeLocalHeap, encodeLocalHeap, encodeNames, localHeapPrefixSize, nameAt } from '../format/local-heap.js';
import { checkTarget, product, runsOf, type Box, type ElementSource, type ElementTarget } from './box.js';
import { writePieceSize, type FileStore, type MetadataBatch } from './file-store.js';
import { piecesOf } from './form.js';
import { elementRuns, gatheredPiece, type ElementRun } from './gather.js';
import { system, wait, Line, type Steps } from './steps.js';

const [readLater, writeLater, syncLater] = [promisify(fs.read), promisify(fs.write), promisify(fs.fdatasync)];

/** A run of bytes of another file. */
export interface ExternalRun {
  /** As it is stored. libhdf5 takes one that is not absolute relative to the working directory of whoever reads, and so does this package. */
  readonly path: string;
  /** The first byte in that file. */
  readonly offset: number;
  /** Bytes; null for all that follows. */
  readonly size: number | null;
}

export interface ExternalOptions {
  readonly shape: readonly number[];
  readonly elementSize: number;
  readonly runs: readonly ExternalRun[];
  /** Of the HDF5 file, which must not be one of the others. */
  readonly path: string;
}

export class ExternalStorage {
  /** Bytes of the HDF5 file. */
  readonly storageSize = 0;
  readonly #store: FileStore;
  readonly #shape: readonly number[];
  readonly #elementSize: number;
  readonly #runs: readonly ExternalRun[];
  /** Files that were written since the last flush. */
  readonly #unsynced = new Set<string>();
  readonly #line = new Line();

  /** @throws {FreestoneError} ERR_INVALID_ARGUMENT when a run lies in the HDF5 file itself */
  constructor(store: FileStore, { shape, elementSize, runs, path }: ExternalOptions) {
    const own = runs.find((run) => resolve(run.path) === resolve(path));
    if (own !== undefined) throw new FreestoneError('ERR_INVALID_ARGUMENT', `${own.path} is the HDF5 file itself, which cannot be external to it`, { path: own.path });
    this.#store = store;
    this.#shape = shape;
    this.#elementSize = elementSize;
    this.#runs = runs;
  }

  get runs(): readonly ExternalRun[] {
    return this.#runs;
  }

  get size(): number {
    return product(this.#shape) * this.#elementSize;
  }

  layout(): Layout {
    return { kind: 'contiguous', address: null, size: this.size };
  }

  /** Puts the names into the file. */
  encodeFiles(batch: MetadataBatch): ExternalFiles {
    const names = [...new Set(this.#runs.map(({ path }) => path))];
    const { segment, offsets } = encodeNames(names);
    const heapAddress = batch.place(encodeLocalHeap(batch.place(segment), segment.length));
    const offsetOf = new Map(names.map((name, i) => [name, offsets[i] ?? 0]));
    return { heapAddress, slots: this.#runs.map(({ path, offset, size }) => ({ nameOffset: offsetOf.get(path) ?? 0, offset, size })) };
  }

  /** Writes one box; writes are done in the order of their calls. */
  write(box: Box, source: ElementSource): Steps {
    return this.#line.inTurn(() => this.#write(box, source));
  }

  /** Nothing of it is in this file. */
  discard(): Steps {
    return wait(this.#line.passed());
  }

  /** Reads one box, as all writes that were asked for before have left it. What the other files do not have reads as zeros, as in libhdf5. */
  read(box: Box, target: ElementTarget): Steps {
    return this.#line.inTurn(() => this.#read(box, target));
  }

  *#read(box: Box, target: ElementTarget): Steps {
    const whole = product(box.count) * this.#elementSize;
    const { run, starts } = runsOf(box, this.#shape, this.#elementSize);
    const files = new OpenFiles(constants.O_RDONLY);
    try {
      let to = 0;
      for (const start of starts) {
        for (let done = 0; done < run; done += writePieceSize) {
          target.signal?.throwIfAborted();
          const piece = Buffer.alloc(Math.min(writePieceSize, run - done));
          yield* this.#get(files, start + done, piece);
          checkTarget(target, whole);
          target.bytes.set(piece, to + done);
        }
        to += run;
      }
    } finally {
      // What was read is right, whatever is said here.
      files.close();
    }
  }

  /** Reads bytes of the sequence from the runs that they are in; a file that is not there is an empty one. */
  *#get(files: OpenFiles, at: number, bytes: Buffer): Steps {
    let begin = 0;
    for (const { path, offset, size } of this.#runs) {
      const end = begin + (size ?? Infinity);
      const [from, to] = [Math.max(at, begin), Math.min(at + bytes.length, end)];
      if (from < to) {
        const file = files.open(path);
        if (file !== null) yield* readAt(file, path, bytes.subarray(from - at, to - at), offset + from - begin);
      }
      begin = end;
    }
  }

  /** Everything that was asked for has been written or has failed, and the device has it: the HDF5 file's own barrier is not for other files. */
  flush(): Steps {
    return this.#line.inTurn(() => this.#syncAll());
  }

  *#syncAll(): Steps {
    for (const path of this.#unsynced) {
      const files = new OpenFiles(constants.O_RDWR);
      try {
        const file = files.open(path) ?? missing(path);
        yield* call(path, () => syncLater(file), () => { fs.fdatasyncSync(file); });
      } catch (error) {
        files.close();
        throw error;
      }
      files.closeWritten();
      this.#unsynced.delete(path);
    }
  }

  *#write(box: Box, source: ElementSource): Steps {
    if (product(box.count) === 0) return;
    const files = new OpenFiles(constants.O_RDWR | constants.O_CREAT);
    try {
      for (const run of elementRuns(0, box, this.#shape, this.#elementSize, source)) yield* this.#writeRun(files, run);
    } catch (error) {
      files.close();
      throw error;
    }
    files.closeWritten();
  }

  /** Copies a run of elements into memory of our own, a piece at a time, and writes the pieces. */
  *#writeRun(files: OpenFiles, { at, count, source }: ElementRun): Steps {
    for (const piece of piecesOf(source, count, this.#elementSize, writePieceSize)) {
      source.signal?.throwIfAborted();
      yield* wait(this.#store.throttle.enter(piece.size));
      try {
        yield* this.#put(files, at + piece.first * this.#elementSize, yield* gatheredPiece(piece, this.#elementSize));
      } finally {
        this.#store.throttle.leave(piece.size);
      }
    }
  }

  /** Writes bytes of the sequence to the runs that they fall into. */
  *#put(files: OpenFiles, at: number, bytes: Buffer): Steps {
    let begin = 0;
    for (const { path, offset, size } of this.#runs) {
      const end = begin + (size ?? Infinity);
      const [from, to] = [Math.max(at, begin), Math.min(at + bytes.length, end)];
      if (from < to) {
        const file = files.open(path) ?? missing(path);
        this.#unsynced.add(path);
        yield* writeAll(file, path, bytes.subarray(from - at, to - at), offset + from - begin);
      }
      begin = end;
    }
  }
}

/** The error of a call of Node's as this package's, which says of which file. */
function told(error: unknown, path: string): unknown {
  const { errno, syscall } = error as NodeJS.ErrnoException;
  return errno === undefined || syscall === undefined ? error : systemError(-errno, syscall, path);
}

function missing(path: string): never {
  throw systemError(os.errno.ENOENT, 'open', path);
}

/** The other files that one call uses. */
class OpenFiles {
  readonly #flags: number;
  readonly #files = new Map<string, number | null>();

  constructor(flags: number) {
    this.#flags = flags;
  }

  /** Null for a file that is not there. */
  open(path: string): number | null {
    const found = this.#files.get(path);
    if (found !== undefined) return found;
    let file: number | null = null;
    try {
      file = fs.openSync(path, this.#flags, 0o666);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || (this.#flags & constants.O_CREAT) !== 0) throw told(error, path);
    }
    this.#files.set(path, file);
    return file;
  }

  /** @returns why one of them could not be closed; closed it is all the same */
  close(): unknown {
    let failure: unknown;
    for (const [path, file] of this.#files) {
      try {
        if (file !== null) fs.closeSync(file);
      } catch (error) {
        failure ??= told(error, path);
      }
    }
    this.#files.clear();
    return failure;
  }

  /** As `close`. Some file systems say only now that a write has failed. @throws what could not be closed */
  closeWritten(): void {
    const failure = this.close();
    if (failure !== undefined) throw failure as Error;
  }
}

/** A call of Node's, again when a signal interrupted it. */
function* call<T>(path: string, later: () => Promise<T>, atOnce: () => T): Steps<T> {
  for (;;) {
    try {
      return yield* system(later, atOnce);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINTR') throw told(error, path);
    }
  }
}

/** Reads what the file has of it. */
function* readAt(file: number, path: string, bytes: Buffer, at: number): Steps {
  for (let done = 0; done < bytes.length; ) {
    const rest = bytes.length - done;
    const bytesRead: number = yield* call(
      path,
      async () => (await readLater(file, bytes, done, rest, at + done)).bytesRead,
      () => fs.readSync(file, bytes, done, rest, at + done),
    );
    if (bytesRead === 0) return;
    done += bytesRead;
  }
}

function* writeAll(file: number, path: string, bytes: Buffer, at: number): Steps {
  for (let done = 0; done < bytes.length; ) {
    const rest = bytes.length - done;
    done += yield* call(
      path,
      async () => (await writeLater(file, bytes, done, rest, at + done)).bytesWritten,
      () => fs.writeSync(file, bytes, done, rest, at + done),
    );
  }
}

/** The runs that a message stands for, and where its names lie in the file. */
export function readExternalFiles(
  { heapAddress, slots }: ExternalFiles,
  read: (address: number, size: number) => Buffer,
): { runs: ExternalRun[]; names: { address: number; size: number }[] } {
  const heap = decodeLocalHeap(read, heapAddress);
  return {
    runs: slots.map(({ nameOffset, offset, size }) => ({ path: nameAt(heap, nameOffset), offset, size })),
    names: [
      { address: heapAddress, size: localHeapPrefixSize },
      { address: heap.segmentAddress, size: heap.segment.length },
    ],
  };
}
