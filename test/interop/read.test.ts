// Elements that are read: what this package wrote comes back as the model says, before and after it is in the file, and what h5py
// wrote is what h5py reads.
import fc from 'fast-check';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { H5File, gzip, shuffle, t, type Dataset, type DatasetValues } from '../../lib/hdf5/index.js';
import { scratchFolder } from '../hdf5/scratch.js';
import { readAll } from './h5py.js';
import { kinds, type Kind } from './kinds.js';
import { positionsIn, product } from './model-array.js';
import { play, randomCase } from './random-case.js';
import { describeWith, runPython } from './readers.js';

const scratch = scratchFolder();

/** The values one by one, in the form in which they are written. */
function each(kind: Kind, values: DatasetValues, shape: readonly number[]): unknown[] {
  const flat = shape.length === 0 ? [values] : [...(values as Iterable<unknown>)];
  if (!kind.name.startsWith('complex') || shape.length === 0) return flat;
  return Array.from({ length: flat.length / 2 }, (_, i) => ({ re: flat[2 * i], im: flat[2 * i + 1] }));
}

/** As the model of random cases prints them. */
const printed = (kind: Kind, values: DatasetValues, shape: readonly number[]): unknown =>
  JSON.stringify(each(kind, values, shape).map((value) => kind.printed(value)));

