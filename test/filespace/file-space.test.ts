// The addresses of one file.
import { describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { FileSpace, type FileSpaceOptions } from '../../lib/filespace/index.js';

const wrong = (value: unknown): never => value as never;

function errorOf(call: () => unknown): FreestoneError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(FreestoneError);
    return error as FreestoneError;
  }
  throw new Error('nothing was thrown');
}

describe('a new file space', () => {
  it('has no block, and ends where it begins', () => {
    for (const start of [0, 48, 2048, Number.MAX_SAFE_INTEGER]) {
      const space = new FileSpace(start);
      expect(space.endOfFile).toBe(start);
      expect(space.blocks()).toEqual([]);
      expect(space.isAllocated(0, start)).toBe(false);
      space.validateNoOverlaps();
    }
  });

  it('takes bigints', () => {
    const space = new FileSpace(48n);
    expect(space.allocate(100n)).toBe(48);
    expect(space.isAllocated(100n, 1n)).toBe(true);
    expect(space.endOfFile).toBe(148);
  });

  it.each<[string, unknown, unknown, string]>([
    ['no start', undefined, {}, 'ERR_INVALID_ARGUMENT'],
    ['a negative start', -1, {}, 'ERR_INVALID_ARGUMENT'],
    ['half a start', 0.5, {}, 'ERR_INVALID_ARGUMENT'],
    ['a start beyond 2^53', 2 ** 53, {}, 'ERR_INVALID_ARGUMENT'],
    ['a start beyond 2^53 as a bigint', 2n ** 60n, {}, 'ERR_INVALID_ARGUMENT'],
    ['a start in words', '48', {}, 'ERR_INVALID_ARGUMENT'],
    ['null as options', 48, null, 'ERR_INVALID_ARGUMENT'],
    ['an option that there is not', 48, { limits: 5 }, 'ERR_INVALID_ARGUMENT'],
    ['a limit below the start', 48, { limit: 47 }, 'ERR_INVALID_ARGUMENT'],
    ['half a limit', 48, { limit: 100.5 }, 'ERR_INVALID_ARGUMENT'],
    ['a strategy that there is not', 48, { strategy: 'any-fit' }, 'ERR_'],
  ])('is refused with %s', (_, start, options, code) => {
    expect(errorOf(() => new FileSpace(wrong(start), wrong(options) as FileSpaceOptions)).code).toContain(code);
  });
});

