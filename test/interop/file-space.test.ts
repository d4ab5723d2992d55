// File space beside real libhdf5.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FileSpace } from '../../lib/filespace/index.js';
import { H5File, gzip } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { describeWith, run, runPython } from './readers.js';

const scratch = scratchFolder();

interface Recorded {
  readonly sessions: readonly { readonly fileSize: number; readonly operations: readonly (readonly (string | number | boolean)[])[] }[];
}

describeWith(['h5py'], 'the requests that test/filespace replays', () => {
  it('are those of the libhdf5 that is here: it puts raw data at the same addresses, and files have the same sizes', () => {
    const recorded = JSON.parse(readFileSync(new URL('../filespace/fixtures/libhdf5-requests.json', import.meta.url), 'utf8')) as Recorded[];
    const seen = runPython('space_trial.py', [scratch.path('.trial')])
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(seen).toEqual(
      recorded.map(({ sessions, ...trial }) => ({
        ...trial,
        addresses: sessions.flatMap(({ operations }) =>
          operations.filter(([name, kind]) => name === 'allocate' && kind === 'raw').map(([, , , address]) => address),
        ),
        sizes: sessions.map(({ fileSize }) => fileSize),
      })),
    );
  });
});

const spaces = { fsm: {}, page: { pageSize: 1024 } } as const;
const noise = (count: number): Float64Array => Float64Array.from({ length: count }, () => Math.random());

interface Written {
  readonly size: number;
  readonly free: number;
}
interface Changed extends Written {
  readonly addresses: readonly number[];
  readonly values: readonly number[];
  readonly fine: boolean;
}

describeWith(['h5py', 'h5stat'], 'free space that is kept in a file', () => {
  it.each(['fsm', 'page'] as const)('by this package (%s) is known to libhdf5, which uses it and leaves the rest whole', async (name) => {
    const path = scratch.path();
    const file = await H5File.create(path, { space: { persist: true, ...spaces[name] } });
    const churned = await file.root.createDataset('churned', { dtype: 'float64', shape: [2000], chunks: [200], filters: [gzip(1)] });
    const kept = noise(300);
    await file.root.createDataset('kept', { data: kept });
    for (let n = 0; n < 6; n += 1) {
      await churned.write(noise(2000));
      churned.attrs.set('n', n);
      await file.flush();
    }
    await file.close();
    const { free, endOfFile } = file.space.serialise();
    const stat = run('h5stat', ['-S', path]);
    expect([stat.status, stat.stderr]).toEqual([0, '']);
    // In pages, the rest of the pages that the managers themselves are in counts as well.
    if (name === 'fsm') expect(stat.stdout).toContain('Unaccounted space: 0 bytes');
    const changed = JSON.parse(runPython('persist.py', ['change', path, name])) as Changed;
    // What the managers have of their own is free as soon as they are read.
    expect(Math.abs(changed.free - free.reduce((sum, { size }) => sum + size, 0))).toBeLessThan(3000);
    expect(changed.fine).toBe(true);
    expect(changed.values).toEqual([...kept]);
    for (const address of changed.addresses) {
      expect(address).toBeLessThan(endOfFile);
      expect(free.some(({ offset, size }) => offset <= address && address + 800 <= offset + size)).toBe(true);
    }
    const opened = await H5File.open(path).catch((error: unknown) => error);
    if (opened instanceof H5File) await opened.close();
  });

  it.each(['fsm', 'page'] as const)('by libhdf5 (%s) is known to this package, which hands it out', async (name) => {
    const path = scratch.path('.kept');
    const written = JSON.parse(runPython('persist.py', ['write', path, name])) as Written;
    const opened = await H5File.open(path);
    const { free, endOfFile } = opened.space.serialise();
    expect(free.reduce((sum, { size }) => sum + size, 0)).toBe(written.free);
    opened.space.validate();
    const used = opened.map().filter(({ kind }) => kind !== 'unused');
    for (const { offset, size } of used) expect(free.some((hole) => hole.offset < offset + size && offset < hole.offset + hole.size)).toBe(false);
    await opened.close();
    // Four datasets were deleted, and new ones fit where they were.
    const space = FileSpace.restore(0, { free, endOfFile }, spaces[name]);
    for (const size of [2400, 800, 800]) expect(space.allocate(size, { kind: 'raw' })).toBeLessThan(endOfFile);
    expect(space.endOfFile).toBe(endOfFile);
    space.validate();
  });
});
