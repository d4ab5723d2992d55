// Datasets that are cut down while more of their chunks are in memory than fit, so that some must leave it on the way.
import { expect, it } from 'vitest';
import { H5File, gzip, type Dataset, type Filter } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dataset, digest, read } from './h5py.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();
const width = 2 ** 20;
/** One more than memory keeps of chunks of this width. */
const rows = 33;

async function create(file: H5File, filters: readonly Filter[]): Promise<Dataset> {
  return file.root.createDataset('x', { dtype: 'uint8', shape: [rows, width], maxShape: [null, null], chunks: [1, width], filters, fill: 200 });
}

/** The first row goes to the file whole; the others are not complete and wait in memory. Each is its number plus one. */
async function writeRows(x: Dataset): Promise<void> {
  for (let row = 0; row < rows; row += 1) {
    const count = row === 0 ? width : width - 1;
    await x.write(new Uint8Array(count).fill(row + 1), { start: [row, 0], count: [1, count] });
  }
}

/** The rows that are not `value(row)` up to `columns` and the fill value behind. */
function wrongRows(path: string, columns: number, value: (row: number) => number): number[] {
  const { shape, values } = dataset(read(path, { values: 'digests' }), '/x');
  return values.flatMap((found, row) => (found === digest(Buffer.alloc(shape[1] ?? 0, 200).fill(value(row), 0, columns)) ? [] : [row]));
}

describeWith(['h5py'], 'a dataset that is cut down through all of its chunks', () => {
  it('keeps what is inside, also of chunks that are on their way to the file', async () => {
    // A chunk that had left memory and had not yet arrived was taken for one that never was.
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      const x = await create(file, [gzip(9)]);
      await writeRows(x);
      await x.resize([rows, width - 2]);
    }
    expect(wrongRows(path, width - 2, (row) => row + 1)).toEqual([]);
  });

  it('does not bring back chunks that were on their way to the file when they were cut off', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      const x = await create(file, [gzip(9)]);
      await writeRows(x);
      await x.resize([1, width - 2]);
      await x.resize([rows, width]);
    }
    expect(wrongRows(path, width - 2, (row) => (row === 0 ? 1 : 200))).toEqual([]);
  });

  it.each([['without filters', []], ['with filters', [gzip(1)]]])('is as it was when the file is closed as of the flush before, %s', async (_, filters) => {
    // Chunks without filters were cut down in their place in the file.
    const path = scratch.path('.aborted');
    const file = await H5File.create(path);
    const x = await create(file, filters);
    await writeRows(x);
    await file.flush();
    await x.resize([rows, width - 2]);
    await file.abort();
    // The first row has no fill value at its end.
    expect(wrongRows(path, width - 1, (row) => row + 1)).toEqual([0]);
    expect(wrongRows(path, width, (row) => row + 1)).not.toContain(0);
  });
});
