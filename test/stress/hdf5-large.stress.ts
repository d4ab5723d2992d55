// Large and many: trees of four levels, gigabytes through a bounded memory, thousands of files, and threads stopped by the dozen.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import { H5File, gzip, shuffle } from '../../lib/hdf5/index.js';
import { compileInto } from '../hdf5/compiled.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dataset, digest, read } from '../interop/h5py.js';
import { describeWith } from '../interop/readers.js';

const scratch = scratchFolder();

const settled = async (): Promise<void> => {
  for (let i = 0; i < 5; i += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
const openFiles = (): number => readdirSync('/proc/self/fd').length;

describeWith(['h5py'], 'a dataset of very many chunks', () => {
  it('has a B-tree of four levels from 64 * 64 * 64 + 1 on', async () => {
    const path = scratch.path();
    const count = 64 ** 3 + 1;
    const data = Int32Array.from({ length: count }, (_, i) => Math.imul(i, 2_654_435_761));
    {
      await using file = await H5File.create(path);
      const x = await file.root.createDataset('x', { dtype: 'int32', shape: [1, count], chunks: [1, 1] });
      await x.write(data);
    }
    expect(dataset(read(path, { values: 'digests' }), '/x').values).toEqual([digest(Buffer.from(data.buffer))]);
  });
});

describe('memory', () => {
  it('is bounded while gigabytes are appended that nobody waits for one by one', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', { dtype: 'float64', shape: [0, 1024], maxShape: [null, 1024], chunks: [64, 1024], filters: [shuffle(), gzip(1)] });
    const part = Float64Array.from({ length: 256 * 1024 }, (_, i) => Math.sin(i));
    await settled();
    const before = process.memoryUsage.rss();
    let most = 0;
    // 2 GiB, of which 8 parts of 2 MiB are under way at any time.
    const underWay = new Set<Promise<void>>();
    for (let i = 0; i < 1024; i += 1) {
      const done: Promise<void> = x.append(part).finally(() => underWay.delete(done));
      underWay.add(done);
      if (underWay.size >= 8) await Promise.race(underWay);
      most = Math.max(most, process.memoryUsage.rss() - before);
    }
    await file.close();
    expect(x.shape).toEqual([1024 * 256, 1024]);
    expect(most).toBeLessThan(200 * 2 ** 20);
    rmSync(path);
  });

  it('and file descriptors are given back by thousands of files', async () => {
    const once = async (): Promise<void> => {
      const path = scratch.path();
      const file = await H5File.create(path);
      await file.root.createDataset('x', { data: new Float64Array(1000), chunks: [100], filters: [gzip()] });
      if (Math.random() < 0.5) await file.close();
      else await file.abort();
      rmSync(path);
    };
    for (let i = 0; i < 200; i += 1) await once();
    await settled();
    const before = { rss: process.memoryUsage.rss(), files: openFiles() };
    for (let i = 0; i < 4000; i += 1) await once();
    await settled();
    expect(openFiles()).toBeLessThanOrEqual(before.files + 2);
    expect(process.memoryUsage.rss() - before.rss).toBeLessThan(100 * 2 ** 20);
  });
});

describe('threads', () => {
  let child: (name: string) => string;
  beforeAll(() => {
    child = compileInto(join(scratch.folder, 'compiled'));
  });

  it('may be stopped a hundred times in the middle of writing, and leave neither files open nor locks', async () => {
    const before = openFiles();
    for (let i = 0; i < 100; i += 1) {
      const path = scratch.path('.stopped');
      const worker = new Worker(child('thread-writer'), { workerData: { paths: [path], steps: 10_000 } });
      await new Promise((resolve) => worker.once('message', resolve));
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
      await worker.terminate();
      await (await H5File.create(path, { overwrite: true })).close();
      rmSync(path);
    }
    await settled();
    expect(openFiles()).toBeLessThanOrEqual(before + 4);
  });
});
