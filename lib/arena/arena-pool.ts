// Arenas that are used again.
import { FreestoneError, checkInteger } from '../errors.js';
import type { Pool } from '../pool/index.js';
import { Arena, onDispose } from './arena.js';
import type { ArenaOptions } from './options.js';

export interface ArenaPoolOptions extends Omit<ArenaOptions, 'initial'> {
  /** Arenas that may be out at once; no bound unless given. */
  readonly max?: number;
  /** Where chunks come from, for all of the arenas; a pool of this thread unless given. */
  readonly pool?: Pool;
}

/** Keeps arenas with their chunks: disposing an arena that `acquire` gave resets it and brings it back. */
export class ArenaPool implements Disposable {
  readonly #options: ArenaOptions;
  readonly #pool: Pool | undefined;
  readonly #max: number;
  #idle: Arena[] = [];
  readonly #out = new Set<Arena>();
  #closed = false;

  /** @throws {FreestoneError} as `new Arena` */
  constructor(options: ArenaPoolOptions = {}) {
    const { max, pool, ...rest } = options;
    if ('initial' in rest) throw new FreestoneError('ERR_INVALID_ARGUMENT', 'arenas cannot share one initial buffer', { argument: 'initial' });
    this.#max = checkInteger('max', max ?? Number.MAX_SAFE_INTEGER, { min: 1 });
    this.#pool = pool;
    this.#options = rest;
    new Arena(pool, rest).destroy(); // wrong options are this call's fault
  }

  /** Arenas that are out, and that wait. */
  get size(): { readonly out: number; readonly idle: number } {
    return { out: this.#out.size, idle: this.#idle.length };
  }

  /** An empty arena. @throws {FreestoneError} ERR_LIMIT_EXCEEDED when `max` are out, ERR_CLOSED, and as `new Arena` */
  acquire(): Arena {
    if (this.#closed) throw new FreestoneError('ERR_CLOSED', 'the arena pool is destroyed');
    if (this.#out.size >= this.#max) throw new FreestoneError('ERR_LIMIT_EXCEEDED', `${String(this.#max)} arenas are out already`, { limit: this.#max });
    const arena = this.#idle.pop() ?? new Arena(this.#pool, this.#options);
    this.#out.add(arena);
    onDispose(arena, () => {
      this.#giveBack(arena);
    });
    return arena;
  }

  /** Gives up arenas that wait. @param keep how many may stay; 0 unless given @returns how many went */
  trim(keep = 0): number {
    const surplus = this.#idle.splice(checkInteger('keep', keep));
    for (const arena of surplus) arena.destroy();
    return surplus.length;
  }

  /** Destroys the arenas that wait now, and those that are out when they are disposed. */
  destroy(): void {
    this.#closed = true;
    this.trim();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  #giveBack(arena: Arena): void {
    if (!this.#out.delete(arena)) return;
    if (this.#closed || arena.destroyed) {
      arena.destroy();
      return;
    }
    arena.reset();
    this.#idle.push(arena);
  }
}
