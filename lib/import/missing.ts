// The spellings of "no value".

/** What stands for a missing value in columns that are not text, unless the user says otherwise. */
export const defaultMissing: readonly string[] = ['', 'NA', 'N/A', 'NaN', 'nan', 'null', 'NULL'];

/** Tells whether a field is one of a few short words, mostly by its length and first byte. */
export class MissingWords {
  readonly #words: readonly Uint8Array[];
  readonly #matchesEmpty: boolean;
  /** 1 where some word starts with that byte. */
  readonly #firstBytes = new Uint8Array(256);
  readonly #longest: number;

  constructor(words: readonly string[]) {
    const encoded = words.map((word) => Buffer.from(word));
    this.#matchesEmpty = encoded.some((word) => word.length === 0);
    this.#words = encoded.filter((word) => word.length > 0);
    this.#longest = Math.max(0, ...this.#words.map((word) => word.length));
    for (const [first] of this.#words) if (first !== undefined) this.#firstBytes[first] = 1;
  }

  matches(bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (length === 0) return this.#matchesEmpty;
    if (length > this.#longest || this.#firstBytes[bytes[start] ?? 0] === 0) return false;
    return this.#words.some((word) => word.length === length && word.every((byte, i) => byte === bytes[start + i]));
  }
}
