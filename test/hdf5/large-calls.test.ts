// Calls of many sizes: small ones are gathered, large ones go to the file within the call, and they follow each other in any order.
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { H5File, gzip, t, type Dataset } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
/** Elements of a chunk: 96 KiB. */
const CHUNK = 12_288;
let next = 0;
const values = (count: number): Float64Array => Float64Array.from({ length: count }, () => (next += 1));

/** A size in elements: a few, about 64 KiB (from where on it matters), one chunk, several. */
const size = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 8100, max: 8300 }), fc.constant(CHUNK), fc.integer({ min: 1, max: 3 * CHUNK }));
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('append' as const), size, now: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('write' as const), size, at: fc.nat(), now: fc.boolean() }) },
  fc.record({ kind: fc.constant('resize' as const), size, now: fc.boolean() }),
  fc.record({ kind: fc.constant('read' as const), size, at: fc.nat(), now: fc.boolean() }),
  fc.record({ kind: fc.constant('flush' as const), now: fc.boolean() }),
);

describe.each([
  ['unfiltered chunks', {}],
  ['unfiltered chunks with a fill value', { fill: -1 }],
  ['chunks with gzip', { filters: [gzip(1)] }],
  ['unfiltered chunks of which one fits into memory', { chunkCache: 0 }],
])('%s', (_, options) => {
  it('hold what a model holds, whatever the sizes and the order of calls, and whether they wait', async () => {
    const fill = 'fill' in options ? options.fill : 0;
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 20 }), async (operations) => {
        const path = scratch.path();
        const file = await H5File.create(path);
        const dataset = await file.root.createDataset('x', { dtype: 'float64', shape: [0], maxShape: [null], chunks: [CHUNK], ...options });
        let model = new Float64Array(0);
        const pending: Promise<unknown>[] = [];
        for (const one of operations) {
          const at = 'at' in one && model.length > 0 ? one.at % model.length : 0;
          const count = 'size' in one ? Math.min(one.size, model.length - at) : 0;
          const selection = { start: [at], count: [count] };
          if (one.kind === 'append') {
            const data = values(one.size);
            const grown = new Float64Array(model.length + data.length);
            grown.set(model);
            grown.set(data, model.length);
            model = grown;
            if (one.now) dataset.appendSync(data);
            else pending.push(dataset.append(data));
          } else if (one.kind === 'write') {
            const data = values(count);
            model.set(data, at);
            if (one.now) dataset.writeSync(data, selection);
            else pending.push(dataset.write(data, selection));
          } else if (one.kind === 'resize') {
            const resized = new Float64Array(one.size).fill(fill);
            resized.set(model.subarray(0, one.size));
            model = resized;
            if (one.now) dataset.resizeSync([one.size]);
            else pending.push(dataset.resize([one.size]));
          } else if (one.kind === 'read') {
            if (one.now) expect(dataset.readSync(selection)).toEqual(model.slice(at, at + count));
            else expect(await dataset.read(selection)).toEqual(model.slice(at, at + count));
          } else if (one.now) file.flushSync();
          else pending.push(file.flush());
        }
        await Promise.all(pending);
        expect(await dataset.read()).toEqual(model);
        await file.close();
        await using back = await H5File.open(path);
        expect(await (back.root.get('x') as Dataset).read()).toEqual(model);
      }),
      { numRuns: 15 },
    );
  });
});

it('many large writes that nobody awaits arrive', async () => {
  await using file = await H5File.create(scratch.path());
  const dataset = await file.root.createDataset('x', { dtype: 'float64', shape: [64 * 131_072] });
  const data = values(131_072);
  const writes = Array.from({ length: 64 }, (_, i) => dataset.write(data, { start: [i * data.length], count: [data.length] }));
  await Promise.all(writes);
  expect(await dataset.read({ start: [63 * data.length], count: [data.length] })).toEqual(data);
});

it('appends that are awaited one by one leave other work its turns, however they are done', async () => {
  await using file = await H5File.create(scratch.path());
  const table = await file.root.createTable('x', { a: 'float64', b: 'int32', text: t.string(4) }, { chunkRows: 5000 });
  const rows = { a: values(20_000), b: new Int32Array(20_000), text: Array.from({ length: 20_000 }, () => 'text') };
  // As on a machine that is so slow.
  let clock = 0;
  const slow = vi.spyOn(performance, 'now').mockImplementation(() => (clock += 5));
  let [turns, isOver] = [0, false];
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  for (let i = 0; i < 20; i += 1) await table.append(rows);
  isOver = true;
  slow.mockRestore();
  expect(turns).toBeGreaterThan(5);
});
