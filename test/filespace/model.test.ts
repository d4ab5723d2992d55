// Random operations, compared after each with a list that is searched from end to end.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type FreestoneError } from '../../lib/errors.js';
import { FileSpace, type Block } from '../../lib/filespace/index.js';

class Naive {
  readonly blocks: Block[] = [];
  readonly limit: number;
  end: number;

  constructor(start: number, limit: number) {
    this.end = start;
    this.limit = limit;
  }

  /** Null when it does not fit. */
  allocate(size: number, alignment: number): number | null {
    const offset = Math.ceil(this.end / alignment) * alignment;
    if (offset + size > this.limit) return null;
    this.blocks.push({ offset, size });
    this.end = offset + size;
    return offset;
  }

  isAllocated(offset: number, size: number): boolean {
    return this.blocks.some((block) => size > 0 && offset < block.offset + block.size && block.offset < offset + size);
  }
}

interface Pair {
  model: Naive;
  real: FileSpace;
}

class Allocate implements fc.Command<Naive, FileSpace> {
  readonly #size: number;
  readonly #alignment: number;

  constructor(size: number, alignment: number) {
    this.#size = size;
    this.#alignment = alignment;
  }

  check = (): boolean => true;

  run(model: Naive, real: FileSpace): void {
    const expected = model.allocate(this.#size, this.#alignment);
    const allocate = (): number => real.allocate(this.#size, { alignment: this.#alignment });
    if (expected === null) expect(allocate).toThrow(expect.objectContaining({ code: 'ERR_LIMIT_EXCEEDED' }) as FreestoneError);
    else expect(allocate()).toBe(expected);
    expect(real.endOfFile).toBe(model.end);
    expect(real.blocks()).toEqual(model.blocks);
    real.validateNoOverlaps();
  }

  toString = (): string => `allocate(${String(this.#size)}, ${String(this.#alignment)})`;
}

class Ask implements fc.Command<Naive, FileSpace> {
  readonly #at: number;
  readonly #size: number;

  constructor(at: number, size: number) {
    this.#at = at;
    this.#size = size;
  }

  check = (): boolean => true;

  run(model: Naive, real: FileSpace): void {
    const offset = Math.floor(this.#at * (model.end + 10));
    expect(real.isAllocated(offset, this.#size)).toBe(model.isAllocated(offset, this.#size));
  }

  toString = (): string => `isAllocated(${String(this.#at)} of the file, ${String(this.#size)})`;
}

it('a file space does what a list of blocks does', () => {
  const commands = fc.commands(
    [
      fc.tuple(fc.integer({ min: 1, max: 300 }), fc.nat({ max: 8 })).map(([size, order]) => new Allocate(size, 2 ** order)),
      fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 400 })).map(([at, size]) => new Ask(at, size)),
    ],
    { maxCommands: 60, size: 'max' },
  );
  fc.assert(
    fc.property(commands, fc.nat({ max: 500 }), fc.nat({ max: 6000 }), (list, start, room) => {
      const setup = (): Pair => ({ model: new Naive(start, start + room), real: new FileSpace(start, { limit: start + room, strategy: 'end-of-file' }) });
      fc.modelRun(setup, list);
    }),
    { numRuns: 200 },
  );
});