describe('allocate', () => {
  it('gives one block after the other', () => {
    const space = new FileSpace(48);
    expect([space.allocate(10), space.allocate(1), space.allocate(1000)]).toEqual([48, 58, 59]);
    expect(space.endOfFile).toBe(1059);
    expect(space.blocks()).toEqual([{ offset: 48, size: 10 }, { offset: 58, size: 1 }, { offset: 59, size: 1000 }]);
  });

  it('begins at a multiple of the alignment', () => {
    const space = new FileSpace(48, { strategy: 'end-of-file' });
    expect(space.allocate(3, { alignment: 64 })).toBe(64);
    expect(space.allocateAligned(3, 4096)).toBe(4096);
    expect(space.allocate(3)).toBe(4099);
    expect(space.allocateAligned(1, 1)).toBe(4102);
    expect(space.isAllocated(67, 4096 - 67)).toBe(false);
    expect(space.allocateAligned(8, 2 ** 40)).toBe(2 ** 40);
  });

  it('may end at the limit and not beyond, and a refusal changes nothing', () => {
    const space = new FileSpace(48, { limit: 100 });
    expect(space.allocate(50)).toBe(48);
    expect(errorOf(() => space.allocate(3)).code).toBe('ERR_LIMIT_EXCEEDED');
    expect(errorOf(() => space.allocate(1, { alignment: 64 })).code).toBe('ERR_LIMIT_EXCEEDED');
    expect(space.endOfFile).toBe(98);
    expect(space.allocate(2)).toBe(98);
    expect(errorOf(() => space.allocate(1)).code).toBe('ERR_LIMIT_EXCEEDED');
    expect(space.blocks()).toHaveLength(2);
  });

  it('reaches to 2^53 - 1 and not beyond', () => {
    const space = new FileSpace(48);
    expect(space.allocate(Number.MAX_SAFE_INTEGER - 100)).toBe(48);
    expect(errorOf(() => space.allocate(53)).code).toBe('ERR_LIMIT_EXCEEDED');
    expect(errorOf(() => space.allocateAligned(1, 2 ** 52)).code).toBe('ERR_LIMIT_EXCEEDED');
    expect(space.allocate(52)).toBe(Number.MAX_SAFE_INTEGER - 52);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'ERR_INVALID_SIZE'],
    ['0 bytes', 0, 'ERR_INVALID_SIZE'],
    ['0 bytes as a bigint', 0n, 'ERR_INVALID_SIZE'],
    ['less than nothing', -5, 'ERR_INVALID_SIZE'],
    ['half a byte', 0.5, 'ERR_INVALID_SIZE'],
    ['no number', NaN, 'ERR_INVALID_SIZE'],
    ['without end', Infinity, 'ERR_INVALID_SIZE'],
    ['more than 2^53', 2 ** 53, 'ERR_INVALID_SIZE'],
    ['a size in words', '10', 'ERR_INVALID_SIZE'],
    ['an object', {}, 'ERR_INVALID_SIZE'],
  ])('refuses %s', (_, size, code) => {
    const space = new FileSpace(48);
    const error = errorOf(() => space.allocate(wrong(size)));
    expect(error).toMatchObject({ code, argument: 'size' });
    expect(space.endOfFile).toBe(48);
    expect(space.blocks()).toEqual([]);
  });

  it.each<[string, unknown]>([['0', 0], ['3', 3], ['48', 48], ['a negative one', -8], ['half a one', 0.5], ['one in words', '8'], ['2^53', 2 ** 53]])(
    'refuses the alignment %s',
    (_, alignment) => {
      const space = new FileSpace(48);
      expect(errorOf(() => space.allocate(8, { alignment: wrong(alignment) })).code).toBe('ERR_INVALID_ALIGNMENT');
      expect(errorOf(() => space.allocateAligned(8, wrong(alignment))).code).toBe('ERR_INVALID_ALIGNMENT');
      expect(space.endOfFile).toBe(48);
    },
  );

  it('refuses options that there are not', () => {
    const space = new FileSpace(48);
    expect(errorOf(() => space.allocate(8, wrong(null))).code).toBe('ERR_INVALID_ARGUMENT');
    expect(errorOf(() => space.allocate(8, wrong({ align: 8 }))).code).toBe('ERR_INVALID_ARGUMENT');
    expect(space.endOfFile).toBe(48);
  });

  it('ten thousand times gives ten thousand blocks that touch and do not overlap', () => {
    const space = new FileSpace(48);
    const sizes = Array.from({ length: 10_000 }, (_, i) => 1 + ((i * 31) % 97));
    let at = 48;
    for (const size of sizes) {
      expect(space.allocate(size)).toBe(at);
      at += size;
    }
    const blocks = space.blocks();
    expect(blocks).toHaveLength(10_000);
    expect(blocks.map(({ size }) => size)).toEqual(sizes);
    expect(space.endOfFile).toBe(at);
    space.validateNoOverlaps();
  });
});

