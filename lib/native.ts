// The only file that loads the addon. Everything above it talks to these interfaces; bind/ implements them.
import { closeSync, openSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import bindings from 'bindings';
import { FreestoneError, errorCodes, systemError, type ErrorFacts } from './errors.js';
import type { NativeChunkCodec, NativeElements, NativeFile, NativeFileSpace } from './native/files.js';
import type { NativeArena, NativeFrames, NativePool, NativeSharedBuffers, NativeSlabHeap } from './native/memory.js';

export type * from './native/files.js';
export type * from './native/memory.js';

/** How a file is opened; the values are those of `freestone::os::OpenMode`. */
export const openMode = { read: 0, readWrite: 1, create: 2, overwrite: 3 } as const;

export interface NativeAddon {
  /** Called once per environment: how C++ makes errors. `code` is a position in `errorCodes` counted from 1, or 0 for a system error. */
  setErrorFactory(factory: (code: number, message: string, facts: ErrorFacts) => Error): void;
  /** A new allocator (the arguments are those of `nativeConfig` in lib/frames), or the one of a handle. */
  Frames: new (
    sizeOrHandle: number,
    frameSize?: number,
    hugePages?: number,
    cpuCache?: number,
    track?: boolean,
    zones?: Float64Array,
    paths?: (string | null)[],
    nodes?: Float64Array,
    distances?: Float64Array,
    fallbacks?: Float64Array,
  ) => NativeFrames;
  /** A new pool, or the one of a handle. `source` is the number of a frame allocator, or 0. */
  Pool: new (limitOrHandle: number, purgeDelay?: number, source?: number, hardened?: boolean, quarantine?: number) => NativePool;
  /** The remainder of the array's address when divided by a power of two. */
  addressRemainder(bytes: Uint8Array, divisor: number): number;
  Arena: new (
    from: NativePool | NativeArena,
    initialChunkSize: number,
    maxChunkSize: number,
    alignment: number,
    limit: number,
    softLimit: number,
    debug: boolean,
  ) => NativeArena;
  /** A new heap, or that of a handle. flags: 1 thread-safe, 2 dedicated arenas, 4 debug. `source` is the number of a frame allocator, or 0. */
  SlabHeap: new (initialArenaSizeOrHandle: number, growthBatch?: number, maxGrowthShift?: number, limit?: number, flags?: number, source?: number) => NativeSlabHeap;
  /** How many bytes after the beginning an address is a multiple of `multiple`, a power of two. */
  bytesToMultiple(bytes: Uint8Array, multiple: number): number;
  /** Takes an ArrayBuffer from its views, and its memory with it. @returns whether it could be */
  detach(memory: ArrayBufferLike): boolean;
  /** New shared buffers in that memory, or a membership in those of a handle, which lie there. */
  SharedBuffers: new (blocks: Uint8Array, words: Uint32Array, limitOrHandle: number, attach?: true) => NativeSharedBuffers;
  /** Bytes of a unit of each size class of a slab heap, ascending. */
  heapClasses(): Float64Array;
  /**
   * A new space, or the one of a handle. Settings: strategy, alignment's threshold and value, metadata block, small-data block, page
   * size, and 1 for tracking.
   */
  FileSpace: new (initialOffsetOrHandle: number, limit?: number, settings?: Float64Array) => NativeFileSpace;
  /** Opens and locks, shared for reading and exclusive for writing, as libhdf5 does with flock. `create` refuses an existing file with ERR_EXISTS. */
  /** @param direct large writes pass the page cache by, where the file system can do that */
  File: new (path: string, mode: number, direct?: boolean) => NativeFile;
  /** @param filters for each filter: its HDF5 id, the number of its values, the values */
  ChunkCodec: new (filters: Uint32Array) => NativeChunkCodec;
  /**
   * Copies elements into an array, each into its new form, within this call. Both ends are checked. An empty target with strides of 0:
   * elements are only looked at.
   * @returns false when a number cannot be what it is to become; any part of the target may have been written then
   */
  convertBox(target: Uint8Array, ...elements: NativeElements): boolean;
  /**
   * The same on a worker thread; ends with ERR_TYPE_MISMATCH when a number cannot be what it is to become. The source is read by the
   * kernel alone; it must be looked at afterwards whether it is still there.
   * @param target memory that no user holds
   */
  gatherBox(ticket: number, target: Uint8Array, ...elements: NativeElements): void;
  /** Whether worker threads can read memory that may be taken away: not on systems that have no way, or forbid it. */
  canGather(): boolean;
  /**
   * Puts texts that lie one after the other into fields of `size` bytes, with `filler` behind each.
   * @param lengths bytes of each text @param room the longest that a field holds
   * @returns false for a text that is longer, has a zero byte, or ends with the filler; any field may have been written then
   */
  placeTexts(texts: Uint8Array, lengths: Uint32Array, target: Uint8Array, size: number, room: number, filler: number): boolean;
  /**
   * Puts the texts of references of 16 bytes one after the other, each with a zero byte behind it: as many as lie in collections
   * that are in memory as a whole, and as there is room for.
   * @param range bytes of the file, from `address` on
   * @returns how many references were followed, the bytes of `into`, 1 if all of these are ASCII, 1 if a text has a zero byte inside
   */
  gatherTexts(references: Uint8Array, range: Uint8Array, address: number, into: Uint8Array): Float64Array;
  /**
   * Puts texts, each with a zero byte behind it, into a global heap collection and writes their references, as many as have room.
   * @param used bytes of the collection @param objects in the collection @param address of the collection in the file
   * @returns how many bytes of `texts` and how many texts were taken, and how many bytes of the collection are used now
   */
  packTexts(texts: Uint8Array, collection: Uint8Array, used: number, objects: number, address: number, references: Uint8Array): Float64Array;
  /** Who does the work of the filter with this HDF5 id; nobody where a library is missing. */
  filterLibraries(id: number): string[];
  /** How many worker threads the process has for filters and files. */
  workerCount(): number;
  /**
   * Who is told of tasks that have ended, many at once: for each its ticket and three results, and at its place among `errors`
   * why it failed. Must not throw.
   */
  onJobsDone(listener: (numbers: Float64Array, errors: readonly unknown[] | undefined) => void): void;
  /** Tells the listener within this call. Where nothing has ended, it does such work or waits. @returns false when nothing is under way */
  settleJobs(): boolean;
}

const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..');
let loaded: NativeAddon | undefined;

/** Where the path of its dynamic linker is near the beginning of an executable. */
const EXECUTABLE_HEAD_BYTES = 4096;

/** The tag that prebuildify puts into a file's name; it says glibc wherever the system is not musl. */
function libcTag(): string {
  if (process.platform !== 'linux') return '.glibc';
  // Node's own report knows it too, and takes ten milliseconds to be made.
  const head = Buffer.alloc(EXECUTABLE_HEAD_BYTES);
  try {
    const executable = openSync(process.execPath, 'r');
    try {
      readSync(executable, head);
    } finally {
      closeSync(executable);
    }
  } catch {
    // Whether the addon can be loaded will be seen.
  }
  return head.includes('/ld-musl-') ? '.musl' : '.glibc';
}

/** C++ knows codes by number and says what it was doing; this makes the error that a caller meets. */
function makeError(code: number, message: string, facts: ErrorFacts): Error {
  if (code === 0) {
    const { errno, syscall, path, ...rest } = facts as { errno: number; syscall: string; path?: string };
    return systemError(errno, syscall, path, rest);
  }
  return new FreestoneError(errorCodes[code - 1] ?? 'ERR_INVALID_ARGUMENT', message, facts);
}

/**
 * The addon of this platform, loaded on first use: `build/Release` of a clone, then `prebuilds`.
 * @throws {FreestoneError} ERR_ADDON_NOT_FOUND, with the files that were tried and how to build
 */
export function native(): NativeAddon {
  if (loaded !== undefined) return loaded;
  const platform = `${process.platform}-${process.arch}`;
  try {
    loaded = bindings({
      bindings: 'freestone.node',
      module_root: packageRoot,
      try: [
        ['module_root', 'build', 'Release', 'bindings'],
        ['module_root', 'prebuilds', platform, `freestone${libcTag()}.node`],
      ],
    }) as NativeAddon;
  } catch (cause) {
    const tried = (cause as { tries?: string[] }).tries ?? [];
    const reason = cause instanceof Error && tried.length === 0 ? ` (${cause.message})` : '';
    throw new FreestoneError(
      'ERR_ADDON_NOT_FOUND',
      `no freestone addon for ${platform}${reason}; tried ${tried.join(', ') || 'the build and prebuilds folders'}. ` +
        `To build it from source: cd ${packageRoot} && npx node-gyp rebuild (needs python3, make and a C++20 compiler)`,
      { platform, tried },
      { cause },
    );
  }
  loaded.setErrorFactory(makeError);
  return loaded;
}
