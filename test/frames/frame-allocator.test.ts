import { afterEach, describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { FrameAllocator, type FrameAllocatorOptions, type FrameRequest } from '../../lib/frames/index.js';

const MiB = 2 ** 20;
const open: FrameAllocator[] = [];

function make(options: Partial<FrameAllocatorOptions> = {}): FrameAllocator {
  const frames = new FrameAllocator({ size: 64 * MiB, ...options });
  open.push(frames);
  return frames;
}

afterEach(() => {
  for (const frames of open.splice(0)) frames.close();
});

function codeOf(operation: () => unknown): string {
  try {
    operation();
  } catch (error) {
    expect(error).toBeInstanceOf(FreestoneError);
    return (error as FreestoneError).code;
  }
  return 'no error';
}

describe('allocating', () => {
  it('gives runs that nobody else has, and takes them back', () => {
    const frames = make();
    const before = frames.stats().freeFrames;
    const runs = [1, 2, 63, 64, 65, 511, 512, 513, 4000].map((count) => ({ first: frames.allocate(count), count }));
    const taken = new Set(runs.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i)));
    expect(taken.size).toBe(runs.reduce((sum, { count }) => sum + count, 0));
    for (const { first, count } of runs) expect(frames.isAllocated(first, count)).toBe(true);
    frames.validate();
    for (const { first, count } of runs) frames.free(first, count);
    frames.validate();
    expect(frames.stats().freeFrames).toBe(before);
  });

  it.each([1, 2, 8, 64, 256, 512, 4096])('honours an alignment of %d frames', (alignment) => {
    const frames = make();
    frames.allocate(1);
    for (let i = 0; i < 3; i += 1) expect(frames.allocate(5, { alignment }) % alignment).toBe(0);
  });

  it('gives the rounded-up tail of a large run back when the run must be exact', () => {
    const frames = make();
    const before = frames.stats().freeFrames;
    const first = frames.allocate(513, { exact: true });
    expect(before - frames.stats().freeFrames).toBeLessThan(1024);
    frames.free(first, 513);
    expect(frames.stats().freeFrames).toBe(before);
  });

  it('fills the region to the last frame, refuses one more, and can be emptied again', () => {
    const frames = make({ size: 8 * MiB });
    const { totalFrames } = frames.stats();
    const list = frames.allocateBatch(1, totalFrames);
    expect(new Set(list).size).toBe(totalFrames);
    expect(codeOf(() => frames.allocate(1))).toBe('ERR_OUT_OF_MEMORY');
    expect(frames.stats().failures).toBe(1);
    frames.freeBatch(list, 1);
    expect(frames.stats().freeFrames).toBe(totalFrames);
    frames.validate();
  });

  it('gives a batch whole or not at all', () => {
    const frames = make({ size: 8 * MiB });
    const { totalFrames } = frames.stats();
    expect(codeOf(() => frames.allocateBatch(1, totalFrames + 1))).toBe('ERR_OUT_OF_MEMORY');
    expect(frames.stats().freeFrames).toBe(totalFrames);
    frames.validate();
  });
});

