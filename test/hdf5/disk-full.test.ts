// A disk without room: the error says so, the file stays as of the last flush, and when there is room again it goes on.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { H5File, gzip, type Dataset, type Group } from '../../lib/hdf5/index.js';
import { dataset, read } from '../interop/h5py.js';
import { floatDigits } from '../interop/kinds.js';
import { isAvailable } from '../interop/readers.js';
import { compileInto } from './compiled.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();

/** A file system of one megabyte, where this process may make one. */
const disk = join(scratch.folder, 'disk');
mkdirSync(disk);
const mounted = process.platform === 'linux' && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status === 0;
if (!mounted) console.warn('skipped: a full file system: this process may not mount one');
afterAll(() => {
  if (mounted) spawnSync('umount', [disk]);
});

const noise = (length: number): Float64Array => Float64Array.from({ length }, () => Math.random());
const errorOf = (call: Promise<unknown>): Promise<unknown> => call.then(() => undefined, (error: unknown) => error);

describe.skipIf(!mounted)('on a file system that is full', () => {
  const ballast = join(disk, 'ballast');
  const path = join(disk, 'x.h5');
  const fill = (bytes: number): void => {
    writeFileSync(ballast, Buffer.alloc(bytes));
  };
  const empty = (): void => {
    rmSync(ballast, { force: true });
    rmSync(path, { force: true });
  };

  const expectNoSpace = (error: unknown): void => {
    expect(error).toBeInstanceOf(FreestoneError);
    expect(error).toMatchObject({ code: 'ENOSPC', syscall: 'write', path });
    expect((error as Error).message).toContain('no space left');
  };

  /** What a reader sees while the writer still has the file. */
  function rowsNow(): number {
    const copy = scratch.path('.copy');
    copyFileSync(path, copy);
    return dataset(read(copy), '/rows').shape[0] ?? -1;
  }

  it.skipIf(!isAvailable('h5py'))('appends fail with ENOSPC, the file is as of the last flush, and a flush works once there is room', async () => {
    empty();
    fill(500_000);
    const file = await H5File.create(path);
    const rows = await file.root.createDataset('rows', { dtype: 'float64', shape: [0], maxShape: [null], chunks: [1000], filters: [gzip(1)] });
    const good: Float64Array[] = [noise(1000), noise(1000)];
    for (const part of good) await rows.append(part);
    await file.flush();
    let failure: unknown;
    while (failure === undefined) {
      const part = noise(1000);
      failure = await errorOf(rows.append(part));
      // What was refused has not been taken. What was taken before and could not be written is kept.
      if (failure === undefined) good.push(part);
    }
    expect(rows.shape).toEqual([good.length * 1000]);
    expectNoSpace(failure);
    expectNoSpace(await errorOf(file.flush()));
    expectNoSpace(await errorOf(file.flush()));
    expect(rowsNow()).toBe(2000);
    rmSync(ballast);
    await file.flush();
    expect(rowsNow()).toBe(good.length * 1000);
    await rows.append(new Float64Array(1000).fill(1));
    await file.close();
    const { values } = dataset(read(path), '/rows');
    expect(values).toEqual([...good.flatMap((part) => [...part]), ...Array<number>(1000).fill(1)].map((value) => floatDigits(value, 8)));
  });

  it('no column of a table has more rows than another, and once there is room all that was taken is there', async () => {
    empty();
    fill(400_000);
    const file = await H5File.create(path);
    const table = await file.root.createTable('t', { a: 'float64', b: 'float32', c: 'int16' }, { layout: 'columns', chunkRows: 1000 });
    const part = (first: number): Record<'a' | 'b' | 'c', number[]> => {
      const rows = Array.from({ length: 700 }, (_, i) => (first + i) % 30_000);
      return { a: rows, b: rows, c: rows };
    };
    await file.flush();
    let rows = 0;
    const failures: unknown[] = [];
    while (failures.length < 3) {
      const failure = await errorOf(table.append(part(rows)));
      if (failure === undefined) rows += 700;
      else failures.push(failure);
      const shapes = table.columns.map((name) => ((table.object as Group).get(name) as Dataset).shape);
      expect(shapes).toEqual([[rows], [rows], [rows]]);
    }
    for (const failure of failures) {
      expectNoSpace(failure);
      expect(['a', 'b', 'c']).toContain((failure as FreestoneError)['column']);
    }
    rmSync(ballast);
    await table.append(part(rows));
    await file.close();
    await using back = await H5File.open(path);
    for (const name of ['a', 'b', 'c']) {
      const values = [...((await (back.root.get(`t/${name}`) as Dataset).read()) as Float64Array)];
      expect(values).toEqual(Array.from({ length: rows + 700 }, (_, i) => i % 30_000));
    }
  });

  it('a dataset that does not fit is not there, and what fits beside it is', async () => {
    empty();
    const file = await H5File.create(path);
    expectNoSpace(await errorOf(file.root.createDataset('large', { data: noise(200_000), chunks: [20_000], filters: [gzip(1)] })));
    expect(file.root.has('large')).toBe(false);
    expectNoSpace(await errorOf(file.root.createDataset('large', { data: noise(200_000) })));
    expect([...file.root.keys()]).toEqual([]);
    await file.abort();
    await using back = await H5File.open(path);
    expect([...back.root.keys()]).toEqual([]);
  });

  it('a large dataset that does not fit is refused before its first byte', async () => {
    empty();
    const file = await H5File.create(path);
    const before = statSync(path).size;
    const error = await errorOf(file.root.createDataset('large', { data: new Float64Array(2 ** 21) }));
    expect(error).toMatchObject({ code: 'ENOSPC', path });
    expect(statSync(path).size).toBe(before);
    await file.root.createDataset('small', { data: [1, 2, 3] });
    await file.close();
    await using back = await H5File.open(path);
    expect([...back.root.keys()]).toEqual(['small']);
  });

  it('close fails with ENOSPC, and leaves the file closed and as of the last flush', async () => {
    empty();
    fill(900_000);
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', { dtype: 'float64', shape: [0], maxShape: [null], chunks: [50_000], filters: [gzip(1)] });
    await file.flush();
    await x.append(noise(40_000));
    const closing = file.close();
    expectNoSpace(await errorOf(closing));
    expect(file.close()).toBe(closing);
    rmSync(ballast);
    await using back = await H5File.open(path);
    expect((back.root.get('x') as Dataset).shape).toEqual([0]);
  });

  it('an append that goes straight to the file and does not fit leaves nothing of itself, also where the dataset grows again', async () => {
    empty();
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', { dtype: 'float64', shape: [0], maxShape: [null], chunks: [10_000] });
    const first = noise(5000);
    await x.append(first);
    await file.flush();
    fill(500_000);
    expectNoSpace(await errorOf(x.append(noise(70_000))));
    expect(x.shape).toEqual([5000]);
    rmSync(ballast);
    await x.resize([40_000]);
    const expected = new Float64Array(40_000);
    expected.set(first);
    expect(await x.read()).toEqual(expected);
    await file.close();
    await using back = await H5File.open(path);
    expect(await (back.root.get('x') as Dataset).read()).toEqual(expected);
  });

  it('a file that cannot even be begun is not left', async () => {
    empty();
    fill(2 ** 20 - 4096);
    writeFileSync(join(disk, 'more'), Buffer.alloc(1));
    expect(await errorOf(H5File.create(path))).toMatchObject({ code: 'ENOSPC' });
    rmSync(ballast);
    rmSync(join(disk, 'more'));
    await (await H5File.create(path)).close();
  });
});

