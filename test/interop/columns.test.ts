// Columns out of rows that h5py wrote, of numpy's aligned types: what it says of each member is what the columns hold.
import { beforeAll, expect, it } from 'vitest';
import { H5File, type Dataset, type DatasetColumns } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { describeWith, runPython } from './readers.js';

const scratch = scratchFolder();

describeWith(['h5py'], 'columns of compounds that h5py wrote', () => {
  const path = scratch.path();
  let told: Record<string, unknown[]>;

  beforeAll(() => {
    told = JSON.parse(runPython('write_columns.py', [path])) as Record<string, unknown[]>;
  });

  const kinds = {
    flag: Int8Array, time: BigInt64Array, level: Float64Array, small: Uint16Array, half: null, wave: Float64Array, code: null, on: null, note: null, place: null, state: null,
  } as const;

  /** Sees to it that columns hold the rows from one to another. */
  function expectTold(columns: DatasetColumns, first: number, end: number): void {
    expect(Object.keys(columns)).toEqual(Object.keys(kinds));
    for (const [name, kind] of Object.entries(kinds)) {
      const each = name === 'wave' ? 2 : 1;
      if (kind !== null) expect(columns[name]).toBeInstanceOf(kind);
      const held = [...(columns[name] as unknown[])].map((value) => (typeof value === 'bigint' ? String(value) : value));
      expect([name, held]).toEqual([name, told[name]?.slice(first * each, end * each)]);
    }
  }

  it.each(['contiguous', 'chunked'])('%s, whole and in part', async (name) => {
    await using file = await H5File.open(path);
    const dataset = file.root.get(name) as Dataset;
    expectTold(await dataset.readColumns(), 0, 20_000);
    expectTold(dataset.readColumnsSync({ start: [770], count: [800] }), 770, 1570);
    expect(await dataset.readColumns({ start: [5], count: [2] }, { columns: ['level', 'note'] })).toEqual({ level: Float64Array.of(-2.375, -2.25), note: ['note 5 ü', 'note 6 üü'] });
  });

  it('of two dimensions, and a scalar', async () => {
    await using file = await H5File.open(path);
    expectTold(await (file.root.get('square') as Dataset).readColumns(), 0, 400);
    expectTold(await (file.root.get('scalar') as Dataset).readColumns(), 3, 4);
  });
});
