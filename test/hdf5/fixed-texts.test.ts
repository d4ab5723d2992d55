// Texts of a fixed length, many at a time: the same as each by itself, or refused as it would have been.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { H5File, t, type Dataset } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
const SIZE = 6;
/** More than are encoded together. */
const MANY = 10_000;

const text = fc.oneof(
  { weight: 20, arbitrary: fc.string({ maxLength: SIZE - 1 }) },
  { weight: 1, arbitrary: fc.string({ minLength: SIZE, maxLength: SIZE + 1 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 2 }) },
  { weight: 1, arbitrary: fc.constantFrom('a ', 'a\0', '\0a', ' ', '', 'a\0b') },
);
const options = fc.record({ pad: fc.constantFrom('null', 'space', 'nullterm'), encoding: fc.constantFrom('utf8', 'ascii') }, { requiredKeys: [] });

/** What each value by itself is read as; undefined where one is refused. */
async function eachByItself(path: string, dtype: ReturnType<typeof t.string>, texts: readonly string[]): Promise<unknown[] | undefined> {
  await using file = await H5File.create(path);
  const dataset = await file.root.createDataset('x', { dtype, shape: [texts.length] });
  for (const [i, value] of texts.entries()) {
    try {
      dataset.writeSync([value], { start: [i], count: [1] });
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_TYPE_MISMATCH' });
      return undefined;
    }
  }
  return [...((await dataset.read()) as string[])];
}

it('texts written together are those that each by itself would have been, or refused as it would have been', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 12 }), options, fc.constantFrom(1, MANY), async (few, pads, repeat) => {
      const dtype = t.string(SIZE, pads);
      const expected = await eachByItself(scratch.path(), dtype, few);
      // The odd ones come last, when others have been written already.
      const texts = [...Array.from({ length: repeat }, (_, i) => String(i)), ...few];
      await using file = await H5File.create(scratch.path());
      const writing = file.root.createDataset('x', { dtype, data: texts });
      if (expected === undefined) {
        await expect(writing).rejects.toMatchObject({ code: 'ERR_TYPE_MISMATCH' });
        return;
      }
      expect(await (await writing).read()).toEqual([...texts.slice(0, repeat), ...expected]);
      // Over what was there before, and as a column of a table.
      const dataset = file.root.get('x') as Dataset;
      dataset.writeSync([...texts].reverse());
      expect(dataset.readSync()).toEqual([...texts.slice(0, repeat), ...expected].reverse());
      const table = await file.root.createTable('table', { number: 'int8', text: dtype });
      await table.append({ number: new Int8Array(texts.length), text: texts });
      expect(((await (table.object as Dataset).read()) as { text: string }[]).map((row) => row.text)).toEqual([...texts.slice(0, repeat), ...expected]);
    }),
    { numRuns: 40 },
  );
});

describe('texts of a fixed length come and go as bytes', () => {
  const texts = ['ab', '', 'sixsix', 'é'];
  const bytes = Buffer.alloc(texts.length * SIZE);
  texts.forEach((value, i) => bytes.write(value, i * SIZE));

  it('whole, in part, appended and as a column', async () => {
    await using file = await H5File.create(scratch.path());
    const whole = await file.root.createDataset('whole', { dtype: t.string(SIZE), data: bytes, shape: [2, 2] });
    expect(await whole.read()).toEqual(texts);
    await whole.write(new Uint8Array(bytes.subarray(0, SIZE)), { start: [1, 1], count: [1, 1] });
    expect(whole.readSync()).toEqual(['ab', '', 'sixsix', 'ab']);
    const into = Buffer.alloc(bytes.length, 0xee);
    expect(await whole.read(undefined, { into })).toBe(into);
    expect(into).toEqual(Buffer.concat([bytes.subarray(0, 3 * SIZE), bytes.subarray(0, SIZE)]));
    const growing = await file.root.createDataset('growing', { dtype: t.string(SIZE), shape: [0], maxShape: [null], chunks: [3] });
    for (let i = 0; i < 5; i += 1) await growing.append(bytes);
    expect(await growing.read()).toEqual(Array.from({ length: 5 }, () => texts).flat());
    for (const layout of ['rows', 'columns'] as const) {
      const table = await file.root.createTable(layout, { number: 'int16', text: t.string(SIZE) }, { layout });
      await table.append({ number: Int16Array.of(1, 2, 3, 4), text: bytes });
      const found = file.root.get(layout === 'rows' ? 'rows' : 'columns/text') as Dataset;
      expect(JSON.stringify(await found.read())).toBe(JSON.stringify(layout === 'rows' ? texts.map((value, i) => ({ number: i + 1, text: value })) : texts));
    }
  });

  it('but not in a wrong number, nor where texts have no fixed length', async () => {
    await using file = await H5File.create(scratch.path());
    await expect(file.root.createDataset('x', { dtype: t.string(SIZE), data: bytes.subarray(1) })).rejects.toMatchObject({ code: 'ERR_INVALID_SIZE' });
    await expect(file.root.createDataset('x', { dtype: 'string', data: bytes })).rejects.toMatchObject({ code: 'ERR_TYPE_MISMATCH' });
    await expect(file.root.createDataset('x', { dtype: t.string(SIZE), data: new Int8Array(SIZE) })).rejects.toMatchObject({ code: 'ERR_TYPE_MISMATCH' });
    const x = await file.root.createDataset('x', { dtype: t.string(SIZE), data: bytes });
    await expect(x.read(undefined, { into: new Uint8Array(bytes.length - 1) })).rejects.toMatchObject({ code: 'ERR_INVALID_SIZE' });
  });
});
