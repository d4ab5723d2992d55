// Files that h5py wrote: what this package reads of them is right, and what it does not read yet it names.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { Dataset, Group, H5File } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { describeWith, runPython } from './readers.js';

const scratch = scratchFolder();
const folder = join(scratch.folder, 'of h5py');

/** What a user sees of an object, as far down as the names are followed. */
function seen(object: Group | Dataset, depth = 0): unknown {
  const attributes = Object.fromEntries([...object.attrs.keys()].map((name) => [name, object.attrs.get(name)]));
  if (object instanceof Dataset) {
    const { dtype, shape, maxShape, chunkShape, filters } = object;
    return { dtype: dtype.name, shape, maxShape, chunkShape, filters, attributes };
  }
  const children = depth > 3 ? {} : Object.fromEntries([...object.keys()].map((name) => [name, object.has(name) ? seen(object.get(name), depth + 1) : 'leads nowhere']));
  return { children, attributes };
}

async function opened<T>(name: string, look: (file: H5File) => T): Promise<T> {
  await using file = await H5File.open(join(folder, name));
  return look(file);
}

describeWith(['h5py'], 'of a file that h5py wrote', () => {
  beforeAll(() => {
    mkdirSync(folder);
    runPython('write_h5.py', [folder]);
  });

  it('attributes of all types have their values', async () => {
    expect(await opened('types.h5', (file) => seen(file.root))).toEqual({
      attributes: {},
      children: {
        numbers: {
          attributes: { int: -5, big: [1n, 2n ** 40n], float: 1.5, half: 0.25, complex: { re: 1, im: 2 }, bool: true },
          children: {},
        },
        texts: { attributes: { text: 'größe', texts: ['a', '', '日本'], bytes: 'fixed' }, children: {} },
        others: {
          attributes: {
            row: { a: 1, b: 2.5, c: 'ab' },
            padded: { a: 1, b: 2.5 },
            square: [0, 1, 2, 3],
            empty: undefined,
            enum: 'BLUE',
          },
          children: {},
        },
      },
    });
    expect(await opened('types.h5', (file) => file.root.get('others').attrs.describe('square'))).toMatchObject({ shape: [2, 2], dtype: { name: 'int8' } });
    expect(await opened('types.h5', (file) => file.root.get('others').attrs.describe('padded'))).toMatchObject({ dtype: { size: 16 } });
  });

  it('datasets, soft and hard links are what they are', async () => {
    const plain = { maxShape: [2, 3], chunkShape: null, filters: [], attributes: {} };
    expect(await opened('datasets.h5', (file) => seen(file.root))).toEqual({
      attributes: {},
      children: {
        contiguous: { ...plain, dtype: 'float64', shape: [2, 3] },
        chunked: {
          dtype: 'int16',
          shape: [100],
          maxShape: [null],
          chunkShape: [7],
          filters: [{ name: 'shuffle' }, { name: 'gzip', level: 6 }, { name: 'fletcher32' }],
          attributes: {},
        },
        scalar: { ...plain, dtype: 'int64', shape: [], maxShape: [] },
        group: { attributes: {}, children: { deep: { attributes: {}, children: { text: { ...plain, dtype: 'string', shape: [2], maxShape: [2] } } } } },
        unwritten: { ...plain, dtype: 'uint8', shape: [3], maxShape: [3] },
        soft: { ...plain, dtype: 'string', shape: [2], maxShape: [2] },
        dangling: 'leads nowhere',
        hard: { ...plain, dtype: 'float64', shape: [2, 3] },
      },
    });
  });

  it('filters are known by their names', async () => {
    const filtersOf = (name: string): Promise<unknown> => opened(name, (file) => (file.root.get('x') as Dataset).filters);
    expect(await filtersOf('lzf.h5')).toEqual([{ name: 'lzf' }]);
    expect(await filtersOf('scale-offset.h5')).toMatchObject([{ name: 'scaleOffset' }]);
  });

  it('the map has every byte once', async () => {
    for (const name of ['datasets.h5', 'types.h5', 'empty.h5', 'tracked.h5', 'cycle.h5']) {
      const extents = await opened(name, (file) => file.map());
      let at = 0;
      for (const { offset, size } of extents) {
        expect(offset).toBe(at);
        at += size;
      }
      expect(at).toBe(await opened(name, (file) => file.space.endOfFile));
    }
  });

  it('groups that hold each other are followed as far as one asks, and no further', async () => {
    await opened('cycle.h5', (file) => {
      expect(file.root.get('a/up/a/up/a')).toBeInstanceOf(Group);
      expect(() => file.root.get('a/up/'.repeat(2000))).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }) as Error);
    });
  });

  it('names come in the order of their creation where the file keeps it', async () => {
    expect(await opened('tracked.h5', (file) => [...(file.root.get('g') as Group).keys()])).toEqual(['z', 'a', 'm']);
  });

  it.each([
    ['default.h5', /superblock version 0/],
    ['user block.h5', /user block/],
    ['latest-types.h5', /dense storage of attributes/],
    ['dense links.h5', /dense storage of links/],
    ['external link.h5', /external link/],
  ])('%s is refused as a whole, and why', async (name, why) => {
    const error: unknown = await H5File.open(join(folder, name)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FreestoneError);
    expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED', path: join(folder, name), message: expect.stringMatching(why) as string });
  });

  it.each([
    ['array.h5', 'x', /array/],
    ['vlen.h5', 'x', /variable-length sequence/],
    ['opaque.h5', 'x', /opaque/],
    ['reference.h5', 'x', /reference/],
    ['compact.h5', 'x', /compact/],
    ['null.h5', 'x', /without a dataspace/],
    ['committed.h5', 'x', /shared/],
    ['committed.h5', 'type', /neither a group .* nor a dataset/],
    ['latest chunks.h5', 'x', /layout message with version 4/],
    ['version 3.h5', 'x', /layout message with version 4/],
    ['virtual.h5', 'x', /layout message with version 4/],
    ['dense attributes.h5', 'g', /dense storage of attributes/],
  ])('in %s, %s is refused, and why', async (name, path, why) => {
    await opened(name, (file) => {
      expect([...file.root.keys()]).toContain(path);
      expect(() => file.root.get(path)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED', message: expect.stringMatching(why) as string }) as Error);
    });
  });

  it('a bfloat16 is refused, and not taken for a float16', async () => {
    await opened('bfloat16.h5', (file) => {
      expect(() => file.root.attrs.get('x')).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED', message: expect.stringMatching(/8 bits of exponent/) as string }) as Error);
    });
  });
});
