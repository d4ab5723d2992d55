// Attributes of many kinds, side by side in one header.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { H5File, type Data, type DatatypeSpec } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();

/** The first ones differ in a byte or two of their datatype or dataspace alone. */
const kinds: readonly { readonly dtype: DatatypeSpec; readonly value: Data; readonly shape?: readonly number[] }[] = [
  { dtype: 'float64', value: 1.5 },
  { dtype: 'float64be', value: 2.5 },
  { dtype: 'int64', value: -3n },
  { dtype: 'uint64', value: 3n },
  { dtype: 'int32', value: -4 },
  { dtype: 'int32', value: [1, 2], shape: [2] },
  { dtype: 'int32', value: [1, 2, 3], shape: [3] },
  { dtype: 'int32', value: [1, 2, 3, 4, 5, 6], shape: [2, 3] },
  { dtype: 'int32', value: [1, 2, 3, 4, 5, 6], shape: [3, 2] },
  { dtype: 'string', value: 'text' },
  { dtype: 'bool', value: true },
];
const name = fc.oneof(fc.string({ minLength: 1, maxLength: 12 }), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }), fc.constantFrom('é', 'ÿ', '日本', '🙂', 'a'.repeat(300)))
  .filter((text) => !text.includes('\0') && Buffer.from(text).toString() === text);

describe('attributes', () => {
  it('keep their names, types, shapes and values, in whatever order they are read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.tuple(name, fc.nat(kinds.length - 1)), { selector: ([text]) => text, minLength: 1, maxLength: 30 }), fc.nat(), async (wanted, from) => {
        const path = scratch.path();
        const file = await H5File.create(path);
        const group = file.root.createGroup('g');
        for (const [text, number] of wanted) {
          const { value, ...options } = kinds[number] ?? { value: 0 };
          group.attrs.set(text, value, options);
        }
        await file.close();
        const back = await H5File.open(path);
        const { attrs } = back.root.get('g');
        expect([...attrs.keys()]).toEqual(wanted.map(([text]) => text));
        for (let i = 0; i < wanted.length; i += 1) {
          const [text, number] = wanted[(i * 7 + from) % wanted.length] ?? ['', 0];
          const { value, dtype, shape = [] } = kinds[number] ?? {};
          expect(attrs.get(text)).toEqual(value);
          expect(attrs.describe(text)).toMatchObject({ dtype: { name: dtype }, shape });
        }
        await back.close();
      }),
      { numRuns: 60 },
    );
  });
});