describe('what was written', () => {
  it('is read back as the model says, in the session that wrote it and after, whole and in parts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(randomCase, { minLength: 1, maxLength: 4 }), fc.double({ min: 0, max: 0.999, noNaN: true }), async (cases, part) => {
        const path = scratch.path();
        const file = await H5File.create(path);
        const models = await Promise.all(cases.map((drawn, i) => play(file, `dataset ${String(i)}`, drawn)));
        const look = async (from: H5File): Promise<void> => {
          for (const [i, { kind }] of cases.entries()) {
            const dataset = from.root.get(`dataset ${String(i)}`) as Dataset;
            const model = models[i];
            if (model === undefined) continue;
            const wanted = model.values();
            expect(printed(kind, await dataset.read(), model.shape)).toBe(JSON.stringify(wanted.map((value) => kind.printed(value))));
            const start = model.shape.map((extent) => Math.floor(extent * part));
            const count = model.shape.map((extent, d) => Math.ceil((extent - (start[d] ?? 0)) * (1 - part)));
            const all = positionsIn(model.shape).map(String);
            const inside = positionsIn(count).map((position) => wanted[all.indexOf(String(position.map((at, d) => at + (start[d] ?? 0))))]);
            expect(printed(kind, await dataset.read({ start, count }), count)).toBe(JSON.stringify(inside.map((value) => kind.printed(value))));
            if (model.shape.length === 0) continue;
            let elements = 0;
            for await (const { shape, data } of dataset.chunks()) {
              elements += product(shape);
              expect(each(kind, data, shape).length).toBe(product(shape));
            }
            expect(elements).toBe(wanted.length);
          }
        };
        await look(file);
        await file.flush();
        await look(file);
        await file.close();
        await using back = await H5File.open(path);
        await look(back);
      }),
      { numRuns: 60, interruptAfterTimeLimit: 60_000 },
    );
  });

  it('is read into memory of the caller, which must be of its kind and size', async () => {
    const file = await H5File.create(scratch.path());
    const data = Float64Array.from({ length: 100_000 }, (_, i) => i / 3);
    const plain = await file.root.createDataset('plain', { data });
    const packed = await file.root.createDataset('packed', { data, chunks: [999], filters: [shuffle(), gzip(1)] });
    for (const dataset of [plain, packed]) {
      const into = new Float64Array(100_010).fill(-1);
      expect(await dataset.read(undefined, { into: into.subarray(5, 100_005) })).toEqual(data);
      expect([...into.subarray(0, 5), ...into.subarray(100_005)]).toEqual(Array<number>(10).fill(-1));
      const few = new Float64Array(3);
      await dataset.read({ start: [997], count: [3] }, { into: few });
      expect(few).toEqual(data.subarray(997, 1000));
      await expect(dataset.read(undefined, { into: few })).rejects.toMatchObject({ code: 'ERR_INVALID_SIZE' });
      await expect(dataset.read(undefined, { into: new Float32Array(100_000) })).rejects.toMatchObject({ code: 'ERR_TYPE_MISMATCH' });
      // Given away while it is being read into, unless that was done within the call.
      const lost = new Float64Array(100_000);
      const reading = dataset.read(undefined, { into: lost });
      structuredClone(lost, { transfer: [lost.buffer] });
      const outcome = await reading.then(() => 'read', (error: unknown) => (error as FreestoneError).code);
      expect(outcome).toMatch(dataset === plain ? /^(read|ERR_INVALID_(SIZE|ARGUMENT))$/ : /^ERR_INVALID_(SIZE|ARGUMENT)$/);
    }
    await expect(plain.read({ start: [0], count: [100_001] })).rejects.toBeInstanceOf(FreestoneError);
    await file.close();
    await expect(plain.read()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('is zeros where nothing was written, also over what the caller had in that memory', async () => {
    const file = await H5File.create(scratch.path());
    for (const length of [100, 100_000]) {
      // The last thing in the file, of which only the start is written.
      const dataset = await file.root.createDataset(`of ${String(length)}`, { dtype: 'int32', shape: [length] });
      expect(await dataset.read(undefined, { into: new Int32Array(length).fill(-1) })).toEqual(new Int32Array(length));
      await dataset.write(Int32Array.of(7), { start: [0], count: [1] });
      const into = new Int32Array(length).fill(-1);
      await dataset.read(undefined, { into });
      expect([into[0], into.subarray(1).every((value) => value === 0)]).toEqual([7, true]);
    }
    await file.close();
  });

  it('of elements in other files is read from them, and what they do not have is zeros', async () => {
    const path = scratch.path('.raw');
    const file = await H5File.create(scratch.path());
    const external = [{ path, offset: 8, size: 24 }, { path: `${path}2`, offset: 0, size: 24 }];
    const dataset = await file.root.createDataset('outside', { dtype: 'float64', shape: [6], external });
    await dataset.write(Float64Array.of(1, 2, 3, 4), { start: [0], count: [4] });
    expect(await dataset.read()).toEqual(Float64Array.of(1, 2, 3, 4, 0, 0));
    expect(await dataset.read({ start: [2], count: [2] })).toEqual(Float64Array.of(3, 4));
    await file.close();
  });

  it('is a value for a scalar and an array of values for rows', async () => {
    const file = await H5File.create(scratch.path());
    const dtype = t.compound({ id: 'int32', name: t.string(4), on: 'bool' });
    const rows = [{ id: 1, name: 'a', on: true }, { id: 2, name: 'bc', on: false }];
    expect(await (await file.root.createDataset('rows', { dtype, data: rows })).read()).toEqual(rows);
    expect(await (await file.root.createDataset('text', { data: 'größe' })).read()).toBe('größe');
    expect(await (await file.root.createDataset('number', { data: 5 })).read()).toBe(5);
    expect(await (await file.root.createDataset('empty', { dtype: 'int8', shape: [0, 3] })).read()).toEqual(new Int8Array());
    await file.close();
  });
});

describeWith(['h5py'], 'of files that h5py wrote', () => {
  it('every dataset that is opened has the values that h5py reads', async () => {
    const folder = join(scratch.folder, 'of h5py');
    mkdirSync(folder);
    runPython('write_h5.py', [folder]);
    const path = join(folder, 'datasets.h5');
    const [seen] = readAll([path]);
    await using file = await H5File.open(path);
    let compared = 0;
    for (const [name, found] of Object.entries(seen ?? {})) {
      if (found.kind !== 'dataset' || !file.root.has(name)) continue;
      const dataset = file.root.get(name) as Dataset;
      const kind = kinds.find((one) => one.name === dataset.dtype.name);
      if (kind === undefined) continue;
      const flat = (found).values.flat(Infinity as 1);
      expect(printed(kind, await dataset.read(), dataset.shape)).toBe(JSON.stringify(dataset.shape.length === 0 ? [found.values].flat(2) : flat));
      compared += 1;
    }
    expect(compared).toBeGreaterThan(4);
  });
});
