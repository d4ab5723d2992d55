// What is known of each chunk of a dataset, as plain numbers in order: a long run has chunks by the hundred thousand, and objects
// of their own would be most of what the process holds.

/** Where a chunk is stored: `size` bytes at `address`, without the filters that `filterMask` names by position. */
export interface ChunkRecord {
  readonly address: number;
  readonly size: number;
  readonly filterMask: number;
}

/** Of a record in `fields`: the chunk's number comes first. */
export const field = { number: 0, address: 1, size: 2, filterMask: 3 } as const;
const WIDTH = 4;

/** A block that has more is split, so that a chunk which comes out of order moves few others. */
const MOST_RECORDS = 512;
const FIRST_RECORDS = 2;

/** Records that follow each other, ascending by number; never none. */
interface Block {
  fields: Float64Array;
  count: number;
}

const firstOf = ({ fields }: Block): number => fields[field.number] ?? 0;

/** A map from the numbers of chunks to their records, ascending by number. 32 bytes a chunk where they come in order. */
export class ChunkRecords {
  readonly #blocks: Block[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get(number: number): ChunkRecord | undefined {
    const block = this.#blocks[this.#placeOf(number)];
    if (block === undefined) return undefined;
    const { fields } = block;
    const at = slotOf(block, number);
    if (at === block.count * WIDTH || fields[at] !== number) return undefined;
    return { address: fields[at + field.address] ?? 0, size: fields[at + field.size] ?? 0, filterMask: fields[at + field.filterMask] ?? 0 };
  }

  set(number: number, { address, size, filterMask }: ChunkRecord): void {
    const block = this.#blockFor(number);
    const at = slotOf(block, number);
    if (at === block.count * WIDTH || block.fields[at] !== number) {
      makeRoom(block, at);
      this.#count += 1;
    }
    const { fields } = block;
    fields[at + field.number] = number;
    fields[at + field.address] = address;
    fields[at + field.size] = size;
    fields[at + field.filterMask] = filterMask;
  }

  delete(number: number): void {
    const place = this.#placeOf(number);
    const block = this.#blocks[place];
    if (block === undefined) return;
    const at = slotOf(block, number);
    if (at === block.count * WIDTH || block.fields[at] !== number) return;
    block.fields.copyWithin(at, at + WIDTH, block.count * WIDTH);
    block.count -= 1;
    this.#count -= 1;
    if (block.count === 0) this.#blocks.splice(place, 1);
  }

  /** Shows each record where it is: what `field` names is so far behind `at`. They must not be changed meanwhile. */
  each(visit: (fields: Float64Array, at: number) => void): void {
    for (const { fields, count } of this.#blocks) for (let at = 0; at < count * WIDTH; at += WIDTH) visit(fields, at);
  }

  /** Ascending. They must not be changed meanwhile. */
  *numbers(): Generator<number> {
    for (const { fields, count } of this.#blocks) for (let at = 0; at < count * WIDTH; at += WIDTH) yield fields[at] ?? 0;
  }

  /** Of the only block in which a number can be. */
  #placeOf(number: number): number {
    const blocks = this.#blocks;
    let low = 0;
    let high = blocks.length;
    // Most of the time it is the last one.
    const last = blocks.at(-1);
    if (last !== undefined && firstOf(last) <= number) return high - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const block = blocks[middle];
      if (block !== undefined && firstOf(block) <= number) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** The block that is to have a number, with room for it. */
  #blockFor(number: number): Block {
    const place = this.#placeOf(number);
    const block = this.#blocks[place];
    if (block !== undefined && block.count < MOST_RECORDS) return block;
    // What comes behind everything leaves full blocks behind; what comes between parts one.
    const isBehind = block === undefined || (place === this.#blocks.length - 1 && number > (block.fields[(block.count - 1) * WIDTH] ?? 0));
    const next = { fields: new Float64Array((block === undefined ? FIRST_RECORDS : MOST_RECORDS) * WIDTH), count: 0 };
    this.#blocks.splice(place + 1, 0, next);
    if (isBehind) return next;
    next.count = block.count >>> 1;
    block.count -= next.count;
    next.fields.set(block.fields.subarray(block.count * WIDTH));
    return number < firstOf(next) ? block : next;
  }
}

/** Where in a block a number is, or would be. */
function slotOf({ fields, count }: Block, number: number): number {
  let low = 0;
  let high = count;
  if (count > 0 && (fields[(count - 1) * WIDTH] ?? 0) < number) return count * WIDTH;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((fields[middle * WIDTH] ?? 0) < number) low = middle + 1;
    else high = middle;
  }
  return low * WIDTH;
}

/** Moves what is from `at` on by one record. */
function makeRoom(block: Block, at: number): void {
  const end = block.count * WIDTH;
  if (end === block.fields.length) {
    const grown = new Float64Array(2 * end);
    grown.set(block.fields);
    block.fields = grown;
  }
  block.fields.copyWithin(at + WIDTH, at, end);
  block.count += 1;
}
