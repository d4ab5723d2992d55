// A dataset that could not be written leaves nothing behind: not its space, not the groups that were made for it.
import { statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Dataset, Group, H5File, gzip, type DatasetSpec } from '../../lib/hdf5/index.js';
import { dataset, read } from '../interop/h5py.js';
import { isAvailable } from '../interop/readers.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const LIMIT = 200_000;

function noise(count: number): Float64Array {
  let state = 1;
  return Float64Array.from({ length: count }, () => (state = (state * 48_271) % 2_147_483_647) / 3);
}

/** Larger than the file may become: some chunks are stored, and then one is not. */
const tooLarge: DatasetSpec[] = [
  { data: noise(40_000), chunks: [1000], filters: [gzip(1)] },
  { data: noise(40_000), chunks: [1000] },
  { data: noise(40_000) },
];

describe('a dataset that could not be written', () => {
  it.each(tooLarge)('gives back all its space and the groups that were made for it (layout $#)', async (spec) => {
    const path = scratch.path();
    const file = await H5File.create(path, { space: { limit: LIMIT } });
    await file.root.createDataset('kept/values', { data: Int32Array.from({ length: 1000 }, (_, i) => i) });
    await file.flush();
    const { live } = file.space.stats();
    for (let n = 0; n < 20; n += 1) {
      await expect(file.root.createDataset('new/deep/values', spec)).rejects.toMatchObject({ code: 'ERR_LIMIT_EXCEEDED' });
      expect([...file.root.keys()]).toEqual(['kept']);
      await file.flush();
      file.space.validate();
      expect(file.space.stats().live).toBe(live);
    }
    // There is room for one that fits, as in a file in which nothing had failed.
    await file.root.createDataset('new/deep/values', { data: noise(20_000) });
    await file.close();
    expect(statSync(path).size).toBeLessThan(LIMIT);
    await using back = await H5File.open(path);
    expect([...back.root.keys()]).toEqual(['kept', 'new']);
    if (!isAvailable('h5py')) return;
    expect(dataset(read(path), '/kept/values').values).toEqual(Array.from({ length: 1000 }, (_, i) => String(i)));
    expect(dataset(read(path), '/new/deep/values').shape).toEqual([20_000]);
  });

  it.each(tooLarge)('does so beside a flush that has it on its way (layout $#)', async (spec) => {
    const path = scratch.path();
    const file = await H5File.create(path, { space: { limit: LIMIT } });
    await file.flush();
    const { live } = file.space.stats();
    for (let n = 0; n < 20; n += 1) {
      const made = expect(file.root.createDataset('new/values', spec)).rejects.toMatchObject({ code: 'ERR_LIMIT_EXCEEDED' });
      const flushed = file.flush().catch(() => undefined);
      await Promise.all([made, flushed]);
      expect(file.root.has('new')).toBe(false);
      await file.flush();
      file.space.validate();
      expect(file.space.stats().live).toBe(live);
    }
    await file.close();
  });

  it('leaves groups that were there, or that something else was put into', async () => {
    const file = await H5File.create(scratch.path(), { space: { limit: LIMIT } });
    file.root.createGroup('there');
    const failing = expect(file.root.createDataset('shared/values', { data: noise(40_000) })).rejects.toThrow();
    file.root.createGroup('shared/other');
    await failing;
    await expect(file.root.createDataset('there/values', { data: noise(40_000) })).rejects.toThrow();
    expect([...file.root.keys()]).toEqual(['there', 'shared']);
    await file.close();
  });

  it('makes the group that was made for it, and itself, unusable, so that nothing is put where no file will have it', async () => {
    const file = await H5File.create(scratch.path(), { space: { limit: LIMIT } });
    // What comes after a flush that has begun waits for it.
    file.root.attrs.set('something', 1);
    const flushing = file.flush();
    const failing = expect(file.root.createDataset('new/values', { data: noise(40_000) })).rejects.toThrow();
    const group = file.root.get('new');
    const values = file.root.get('new/values');
    await flushing;
    await failing;
    if (!(group instanceof Group) || !(values instanceof Dataset)) throw new Error('not what was made');
    const isGone = expect.objectContaining({ code: 'ERR_NOT_FOUND' }) as Error;
    expect(() => group.createGroup('x')).toThrow(isGone);
    await expect(group.createDataset('x', { data: [1] })).rejects.toThrow(isGone);
    await expect(values.write(noise(40_000))).rejects.toThrow(isGone);
    for (const node of [group, values]) expect(() => { node.attrs.set('a', 1); }).toThrow(isGone);
    expect([...file.root.keys()]).toEqual([]);
    await file.close();
  });

  it('does not come back when small datasets are let go of, whose headers are written before the flush', async () => {
    const path = scratch.path();
    const file = await H5File.create(path, { space: { limit: LIMIT } });
    const wanted = new Map<string, number[]>();
    for (let n = 0; n < 2000; n += 1) {
      const data = Array.from({ length: 1 + (n % 50) }, (_, i) => n + i);
      const made = await file.root.createDataset(`d${String(n)}`, { data }).then(
        () => true,
        () => false,
      );
      if (made) wanted.set(`/d${String(n)}`, data);
      // Room for others, among which the last ones will not fit either.
      if (n === 1000) await file.flush().catch(() => undefined);
    }
    expect(wanted.size).toBeGreaterThan(128);
    expect(wanted.size).toBeLessThan(2000);
    expect([...file.root.keys()].map((name) => `/${name}`)).toEqual([...wanted.keys()]);
    await file.abort();
  });

  it('leaves no bytes that would be written over those of what comes to lie in its place', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const wanted = new Map<string, Int32Array>();
    let failures = 0;
    for (let n = 0; n < 100; n += 1) {
      // Its data is taken away while the first chunks of it are on their way to the file.
      const data = noise(40_000);
      const failing = file.root.createDataset(`failing${String(n)}`, { data, chunks: [1000], ...(n % 3 === 0 ? { filters: [gzip(1)] } : {}) }).catch(() => {
        failures += 1;
      });
      for (let turn = 0; turn < n % 7; turn += 1) await nextTurn();
      structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] });
      const flushing = n % 2 === 0 ? file.flush() : undefined;
      // Large ones go to the file at once, small ones with the flush; in turn they take what the others gave back.
      const kept = Int32Array.from({ length: n % 4 === 0 ? 20_000 : 20 }, (_, i) => n * 100_000 + i);
      await file.root.createDataset(`kept${String(n)}`, n % 5 === 1 ? { data: kept, chunks: [kept.length / 20], filters: [gzip(1)] } : { data: kept });
      wanted.set(`/kept${String(n)}`, kept);
      await flushing;
      await failing;
      file.space.validate();
    }
    await file.close();
    expect(failures).toBeGreaterThan(10);
    expect([...file.root.keys()].filter((name) => name.startsWith('failing'))).toHaveLength(100 - failures);
    if (!isAvailable('h5py')) return;
    const found = read(path);
    for (const [name, data] of wanted) expect(dataset(found, name).values).toEqual([...data].map(String));
  });
});