describe('wrong requests', () => {
  const sizes: readonly unknown[] = [0, -1, 1.5, NaN, Infinity, 2 ** 20 + 1, 2 ** 53, '1', null, undefined, {}, Symbol('one')];
  it.each(sizes)('of %s frames are ERR_INVALID_SIZE', (size) => {
    const frames = make();
    expect(codeOf(() => frames.allocate(size as number))).toBe('ERR_INVALID_SIZE');
    expect(frames.stats().allocations).toBe(0);
  });

  it.each([0, 3, -8, 1.5, 2 ** 21, '8', NaN])('with an alignment of %s are ERR_INVALID_ALIGNMENT', (alignment) => {
    const frames = make();
    expect(codeOf(() => frames.allocate(1, { alignment: alignment as number }))).toBe('ERR_INVALID_ALIGNMENT');
  });

  it.each<[string, object]>([
    ['an unknown option', { zones: 'normal' }],
    ['an unknown kind of zone', { zone: 'fast' }],
    ['a kind of zone that is not there', { zone: 'dma' }],
    ['a mover that is no function', { movable: true }],
  ])('with %s are ERR_INVALID_ARGUMENT', (_, request) => {
    const frames = make();
    expect(codeOf(() => frames.allocate(1, request as FrameRequest))).toBe('ERR_INVALID_ARGUMENT');
  });

  it('for a node that is not there are ERR_NUMA_NODE_UNAVAILABLE and name it', () => {
    const frames = make();
    expect(() => frames.allocate(1, { node: 77, strict: true })).toThrow(expect.objectContaining({ code: 'ERR_NUMA_NODE_UNAVAILABLE', node: 77 }) as Error);
  });

  it.each<[string, object, string]>([
    ['no size', {}, 'ERR_INVALID_SIZE'],
    ['a size of 0', { size: 0 }, 'ERR_INVALID_SIZE'],
    ['an unknown option', { size: MiB, frames: 1 }, 'ERR_INVALID_ARGUMENT'],
    ['a frame size that is no power of two', { size: MiB, frameSize: 5000 }, 'ERR_INVALID_SIZE'],
    ['zones that do not fit', { size: MiB, zones: [{ kind: 'normal', size: 4 * MiB }] }, 'ERR_INVALID_SIZE'],
    ['watermarks out of order', { size: 4 * MiB, zones: [{ kind: 'normal', size: 4 * MiB, watermarks: { min: 9, low: 5, high: 7 } }] }, 'ERR_INVALID_ARGUMENT'],
    ['distances of too few nodes', { size: 8 * MiB, nodes: [{ id: 0, size: 8 * MiB, distances: [] }] }, 'ERR_INVALID_ARGUMENT'],
    ['a path for ordinary memory', { size: MiB, zones: [{ kind: 'normal', size: MiB, path: '/nowhere' }] }, 'ERR_INVALID_ARGUMENT'],
    ['a device in a directory that is not there', { size: 2 * MiB, zones: [{ kind: 'device', size: 2 * MiB, path: '/nowhere/at/all' }] }, 'ENOENT'],
  ])('an allocator with %s is refused', (_, options, code) => {
    expect(codeOf(() => new FrameAllocator(options as FrameAllocatorOptions))).toBe(code);
  });
});

describe('freeing', () => {
  it('is refused for what is free, inner, partial, too long or foreign, and changes nothing', () => {
    const frames = make();
    const small = frames.allocate(10);
    const large = frames.allocate(1024);
    const used = frames.stats().freeFrames;
    const wrong: [number, number][] = [
      [small + 1, 9],
      [small, 9],
      [small, 11],
      [small + 3, 1],
      [large, 512],
      [large + 512, 512],
      [large, 2048],
      [2 ** 30, 1],
      [2 ** 52, 1],
      [-1, 1],
      [0.5, 1],
      [NaN, 1],
    ];
    for (const [frame, count] of wrong) expect(codeOf(() => { frames.free(frame, count); })).toBe('ERR_INVALID_ADDRESS');
    expect(frames.stats().freeFrames).toBe(used);
    frames.free(small, 10);
    frames.free(large, 1024);
    expect(codeOf(() => { frames.free(small, 10); })).toBe('ERR_INVALID_ADDRESS');
    expect(codeOf(() => { frames.free(large, 1024); })).toBe('ERR_INVALID_ADDRESS');
    frames.validate();
  });

  it('of a batch is refused as a whole when one of it is no run, or is there twice', () => {
    const frames = make();
    const list = frames.allocateBatch(2, 10);
    const used = frames.stats().freeFrames;
    const withStranger = Float64Array.from([...list, 4001]);
    const withTwice = Float64Array.from([...list, list[0] ?? 0]);
    const withNaN = Float64Array.from([...list, NaN]);
    for (const wrong of [withStranger, withTwice, withNaN]) {
      expect(codeOf(() => { frames.freeBatch(wrong, 2); })).toBe('ERR_INVALID_ADDRESS');
    }
    expect(frames.stats().freeFrames).toBe(used);
    frames.freeBatch(list, 2);
    frames.validate();
  });
});

