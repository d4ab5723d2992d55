// Many objects and many texts in one file: those that were let go of, and those that go into the heap together.
import { expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { H5File, type Dataset } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dataset, read } from './h5py.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();
const MANY = 700;

describeWith(['h5py'], 'many objects in a group', () => {
  it('have their values and attributes, also those that changed long after they were made', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const group = file.root.createGroup('many');
    const made: Dataset[] = [];
    for (let i = 0; i < MANY; i += 1) {
      const one = await group.createDataset(`d${String(i)}`, { data: Int32Array.of(i, i + 1) });
      if (i < 5) made.push(one);
      if (i === 300) await file.flush();
    }
    const [first, second, third] = made;
    // It is known by its header alone by now, and still the same object to who holds it.
    expect(group.get('d0')).toBe(first);
    await first?.write(Int32Array.of(-1, -2));
    second?.attrs.set('unit', 'm');
    await file.flush();
    third?.attrs.set('unit', 's');
    const late = group.get('d400') as Dataset;
    expect(late.shape).toEqual([2]);
    late.attrs.set('late', true);
    await late.write(Int32Array.of(40), { start: [1], count: [1] });
    expect((group.get('d400') as Dataset).attrs.get('late')).toBe(true);
    await file.close();

    const seen = read(path);
    for (let i = 0; i < MANY; i += 1) {
      const values = i === 0 ? [-1, -2] : i === 400 ? [400, 40] : [i, i + 1];
      expect(dataset(seen, `/many/d${String(i)}`).values).toEqual(values.map(String));
    }
    await using back = await H5File.open(path);
    expect((back.root.get('many/d1') as Dataset).attrs.get('unit')).toBe('m');
    expect((back.root.get('many/d2') as Dataset).attrs.get('unit')).toBe('s');
  });
});

describeWith(['h5py'], 'many texts', () => {
  const texts = Array.from({ length: 5000 }, (_, i) =>
    i % 1000 === 7 ? 'x'.repeat(100_000 + i) : i % 10 === 0 ? '' : i % 10 === 1 ? `grün ${String(i)} 🜨` : `text ${String(i)}`,
  );

  it('come back one by one, empty ones, long ones and those beyond ASCII too', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    await file.root.createDataset('texts', { data: texts });
    const parts = await file.root.createDataset('parts', { dtype: 'string', shape: [0], maxShape: [null], chunks: [512] });
    for (let at = 0; at < texts.length; at += 700) await parts.append(texts.slice(at, at + 700));
    await file.close();
    const seen = read(path);
    expect(dataset(seen, '/texts').values).toEqual(texts);
    expect(dataset(seen, '/parts').values).toEqual(texts);
  });

  it.each([
    ['a NUL', 'a\0b'],
    ['half a character', 'a\ud800'],
    ['no text', 5],
  ])('with %s among them are refused, and nothing of them is there', async (_, bad) => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const data = [...texts.slice(0, 3000), bad as string, ...texts.slice(0, 10)];
    await expect(file.root.createDataset('texts', { data })).rejects.toSatisfy((error) => error instanceof FreestoneError && error.code === 'ERR_TYPE_MISMATCH');
    expect(file.root.has('texts')).toBe(false);
    await file.close();
    expect(Object.keys(read(path))).toEqual(['/']);
  });
});
