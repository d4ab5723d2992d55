/** What every allocator of this package can be used as. */
export interface Allocator {
  /** @param size bytes @throws {FreestoneError} ERR_OUT_OF_MEMORY, ERR_INVALID_SIZE, ERR_CLOSED */
  alloc(size: number): Buffer;
  /** @param buffer exactly what `alloc` gave @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_CLOSED */
  free(buffer: Buffer): void;
}
