import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FreestoneError } from '../../lib/errors.js';
import { allocate, free, normalise, reserve } from '../../lib/extents/index.js';
import { H5File, type Dataset } from '../../lib/hdf5/index.js';
import { directorySources, externalList, externalSegments, type Directory, type DirectorySource } from '../../lib/placement/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { describeWith, runPython } from '../interop/readers.js';

const scratch = scratchFolder();
const extentSize = 64;
let folders = 0;

/** Directories with so many extents each. */
function directories(...extents: readonly number[]): Directory[] {
  return extents.map((count, i) => {
    folders += 1;
    const path = join(scratch.folder, `disk-${String(folders)}`);
    mkdirSync(path);
    return { path, freeBytes: count * extentSize, tags: [`rack=${String(i % 2)}`] };
  });
}

const sourcesOf = (list: readonly Directory[]): Promise<DirectorySource[]> => directorySources(list, { fileName: 'data.raw', extentSize });

async function rejection(action: () => unknown): Promise<FreestoneError> {
  try {
    await action();
  } catch (error) {
    return error as FreestoneError;
  }
  throw new Error('nothing was thrown');
}

describe('directories as sources', () => {
  it('have the free space behind their data file as extents', async () => {
    const [first = { path: '' }, second = { path: '' }] = directories(5, 3);
    writeFileSync(join(first.path, 'data.raw'), Buffer.alloc(extentSize + 1));
    const sources = await sourcesOf([first, second]);
    expect(sources).toMatchObject([
      { areas: [{ start: 2, length: 4 }], totalExtents: 6, handle: { directory: first.path, path: join(first.path, 'data.raw'), extentSize } },
      { areas: [{ start: 0, length: 3 }], totalExtents: 3 },
    ]);
    expect(sources[0]?.tags).toEqual(['rack=0', `device=${String(statSync(first.path).dev)}`]);
  });

  it('share what their file system has free', async () => {
    const [first = { path: '' }, second = { path: '' }] = directories(0, 0).map(({ path }) => ({ path }));
    const total = (sources: readonly DirectorySource[]): number => sources.reduce((sum, { areas }) => sum + areas.reduce((all, { length }) => all + Number(length), 0), 0);
    const [alone, both] = [await sourcesOf([first]), await sourcesOf([first, second])];
    expect(total(alone)).toBeGreaterThan(0);
    expect(total(both) / total(alone)).toBeCloseTo(1, 1);
  });

  it('leave a reserve alone', async () => {
    const [directory = { path: '' }] = directories(5);
    expect((await sourcesOf([{ ...directory, reserveBytes: 2 * extentSize }]))[0]?.totalExtents).toBe(3);
    expect((await sourcesOf([{ ...directory, reserveBytes: 99 * extentSize }]))[0]?.areas).toEqual([]);
  });

  it('are directories that are there, each named once', async () => {
    const [directory = { path: '' }] = directories(5);
    const file = join(directory.path, 'file');
    writeFileSync(file, '');
    expect(await rejection(() => sourcesOf([{ path: join(directory.path, 'none') }]))).toMatchObject({ code: 'ENOENT' });
    expect(await rejection(() => sourcesOf([{ path: file }]))).toMatchObject({ code: 'ENOTDIR' });
    expect(await rejection(() => sourcesOf([directory, { path: `${directory.path}/.` }]))).toMatchObject({ code: 'ERR_EXISTS' });
    for (const wrong of [{ path: '' }, { path: 3 }, { path: directory.path, tag: 'a' }, { path: directory.path, tags: 'a' }, { path: directory.path, freeBytes: -1 }]) {
      expect(await rejection(() => sourcesOf([wrong as never]))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
    for (const fileName of ['', '..', 'a/b', 3]) {
      expect(await rejection(() => directorySources([directory], { fileName: fileName as string }))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
  });
});

describe('a placement as an external list', () => {
  it('goes round the slots, an extent of each at a time', async () => {
    const sources = await sourcesOf(directories(9, 9));
    const [a, b] = sources.map(({ handle }) => handle.path);
    const result = allocate({ sources, parallelAreas: 2, extentsNeeded: 4 });
    expect(externalList(result)).toEqual([
      { path: a, offset: 0, size: 64 },
      { path: b, offset: 0, size: 64 },
      { path: a, offset: 64, size: 64 },
      { path: b, offset: 64, size: 64 },
    ]);
    expect(externalList(result, { stripe: 2, bytes: 200 })).toEqual([
      { path: a, offset: 0, size: 128 },
      { path: b, offset: 0, size: 72 },
    ]);
  });

  it('joins neighbours', async () => {
    const sources = await sourcesOf(directories(9));
    expect(externalList(allocate({ sources, extentsNeeded: 5 }))).toEqual([{ path: sources[0]?.handle.path, offset: 0, size: 5 * 64 }]);
  });

  it('comes back as the segments that were placed', async () => {
    const sources = await sourcesOf(directories(9, 5, 7));
    const result = allocate({ sources, parallelAreas: 3, extentsNeeded: 12 });
    const segments = externalSegments(externalList(result, { bytes: 12 * 64 - 5 }), sources);
    expect(segments.map(({ source, start, length }) => [source, start, length])).toEqual([[0, 0, 4], [1, 0, 4], [2, 0, 4]]);
    expect(normalise(free(reserve(sources, result), segments)).map(({ areas }) => areas)).toEqual(sources.map(({ areas }) => areas));
  });

  it('is refused for what HDF5 cannot say', async () => {
    const sources = await sourcesOf(directories(9, 9, 9));
    const refused = (result: Parameters<typeof externalList>[0]) => rejection(() => externalList(result));
    expect(await refused(allocate({ sources, mirrors: 2, extentsNeeded: 2 }))).toMatchObject({ code: 'ERR_UNSUPPORTED' });
    expect(await refused(allocate({ sources, segmentType: 'raid5', dataAreas: 2, extentsNeeded: 2 }))).toMatchObject({ code: 'ERR_UNSUPPORTED' });
    expect(await refused(allocate({ sources, extentsNeeded: 2, logAreas: 1, logLength: 1 }))).toMatchObject({ code: 'ERR_UNSUPPORTED' });
    expect(await refused(allocate({ sources: [{ handle: 'x', areas: [{ start: 0, length: 9 }] }], extentsNeeded: 2 }))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    const linear = allocate({ sources, extentsNeeded: 2 });
    expect(await rejection(() => externalList(linear, { bytes: 129 }))).toMatchObject({ code: 'ERR_INVALID_SIZE', missing: 1 });
    expect(await rejection(() => externalSegments([{ path: 'x', offset: 0, size: 64 }], sources))).toMatchObject({ code: 'ERR_NOT_FOUND' });
    const path = sources[0]?.handle.path ?? '';
    expect(await rejection(() => externalSegments([{ path, offset: 1, size: 64 }], sources))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(await rejection(() => externalSegments([{ path, offset: 0, size: null }], sources))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});

describeWith(['h5py'], 'a dataset striped over directories', () => {
  it('is read by h5py, and its list leads back to its extents', async () => {
    const sources = await sourcesOf(directories(20, 20, 20, 20));
    const values = Float64Array.from({ length: 100 }, (_, i) => i / 3);
    const extentsNeeded = Math.ceil(values.byteLength / extentSize / 2) * 2;
    const result = allocate({ sources, parallelAreas: 2, extentsNeeded, spread: 'rack' });
    expect(result.relaxation).toBeUndefined();

    const path = scratch.path();
    const file = await H5File.create(path);
    await file.root.createDataset('x', { data: values, external: externalList(result, { bytes: values.byteLength }) });
    await file.close();

    const seen = JSON.parse(runPython('read_external.py', [path, 'x'])) as { values: number[]; external: unknown[] };
    expect(seen.values).toEqual([...values]);
    expect(seen.external.length).toBe(Math.ceil(values.byteLength / extentSize));
    expect(readFileSync(sources[1]?.handle.path ?? '').subarray(0, 64)).toEqual(Buffer.from(values.buffer, 64, 64));

    const again = await H5File.open(path, 'r');
    const segments = externalSegments((again.root.get('x') as Dataset).external ?? [], sources);
    await again.close();
    const used = (list: readonly { source: number; length: number }[]) => list.map(({ source, length }) => [source, length]);
    expect(used(segments)).toEqual([[0, 7], [1, 6]]);
  });
});
