// Reading what is small or in memory within the call, packed rows, and many texts at once.
import { describe, expect, it } from 'vitest';
import { H5File, gzip, t, type Dataset } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();

async function reopened(fill: (file: H5File) => Promise<void>): Promise<{ writing: H5File; back: H5File }> {
  const path = scratch.path();
  const writing = await H5File.create(path);
  await fill(writing);
  await writing.close();
  return { writing, back: await H5File.open(path) };
}
const get = (file: H5File, name: string): Dataset => file.root.get(name) as Dataset;

describe('packed rows of a compound', () => {
  const dtype = t.compound({ id: 'int32', value: 'float64', name: t.string(4) });
  const rows = Buffer.alloc(16 * 1000, 1).map((_, i) => (i * 37) % 256);

  it.each([[{}], [{ chunks: [77] }], [{ chunks: [77], filters: [gzip(1)] }]])('come back as bytes, whole and in part (%j)', async (layout) => {
    const { back } = await reopened(async (file) => {
      await file.root.createDataset('x', { dtype, shape: [1000], ...layout });
      await get(file, 'x').write(rows);
    });
    const x = get(back, 'x');
    const whole = Buffer.alloc(16_000);
    expect(await x.read(undefined, { into: whole })).toBe(whole);
    expect(whole.equals(rows)).toBe(true);
    const part = new Uint8Array(16 * 300);
    for (const start of [0, 70, 700]) {
      expect(await x.read({ start: [start], count: [300] }, { into: part })).toBe(part);
      expect(Buffer.from(part).equals(rows.subarray(start * 16, (start + 300) * 16))).toBe(true);
      part.fill(0);
      expect(x.readSync({ start: [start], count: [300] }, { into: part })).toBe(part);
      expect(Buffer.from(part).equals(rows.subarray(start * 16, (start + 300) * 16))).toBe(true);
    }
    await back.close();
  });

  it('must have room, and be bytes of a compound without references', async () => {
    const { back } = await reopened(async (file) => {
      await file.root.createDataset('x', { dtype, shape: [10] });
      await file.root.createDataset('texts', { dtype: t.compound({ a: 'string' }), data: [{ a: 'x' }] });
      await file.root.createDataset('fixed', { dtype: t.string(4), data: ['a'] });
    });
    await expect(get(back, 'x').read(undefined, { into: new Uint8Array(159) })).rejects.toMatchObject({ code: 'ERR_INVALID_SIZE', expected: 160, received: 159 });
    await expect(get(back, 'x').read(undefined, { into: new Float64Array(20) })).rejects.toMatchObject({ code: 'ERR_TYPE_MISMATCH' });
    await expect(get(back, 'texts').read(undefined, { into: new Uint8Array(16) })).rejects.toMatchObject({ code: 'ERR_TYPE_MISMATCH' });
    await expect(get(back, 'fixed').read(undefined, { into: new Uint16Array(2) })).rejects.toMatchObject({ code: 'ERR_TYPE_MISMATCH' });
    await back.close();
  });
});

describe('texts of variable length', () => {
  const kinds: Record<string, (i: number) => string> = {
    ascii: (i) => `text ${String(i)} ${'x'.repeat(i % 40)}`,
    unicode: (i) => `grün ${String(i)} ${'€'.repeat(i % 5)} 🙂`,
    empty: (i) => (i % 3 === 0 ? '' : 'a'),
    large: (i) => (i % 500 === 7 ? 'y'.repeat(300_000 + i) : String(i)),
  };
  it.each(Object.keys(kinds))('%s: come back, whole and in part, also while the file is being written', async (kind) => {
    const texts = Array.from({ length: 5000 }, (_, i) => kinds[kind]?.(i) ?? '');
    const path = scratch.path();
    const file = await H5File.create(path);
    const x = await file.root.createDataset('x', { data: texts, dtype: 'string' });
    expect(await x.read()).toEqual(texts);
    await file.root.createDataset('never', { dtype: 'string', shape: [10], chunks: [5] });
    await file.close();
    await using back = await H5File.open(path);
    const read = get(back, 'x');
    expect(await read.read()).toEqual(texts);
    expect(read.readSync()).toEqual(texts);
    expect(await read.read({ start: [1234], count: [777] })).toEqual(texts.slice(1234, 1234 + 777));
    expect(await read.read({ start: [7], count: [1] })).toEqual([texts[7]]);
    expect(await get(back, 'never').read()).toEqual(Array<string>(10).fill(''));
  });
});

