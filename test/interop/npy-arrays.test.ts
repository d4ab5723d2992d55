// Arrays that numpy saved, imported, against what numpy loads from its own files.
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { type ImportOptions, type ImportReport, importFiles } from '../../lib/import/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { describeWith, runPython } from './readers.js';

const scratch = scratchFolder();

interface Job {
  readonly npy: string;
  readonly member: string | null;
  readonly h5: string;
  readonly place: string;
}

function compare(jobs: readonly Job[]): string[][] {
  return runPython('npy_arrays.py', [], jobs.map((job) => JSON.stringify(job)).join('\n')).trimEnd().split('\n').map((line) => JSON.parse(line) as string[]);
}

/** What differs, by what was compared. */
function differences(jobs: readonly Job[]): [string, readonly string[]][] {
  return compare(jobs).flatMap((wrong, i) => (wrong.length === 0 ? [] : [[`${jobs[i]?.npy ?? ''} ${jobs[i]?.member ?? ''}`, wrong]]));
}

async function imported(npy: string, options: ImportOptions): Promise<{ h5: string; report: ImportReport }> {
  const h5 = scratch.path();
  return { h5, report: await importFiles([join(scratch.folder, npy)], h5, options) };
}

describeWith(['h5py'], "numpy's arrays, imported, are what numpy loads", () => {
  let names: readonly string[] = [];
  beforeAll(() => {
    names = JSON.parse(runPython('npy_arrays.py', ['--make', scratch.folder])) as string[];
  });

  it.each<[string, ImportOptions, (name: string) => boolean]>([
    ['by default', {}, () => true],
    ['in one compound where they are structures', { as: 'table', name: 'here' }, (name) => name.startsWith('structure') && name !== 'structure.npy'],
    ['without filters', { gzip: 0, shuffle: false }, () => true],
    ['with text of variable length', { strings: 'variable' }, (name) => name.startsWith('long_texts')],
  ])('%s', async (_, options, isMeant) => {
    const jobs: Job[] = [];
    for (const name of names.filter((found) => found.endsWith('.npy') && isMeant(found))) {
      const { h5, report } = await imported(name, options);
      const isSplit = name.startsWith('structure') && options.as === undefined;
      const own = options.name ?? name.slice(0, -4);
      const place = isSplit || name === 'version_3.npy' ? '/' : `/${own}`;
      expect([...report.tables, ...report.arrays].every(({ path }) => path.startsWith(place))).toBe(true);
      jobs.push({ npy: join(scratch.folder, name), member: null, h5, place });
    }
    expect(jobs.length).toBeGreaterThan(0);
    expect(differences(jobs)).toEqual([]);
  }, 300_000);

  it.each(['stored.npz', 'deflated.npz'])('each member of %s', async (name) => {
    const { h5, report } = await imported(name, { group: 'all' });
    const paths = [...report.arrays, ...report.tables].map(({ path }) => path.split('/')[2] ?? '');
    const members = [...new Set(paths)];
    expect(members.length).toBeGreaterThan(80);
    expect(differences(members.map((member) => ({ npy: join(scratch.folder, name), member, h5, place: `/all/${member}` })))).toEqual([]);
  }, 300_000);

  it('the comparison finds what is planted', async () => {
    const { h5 } = await imported('le_f8.npy', {});
    const jobs = ['be_f8', 'le_f4', 'large'].map((other) => ({ npy: join(scratch.folder, `${other}.npy`), member: null, h5, place: '/le_f8' }));
    expect(compare(jobs).map(([first]) => first?.replace(/.*: /, ''))).toEqual(['float64 instead of >f8', 'float64 instead of float32', 'shape (7, 5) instead of (1200, 3000)']);
  });
});
