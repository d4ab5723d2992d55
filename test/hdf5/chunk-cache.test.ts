// Chunks that are only partly written stay in memory within a bound, and a bound that is too low is told of.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { H5File, gzip, type Dataset } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const CHANNEL = 'freestone:hdf5:thrash';

let warnings: (Error & { code?: string; detail?: string })[] = [];
let events: unknown[] = [];
const onWarning = (warning: Error): void => {
  warnings.push(warning);
};
const onEvent = (event: unknown): void => {
  events.push(event);
};
beforeEach(() => {
  warnings = [];
  events = [];
  process.on('warning', onWarning);
  subscribe(CHANNEL, onEvent);
});
afterEach(() => {
  process.off('warning', onWarning);
  unsubscribe(CHANNEL, onEvent);
});
/** Warnings are emitted a tick later. */
const told = async (): Promise<string[]> => {
  await new Promise((resolve) => setImmediate(resolve));
  return warnings.filter(({ code }) => code === 'FREESTONE_CHUNK_CACHE').map(({ message }) => message);
};

const ROWS = 64;
const COLUMNS = 48;
const spec = { dtype: 'int32', shape: [ROWS, COLUMNS], chunks: [1, COLUMNS] } as const;
const CHUNK_BYTES = 4 * COLUMNS;
const value = (row: number, column: number): number => row * 1000 + column;

async function writeColumns(dataset: Dataset, count = COLUMNS): Promise<void> {
  for (let column = 0; column < count; column += 1) {
    await dataset.write(Int32Array.from({ length: ROWS }, (_, row) => value(row, column)), { start: [0, column], count: [ROWS, 1] });
  }
}

async function expectWhole(path: string): Promise<void> {
  await using back = await H5File.open(path);
  const expected = Int32Array.from({ length: ROWS * COLUMNS }, (_, i) => value(Math.floor(i / COLUMNS), i % COLUMNS));
  expect(await (back.root.get('x') as Dataset).read()).toEqual(expected);
}

describe('columns written into chunks of rows', () => {
  it.each([[[]], [[gzip(1)]]])('thrash a cache that does not hold all of them, which is said once, and arrive (filters: %j)', async (filters) => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', { ...spec, filters, chunkCache: 16 * CHUNK_BYTES });
    await writeColumns(x);
    const [message, ...others] = await told();
    expect(message).toContain('/x of');
    expect(message).toContain('[1, 48]');
    expect(others).toEqual([]);
    expect(warnings[0]?.detail).toContain('chunkCache');
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ file: path, dataset: '/x', chunkShape: [1, COLUMNS], shape: [ROWS, COLUMNS], chunkBytes: CHUNK_BYTES, limit: 16 * CHUNK_BYTES, reloads: 16 });
    expect(x.cacheStats).toMatchObject({ limit: 16 * CHUNK_BYTES, chunkBytes: CHUNK_BYTES });
    expect(x.cacheStats?.reloads).toBeGreaterThan(ROWS * (COLUMNS - 3));
    expect(x.cacheStats?.chunks).toBeLessThanOrEqual(16);
    await file.close();
    await expectWhole(path);
  });

  it('do not in one that holds all of them, as the default does', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', spec);
    await writeColumns(x);
    expect(await told()).toEqual([]);
    expect(x.cacheStats).toMatchObject({ limit: 32 * 2 ** 20, evictions: 0, reloads: 0 });
    await file.close();
    await expectWhole(path);
  });

  it('do when the file gives all its datasets too little, and not the dataset that has more', async () => {
    await using file = await H5File.create(scratch.path(), { chunkCache: 8 * CHUNK_BYTES });
    const x = await file.root.createDataset('x', spec);
    const y = await file.root.createDataset('y', { ...spec, chunkCache: ROWS * CHUNK_BYTES });
    await writeColumns(x, 3);
    await writeColumns(y, 3);
    expect(await told()).toHaveLength(1);
    expect(events).toMatchObject([{ dataset: '/x' }]);
  });

  it('also when each column is flushed', async () => {
    await using file = await H5File.create(scratch.path());
    const x = await file.root.createDataset('x', { ...spec, chunkCache: 16 * CHUNK_BYTES });
    for (let column = 0; column < 3; column += 1) {
      await x.write(new Int32Array(ROWS).fill(column), { start: [0, column], count: [ROWS, 1] });
      await file.flush();
    }
    expect(await told()).toHaveLength(1);
  });
});

describe('no warning comes', () => {
  it('from rows in parts, one after the other, also the second time, nor from reading them so', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', { ...spec, filters: [gzip(1)], chunkCache: 2 * CHUNK_BYTES });
    for (let pass = 0; pass < 2; pass += 1) {
      for (let i = 0; i < ROWS * 4; i += 1) {
        const [row, column] = [Math.floor(i / 4), (i % 4) * 12];
        await x.write(Int32Array.from({ length: 12 }, (_, c) => value(row, column + c)), { start: [row, column], count: [1, 12] });
      }
    }
    await file.close();
    await using back = await H5File.open(path, 'r', { chunkCache: 2 * CHUNK_BYTES });
    const read = back.root.get('x') as Dataset;
    for (let pass = 0; pass < 2; pass += 1) {
      for (let i = 0; i < ROWS * 4; i += 1) {
        const [row, column] = [Math.floor(i / 4), (i % 4) * 12];
        const got = await read.read({ start: [row, column], count: [1, 12] });
        expect(got).toEqual(Int32Array.from({ length: 12 }, (_, c) => value(row, column + c)));
      }
    }
    expect(read.cacheStats?.chunks).toBeLessThanOrEqual(2);
    expect(await told()).toEqual([]);
    await expectWhole(path);
  });

  it('from appends, however small the cache', async () => {
    await using file = await H5File.create(scratch.path());
    const x = await file.root.createDataset('x', { dtype: 'float64', shape: [0], maxShape: [null], chunks: [1000], chunkCache: 0 });
    for (let i = 0; i < 500; i += 1) await x.append(new Float64Array(77).fill(i));
    expect(await told()).toEqual([]);
    expect(x.cacheStats).toMatchObject({ evictions: 0, reloads: 0, limit: 0 });
  });
});

describe('what the cache may hold', () => {
  it('is a number of bytes', async () => {
    await using file = await H5File.create(scratch.path());
    const wrong = { code: 'ERR_INVALID_ARGUMENT' };
    for (const chunkCache of [-1, 1.5, NaN, '1' as never, null as never]) {
      await expect(file.root.createDataset('x', { ...spec, chunkCache })).rejects.toMatchObject(wrong);
      await expect(H5File.create(scratch.path(), { chunkCache })).rejects.toMatchObject(wrong);
      await expect(H5File.open(file.path, 'r', { chunkCache })).rejects.toMatchObject(wrong);
    }
    expect([...file.root.keys()]).toEqual([]);
    expect((await file.root.createDataset('contiguous', { data: [1, 2] })).cacheStats).toBeNull();
  });
});
