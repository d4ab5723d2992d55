// The calls that do their work before they return, alone and among those that do not.
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type Dataset, H5File, gzip, shuffle, t, type DatasetSpec } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { dataset, read } from './h5py.js';
import { describeWith } from './readers.js';

const scratch = scratchFolder();
const numbers = (count: number): Float64Array => Float64Array.from({ length: count }, (_, i) => i);

describeWith(['h5py'], 'synchronous calls', () => {
  it('write the same as the others', async () => {
    const specs: Record<string, DatasetSpec> = {
      contiguous: { data: numbers(100_000) },
      small: { data: Int16Array.of(1, 2, 3) },
      chunked: { data: numbers(10_000), chunks: [1000] },
      texts: { data: ['a', 'bc', ''] },
      'deep/er': { data: numbers(10_000), chunks: [3000], filters: [shuffle(), gzip(4)] },
      ghost: { dtype: 'int32', shape: [5] },
    };
    const [later, atOnce] = [scratch.path(), scratch.path()];
    const a = await H5File.create(later);
    for (const [name, spec] of Object.entries(specs)) await a.root.createDataset(name, spec);
    const x = await a.root.createDataset('x', { dtype: 'int32', shape: [0], maxShape: [null], chunks: [64] });
    for (let i = 0; i < 20; i += 1) await x.append(new Int32Array(37).fill(i));
    await a.flush();
    await x.resize([700]);
    await x.write(Int32Array.of(-1), { start: [5], count: [1] });
    await a.close();

    const b = H5File.createSync(atOnce);
    for (const [name, spec] of Object.entries(specs)) b.root.createDatasetSync(name, spec);
    const y = b.root.createDatasetSync('x', { dtype: 'int32', shape: [0], maxShape: [null], chunks: [64] });
    for (let i = 0; i < 20; i += 1) y.appendSync(new Int32Array(37).fill(i));
    b.flushSync();
    y.resizeSync([700]);
    y.writeSync(Int32Array.of(-1), { start: [5], count: [1] });
    b.closeSync();
    const [one, other] = [read(later), read(atOnce)];
    for (const name of [...Object.keys(specs), 'x']) expect(dataset(other, `/${name}`)).toEqual(dataset(one, `/${name}`));
  });

  it('read what is there, whatever of it is still on its way', async () => {
    const path = scratch.path();
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', { dtype: 'int32', shape: [0], maxShape: [null], chunks: [500], filters: [gzip(1)] });
    // None of these is waited for.
    const calls = Array.from({ length: 50 }, (_, i) => x.append(new Int32Array(777).fill(i)));
    const whole = file.root.createDataset('whole', { data: numbers(500_000) });
    const flush = file.flush();
    expect(x.readSync({ start: [776], count: [2] })).toEqual(Int32Array.of(0, 1));
    x.appendSync(Int32Array.of(-5));
    expect(x.shape).toEqual([50 * 777 + 1]);
    expect((file.root.get('whole') as Dataset).readSync({ start: [499_999], count: [1] })).toEqual(Float64Array.of(499_999));
    file.closeSync();
    await Promise.all([...calls, whole, flush]);
    expect(dataset(read(path), '/x').values.at(-1)).toBe('-5');
    using back = H5File.openSync(path);
    const into = new Int32Array(3);
    expect((back.root.get('x') as Dataset).readSync({ start: [777], count: [3] }, { into })).toBe(into);
    expect(into).toEqual(Int32Array.of(1, 1, 1));
  });

  it('fill a table and take iterables, but not what comes later', () => {
    const path = scratch.path();
    {
      using file = H5File.createSync(path);
      for (const layout of ['rows', 'columns'] as const) {
        const table = file.root.createTableSync(layout, { n: 'int32', name: t.string(4) }, { layout });
        table.appendSync([{ n: 1, name: 'a' }, { n: 2, name: 'b' }]);
        table.appendSync({ n: Int32Array.of(3), name: ['c'] });
        expect(table.rows).toBe(3);
      }
      const x = file.root.createDatasetSync('x', { dtype: 'int16', shape: [0], maxShape: [null], chunks: [2] });
      x.appendSync([1, 2].values());
      const later = (async function* () { yield await Promise.resolve(1); })() as never;
      expect(() => { x.appendSync(later); }).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }) as Error);
    }
    const seen = read(path);
    expect(dataset(seen, '/columns/n').values).toEqual(['1', '2', '3']);
    expect(dataset(seen, '/x').values).toEqual(['1', '2']);
  });

  it('fail as the others do, and leave what was there before', () => {
    const path = scratch.path();
    const file = H5File.createSync(path);
    const code = (name: string): Error => expect.objectContaining({ code: name }) as Error;
    expect(() => H5File.createSync(path)).toThrow(code('ERR_EXISTS'));
    expect(() => H5File.openSync('/nowhere/x.h5')).toThrow(code('ENOENT'));
    expect(() => file.root.createDatasetSync('bad/x', { dtype: 'int8', shape: [1], data: [300] })).toThrow(code('ERR_TYPE_MISMATCH'));
    expect([...file.root.keys()]).toEqual([]);
    const x = file.root.createDatasetSync('x', { dtype: 'int8', shape: [2], chunks: [1] });
    expect(() => { x.writeSync([1, 2, 3]); }).toThrow(code('ERR_INVALID_SIZE'));
    expect(() => { x.resizeSync([9]); }).toThrow(code('ERR_LIMIT_EXCEEDED'));
    expect(() => { x.appendSync([1]); }).toThrow(code('ERR_LIMIT_EXCEEDED'));
    // From a getter of the data, within the call that writes it.
    const p = file.root.createDatasetSync('p', { dtype: t.compound({ a: 'int32' }), shape: [1] });
    const row = { get a(): number { x.writeSync([1, 2]); return 1; } };
    expect(() => { p.writeSync([row]); }).toThrow(code('ERR_UNSUPPORTED'));
    x.writeSync([1, 2]);
    file.closeSync();
    file.closeSync();
    expect(() => { x.writeSync([1, 2]); }).toThrow(code('ERR_CLOSED'));
    expect(() => { file.flushSync(); }).toThrow(code('ERR_CLOSED'));
    expect(dataset(read(path), '/x').values).toEqual(['1', '2']);
  });

  it('write and read external files, but not while one is in use', async () => {
    const path = scratch.path();
    const raw = scratch.path('.raw');
    writeFileSync(raw, '');
    const file = H5File.createSync(path);
    const x = file.root.createDatasetSync('x', { dtype: 'float64', shape: [10], external: [{ path: raw, offset: 0, size: 80 }] });
    const writing = x.write(numbers(10));
    expect(() => x.readSync()).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }) as Error);
    await writing;
    x.writeSync(Float64Array.of(7), { start: [3], count: [1] });
    expect(x.readSync({ start: [2], count: [3] })).toEqual(Float64Array.of(2, 7, 4));
    file.closeSync();
    expect(dataset(read(path), '/x').values).toHaveLength(10);
  });
});