describe('isAllocated', () => {
  const space = new FileSpace(100);
  space.allocate(50);
  space.allocateAligned(64, 64);

  // Blocks lie at 100 to 150 and at 192 to 256.
  it.each<[number, number, boolean]>([
    [0, 100, false],
    [0, 101, true],
    [99, 1, false],
    [100, 1, true],
    [149, 1, true],
    [149, 100, true],
    [150, 1, false],
    [150, 42, false],
    [150, 43, true],
    [191, 1, false],
    [192, 64, true],
    [255, 1, true],
    [256, 1, false],
    [256, 1000, false],
    [0, Number.MAX_SAFE_INTEGER, true],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, false],
    [120, 0, false],
    [100, 0, false],
  ])('of %i, %i bytes, is %s', (offset, size, expected) => {
    expect(space.isAllocated(offset, size)).toBe(expected);
  });

  it('refuses what is no range', () => {
    for (const offset of [undefined, -1, 0.5, '0', 2 ** 53, null]) expect(errorOf(() => space.isAllocated(wrong(offset), 1)).code).toBe('ERR_INVALID_ARGUMENT');
    for (const size of [undefined, -1, 0.5, '0', 2 ** 53, null]) expect(errorOf(() => space.isAllocated(0, wrong(size))).code).toBe('ERR_INVALID_SIZE');
  });
});

describe('free', () => {
  it('makes a block reusable with the next commit, merged with its neighbours', () => {
    const space = new FileSpace(48);
    for (let i = 0; i < 4; i += 1) space.allocate(100);
    space.free(148, 100);
    space.free(248, 100);
    expect(space.allocate(150)).toBe(448);
    expect(space.stats()).toMatchObject({ pending: 200, pendingBlocks: 2, free: 0 });
    space.commit();
    expect(space.holes()).toEqual([{ offset: 148, size: 200, state: 'free', kind: undefined }]);
    expect(space.fragmentation()).toBeCloseTo(200 / 550);
    expect(space.allocate(150)).toBe(148);
    space.validate();
  });

  it('of what is no live block is refused and changes nothing', () => {
    const space = new FileSpace(48);
    space.allocate(100);
    for (const [offset, size] of [[48, 99], [49, 99], [0, 10], [48, 101], [148, 1]] as const) {
      expect(errorOf(() => { space.free(offset, size); }).code).toBe('ERR_INVALID_ADDRESS');
    }
    expect(errorOf(() => { space.free(48, 0); }).code).toBe('ERR_INVALID_SIZE');
    space.free(48, 100);
    expect(errorOf(() => { space.free(48, 100); }).code).toBe('ERR_INVALID_ADDRESS');
  });

  it('is undone by a rollback, which keeps what was freed, and forgets what was allocated', () => {
    const space = new FileSpace(48);
    space.allocate(100);
    space.allocate(100);
    space.commit();
    space.free(48, 100);
    space.allocate(500);
    space.rollback();
    expect(space.blocks()).toEqual([{ offset: 48, size: 100 }, { offset: 148, size: 100 }]);
    expect(space.endOfFile).toBe(248);
    expect(space.stats().pending).toBe(0);
    // The file still refers to it, so that it is free only when it has been freed again, and committed.
    space.free(48, 100);
    space.commit();
    expect(space.allocate(100)).toBe(48);
    expect(errorOf(() => { new FileSpace(0, { track: false }).rollback(); }).code).toBe('ERR_UNSUPPORTED');
  });

  it('of a part needs freeRange', () => {
    const space = new FileSpace(0);
    space.allocate(100);
    space.freeRange(20, 30);
    expect(space.blocks()).toEqual([{ offset: 0, size: 20 }, { offset: 50, size: 50 }]);
  });
});

describe('many at once', () => {
  it('are all there or none', () => {
    const space = new FileSpace(0, { limit: 100 });
    expect([...space.allocateMany(Float64Array.of(10, 20, 30))]).toEqual([0, 10, 30]);
    expect(errorOf(() => space.allocateMany(Float64Array.of(10, 20, 30))).code).toBe('ERR_LIMIT_EXCEEDED');
    expect(errorOf(() => space.allocateMany(Float64Array.of(1, 0))).code).toBe('ERR_INVALID_SIZE');
    expect(errorOf(() => space.allocateMany(wrong([1, 2]))).code).toBe('ERR_INVALID_ARGUMENT');
    expect(space.endOfFile).toBe(60);
    space.validate();
  });
});

