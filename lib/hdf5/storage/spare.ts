// Memory for what is used up within a call: new memory costs a page fault for every 4 KiB of it.

/** Larger memory is not kept. */
const MOST_BYTES = 2 ** 21;
/** A caller and one that it calls find theirs again. */
const MOST_KEPT = 2;
const kept: Buffer[] = [];

/** Lends so many bytes, with anything in them, until `use` returns. What is called meanwhile gets others. */
export function withSpare<T>(size: number, use: (bytes: Buffer) => T): T {
  const found = kept.findIndex(({ length }) => length >= size);
  const own = (found < 0 ? undefined : kept.splice(found, 1)[0]) ?? Buffer.allocUnsafeSlow(size);
  try {
    return use(own.subarray(0, size));
  } finally {
    if (own.length <= MOST_BYTES) {
      kept.push(own);
      // The smallest comes first, and goes.
      kept.sort((a, b) => a.length - b.length);
      if (kept.length > MOST_KEPT) kept.shift();
    }
  }
}
