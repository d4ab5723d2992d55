// Pages of a file that nobody changes, for metadata: headers lie side by side, and one call of the system brings many.
import type { NativeFile } from '../../native.js';

const PAGE_BYTES = 2 ** 16;
/** 4 MiB. */
const MOST_PAGES = 64;

export class ReadCache {
  readonly #file: NativeFile;
  readonly #size: number;
  readonly #pages = new Map<number, Buffer>();
  #last: { readonly number: number; readonly page: Buffer } | undefined;

  /** @param file open for reading, so that its lock keeps writers away */
  constructor(file: NativeFile) {
    this.#file = file;
    this.#size = file.size();
  }

  /** Up to `size` bytes, fewer where the file ends; others may have the same memory, which must not be changed. */
  view(address: number, size: number): Buffer {
    const end = Math.min(address + size, this.#size);
    if (end <= address) return Buffer.alloc(0);
    const number = Math.floor(address / PAGE_BYTES);
    const start = address - number * PAGE_BYTES;
    if (start + (end - address) <= PAGE_BYTES) return this.#page(number).subarray(start, start + (end - address));
    const bytes = Buffer.allocUnsafeSlow(end - address);
    this.#file.readSync(address, bytes);
    return bytes;
  }

  #page(number: number): Buffer {
    if (this.#last?.number === number) return this.#last.page;
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = Buffer.allocUnsafeSlow(Math.min(PAGE_BYTES, this.#size - number * PAGE_BYTES));
      this.#file.readSync(number * PAGE_BYTES, page);
      const [oldest] = this.#pages.keys();
      if (this.#pages.size >= MOST_PAGES && oldest !== undefined) this.#pages.delete(oldest);
      this.#pages.set(number, page);
    }
    this.#last = { number, page };
    return page;
  }
}