describe('another holder of the handle', () => {
  it('allocates from the same space', () => {
    const space = new FileSpace(48);
    const other = FileSpace.attach(space.handle);
    expect([space.allocate(10), other.allocate(10), space.allocate(10)]).toEqual([48, 58, 68]);
    expect(other.blocks()).toEqual(space.blocks());
    expect(errorOf(() => FileSpace.attach(987_654_321)).code).toBe('ERR_CLOSED');
  });
});

describe('the six objects and the alignment of the trial with libhdf5 1.10.8', () => {
  // The metadata is what libhdf5 asked for in between, in blocks: one for the file, one for the objects behind the third.
  it('lie where it put them, with blocks for metadata and small data', () => {
    const space = new FileSpace(0);
    const metadata = (): number => space.allocate(1500, { kind: 'metadata' });
    const raw = (size: number): number => space.allocate(size, { kind: 'raw' });
    metadata();
    const [a, b, c] = [raw(3000), raw(3000), raw(600)];
    metadata();
    expect([a, b, c, raw(3000)]).toEqual([2048, 5048, 8048, 12144]);
    space.free(a, 3000);
    space.free(c, 600);
    space.commit();
    expect(raw(1000)).toBe(8048);
    space.shrinkTail();
    expect(space.endOfFile).toBe(15144);
    expect(raw(500)).toBe(9048);
  });

  it('lie where it put them, in pages', () => {
    const space = new FileSpace(0, { pageSize: 4096 });
    const raw = (size: number): number => space.allocate(size, { kind: 'raw' });
    space.allocate(1500, { kind: 'metadata' });
    expect([raw(3000), raw(3000), raw(600), raw(3000)]).toEqual([4096, 8192, 7096, 12288]);
    space.free(4096, 3000);
    space.free(7096, 600);
    space.commit();
    expect(raw(1000)).toBe(11192);
    expect(space.endOfFile).toBe(16384);
  });

  it('are aligned as it aligned them', () => {
    const space = new FileSpace(0, { alignment: { threshold: 1000, value: 512 } });
    const raw = (size: number): number => space.allocate(size, { kind: 'raw' });
    space.allocate(900, { kind: 'metadata' });
    const first = [raw(300), raw(1500), raw(300)];
    space.allocate(900, { kind: 'metadata' });
    space.allocate(900, { kind: 'metadata' });
    expect([...first, raw(1500), raw(300), raw(1500)]).toEqual([2048, 2560, 4060, 6656, 8156, 8704]);
  });
});

describe('figures', () => {
  it('count live, free and pending bytes, each kind, and holes by their sizes', () => {
    const space = new FileSpace(0);
    for (const size of [100, 10, 300, 10, 5, 10]) space.allocate(size);
    space.allocate(50, { kind: 'metadata' });
    space.allocate(70, { kind: 'raw' });
    for (const [offset, size] of [[0, 100], [110, 300], [420, 5]] as const) space.free(offset, size);
    space.commit();
    space.free(100, 10);
    const { live, liveBlocks, free, holes, rest, pending, pendingBlocks, largestHole, perKind, holeSizes } = space.stats();
    expect({ live, liveBlocks, pending, pendingBlocks }).toEqual({ live: 140, liveBlocks: 4, pending: 10, pendingBlocks: 1 });
    expect(perKind).toEqual({ other: { live: 20, liveBlocks: 2 }, raw: { live: 70, liveBlocks: 1 }, metadata: { live: 50, liveBlocks: 1 } });
    expect(space.holes().map(({ size }) => size).reduce((a, b) => a + b)).toBe(free);
    expect([holes, largestHole]).toEqual([space.holes().length, Math.max(...space.holes().map(({ size }) => size))]);
    // What is left of two blocks of 2,048 bytes.
    expect(rest).toBe(2048 - 50 + 2048 - 70);
    expect(holeSizes).toEqual([{ size: 4, count: 1 }, { size: 64, count: 1 }, { size: 256, count: 1 }, { size: 1024, count: 2 }]);
    expect(space.fragmentation()).toBeCloseTo(free / space.endOfFile);
  });
});

