// Bump allocation. The chunks and everything about them are C++; this moves the cursor within the chunk that it stands in, which
// saves a crossing for each block, and says with each call how far it came.
import { format as formatText } from 'node:util';
import { FreestoneError, checkInteger, checkOptions, shown } from '../errors.js';
import { FrameAllocator } from '../frames/index.js';
import { native, type NativeArena, type NativePool } from '../native.js';
import { Pool, nativePool } from '../pool/index.js';
import { InitialBuffer } from './initial.js';
import { chunkEvents, type ArenaOptions, type ChildArenaOptions, type ChunkEvent, type LiveAllocation, type Mark } from './options.js';
import { ArenaWriter } from './writer.js';

/** The largest block: 1 GiB. */
const MAX_SIZE = 2 ** 30;
const childOptionNames = ['initialChunkSize', 'maxChunkSize', 'alignment', 'limit', 'softLimit', 'debug', 'onChunk', 'initial'];
const optionNames = [...childOptionNames, 'source'];

/** For `ArenaPool`: what disposing an arena does, once. */
export let onDispose: (arena: Arena, run: () => void) => void;

let sharedPool: Pool | undefined;
/** The pool of arenas that were given none, one in each thread. Lives as long as the thread. */
function defaultPool(): Pool {
  sharedPool ??= new Pool();
  return sharedPool;
}

interface OpenMark {
  readonly mark: Mark;
  readonly cleanups: number;
  readonly live: number;
  /** Of the initial buffer, and whether it was left behind. */
  readonly initialUsed: number;
  readonly beyond: boolean;
}

/**
 * Blocks that end together: an allocation moves a pointer, `reset` ends them all. For one thread; there is no handle. A view must not
 * be used after its block has ended: it shows the next one's bytes, or nothing in `debug` mode and where its chunk is gone.
 */
export class Arena implements Disposable {
  readonly #native: NativeArena;
  readonly #mask: number;
  readonly #debug: boolean;
  readonly #onChunk: ((event: ChunkEvent) => void) | undefined;
  /** The current chunk, its bytes that are used, and how far the cursor may go here: nowhere in debug mode. */
  #chunk = new ArrayBuffer(0);
  #used = 0;
  #end = 0;
  #destroyed = false;
  #disposal: (() => void) | null = null;
  /** Memory of the caller's, and whether allocation has gone on to chunks. */
  #initial: InitialBuffer | null = null;
  #beyond = false;
  /** The pool that was made for `source`. */
  #ownPool: Pool | null = null;
  /** The arena around this one, how many of its marks were open when it last gave memory, and how much that is. */
  readonly #parent: Arena | null;
  #depth = 0;
  #held = 0;
  readonly #children = new Set<Arena>();
  #marks: OpenMark[] = [];
  #cleanups: { run: () => void }[] = [];
  #live: { size: number; stack: string; view: ArrayBuffer }[] = [];

  static {
    onDispose = (arena, run) => {
      arena.#disposal = run;
    };
  }

