// The newest libhdf5 that can be had without installing one: h5wasm carries it, compiled to WebAssembly.
import h5wasm from 'h5wasm/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { H5File, fletcher32, gzip, shuffle, type Value } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { floatDigits, kinds, type Kind } from './kinds.js';

const scratch = scratchFolder();

/** What h5wasm itself, not the library in it, cannot make values of: float16, and enumerations in the other byte order. */
const valueless = kinds.filter(({ described, name }) => /float16|compound of numbers/.test(name) || (described.class === 'enum' && name.endsWith('be')));
/** Kinds whose values h5wasm gives without loss. */
const comparable = kinds.filter((kind) => ['integer', 'float', 'string'].includes(kind.described.class) && !valueless.includes(kind));

/** A value of h5wasm as the other readers print it. */
function printed({ described }: Kind, value: unknown): string {
  if (described.class === 'float') return floatDigits(value as number, described.size);
  // It leaves the spaces of the padding.
  return described.class === 'string' && described.pad === 'space' ? String(value).trimEnd() : String(value);
}

const values = (kind: Kind): unknown[] => Array.from({ length: 20 }, (_, i) => (i % 3 === 0 ? kind.zero : kind.sample));

describe('the library of h5wasm', () => {
  let file: InstanceType<typeof h5wasm.File>;
  beforeAll(async () => {
    await h5wasm.ready;
    const path = scratch.path();
    {
      await using written = await H5File.create(path);
      for (const kind of kinds) {
        const data = values(kind) as Value;
        await written.root.createDataset(`/contiguous/${kind.name}`, { dtype: kind.spec, data });
        const filters = [shuffle(), gzip(), ...(kind.fillable ? [fletcher32()] : [])];
        const chunked = await written.root.createDataset(`/chunked/${kind.name}`, { dtype: kind.spec, data, chunks: [3], maxShape: [null], filters });
        await chunked.append(values(kind) as Value);
        chunked.attrs.set('attribute', kind.sample as Value, { dtype: kind.spec });
      }
      const many = await written.root.createDataset('many chunks', { dtype: 'int32', shape: [5000], chunks: [1] });
      await many.write(Int32Array.from({ length: 5000 }, (_, i) => i));
    }
    file = new h5wasm.File(path, 'r');
  });

  it('is libhdf5 2.0 or newer', async () => {
    // The name of a format version exists in the library that made it and in those after it.
    expect(Object.keys(await h5wasm.ready)).toContain('H5F_LIBVER_V200');
  });

  it.each(kinds.map((kind) => [kind.name, kind] as const))('opens %s in every layout, with its shape and attribute', (name, kind) => {
    for (const [place, length] of [['contiguous', 20], ['chunked', 40]] as const) {
      const dataset = file.get(`/${place}/${name}`);
      if (!(dataset instanceof h5wasm.Dataset)) throw new Error(`there is no /${place}/${name}`);
      expect(dataset.shape).toEqual([length]);
      if (valueless.includes(kind)) continue;
      expect(dataset.value).toHaveLength(length);
      if (place === 'chunked') expect(dataset.attrs).toHaveProperty('attribute');
      if (!comparable.includes(kind)) continue;
      const expected = [...values(kind), ...(place === 'chunked' ? values(kind) : [])].map((value) => kind.printed(value));
      expect([...(dataset.value as unknown as Iterable<unknown>)].map((value) => printed(kind, value))).toEqual(expected);
    }
  });

  it('follows a chunk B-tree of three levels', () => {
    const dataset = file.get('many chunks');
    if (!(dataset instanceof h5wasm.Dataset)) throw new Error('there is no such dataset');
    expect(dataset.value).toEqual(Int32Array.from({ length: 5000 }, (_, i) => i));
  });
});