describe('without tracking', () => {
  it('blocks are merged ranges, and a free of what is no block of its own is caught only where nothing is live', () => {
    const space = new FileSpace(10, { track: false });
    for (let i = 0; i < 4; i += 1) space.allocate(100);
    expect(space.blocks()).toEqual([{ offset: 10, size: 400 }]);
    space.free(150, 20);
    expect(space.blocks()).toEqual([{ offset: 10, size: 140 }, { offset: 170, size: 240 }]);
    for (const [offset, size] of [[150, 20], [140, 20], [0, 20], [400, 20]] as const) {
      expect(errorOf(() => { space.free(offset, size); }).code).toBe('ERR_INVALID_ADDRESS');
    }
    space.commit();
    expect(space.holes()).toMatchObject([{ offset: 150, size: 20 }]);
    expect(errorOf(() => { space.free(155, 5); }).code).toBe('ERR_INVALID_ADDRESS');
    expect(space.allocate(20)).toBe(150);
    expect(space.blocks()).toEqual([{ offset: 10, size: 400 }]);
    space.validate();
  });
});

describe('restore', () => {
  it('makes the same space of what serialise gave', () => {
    const space = new FileSpace(48);
    for (let i = 0; i < 6; i += 1) space.allocate(100);
    space.free(148, 100);
    space.free(348, 100);
    const state = space.serialise();
    expect(state).toEqual({ endOfFile: 648, free: [{ offset: 148, size: 100 }, { offset: 348, size: 100 }] });
    const again = FileSpace.restore(48, state);
    expect(again.serialise()).toEqual(state);
    expect(again.isAllocated(248, 100)).toBe(true);
    expect([again.allocate(100), again.allocate(100), again.allocate(100)]).toEqual([148, 348, 648]);
    again.validate();
  });

  it.each<[string, unknown]>([
    ['sections that overlap', { endOfFile: 500, free: [{ offset: 100, size: 50 }, { offset: 149, size: 5 }] }],
    ['sections out of order', { endOfFile: 500, free: [{ offset: 200, size: 50 }, { offset: 100, size: 5 }] }],
    ['a section behind the end', { endOfFile: 500, free: [{ offset: 490, size: 11 }] }],
    ['a section before the start', { endOfFile: 500, free: [{ offset: 40, size: 10 }] }],
    ['an end before the start', { endOfFile: 47, free: [] }],
    ['no list', { endOfFile: 500, free: 5 }],
    ['an empty section', { endOfFile: 500, free: [{ offset: 100, size: 0 }] }],
  ])('refuses %s', (_, state) => {
    expect(errorOf(() => FileSpace.restore(48, wrong(state))).code).toMatch(/^ERR_INVALID_(ARGUMENT|SIZE)$/);
  });
});

describe('a map', () => {
  it('has the bytes of every state in columns', () => {
    const space = new FileSpace(0);
    for (let i = 0; i < 4; i += 1) space.allocate(100);
    space.free(100, 100);
    space.commit();
    space.free(200, 100);
    expect(space.map(2)).toEqual([
      { offset: 0, size: 200, live: 100, free: 100, pending: 0 },
      { offset: 200, size: 200, live: 100, free: 0, pending: 100 },
    ]);
    expect(space.toSVG()).toContain('fragmentation 25.0 %');
  });
});

describe('blocks', () => {
  it('are a copy', () => {
    const space = new FileSpace(48);
    space.allocate(8);
    const blocks = space.blocks();
    blocks.push({ offset: 0, size: 5 });
    blocks.shift();
    space.allocate(8);
    expect(space.blocks()).toEqual([{ offset: 48, size: 8 }, { offset: 56, size: 8 }]);
    expect(blocks).toEqual([{ offset: 0, size: 5 }]);
  });
});
