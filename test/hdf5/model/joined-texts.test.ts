// Texts are joined by the thousand, but not beyond what a string holds.
import { expect, it } from 'vitest';
import { H5File, t, type Dataset } from '../../../lib/hdf5/index.js';
import { joinedTexts } from '../../../lib/hdf5/model/joined-texts.js';
import { scratchFolder } from '../scratch.js';

const scratch = scratchFolder();
const LONG = 100_000;
const long = Array.from({ length: 40 }, (_, i) => String.fromCharCode(0x61 + (i % 26)).repeat(LONG + i));

it('short ones by the thousand, long ones until there are many characters', () => {
  const short = Array.from({ length: 10_000 }, (_, i) => String(i));
  const some = joinedTexts(short, 100, '\0', 10);
  const count = some?.lengths.length ?? 0;
  expect(count).toBeGreaterThan(1000);
  expect(some?.text).toBe(short.slice(100, 100 + count).map((text) => `${text}\0`).join(''));
  expect(some?.bytes.toString()).toBe(some?.text);
  const few = joinedTexts(long, 0, '', Infinity);
  expect(few?.lengths).toEqual(Uint32Array.from(long.slice(0, 3), ({ length }) => length));
  expect(few?.bytes.toString()).toBe(long.slice(0, 3).join(''));
});

it('none when one is no text or too long, before it is added', () => {
  expect(joinedTexts(['a', 1], 0, '', 10)).toBeNull();
  // Three of them are more than a string holds.
  const huge = 'x'.repeat(2 ** 28);
  expect(joinedTexts([huge, huge, huge], 0, '', 10)).toBeNull();
});

it.each([['variable', 'string'], ['fixed', t.string(LONG + 100)]] as const)('long texts come back, %s', async (_, dtype) => {
  const path = scratch.path();
  {
    await using file = await H5File.create(path);
    await file.root.createDataset('x', { dtype, data: [...long, 'ä'.repeat(1000), 'short'] });
  }
  await using back = await H5File.open(path);
  const found = (await (back.root.get('x') as Dataset).read()) as string[];
  expect(found.every((text, i) => text === ([...long, 'ä'.repeat(1000), 'short'])[i])).toBe(true);
  expect(found).toHaveLength(42);
});
