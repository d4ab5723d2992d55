import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FrameAllocator, type Pressure } from '../../lib/frames/index.js';

const MiB = 2 ** 20;
const BLOCK = 2 * MiB;

describe('zones', () => {
  it('serve the requests that name them, and name themselves when they have nothing left', () => {
    using frames = new FrameAllocator({
      size: 8 * BLOCK,
      zones: [
        { kind: 'normal', size: 6 * BLOCK },
        { kind: 'device', size: 2 * BLOCK },
      ],
    });
    const list = frames.allocateBatch(512, 2, { zone: 'device' });
    expect(frames.stats().perZone.map(({ kind, freeFrames }) => [kind, freeFrames])).toEqual([
      ['normal', 6 * 512],
      ['device', 0],
    ]);
    expect(() => frames.allocate(1, { zone: 'device' })).toThrow(expect.objectContaining({ code: 'ERR_ZONE_DEPLETED', zone: 'device' }) as Error);
    frames.freeBatch(list, 512);
    frames.validate();
  });

  it('fall back in the order that was asked for', () => {
    using frames = new FrameAllocator({
      size: 4 * BLOCK,
      zones: [
        { kind: 'normal', size: 2 * BLOCK },
        { kind: 'device', size: 2 * BLOCK },
      ],
      fallback: { device: ['normal'] },
    });
    frames.allocateBatch(512, 4, { zone: 'device' });
    expect(frames.stats().perZone.map(({ freeFrames }) => freeFrames)).toEqual([0, 0]);
    expect(() => frames.allocate(1, { zone: 'device' })).toThrow(expect.objectContaining({ code: 'ERR_ZONE_DEPLETED' }) as Error);
  });

  it('keep the last frames for emergencies, and tell when watermarks are crossed', async () => {
    using frames = new FrameAllocator({
      size: 2 * BLOCK,
      cpuCache: 0,
      zones: [{ kind: 'normal', size: 2 * BLOCK, watermarks: { min: 16, low: 64, high: 128 } }],
    });
    const seen: Pressure[] = [];
    frames.on('pressure', (pressure) => seen.push(pressure));
    const list = frames.allocateBatch(1, 1024 - 16);
    expect(() => frames.allocate(1)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_MEMORY' }) as Error);
    const last = frames.allocate(1, { emergency: true });
    frames.free(last, 1);
    frames.freeBatch(list, 1);
    await wait(20);
    expect(seen.map(({ level }) => level)).toContain('min');
    expect(seen.at(-1)).toMatchObject({ zone: 'normal', level: 'none' });
    expect(frames.stats().perZone[0]?.pressureEvents).toBeGreaterThan(0);
  });

  it('of a device are the file that is named', () => {
    const folder = mkdtempSync(join(tmpdir(), 'freestone-frames-'));
    try {
      const path = join(folder, 'device');
      using frames = new FrameAllocator({ size: BLOCK, zones: [{ kind: 'device', size: BLOCK, path }] });
      const first = frames.allocate(1);
      frames.view(first, 1).write('seen through the file');
      expect(statSync(path).size).toBe(BLOCK);
      expect(readFileSync(path).includes('seen through the file')).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('say what became of locking and of huge pages', () => {
    using frames = new FrameAllocator({
      size: 4 * BLOCK,
      hugePages: 'reserve',
      zones: [
        { kind: 'dma', size: BLOCK },
        { kind: 'huge', size: 3 * BLOCK },
      ],
    });
    frames.allocate(1, { zone: 'dma' });
    frames.allocate(1, { zone: 'huge' });
    const [dma, huge] = frames.stats().perZone;
    expect(dma?.locked === true || (dma?.lockErrno ?? 0) > 0).toBe(true);
    expect(huge?.huge === true || huge?.advised === true || huge?.advised === false).toBe(true);
    expect(typeof huge?.huge).toBe('boolean');
  });
});

describe('nodes', () => {
  const nodes = [
    { id: 0, size: 2 * BLOCK, distances: [10, 20, 40] },
    { id: 1, size: 2 * BLOCK, distances: [20, 10, 20] },
    { id: 2, size: 2 * BLOCK, distances: [40, 20, 10] },
  ];

  it('are tried from the nearest to the farthest', () => {
    using frames = new FrameAllocator({ size: 6 * BLOCK, nodes, cpuCache: 0 });
    const free = (): number[] => frames.stats().perNode.map(({ freeFrames }) => freeFrames);
    frames.allocateBatch(512, 2, { node: 2 });
    expect(free()).toEqual([1024, 1024, 0]);
    frames.allocateBatch(512, 2, { node: 2 });
    expect(free()).toEqual([1024, 0, 0]);
    frames.allocateBatch(512, 2, { node: 2 });
    expect(free()).toEqual([0, 0, 0]);
    const [near, , own] = frames.stats().perNode;
    expect(own).toMatchObject({ hits: 2, foreign: 4 });
    expect(near).toMatchObject({ misses: 2 });
  });

  it('are not left by a strict request', () => {
    using frames = new FrameAllocator({ size: 6 * BLOCK, nodes, cpuCache: 0 });
    frames.allocateBatch(512, 2, { node: 1, strict: true });
    expect(() => frames.allocate(1, { node: 1, strict: true })).toThrow(expect.objectContaining({ code: 'ERR_NUMA_NODE_UNAVAILABLE', node: 1 }) as Error);
    expect(frames.allocate(1, { node: 1 })).toBeGreaterThanOrEqual(0);
  });
});
