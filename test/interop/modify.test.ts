// libhdf5 takes our structures not only for reading: h5py opens the files for writing, makes every one of them grow or change,
// and finds all again.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { H5File } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dataset, group, read, readAll, type SeenFile } from './h5py.js';
import { product } from './model-array.js';
import { expected, play, randomCase } from './random-case.js';
import { describeWith, runPython } from './readers.js';

const scratch = scratchFolder();

/** What read_h5.py's `modify` does to a group and to an object's attributes. */
function expectAdditions(seen: SeenFile, path: string): void {
  const found = group(seen, path);
  const added = Array.from({ length: 12 }, (_, i) => `added ${String(i)}`);
  expect(Object.keys(found.links)).toEqual(expect.arrayContaining(added.filter((name) => name !== 'added 3')));
  expect(Object.keys(found.links)).not.toContain('added 3');
  expect(Object.keys(found.attributes)).toEqual(expect.arrayContaining(added));
  const data = dataset(seen, path === '/' ? '/added data' : `${path}/added data`);
  expect(data.values).toEqual(Array.from({ length: 12 }, (_, i) => String(i)));
}

describeWith(['h5py', 'h5ls', 'h5stat'], 'a file that libhdf5 changes', () => {
  it('keeps what was in it and takes what is added to its groups, attributes and chunk B-trees', async () => {
    const drawn = fc.sample(fc.array(randomCase, { minLength: 1, maxLength: 4 }), { numRuns: 60, seed: 3 });
    const played = await Promise.all(
      drawn.map(async (cases) => {
        const path = scratch.path();
        await using file = await H5File.create(path);
        file.root.createGroup('group').attrs.set('name', 'value');
        const models = await Promise.all(cases.map((one, i) => play(file, `dataset ${String(i)}`, one)));
        return { path, wanted: cases.map((one, i) => expected(one, models[i] as never)) };
      }),
    );
    const paths = played.map(({ path }) => path);
    const modified = readAll(paths, { modify: true });
    played.forEach(({ wanted }, i) => {
      const seen = modified[i] ?? {};
      expectAdditions(seen, '/');
      expectAdditions(seen, '/group');
      expect(group(seen, '/group').attributes['name']?.values).toEqual(['value']);
      wanted.forEach((one, j) => {
        const found = dataset(seen, `/dataset ${String(j)}`);
        const [extent = 0, ...row] = one.shape;
        const [limit] = one.maxShape;
        const grown = one.chunks === null || limit === extent ? extent : limit === null || limit === undefined ? extent + 70 : Math.min(limit, extent + 70);
        expect(found.shape).toEqual(one.shape.length === 0 ? [] : [grown, ...row]);
        const first = one.values.slice(0, product(row));
        const more = extent === 0 ? [] : Array.from({ length: grown - extent }, () => first).flat();
        expect(found.values.slice(0, one.values.length + more.length)).toEqual([...one.values, ...more]);
        expect(Object.keys(found.attributes)).toHaveLength(12);
      });
    });
    expect(readAll(paths)).toEqual(modified);
  });

  it('has room in chunk B-trees of several levels, at their front, middle and end', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      // Every second row of chunks, so that libhdf5 has to put chunks between ours.
      const x = await file.root.createDataset('x', { dtype: 'int32', shape: [200, 100], maxShape: [null, 100], chunks: [1, 1] });
      const row = Int32Array.from({ length: 100 }, (_, i) => i);
      for (let r = 1; r < 200; r += 2) await x.write(row, { start: [r, 0], count: [1, 100] });
    }
    runPython('modify_btree.py', [path]);
    const { values } = dataset(read(path), '/x');
    expect(values).toHaveLength(210 * 100);
    values.forEach((value, i) => {
      const r = Math.floor(i / 100);
      expect(value).toBe(String(r % 2 === 1 && r < 200 ? i % 100 : -r));
    });
  });
});
