// From create to close: what may be done when, what survives which ending, and who may open a file meanwhile.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Dataset, Group, H5File, gzip } from '../../lib/hdf5/index.js';
import { endInSuperblock } from '../interop/tools.js';
import { compileInto } from './compiled.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();

async function codeOf(call: () => unknown): Promise<string | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

/** All that can be done to an open file, each by the name of what it does. */
function deeds(file: H5File, group: Group, x: Dataset): readonly (readonly [string, () => unknown])[] {
  return [
    ['createGroup', () => group.createGroup('new')],
    ['createDataset', () => group.createDataset('new', { data: [1] })],
    ['write', () => x.write(new Float64Array(2))],
    ['append', () => x.append([3])],
    ['append of an iterable', () => x.append((async function* () { yield await Promise.resolve([3]); })())],
    ['resize', () => x.resize([1])],
    ['attrs.set', () => { x.attrs.set('new', 1); }],
    ['attrs.delete', () => x.attrs.delete('a')],
    ['flush', () => file.flush()],
  ];
}

describe('a closed file', () => {
  it.each(['close', 'abort'] as const)('after %s refuses everything with ERR_CLOSED, and says what it was', async (ending) => {
    const path = scratch.path(ending === 'close' ? '.h5' : '.aborted');
    const file = await H5File.create(path);
    const group = file.root.createGroup('g');
    const x = await group.createDataset('x', { data: [1, 2], maxShape: [null] });
    x.attrs.set('a', 'text');
    await file.flush();
    await file[ending]();
    for (const [name, deed] of deeds(file, group, x)) expect([name, await codeOf(deed)]).toEqual([name, 'ERR_CLOSED']);
    for (const look of [() => group.get('x'), () => group.has('x'), () => x.attrs.get('a'), () => file.map(), () => group[Symbol.asyncIterator]().next()]) {
      expect(await codeOf(look)).toBe('ERR_CLOSED');
    }
    expect([file.path, x.path, x.shape, x.dtype.name, [...group.keys()]]).toEqual([path, '/g/x', [2], 'float64', ['x']]);
  });

  it('may be closed and aborted again, by all names', async () => {
    const file = await H5File.create(scratch.path());
    const first = file.close();
    expect(file.close()).toBe(first);
    await first;
    await file.close();
    await file.abort();
    await file[Symbol.asyncDispose]();
  });

  it('has the size that its superblock says', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', { dtype: 'float64', shape: [10, 10], chunks: [3, 3], filters: [gzip()] });
    for (let i = 0; i < 5; i += 1) {
      await x.write(new Float64Array(100).fill(i));
      await file.flush();
      expect(endInSuperblock(path)).toBe(statSync(path).size);
    }
    await file.root.createDataset('unwritten', { dtype: 'int8', shape: [1000] });
    await file.close();
    expect(endInSuperblock(path)).toBe(statSync(path).size);
  });
});

describe('closing', () => {
  it('waits for writes that nobody waited for, and keeps them', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', { dtype: 'int32', shape: [0], maxShape: [null], chunks: [10], filters: [gzip()] });
    const appends = Array.from({ length: 100 }, (_, i) => x.append(Int32Array.of(i, i)));
    await file.close();
    await Promise.all(appends);
    expect(x.shape).toEqual([200]);
    await using back = await H5File.open(path);
    expect((back.root.get('x') as Dataset).shape).toEqual([200]);
  });

  it('by `await using` is closing', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      file.root.attrs.set('a', 1);
    }
    await using back = await H5File.open(path);
    expect(back.root.attrs.get('a')).toBe(1);
  });

  it('as of the last flush is what abort does, also with writes under way', async () => {
    const path = scratch.path('.aborted');
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', { dtype: 'int32', shape: [0], maxShape: [null], chunks: [1000], filters: [gzip()] });
    await x.append(Int32Array.of(1, 2, 3));
    await file.flush();
    const late = Array.from({ length: 50 }, () => x.append(new Int32Array(5000)).catch((error: unknown) => (error as { code: string }).code));
    file.root.createGroup('late');
    await file.abort();
    for (const outcome of await Promise.all(late)) expect([undefined, 'ERR_CLOSED']).toContain(outcome);
    await using back = await H5File.open(path);
    expect([...back.root.keys()]).toEqual(['x']);
    expect((back.root.get('x') as Dataset).shape).toEqual([3]);
  });
});

describe('a file open for reading', () => {
  it('refuses every change with ERR_READ_ONLY', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      const x = await file.root.createDataset('g/x', { data: [1, 2], maxShape: [null] });
      x.attrs.set('a', 'text');
    }
    const before = readFileSync(path);
    const file = await H5File.open(path);
    const group = file.root.get('g') as Group;
    const x = group.get('x') as Dataset;
    for (const [name, deed] of deeds(file, group, x)) expect([name, await codeOf(deed)]).toEqual([name, 'ERR_READ_ONLY']);
    expect(x.attrs.get('a')).toBe('text');
    await file.close();
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('is walked by iteration, in the order of creation', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      for (const name of ['z', 'a', 'm']) file.root.createGroup(name);
      await file.root.createDataset('x', { data: [1] });
    }
    await using file = await H5File.open(path, 'r');
    const names: string[] = [];
    for await (const child of file.root) names.push(`${child instanceof Group ? 'group' : 'dataset'} ${child.name} ${child.path}`);
    expect(names).toEqual(['group z /z', 'group a /a', 'group m /m', 'dataset x /x']);
  });
});