const hasLimits = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0;
if (!hasLimits) console.warn('skipped: a limit of file size: there is no prlimit');

describe.skipIf(!hasLimits || !isAvailable('h5py'))('a process that may not write more', () => {
  let child: (name: string) => string;
  beforeAll(() => {
    child = compileInto(join(scratch.folder, 'compiled'));
  });

  it('gets EFBIG, keeps the file as of the last flush, and goes on when it may', () => {
    const path = scratch.path();
    // In the shell's units of 1024 bytes.
    const { stdout, stderr } = spawnSync('bash', ['-c', 'ulimit -S -f 300; exec "$@"', 'bash', process.execPath, child('limited-writer'), path], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const { codes, flush, large, written, kept } = JSON.parse(stdout) as { codes: string[]; flush: string; large: string; written: number; kept: number };
    expect({ codes, flush, large }).toEqual({ codes: ['EFBIG'], flush: 'EFBIG', large: 'EFBIG' });
    expect(written).toBeGreaterThan(10_000);
    const atLimit = read(`${path}.full`);
    expect(dataset(atLimit, '/rows').shape).toEqual([0]);
    expect(dataset(atLimit, '/first').values).toEqual(['1', '2', '3']);
    const after = read(path);
    expect(dataset(after, '/first').values).toEqual(['4', '5', '6']);
    expect(dataset(after, '/rows').shape).toEqual([kept + 1000]);
    expect(kept).toBeGreaterThanOrEqual(written);
    expect(dataset(after, '/rows').values.slice(kept)).toEqual(Array<string>(1000).fill(floatDigits(7, 8)));
    // No row that was written is a zero, which random numbers are not.
    expect(dataset(after, '/rows').values.slice(0, written)).not.toContain('0');
    expect(Object.keys(after)).not.toContain('/large');
  });
});
