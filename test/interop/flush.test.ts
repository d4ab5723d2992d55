// A flush is one state of the file: all that was asked for before it, nothing by halves, whatever is asked for while it is under way.
import { expect, it } from 'vitest';
import { H5File, gzip } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dataset, group, readAll, type SeenFile } from './h5py.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();

/** Lets other work have `turns` turns. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await (i % 8 === 7 ? new Promise((resolve) => setImmediate(resolve)) : Promise.resolve());
}

const delays = Array.from({ length: 60 }, (_, i) => i);

/** Does the same in 60 files, each with another number of turns between two steps, and reads them all. */
async function forEachDelay(write: (file: H5File, delay: number) => Promise<void>, ending: 'close' | 'abort'): Promise<SeenFile[]> {
  const paths: string[] = [];
  for (const delay of delays) {
    // What is aborted has an end beyond its last flush.
    const path = scratch.path(ending === 'close' ? '.h5' : '.aborted');
    const file = await H5File.create(path);
    await write(file, delay);
    await file[ending]();
    paths.push(path);
  }
  return readAll(paths);
}

describeWith(['h5py'], 'a flush', () => {
  it('does not lose what is first written to a contiguous dataset while it is under way', async () => {
    // The header could be committed between the note that it must be written again and the allocation of its data.
    const seen = await forEachDelay(async (file, delay) => {
      const x = await file.root.createDataset('x', { dtype: 'int8', shape: [3] });
      const flushed = file.flush();
      await turns(delay);
      await x.write(Int8Array.of(1, 2, 3));
      await flushed;
    }, 'close');
    for (const each of seen) expect(dataset(each, '/x').values).toEqual(['1', '2', '3']);
  });

  it('holds a dataset as it was when the flush was called, though it is cut down while the flush is under way', async () => {
    const all = Array.from({ length: 40 }, (_, i) => String(i));
    for (const filters of [[], [gzip()]]) {
      const seen = await forEachDelay(async (file, delay) => {
        const x = await file.root.createDataset('x', { dtype: 'int32', shape: [40], chunks: [7], maxShape: [null], filters });
        // The last chunk first, so that it is also the first to go.
        for (let at = 35; at >= 0; at -= 7) {
          const part = Int32Array.from({ length: Math.min(7, 40 - at) }, (_, i) => at + i);
          await x.write(part, { start: [at], count: [part.length] });
        }
        await file.flush();
        x.attrs.set('again', 1);
        // Something that takes the flush a while.
        await file.root.createDataset('y', { data: new Int8Array(10), chunks: [10_000], maxShape: [null], filters: [gzip()] });
        const flushed = file.flush();
        await turns(delay);
        const cut = x.resize([10]).catch(() => undefined);
        await flushed;
        await turns(delay);
        void cut;
      }, 'abort');
      for (const each of seen) expect(dataset(each, '/x').values).toEqual(all);
    }
  });

  it('holds whole appends', async () => {
    const seen = await forEachDelay(async (file, delay) => {
      const x = await file.root.createDataset('x', { dtype: 'int32', shape: [0], chunks: [5], maxShape: [null], filters: [gzip()] });
      const appends = Array.from({ length: 4 }, (_, i) => x.append(new Int32Array(13).fill(i + 1)));
      const flushed = file.flush();
      await turns(delay);
      // These come too late, and meet the closed file.
      for (let i = 4; i < 8; i += 1) void x.append(new Int32Array(13).fill(i + 1)).catch(() => undefined);
      await Promise.all(appends);
      await flushed;
    }, 'abort');
    for (const each of seen) {
      const { values } = dataset(each, '/x');
      expect(values).toEqual(Array.from({ length: values.length }, (_, i) => String(1 + Math.floor(i / 13))));
      expect(values).toHaveLength(52);
    }
  });

  it('writes the texts of the attributes that it writes, also of one that is set while it is under way', async () => {
    const seen = await forEachDelay(async (file, delay) => {
      file.root.attrs.set('first', 'a text');
      // What the flush has to wait for before it takes its state of the file.
      void file.root.createDataset('x', { data: new Float64Array(50_000), chunks: [1000], filters: [gzip(1)] });
      const flushed = file.flush();
      await turns(delay);
      file.root.attrs.set('second', 'another text');
      await flushed;
    }, 'abort');
    for (const each of seen) {
      const { first, second } = group(each, '/').attributes;
      expect(first?.values).toEqual(['a text']);
      if (second !== undefined) expect(second.values).toEqual(['another text']);
    }
    // At one end of the range it was set before the flush had begun, at the other after it was over.
    expect(seen.some((each) => 'second' in group(each, '/').attributes)).toBe(true);
  });

  it('that is called many times without waiting makes each state visible in turn', async () => {
    const seen = await forEachDelay(async (file, delay) => {
      const x = await file.root.createDataset('x', { dtype: 'int32', shape: [0], chunks: [4], maxShape: [null] });
      const flushes: Promise<void>[] = [];
      for (let i = 0; i < 10; i += 1) {
        void x.append([i, i, i]).catch(() => undefined);
        flushes.push(file.flush());
        if (i === 5) await turns(delay);
      }
      await Promise.all(flushes);
    }, 'abort');
    for (const each of seen) expect(dataset(each, '/x').values).toEqual(Array.from({ length: 30 }, (_, i) => String(Math.floor(i / 3))));
  });
});
