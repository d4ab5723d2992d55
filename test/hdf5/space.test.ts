// The space of a file while it is written: what is used again, and when.
import { statSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { FreestoneError } from '../../lib/errors.js';
import { FileSpace } from '../../lib/filespace/index.js';
import { H5File, gzip, type CreateOptions } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();

function noise(count: number, seed: number): Float64Array {
  let state = seed + 1;
  return Float64Array.from({ length: count }, () => (state = (state * 48_271) % 2_147_483_647) / 3);
}

describe('a file that is written over and over', () => {
  it('stays as short as a few versions of it, through 1,000 flushes', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const spec = { dtype: 'float64', shape: [400], chunks: [100], filters: [gzip(1)] } as const;
    const data = await file.root.createDataset('a/data', { ...spec, data: noise(400, 0) });
    await file.flush();
    const first = statSync(path).size;
    let most = 0;
    for (let n = 1; n <= 1000; n += 1) {
      await data.write(noise(100, n), { start: [(n % 4) * 100], count: [100] });
      data.attrs.set('n', n);
      await file.flush();
      most = Math.max(most, file.space.endOfFile);
      if (n % 100 === 0) file.space.validate();
    }
    expect(most).toBeLessThan(4 * first);
    await file.close();
    expect(statSync(path).size).toBeLessThan(3 * first);
    expect(statSync(path).size).toBe(file.space.endOfFile);
    const opened = await H5File.open(path);
    expect(opened.root.get('a/data').attrs.get('n')).toBe(1000);
    const used = opened.map().filter(({ kind }) => kind !== 'unused');
    expect(used.reduce((end, { offset, size }) => (expect(offset).toBeGreaterThanOrEqual(end), offset + size), 0)).toBeGreaterThan(0);
    await opened.close();
  });

  it('keeps each state until the next is there: the bytes of the last flush do not change before it', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const data = await file.root.createDataset('data', { dtype: 'float64', shape: [400], chunks: [100], filters: [gzip(1)] });
    for (let n = 0; n < 30; n += 1) {
      await data.write(noise(400, n));
      await file.flush();
      const reachable = file.map().filter(({ kind }) => kind !== 'unused');
      const before = readFileSync(path);
      // Twice, so that what the first one left could be used by the second.
      await data.write(noise(400, n + 500));
      await data.write(noise(400, n + 900));
      data.attrs.set('n', n);
      const after = readFileSync(path);
      for (const { offset, size } of reachable) {
        expect(after.subarray(offset, offset + size).equals(before.subarray(offset, offset + size))).toBe(true);
      }
    }
    file.space.validate();
    await file.close();
  });

  it.each(['inside the file', 'at its end'])('gives zeros where nothing was written, also in space that was used before %s', async (where) => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const old = await file.root.createDataset('old', { dtype: 'uint8', shape: [60_000], maxShape: [60_000], chunks: [20_000], data: new Uint8Array(60_000).fill(255) });
    if (where === 'inside the file') await file.root.createDataset('behind', { data: new Uint8Array(5000) });
    await file.flush();
    const end = file.space.endOfFile;
    await old.resize([0]);
    await file.flush();
    expect(file.space.stats().free + end - file.space.endOfFile).toBeGreaterThan(60_000);
    const fresh = await file.root.createDataset('fresh', { dtype: 'uint8', shape: [50_000] });
    await fresh.write(Uint8Array.of(1, 2, 3), { start: [10], count: [3] });
    await file.close();
    const opened = await H5File.open(path);
    const [extent] = opened.map().filter(({ owner, kind }) => owner === '/fresh' && kind === 'data');
    await opened.close();
    const expected = new Uint8Array(50_000);
    expected.set([1, 2, 3], 10);
    const offset = extent?.offset ?? 0;
    expect(readFileSync(path).subarray(offset, offset + 50_000).equals(expected)).toBe(true);
  });
});

describe('the space of a new file', () => {
  it.each<[string, CreateOptions['space']]>([
    ['no object', 5 as never],
    ['an option that there is not', { pages: 5 } as never],
    ['half a page', { pageSize: 256 }],
    ['a page of three', { pageSize: 3000 }],
    ['persistence in words', { persist: 'yes' as never }],
    ['a threshold of 0', { threshold: 0 }],
    ['a strategy that there is not', { strategy: 'any' as never }],
  ])('is refused with %s, and no file is made', async (_, space) => {
    const path = scratch.path('.none');
    const error = (await H5File.create(path, { space: space as never }).catch((cause: unknown) => cause)) as FreestoneError;
    expect(error.code).toMatch(/^ERR_INVALID_/);
    expect(() => statSync(path)).toThrow();
  });

  it('is that of the last session where it was kept', async () => {
    for (const space of [{ persist: true }, { persist: true, pageSize: 1024 }]) {
      const path = scratch.path();
      const file = await H5File.create(path, { space });
      const data = await file.root.createDataset('x', { dtype: 'float64', shape: [500], chunks: [100], filters: [gzip(1)] });
      for (let n = 0; n < 5; n += 1) {
        await data.write(noise(500, n));
        await file.flush();
      }
      await file.close();
      const opened = await H5File.open(path);
      const { free, endOfFile } = opened.space.serialise();
      expect(free.length).toBeGreaterThan(3);
      expect(endOfFile).toBeLessThan(statSync(path).size);
      opened.space.validate();
      const used = opened.map().filter(({ kind, offset }) => kind !== 'unused' && offset < endOfFile);
      for (const { offset, size } of used) expect(opened.space.holes().some((hole) => hole.offset < offset + size && offset < hole.offset + hole.size)).toBe(false);
      expect(FileSpace.restore(0, { free, endOfFile }, space.pageSize === undefined ? {} : { pageSize: space.pageSize }).serialise()).toEqual({ free, endOfFile });
      await opened.close();
    }
  });

  it('may have a limit, which a write meets and a smaller one does not', async () => {
    const path = scratch.path();
    const file = await H5File.create(path, { space: { limit: 20_000 } });
    const error = (await file.root.createDataset('large', { data: new Float64Array(3000) }).catch((cause: unknown) => cause)) as FreestoneError;
    expect(error.code).toBe('ERR_LIMIT_EXCEEDED');
    await file.root.createDataset('small', { data: new Float64Array(1000) });
    await file.close();
    expect(statSync(path).size).toBeLessThanOrEqual(20_000);
  });
});
