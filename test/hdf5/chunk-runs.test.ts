// Chunks without filters that one call has whole: written several at a time, wherever they lie.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { H5File, type Dataset } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const CHUNK = 1000;
const numbers = (count: number, from = 0): Float64Array => Float64Array.from({ length: count }, (_, i) => from + i);
const same = (found: unknown, wanted: Float64Array): boolean => {
  const { buffer, byteOffset, byteLength } = found as Float64Array;
  return Buffer.from(buffer, byteOffset, byteLength).equals(Buffer.from(wanted.buffer, wanted.byteOffset, wanted.byteLength));
};
/** Chunks of as many numbers each, and enough of them that they are not written within the call. */
const layout = (chunks: number, chunk = CHUNK) => ({ dtype: 'float64' as const, shape: [chunks * chunk], maxShape: [null], chunks: [chunk] });

async function reread(path: string): Promise<unknown> {
  const file = await H5File.open(path);
  const found = await (file.root.get('x') as Dataset).read();
  await file.close();
  return found;
}

describe('chunks that are written together', () => {
  it.each([[9, CHUNK], [100, CHUNK], [2500, CHUNK], [5000, 2]])('are what was written: %i of them of %i numbers, and a part of one more', async (chunks, chunk) => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const all = numbers(chunks * chunk + Math.ceil(chunk / 13));
    await file.root.createDataset('x', { data: all, chunks: [chunk] });
    await file.close();
    expect(same(await reread(path), all)).toBe(true);
  });

  it('go to the holes that others left, and around chunks that are there or in memory', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const other = await file.root.createDataset('other', { ...layout(60), chunks: [CHUNK] });
    const x = await file.root.createDataset('x', layout(60));
    // One behind the other, so that what the other gives back is not in one piece.
    for (let i = 0; i < 60; i += 1) {
      await other.write(numbers(CHUNK), { start: [i * CHUNK], count: [CHUNK] });
      if (i % 7 === 3) await x.write(numbers(CHUNK), { start: [i * CHUNK], count: [CHUNK] });
    }
    await other.resize([0]);
    await file.flush();
    await x.write(Float64Array.of(-1), { start: [20 * CHUNK + 5], count: [1] });
    const before = file.space.endOfFile;
    const all = numbers(60 * CHUNK, 1e6);
    await x.write(all);
    expect(file.space.endOfFile - before).toBeLessThan(20 * CHUNK * 8);
    expect(same(await x.read(), all)).toBe(true);
    await file.close();
    expect(same(await reread(path), all)).toBe(true);
  });

  it('are in their places, whatever box of which chunks a call writes', async () => {
    const dimension = (most: number): fc.Arbitrary<readonly [number, number, number, number]> =>
      fc.integer({ min: 1, max: most }).chain((extent) =>
        fc.tuple(fc.integer({ min: 1, max: Math.min(9, extent) }), fc.nat(extent - 1)).chain(([chunk, start]) => {
          const left = extent - start;
          // As many as a chunk has, wherever they begin, and as many as there are.
          const count = fc.oneof(fc.constant(Math.min(chunk, left)), fc.constant(left), fc.integer({ min: 1, max: left }));
          return fc.tuple(fc.constant(extent), fc.constant(chunk), fc.constant(start), count);
        }),
      );
    await fc.assert(
      fc.asyncProperty(fc.tuple(dimension(200), dimension(12)), fc.boolean(), async (dimensions, isTwice) => {
        const [shape, chunks, start, count] = [0, 1, 2, 3].map((i) => dimensions.map((one) => one[i] ?? 1)) as [number[], number[], number[], number[]];
        const path = scratch.path();
        const file = await H5File.create(path);
        const x = await file.root.createDataset('x', { dtype: 'float64', shape, chunks });
        const model = new Float64Array((shape[0] ?? 0) * (shape[1] ?? 0));
        for (let time = 0; time < (isTwice ? 2 : 1); time += 1) {
          const part = numbers((count[0] ?? 0) * (count[1] ?? 0), 1 + time * 1e6);
          part.forEach((number, i) => {
            const [row, column] = [Math.floor(i / (count[1] ?? 1)) + (start[0] ?? 0), (i % (count[1] ?? 1)) + (start[1] ?? 0)];
            model[row * (shape[1] ?? 1) + column] = number;
          });
          await x.write(part, { start, count });
        }
        await file.close();
        expect(same(await reread(path), model)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('are written from any row of the first dimension on, in chunks of whole rows', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', { dtype: 'float64', shape: [500, 30], chunks: [16, 30] });
    const all = numbers(500 * 30);
    await x.write(all.subarray(5 * 30), { start: [5, 0], count: [495, 30] });
    await x.write(all.subarray(0, 5 * 30), { start: [0, 0], count: [5, 30] });
    await file.close();
    expect(same(await reread(path), all)).toBe(true);
  });

  it('leave nothing behind when there is no space for them', async () => {
    const path = scratch.path();
    const file = await H5File.create(path, { space: { limit: 1_000_000 } });
    const x = await file.root.createDataset('x', layout(200));
    await expect(x.write(numbers(200 * CHUNK))).rejects.toMatchObject({ code: 'ERR_LIMIT_EXCEEDED', dataset: '/x' });
    const small = numbers(20 * CHUNK);
    await x.write(small, { start: [180 * CHUNK], count: [20 * CHUNK] });
    await file.close();
    const found = (await reread(path)) as Float64Array;
    expect(same(found.subarray(180 * CHUNK), small)).toBe(true);
  });

  it('are refused when their memory is taken away meanwhile, and their space is given back', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const chunk = 100_000;
    const x = await file.root.createDataset('x', layout(60, chunk));
    await file.flush();
    const data = numbers(60 * chunk);
    const kept = data.slice();
    const writing = x.write(data);
    structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] });
    await expect(writing).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT', dataset: '/x' });
    await file.flush();
    await x.write(kept);
    expect(file.space.endOfFile).toBeLessThan(60 * chunk * 8 * 1.2);
    await file.close();
    expect(same(await reread(path), kept)).toBe(true);
  });
});