describe('an object', () => {
  it('gives copies of what it knows, so that nobody changes it from outside', async () => {
    await using file = await H5File.create(scratch.path());
    const shape = [2, 2];
    const chunks = [1, 2];
    const x = await file.root.createDataset('x', { dtype: 'int8', shape, maxShape: [4, null], chunks, filters: [gzip()] });
    for (const get of [() => x.shape, () => x.maxShape, () => x.chunkShape, () => x.filters] as (() => unknown)[]) {
      const [one, other] = [get(), get()] as [unknown[], unknown[]];
      expect(one).toEqual(other);
      expect(one).not.toBe(other);
      one.length = 0;
      expect(get()).toEqual(other);
    }
    shape[0] = 100;
    chunks[0] = 100;
    expect([x.shape, x.chunkShape]).toEqual([[2, 2], [1, 2]]);
    await x.write(new Int8Array(4));
    await x.resize([3, 2]);
    expect(x.shape).toEqual([3, 2]);
  });

  it('reads back its attributes before and after they are in the file', async () => {
    const path = scratch.path();
    const values = { number: 1.5, text: 'größe', empty: '', bigint: 5n, flag: true, list: ['a', 'b', ''], numbers: [1, 2] };
    {
      await using file = await H5File.create(path);
      for (const [name, value] of Object.entries(values)) file.root.attrs.set(name, value);
      for (const [name, value] of Object.entries(values)) expect(file.root.attrs.get(name)).toEqual(value);
      await file.flush();
      for (const [name, value] of Object.entries(values)) expect(file.root.attrs.get(name)).toEqual(value);
    }
    await using file = await H5File.open(path);
    for (const [name, value] of Object.entries(values)) expect(file.root.attrs.get(name)).toEqual(value);
    expect([...file.root.attrs.keys()]).toEqual(Object.keys(values));
    expect(file.root.attrs.describe('list')).toMatchObject({ shape: [3], dtype: { name: 'string' } });
  });
});

describe('an existing file', () => {
  it('is replaced only when that is asked for', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      await file.root.createDataset('old', { data: new Float64Array(10_000) });
    }
    const before = readFileSync(path);
    expect(await codeOf(() => H5File.create(path))).toBe('ERR_EXISTS');
    expect(readFileSync(path).equals(before)).toBe(true);
    {
      await using file = await H5File.create(path, { overwrite: true });
      file.root.createGroup('new');
    }
    expect(statSync(path).size).toBeLessThan(1000);
    await using file = await H5File.open(path);
    expect([...file.root.keys()]).toEqual(['new']);
  });

  it('of any content is replaced when that is asked for', async () => {
    const path = scratch.path();
    writeFileSync(path, 'something else'.repeat(10_000));
    await (await H5File.create(path, { overwrite: true })).close();
    expect(statSync(path).size).toBeLessThan(1000);
  });
});

describe('a file that is being written', () => {
  it('is locked for this process and for others, and free when it is closed', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const before = readFileSync(path);
    for (const open of [() => H5File.create(path, { overwrite: true }), () => H5File.open(path)]) {
      expect(await codeOf(open)).toBe('ERR_FILE_LOCKED');
    }
    expect(await codeOf(() => H5File.create(path))).toBe('ERR_EXISTS');
    expect(readFileSync(path).equals(before)).toBe(true);

    const child = compileInto(join(scratch.folder, 'compiled'));
    const inAnother = (mode: string): string => {
      const { stdout, stderr } = spawnSync(process.execPath, [child('opener'), path, mode], { encoding: 'utf8' });
      return stdout + stderr;
    };
    expect([inAnother('open'), inAnother('overwrite')]).toEqual(['ERR_FILE_LOCKED', 'ERR_FILE_LOCKED']);
    await file.close();
    expect([inAnother('open'), inAnother('overwrite')]).toEqual(['opened', 'opened']);
    await (await H5File.open(path)).close();
  });

  it('by nobody can be opened by many', async () => {
    const path = scratch.path();
    await (await H5File.create(path)).close();
    const readers = await Promise.all(Array.from({ length: 10 }, () => H5File.open(path)));
    expect(await codeOf(() => H5File.create(path, { overwrite: true }))).toBe('ERR_FILE_LOCKED');
    await Promise.all(readers.map((reader) => reader.close()));
  });

  it('is gone when it was not even begun', async () => {
    const path = join(scratch.folder, 'nowhere', 'x.h5');
    expect(await codeOf(() => H5File.create(path))).toBe('ENOENT');
    expect(existsSync(path)).toBe(false);
  });
});

describe('the map of a file', () => {
  it('has every byte once, also when datasets have changed since the last flush', async () => {
    await using file = await H5File.create(scratch.path());
    const x = await file.root.createDataset('x', { data: Int8Array.from({ length: 64 }, (_, i) => i), shape: [8, 8], maxShape: [8, 8], chunks: [2, 2] });
    await file.root.createDataset('plain', { data: new Float64Array(100) });
    await file.root.createDataset('texts', { data: ['a', 'b'] });
    await file.flush();
    const before = file.map();
    await x.resize([8, 2]);
    expect(file.map()).toEqual(before);
    let at = 0;
    for (const { offset, size } of before) {
      expect(offset).toBe(at);
      at += size;
    }
    const sum = (kind: string, owner: string): number => before.reduce((total, extent) => total + (extent.kind === kind && extent.owner === owner ? extent.size : 0), 0);
    expect(sum('data', '/x')).toBe(64);
    expect(sum('data', '/plain')).toBe(800);
    expect(sum('heap', '')).toBe(4096);
    expect(sum('superblock', '')).toBe(48);
  });
});
