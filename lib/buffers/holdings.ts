// What a pool lets the rest of this tier do, and nobody else.
/** What scopes and streams ask of their pool, and users cannot. */
export interface Holdings {
  /** A number that this holder of a buffer has and no other. @throws {FreestoneError} ERR_INVALID_ADDRESS */
  serialOf(buffer: Buffer): number;
  /** Releases unless it was released since. @param serial as `serialOf` said */
  releaseIf(buffer: Buffer, serial: number): void;
  /** As `pool.resize`, for when nothing was written behind `size`: that is not zeroed. @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_CLOSED */
  cut(buffer: Buffer, size: number): Buffer;
  /** Calls `end` before the pool closes. @returns takes that back */
  atClose(end: () => void): () => void;
}

const all = new WeakMap<object, Holdings>();

export function giveHoldings(pool: object, holdings: Holdings): void {
  all.set(pool, holdings);
}

export function holdingsOf(pool: object): Holdings {
  const holdings = all.get(pool);
  if (holdings === undefined) throw new TypeError('this is no BufferPool');
  return holdings;
}
