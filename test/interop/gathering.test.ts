// Strided data, of another byte order and of another type, in pieces so large that worker threads fetch it: as h5py reads it.
import { expect, it } from 'vitest';
import { H5File, bitshuffle, gzip, shuffle, type DatasetSpec, type DatatypeName } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dataset, read } from './h5py.js';
import { floatDigits } from './kinds.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();
const ROWS = 600;
const COLUMNS = 500;

/** As h5py prints them. */
const printed: Readonly<Record<string, (value: number) => string>> = {
  float32: (value) => floatDigits(value, 4),
  float64: (value) => floatDigits(value, 8),
  float16: (value) => floatDigits(value, 2),
};

describeWith(['h5py'], 'what worker threads fetch and convert', () => {
  const layouts: Readonly<Record<string, Omit<DatasetSpec, 'dtype'>>> = {
    'contiguous': {},
    'chunks': { chunks: [256, 256] },
    'filtered chunks': { chunks: [256, 256], filters: [shuffle(), gzip(1)] },
    'chunks that go on': { chunks: [256, 300], maxShape: [null, COLUMNS], filters: [bitshuffle()] },
  };

  it.each(Object.keys(layouts))('is what h5py reads, %s', async (layout) => {
    const path = scratch.path();
    const wanted = new Map<string, string[]>();
    {
      await using file = await H5File.create(path);
      const sources = {
        float64: Float64Array.from({ length: 2 * ROWS * COLUMNS }, (_, i) => i % 2000),
        int16: Int16Array.from({ length: 2 * ROWS * COLUMNS }, (_, i) => i % 2001),
      };
      for (const [from, data] of Object.entries(sources)) {
        for (const dtype of ['float64be', 'float32', 'float32be', 'float16', 'int32', 'uint64be'] as DatatypeName[]) {
          const name = `${from} to ${dtype}`;
          // Every second column of the rows of what is twice as wide, transposed.
          await file.root.createDataset(name, { ...layouts[layout], dtype, data: { data, shape: [ROWS, COLUMNS], strides: [2, 2 * ROWS], offset: 1 } });
          const print = printed[dtype.replace('be', '')] ?? String;
          wanted.set(name, Array.from({ length: ROWS * COLUMNS }, (_, i) => print(data[1 + 2 * Math.floor(i / COLUMNS) + 2 * ROWS * (i % COLUMNS)] ?? NaN)));
        }
      }
    }
    const seen = read(path);
    for (const [name, values] of wanted) {
      const found = dataset(seen, `/${name}`).values;
      expect(found.length).toBe(values.length);
      expect([name, values.findIndex((value, i) => found[i] !== value)]).toEqual([name, -1]);
    }
  });
});