describe('parts of chunks', () => {
  it.each([[[]], [[gzip(1)]]])('come from the file and from memory, across chunks and beyond what was written (filters: %j)', async (filters) => {
    const rows = 1000;
    const { back } = await reopened(async (file) => {
      const x = await file.root.createDataset('x', { dtype: 'float64', shape: [rows, 6], chunks: [64, 6], filters, fill: -1 });
      await x.write(Float64Array.from({ length: 700 * 6 }, (_, i) => i), { start: [0, 0], count: [700, 6] });
      const y = await file.root.createDataset('y', { dtype: 'float64', shape: [2000, 700], chunks: [100, 600], filters });
      await y.write(Float64Array.from({ length: 2000 * 700 }, (_, i) => i));
    });
    const at = (row: number, column: number): number => (row < 700 ? row * 6 + column : -1);
    const x = get(back, 'x');
    const into = new Float64Array(10 * 6);
    for (let row = 0; row + 10 <= rows; row += 7) {
      await x.read({ start: [row, 0], count: [10, 6] }, { into });
      expect(into).toEqual(Float64Array.from({ length: 60 }, (_, i) => at(row + Math.floor(i / 6), i % 6)));
    }
    expect(await x.read({ start: [60, 2], count: [10, 2] })).toEqual(Float64Array.from({ length: 20 }, (_, i) => at(60 + Math.floor(i / 2), 2 + (i % 2))));
    expect(x.readSync({ start: [690, 5], count: [20, 1] })).toEqual(Float64Array.from({ length: 20 }, (_, i) => at(690 + i, 5)));
    const y = get(back, 'y');
    for (const [start, count] of [[[90, 0], [300, 600]], [[90, 10], [30, 590]], [[90, 550], [30, 100]], [[0, 599], [2000, 2]]] as const) {
      const got = await y.read({ start, count });
      expect(got).toEqual(Float64Array.from({ length: count[0] * count[1] }, (_, i) => (start[0] + Math.floor(i / count[1])) * 700 + start[1] + (i % count[1])));
    }
    await back.close();
  });

  it('reads of a user’s memory that is too large to be had at once arrive as well', async () => {
    const { back } = await reopened(async (file) => {
      await file.root.createDataset('x', { data: Float64Array.from({ length: 2 ** 19 }, (_, i) => i) });
    });
    const into = new Float64Array(2 ** 19);
    await get(back, 'x').read(undefined, { into });
    expect(into.every((value, i) => value === i)).toBe(true);
    await back.close();
  });
});

describe('many datasets that are alike', () => {
  it('are told apart where they differ in more than their address', async () => {
    const { back } = await reopened(async (file) => {
      for (let i = 0; i < 300; i += 1) {
        await file.root.createDataset(`a${String(i)}`, { data: Float64Array.of(i, i + 1) });
        if (i % 10 === 0) await file.root.createDataset(`b${String(i)}`, { data: Float64Array.of(i, i + 1, i + 2) });
        if (i % 10 === 5) await file.root.createDataset(`c${String(i)}`, { dtype: 'float64', shape: [2] });
        if (i % 10 === 7) (await file.root.createDataset(`d${String(i)}`, { data: Int32Array.of(i, i) })).attrs.set('n', i);
      }
    });
    for (let i = 0; i < 300; i += 1) {
      expect(await get(back, `a${String(i)}`).read()).toEqual(Float64Array.of(i, i + 1));
      if (i % 10 === 0) expect(await get(back, `b${String(i)}`).read()).toEqual(Float64Array.of(i, i + 1, i + 2));
      if (i % 10 === 5) expect(await get(back, `c${String(i)}`).read()).toEqual(new Float64Array(2));
      if (i % 10 === 7) {
        expect(await get(back, `d${String(i)}`).read()).toEqual(Int32Array.of(i, i));
        expect(get(back, `d${String(i)}`).attrs.get('n')).toBe(i);
      }
    }
    await back.close();
  });
});