  /**
   * @param pool where chunks come from; one that all arenas of this thread share unless given
   * @param parent the arena around this one; use `child` @internal
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_INVALID_SIZE, ERR_INVALID_ALIGNMENT, ERR_CLOSED for a pool or source that is closed
   */
  constructor(pool?: Pool, options: ArenaOptions = {}, parent?: Arena) {
    checkOptions('the arena', options, parent === undefined ? optionNames : childOptionNames);
    const given: unknown = pool;
    if (given !== undefined && !(given instanceof Pool)) throw new FreestoneError('ERR_INVALID_ARGUMENT', `pool must be a Pool, not ${shown(pool)}`, { argument: 'pool' });
    const { initialChunkSize = 4096, maxChunkSize = Math.max(65536, initialChunkSize), alignment = 16, limit, softLimit, debug = parent === undefined ? false : parent.#debug, onChunk, initial, source } = options;
    const chunkSize = { min: 64, max: MAX_SIZE, code: 'ERR_INVALID_SIZE' } as const;
    if (onChunk !== undefined && typeof onChunk !== 'function') {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', 'onChunk must be a function', { argument: 'onChunk' });
    }
    if (source !== undefined && (given !== undefined || !((source as unknown) instanceof FrameAllocator))) {
      throw new FreestoneError('ERR_INVALID_ARGUMENT', 'source must be a FrameAllocator, and there must be no pool beside it', { argument: 'source' });
    }
    const { Arena: Native } = native();
    this.#mask = checkInteger('alignment', alignment, { min: 1, max: 4096, code: 'ERR_INVALID_ALIGNMENT' }) - 1;
    if ((alignment & this.#mask) !== 0) throw new FreestoneError('ERR_INVALID_ALIGNMENT', 'alignment must be a power of two', { argument: 'alignment' });
    this.#debug = debug;
    this.#onChunk = onChunk;
    this.#parent = parent ?? null;
    const memory = initial === undefined ? null : new InitialBuffer(initial, alignment, MAX_SIZE);
    if (!debug) this.#initial = memory;
    const make = (from: NativePool | NativeArena): NativeArena =>
      new Native(
        from,
        checkInteger('initialChunkSize', initialChunkSize, chunkSize),
        checkInteger('maxChunkSize', maxChunkSize, chunkSize),
        alignment,
        // C++ does not know of the initial buffer.
        Math.max(0, checkInteger('limit', limit ?? Number.MAX_SAFE_INTEGER, { min: 1 }) - this.#initialSize),
        Math.max(0, checkInteger('softLimit', softLimit ?? Number.MAX_SAFE_INTEGER, { min: 1 }) - this.#initialSize),
        debug,
      );
    if (parent !== undefined) {
      this.#native = make(parent.#native);
      this.#depth = parent.#marks.length;
      parent.#children.add(this);
    } else if (source === undefined) {
      this.#native = make(nativePool(pool ?? defaultPool()));
    } else {
      this.#ownPool = new Pool({ source });
      try {
        this.#native = make(nativePool(this.#ownPool));
      } catch (error) {
        this.#ownPool.destroy();
        throw error;
      }
    }
  }

  /**
   * @param size bytes, 1 to 1 GiB
   * @returns bytes that no other block has; their content is anything
   * @throws {FreestoneError} ERR_INVALID_SIZE, ERR_LIMIT_EXCEEDED, ERR_OUT_OF_MEMORY, ERR_CLOSED; nothing changes then
   */
  alloc(size: number): Buffer {
    if (Number.isInteger(size) && size >= 1 && size <= MAX_SIZE) {
      const start = this.#used;
      const end = start + ((size + this.#mask) & ~this.#mask);
      if (end <= this.#end) {
        this.#used = end;
        return Buffer.from(this.#chunk, start, size);
      }
    }
    return this.#allocSlowly(size, this.#mask + 1);
  }

  /** As `alloc`. @param alignment of the address, a power of two up to 4096 @throws {FreestoneError} ERR_INVALID_ALIGNMENT as well */
  allocAligned(size: number, alignment: number): Buffer {
    return this.#allocSlowly(size, checkInteger('alignment', alignment, { min: 1, max: 4096, code: 'ERR_INVALID_ALIGNMENT' }));
  }

  /** As `alloc`, all zeros. */
  calloc(size: number): Buffer {
    return this.alloc(size).fill(0);
  }

  /** The text in UTF-8; an empty one takes no memory. @throws {FreestoneError} as `alloc`, ERR_INVALID_ARGUMENT */
  strdup(text: string): Buffer {
    const given: unknown = text;
    if (typeof given !== 'string') throw new FreestoneError('ERR_INVALID_ARGUMENT', `text must be a string, not ${shown(text)}`, { argument: 'text' });
    return this.#copyText(text, Buffer.byteLength(text));
  }

  /** As much of the text in UTF-8 as fits into `bytes`, whole characters only. @throws {FreestoneError} as `strdup` */
  strndup(text: string, bytes: number): Buffer {
    const given: unknown = text;
    if (typeof given !== 'string') throw new FreestoneError('ERR_INVALID_ARGUMENT', `text must be a string, not ${shown(text)}`, { argument: 'text' });
    const most = checkInteger('bytes', bytes);
    let end = Math.min(text.length, most);
    let size = Buffer.byteLength(text.slice(0, end));
    while (size > most) {
      const last = text.codePointAt(end - 1) ?? 0;
      end -= last >= 0xdc00 && last <= 0xdfff && end > 1 ? 2 : 1;
      size = Buffer.byteLength(text.slice(0, end));
    }
    // Not between the halves of a character.
    const code = text.charCodeAt(end - 1);
    if (end < text.length && code >= 0xd800 && code <= 0xdbff) size = Buffer.byteLength(text.slice(0, (end -= 1)));
    return this.#copyText(text.slice(0, end), size);
  }

  /** The text that `util.format` makes, in UTF-8. @throws {FreestoneError} as `strdup` */
  sprintf(format: string, ...values: unknown[]): Buffer {
    return this.strdup(formatText(format, ...values));
  }

  /**
   * One block for many values, since a view costs more than the memory.
   * @returns the block, and where in it each value begins, aligned as a block is
   * @throws {FreestoneError} as `alloc`
   */
  allocMany(sizes: ArrayLike<number>): { readonly buffer: Buffer; readonly offsets: Uint32Array } {
    const offsets = new Uint32Array(checkInteger('sizes.length', sizes.length, { min: 1, max: 2 ** 27, code: 'ERR_INVALID_SIZE' }));
    let total = 0;
    for (let i = 0; i < offsets.length; i += 1) {
      offsets[i] = total;
      total += (checkSize(sizes[i]) + this.#mask) & ~this.#mask;
      if (total > MAX_SIZE) checkSize(total);
    }
    return { buffer: this.alloc(total), offsets };
  }

  /**
   * An arena whose chunks are blocks of this one. It is destroyed with this arena and when the blocks of this arena end: by `reset`, `clear`
   * and `retain`, and by a `rewind` to a mark from before it was made or last took a chunk. Destroyed itself, it gives back what lies at the
   * end of this arena.
   * @throws {FreestoneError} as `new Arena`, ERR_CLOSED
   */
  child(options: ChildArenaOptions = {}): Arena {
    return new Arena(undefined, options, this);
  }

  /** Appends texts, numbers and bytes to one block. */
  writer(): ArenaWriter {
    return new ArenaWriter(this);
  }

  /** Takes back a block if it is the last one. @returns false when it is not, and nothing changes */
  freeLast(buffer: Buffer): boolean {
    return this.#resizeLast(buffer, 0);
  }

  /** The block in another size with its content: in place if it is the last one and there is room, else a copy. @throws {FreestoneError} as `alloc`, ERR_INVALID_ADDRESS */
  realloc(buffer: Buffer, size: number): Buffer {
    const bytes = checkSize(size);
    if (!this.owns(buffer)) throw new FreestoneError('ERR_INVALID_ADDRESS', 'this is not a Buffer of this arena');
    const { buffer: chunk, byteOffset } = buffer;
    if (this.#resizeLast(buffer, bytes)) return Buffer.from(chunk, byteOffset, bytes);
    if (bytes <= buffer.length) return buffer.subarray(0, bytes);
    const moved = this.alloc(bytes);
    moved.set(buffer);
    return moved;
  }

  /** Whether this is a view of a block of this arena that has not ended. */
  owns(buffer: Buffer): boolean {
    const given: unknown = buffer;
    if (!(given instanceof Uint8Array) || given.buffer.byteLength === 0) return false;
    if (this.#debug) return this.#live.some(({ view }) => view === given.buffer);
    if (this.#initial?.owns(given) === true) return true;
    return this.#native.owns(this.#used, given.buffer as ArrayBuffer, given.byteOffset);
  }

  /** Ends every block and keeps the chunks, and the size that the next new one will have. @throws {FreestoneError} ERR_CLOSED */
  reset(): void {
    this.#endAll(() => {
      this.#native.reset(this.#used);
    });
  }

  /** As `reset`, and keeps the first chunk alone. */
  clear(): void {
    this.#endAll(() => {
      this.#native.clear(this.#used);
    });
  }

  /** As `reset`, and keeps chunks from the first on, of `bytes` at most. */
  retain(bytes: number): void {
    const limit = checkInteger('bytes', bytes);
    this.#endAll(() => {
      this.#native.retain(this.#used, limit);
    });
  }

  /** Remembers where allocation stands. Marks nest. @throws {FreestoneError} ERR_OUT_OF_MEMORY, ERR_CLOSED */
  mark(): Mark {
    const [generation = 0, depth = 0] = this.#native.mark(this.#used);
    const mark = Object.freeze({ generation, depth });
    this.#marks.push({ mark, cleanups: this.#cleanups.length, live: this.#live.length, initialUsed: this.#initial?.used ?? 0, beyond: this.#beyond });
    return mark;
  }

  /** Ends every block since the mark, and the marks after it. @throws {FreestoneError} ERR_INVALID_ARGUMENT for a mark that is ended or of another arena */
  rewind(mark: Mark): void {
    const position = this.#marks.findIndex((open) => open.mark === mark);
    const open = this.#marks[position];
    if (open === undefined) {
      this.#native.place(); // ERR_CLOSED says more
      throw new FreestoneError('ERR_INVALID_ARGUMENT', 'the mark is ended, or of another arena', { argument: 'mark' });
    }
    this.#endChildren(position);
    this.#runCleanups(open.cleanups);
    this.#native.rewind(this.#used, mark.generation, mark.depth);
    this.#marks.length = position;
    this.#forgetLive(open.live);
    if (this.#initial !== null) this.#initial.used = open.initialUsed;
    this.#beyond = open.beyond;
    this.#enter();
  }

  /** What `run` allocates ends when it returns or throws. @returns what it returns, which must not be a view of the arena */
  scope<T>(run: (arena: this) => T): T {
    const mark = this.mark();
    try {
      return run(this);
    } finally {
      if (this.#marks.some((open) => open.mark === mark)) this.rewind(mark);
    }
  }

  /** Calls `run` when what is allocated now ends, the last one first. @returns takes it back */
  defer(run: () => void): () => void {
    if (typeof (run as unknown) !== 'function') throw new FreestoneError('ERR_INVALID_ARGUMENT', 'run must be a function', { argument: 'run' });
    this.#native.place();
    const entry = { run };
    this.#cleanups.push(entry);
    return () => {
      const at = this.#cleanups.indexOf(entry);
      if (at !== -1) entry.run = () => undefined;
    };
  }

  /** Bytes of all chunks. */
  get totalAllocated(): number {
    return this.#number(0);
  }
  /** Bytes of blocks, what alignment added included. */
  get totalUsed(): number {
    return this.#number(1);
  }
  /** Bytes at the ends of full chunks, lost until a reset. */
  get waste(): number {
    return this.#number(2);
  }
  get chunkCount(): number {
    return this.#number(3);
  }
  /** Bytes that the next ordinary chunk will have. */
  get chunkSize(): number {
    return this.#number(4);
  }
  /** The most that `totalAllocated` ever was. */
  get highWater(): number {
    return this.#number(5);
  }
  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** In debug mode: every block that has not ended, oldest first; else nothing. */
  liveAllocations(): LiveAllocation[] {
    return this.#live.map(({ size, stack }) => ({ size, stack }));
  }

  /** Ends every block and gives the chunks back: views have length 0. A second call does nothing; every other call is ERR_CLOSED. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#endChildren(-1);
    this.#runCleanups(0);
    if (this.#parent !== null) this.#parent.#children.delete(this);
    this.#within(() => {
      this.#native.close();
    });
    this.#ownPool?.trim(); // at once, and not when the collector has seen the last view
    this.#ownPool?.destroy();
    this.#tellEvents();
    this.#marks = [];
    this.#live = [];
    this.#initial = null;
    this.#end = 0;
  }

  [Symbol.dispose](): void {
    const disposal = this.#disposal;
    this.#disposal = null;
    if (disposal === null) this.destroy();
    else disposal();
  }

  get #initialSize(): number {
    return this.#initial?.size ?? 0;
  }

  #number(position: number): number {
    const initial = this.#initial;
    const ofChunks = this.#native.numbers(this.#used)[position] ?? 0;
    if (initial === null) return ofChunks;
    // In the order of `numbers`.
    return ofChunks + ([initial.size, initial.used, this.#beyond ? initial.size - initial.used : 0, 1, 0, initial.size][position] ?? 0);
  }

  #allocSlowly(size: number, alignment: number): Buffer {
    const bytes = checkSize(size);
    if (this.#initial !== null && !this.#beyond) {
      const block = this.#initial.allocate(bytes, Math.max(alignment, this.#mask + 1));
      if (block !== null) return block;
    }
    const start = this.#within(() => this.#native.alloc(this.#used, bytes, alignment));
    this.#beyond = true;
    this.#enter();
    if (!this.#debug) return Buffer.from(this.#chunk, start, bytes);
    const view = this.#native.view(this.#used, start, bytes);
    this.#live.push({ size: bytes, stack: (new Error().stack ?? '').split('\n').slice(3).join('\n'), view });
    return Buffer.from(view, 0, bytes);
  }

  /** Runs what may take memory of the arenas around this one or give it back: they say how far they are, and look again. */
  #within<T>(run: () => T): T {
    if (this.#parent === null) return run();
    this.#parent.#lend();
    try {
      return run();
    } finally {
      this.#parent.#takeBack();
    }
  }

  #lend(): void {
    if (this.#parent !== null) this.#parent.#lend();
    this.#native.advance(this.#used);
  }

  #takeBack(): void {
    this.#enter();
    if (this.#parent !== null) this.#parent.#takeBack();
  }

  /** Destroys the arenas within this one that have memory from behind its first `marks` marks. */
  #endChildren(marks: number): void {
    for (const child of this.#children) {
      if (child.#depth > marks) child.destroy();
    }
  }

  /** Takes over where C++ stands. */
  #enter(): void {
    const [size = 0, used = 0] = this.#native.place();
    this.#used = used;
    this.#end = 0;
    if (size !== 0 && !this.#debug && (this.#beyond || this.#initial === null)) {
      this.#chunk = this.#native.chunk();
      this.#end = size;
    }
    if (this.#parent !== null) {
      const held = this.#native.numbers(used)[0] ?? 0;
      if (held > this.#held) this.#depth = this.#parent.#marks.length;
      this.#held = held;
    }
    this.#tellEvents();
  }

  #tellEvents(): void {
    if (this.#onChunk === undefined) return;
    const list = this.#native.events();
    for (let i = 0; i < list.length; i += 2) this.#onChunk({ event: chunkEvents[list[i] ?? 0] ?? 'allocated', size: list[i + 1] ?? 0 });
  }

  #copyText(text: string, size: number): Buffer {
    if (size === 0) {
      this.#native.place(); // ERR_CLOSED
      return Buffer.alloc(0);
    }
    const copy = this.alloc(size);
    copy.write(text);
    return copy;
  }

  #resizeLast(buffer: Buffer, size: number): boolean {
    // In debug mode a view ends where its block does, so a block cannot change under it.
    if (this.#debug || buffer.length === 0) return false;
    if (this.#initial !== null && !this.#beyond) return this.#initial.resizeLast(buffer, size, this.#marks.at(-1)?.initialUsed ?? 0);
    if (buffer.buffer !== this.#chunk) return false;
    if (!this.#native.resizeLast(this.#used, buffer.byteOffset, buffer.length, size)) return false;
    this.#enter();
    return true;
  }

  #endAll(end: () => void): void {
    this.#native.place(); // ERR_CLOSED before anything else
    this.#endChildren(-1);
    this.#runCleanups(0);
    this.#within(end);
    this.#marks = [];
    this.#forgetLive(0);
    if (this.#initial !== null) this.#initial.used = 0;
    this.#beyond = false;
    this.#enter();
  }

  #forgetLive(count: number): void {
    if (!this.#debug) return;
    this.#native.detachViews(count);
    this.#live.length = count;
  }

  /** Those registered after the first `count`, the last one first. What one throws does not keep the others from running. */
  #runCleanups(count: number): void {
    const errors: unknown[] = [];
    while (this.#cleanups.length > count) {
      try {
        this.#cleanups.pop()?.run();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) queueMicrotask(() => {
      throw errors[0];
    });
  }
}

function checkSize(size: unknown): number {
  return checkInteger('size', size, { min: 1, max: MAX_SIZE, code: 'ERR_INVALID_SIZE' });
}
