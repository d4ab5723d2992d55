// Attributes that come, change and go, in files that are written, opened again and read.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { H5File } from '../../../lib/hdf5/index.js';
import { scratchFolder } from '../scratch.js';

const scratch = scratchFolder();
const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'long name', 'grün');
const value = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.string({ maxLength: 30 }).filter((text) => !text.includes('\0')), fc.array(fc.integer(), { minLength: 1, maxLength: 40 }));
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), name, value }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
);

describe('the attributes of an object', () => {
  it('are those that were set last, in the order in which their names came', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.boolean(), async (steps, isDataset) => {
        const path = scratch.path();
        const file = await H5File.create(path);
        const object = isDataset ? await file.root.createDataset('x', { data: [1, 2] }) : file.root.createGroup('x');
        const model = new Map<string, unknown>();
        for (const one of steps) {
          if (one.kind === 'flush') await file.flush();
          else if (one.kind === 'delete') expect(object.attrs.delete(one.name)).toBe(model.delete(one.name));
          else {
            object.attrs.set(one.name, one.value);
            model.set(one.name, one.value);
          }
          for (const [key, wanted] of model) expect(object.attrs.get(key)).toEqual(wanted);
        }
        const check = ({ attrs }: typeof object): void => {
          expect([...attrs.keys()]).toEqual([...model.keys()]);
          expect(attrs.size).toBe(model.size);
          for (const [key, wanted] of model) {
            expect(attrs.has(key)).toBe(true);
            expect(attrs.get(key)).toEqual(wanted);
          }
          expect(attrs.get('none')).toBeUndefined();
          expect(attrs.has('none')).toBe(false);
        };
        check(object);
        await file.close();
        const back = await H5File.open(path);
        check(back.root.get('x'));
        await back.close();
      }),
      { numRuns: 100 },
    );
  });
});
