// Groups and attributes: names, numbers of them, and what happens to them over several flushes.
import { expect, it } from 'vitest';
import { H5File, t } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dump } from './h5dump.js';
import { dataset, group, read } from './h5py.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();

const names = ['a', 'A', 'with space', 'größe', '日本語', '😀', '"quoted"', "it's", 'back\\slash', 'new\nline', '..', '.hidden', '%s%n', 'x'.repeat(255), 'y'.repeat(256), 'z'.repeat(60_000)];

describeWith(['h5py', 'h5dump'], 'groups', () => {
  it('have the names that they were given, of any characters and up to 60,000 bytes', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      for (const name of names) file.root.createGroup(name);
      for (const name of names) await file.root.createDataset(`/in/${name}`, { data: [1] });
    }
    const seen = read(path);
    expect(Object.keys(group(seen, '/').links).sort()).toEqual([...names, 'in'].sort());
    expect(Object.keys(group(seen, '/in').links).sort()).toEqual([...names].sort());
    expect(dataset(seen, '/in/😀').values).toHaveLength(1);
  });

  it('hold thousands of children', async () => {
    const path = scratch.path();
    const count = 3000;
    {
      await using file = await H5File.create(path);
      for (let i = 0; i < count; i += 1) file.root.createGroup(`child ${String(i)}`);
    }
    expect(Object.keys(group(read(path), '/').links)).toHaveLength(count);
    expect(Object.keys(dump(path).groups)).toHaveLength(count + 1);
  });

  it('nest hundreds deep', async () => {
    const path = scratch.path();
    const deep = Array.from({ length: 500 }, (_, i) => `g${String(i)}`).join('/');
    {
      await using file = await H5File.create(path);
      await file.root.createDataset(`${deep}/x`, { data: [7n] });
    }
    expect(dataset(read(path), `/${deep}/x`).values).toEqual(['7']);
  });

  it('made along a path are those of the path, with slashes and dots that say nothing left out', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      const a = file.root.createGroup('/a//./b/');
      a.createGroup('c');
      a.createGroup('/d');
      await a.createDataset('./e/f', { data: [1] });
    }
    expect(Object.keys(read(path))).toEqual(['/', '/a', '/a/b', '/a/b/c', '/a/b/e', '/a/b/e/f', '/d']);
  });

  it('a file without anything is an empty root', async () => {
    const path = scratch.path();
    await (await H5File.create(path)).close();
    expect(read(path)).toEqual({ '/': { kind: 'group', links: {}, attributes: {} } });
  });
});

describeWith(['h5py', 'h5dump'], 'attributes', () => {
  it('have the names that they were given', async () => {
    const path = scratch.path();
    const usable = names.map((name) => name.slice(0, 60_000));
    {
      await using file = await H5File.create(path);
      for (const [i, name] of usable.entries()) file.root.attrs.set(name, i);
    }
    expect(Object.keys(group(read(path), '/').attributes).sort()).toEqual([...usable].sort());
  });

  it('may be hundreds on one object', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      const x = await file.root.createDataset('x', { data: [1] });
      for (let i = 0; i < 500; i += 1) x.attrs.set(`attribute ${String(i)}`, `text ${String(i)}`);
    }
    const { attributes } = dataset(read(path), '/x');
    expect(Object.keys(attributes)).toHaveLength(500);
    expect(attributes['attribute 499']?.values).toEqual(['text 499']);
    expect(dump(path).datasets['/x']?.attributes['attribute 17']?.values).toEqual([{ text: 'text 17' }]);
  });

  it('hold as much as a header message can, and no more', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      file.root.attrs.set('most', new Uint8Array(65_400).fill(7));
      expect(() => {
        file.root.attrs.set('more', new Uint8Array(65_536));
      }).toThrow(expect.objectContaining({ code: 'ERR_INVALID_SIZE' }) as Error);
    }
    const { attributes } = group(read(path), '/');
    expect(Object.keys(attributes)).toEqual(['most']);
    expect(attributes['most']?.values).toEqual(Array<string>(65_400).fill('7'));
  });

  it('are replaced, also by another type and shape, and deleted', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      const { attrs } = file.root;
      attrs.set('replaced', 1);
      attrs.set('deleted', 'x');
      await file.flush();
      attrs.set('replaced', [['a', 'b'], ['', 'd']]);
      expect(attrs.delete('deleted')).toBe(true);
      expect(attrs.delete('deleted')).toBe(false);
      attrs.set('empty', [], { dtype: 'int8' });
      attrs.set('cube', new Int16Array(8), { shape: [2, 2, 2] });
      attrs.set('row', { id: 1, name: 'ü' }, { dtype: t.compound({ id: 'int8', name: 'string' }) });
    }
    const { attributes } = group(read(path), '/');
    expect(Object.keys(attributes).sort()).toEqual(['cube', 'empty', 'replaced', 'row']);
    expect(attributes['replaced']).toMatchObject({ shape: [2, 2], values: ['a', 'b', '', 'd'] });
    expect(attributes['empty']).toMatchObject({ shape: [0], values: [] });
    expect(attributes['cube']).toMatchObject({ shape: [2, 2, 2], values: Array<string>(8).fill('0') });
    expect(attributes['row']).toMatchObject({ shape: [], values: [['1', 'ü']] });
  });
});

describeWith(['h5py'], 'what is added after a flush', () => {
  it('is found next to what was there before it, through many flushes', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      for (let i = 0; i < 30; i += 1) {
        const g = file.root.createGroup(`/${String(i % 3)}/${String(i)}`);
        g.attrs.set('number', i);
        await g.createDataset('x', { data: Int32Array.of(i, i * i) });
        await file.flush();
      }
    }
    const seen = read(path);
    for (let i = 0; i < 30; i += 1) {
      expect(dataset(seen, `/${String(i % 3)}/${String(i)}/x`).values).toEqual([String(i), String(i * i)]);
      expect(Object.keys(group(seen, `/${String(i % 3)}/${String(i)}`).attributes)).toEqual(['number']);
    }
  });
});