describe('lists of a batch', () => {
  it('are each their own, short or long, and none can be taken away by transferring another', () => {
    const frames = make();
    const lists = [1, 3, 64, 128, 256, 257, 1].map((count) => frames.allocateBatch(1, count));
    const all = lists.flatMap((list) => [...list]);
    expect(new Set(all).size).toBe(all.length);
    const [first] = lists;
    if (first === undefined) throw new Error('no list');
    try {
      structuredClone(first, { transfer: [first.buffer as ArrayBuffer] });
    } catch (error) {
      // From Node 21 on it is refused, before that it is copied.
      expect(error).toHaveProperty('name', 'DataCloneError');
    }
    expect(lists.map(({ length }) => length)).toEqual([1, 3, 64, 128, 256, 257, 1]);
    for (const list of lists) frames.freeBatch(list, 1);
    frames.validate();
  });
});

describe('views', () => {
  it('show the same memory each time, without a copy', () => {
    const frames = make();
    const first = frames.allocate(3);
    const view = frames.view(first, 3);
    expect(view.length).toBe(3 * 4096);
    view.fill(7);
    view.writeUInt32LE(0xdeadbeef, 4096);
    expect(frames.view(first + 1, 1).readUInt32LE(0)).toBe(0xdeadbeef);
  });

  it('of frames that are not allocated are refused', () => {
    const frames = make();
    const first = frames.allocate(3);
    expect(codeOf(() => frames.view(first, 4))).toBe('ERR_INVALID_ADDRESS');
    expect(codeOf(() => frames.view(first + 100, 1))).toBe('ERR_INVALID_ADDRESS');
  });

  it('have length 0 after close, and every call is ERR_CLOSED', () => {
    const frames = make();
    const view = frames.view(frames.allocate(1), 1);
    frames.close();
    frames.close();
    expect(view.length).toBe(0);
    expect(view[0]).toBeUndefined();
    for (const call of [() => frames.allocate(1), () => { frames.free(0, 1); }, () => frames.stats(), () => frames.view(0, 1), () => frames.map(), () => frames.trim(), () => frames.compact()]) {
      expect(codeOf(call)).toBe('ERR_CLOSED');
    }
  });

  it('of freed frames can still be touched after their memory was given back', () => {
    const frames = make();
    const first = frames.allocate(2048);
    const view = frames.view(first, 2048).fill(1);
    frames.free(first, 2048);
    expect(frames.trim()).toBeGreaterThanOrEqual(2048 * 4096);
    view[5] = 1;
    expect(view[2048 * 4096 - 1]).toBeLessThan(256);
    frames.validate();
  });

  it('make an allocator of bytes, which takes back only what it gave', () => {
    const frames = make();
    const memory = frames.asAllocator();
    const buffer = memory.alloc(5000);
    expect(buffer.length).toBe(5000);
    expect(codeOf(() => { memory.free(Buffer.alloc(5000)); })).toBe('ERR_INVALID_ADDRESS');
    expect(codeOf(() => { memory.free(buffer.subarray(1)); })).toBe('ERR_INVALID_ADDRESS');
    expect(codeOf(() => { memory.free(buffer.subarray(0, 100)); })).toBe('ERR_INVALID_ADDRESS');
    memory.free(buffer);
    expect(codeOf(() => { memory.free(buffer); })).toBe('ERR_INVALID_ADDRESS');
    expect(frames.stats().freeFrames).toBe(frames.stats().totalFrames);
  });
});
