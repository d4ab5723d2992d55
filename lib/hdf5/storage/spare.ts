// Memory for what is used up within a call: new memory costs a page fault for every 4 KiB of it.

/** More is not kept. */
const MOST_KEPT = 2 ** 21;
let kept = Buffer.alloc(0);

/** Lends so many bytes, with anything in them, until `use` returns. What is called meanwhile gets others. */
export function withSpare<T>(size: number, use: (bytes: Buffer) => T): T {
  const own = kept.length < size ? Buffer.allocUnsafeSlow(size) : kept;
  kept = Buffer.alloc(0);
  try {
    return use(own.subarray(0, size));
  } finally {
    if (own.length <= MOST_KEPT && own.length > kept.length) kept = own;
  }
}
