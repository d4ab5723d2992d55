// Random datasets, and random sequences of writes, appends, resizes and flushes on them, read by h5py and by
// this package and compared with a model.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { H5File, type Dataset } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { asPrinted, flushed } from './comparison.js';
import { dump, dumpedDataset } from './h5dump.js';
import { readAll, dataset } from './h5py.js';
import type { ModelArray } from './model-array.js';
import { expectRead, expected, play, randomCase, type RandomCase } from './random-case.js';
import { describeWith, isAvailable } from './readers.js';

const scratch = scratchFolder();
const dumpedPerBatch = 4;
/** A whole number of times as many cases, for long runs. */
const effort = Number(process.env['FREESTONE_EFFORT'] ?? 1);

/** All of every dataset, and of each one box in memory of our own, by this package. */
async function expectReadBack(path: string, cases: readonly RandomCase[], models: readonly ModelArray<unknown>[]): Promise<void> {
  await using file = await H5File.open(path);
  for (const [i, { kind }] of cases.entries()) {
    const found = file.root.get(`dataset ${String(i)}`) as Dataset;
    const model = models[i];
    if (model === undefined) throw new Error('there is a model of each');
    expect(found.shape).toEqual(model.shape);
    await expectRead(found, kind, model, { start: model.shape.map(() => 0), count: model.shape }, false);
    const box = { start: model.shape.map((extent) => Math.floor(extent / 3)), count: model.shape.map((extent) => Math.ceil(extent / 2)) };
    await expectRead(found, kind, model, box, true);
  }
}

describeWith(['h5py'], 'whatever is done to a dataset', () => {
  it('h5py and h5dump find what the model says', async () => {
    // One Python process reads all the files of a run; a counterexample shrinks to one of them.
    const batch = fc.array(fc.array(randomCase, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 40, size: 'max' });
    await fc.assert(
      fc.asyncProperty(batch, async (files) => {
        const played = await Promise.all(
          files.map(async (cases) => {
            const path = scratch.path('.h5');
            await using file = await H5File.create(path);
            const models = await Promise.all(cases.map((drawn, i) => play(file, `dataset ${String(i)}`, drawn)));
            return { path, models, wanted: cases.map((drawn, i) => expected(drawn, models[i] as never)) };
          }),
        );
        await Promise.all(played.map(({ path, models }, i) => expectReadBack(path, files[i] ?? [], models)));
        const seen = readAll(played.map(({ path }) => path));
        played.forEach(({ path, wanted }, i) => {
          wanted.forEach((one, j) => {
            expect(dataset(seen[i] ?? {}, `/dataset ${String(j)}`)).toMatchObject(one);
          });
          if (i >= dumpedPerBatch || !isAvailable('h5dump')) return;
          const dumped = dump(path);
          wanted.forEach(({ type, values }, j) => {
            const found = dumpedDataset(dumped, `/dataset ${String(j)}`).values;
            // A text that was never written is none to h5dump, or zero bytes where it would be padded with spaces, and empty to h5py.
            const text = JSON.stringify(found.map((value) => flushed(type, asPrinted(type, value)))).replaceAll('"NULL"', '""');
            expect(text.replaceAll('\\u0000', '')).toBe(JSON.stringify(values.map((value) => flushed(type, value))).replaceAll('\\u0000', ''));
          });
        });
      }),
      // The limit is for shrinking: a run that fails says so in time.
      { numRuns: 8 * effort, interruptAfterTimeLimit: 60_000 * effort },
    );
  }, 90_000 * effort);
});
