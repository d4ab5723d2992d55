// Data that worker threads fetch from the caller's memory: strided, of another byte order, of another type. What they write is
// compared, value for value, with what the types' own `put` makes of each value by itself.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { H5File, gzip, shuffle, type DatatypeName, type TypedArray } from '../../lib/hdf5/index.js';
import { elementType } from '../../lib/hdf5/model/datatype.js';
import { native } from '../../lib/native.js';
import { compileInto } from './compiled.js';
import { canFailCalls } from './failing-calls.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
/** A whole number of times as many cases, for long runs. */
const effort = Number(process.env['FREESTONE_EFFORT'] ?? 1);

type ArrayConstructor = new (length: number) => TypedArray;
const arrays: readonly ArrayConstructor[] = [
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array, Float32Array, Float64Array,
];
const numbers = ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float16', 'float32', 'float64'] as const;
const types = [...numbers, ...numbers.filter((name) => !name.endsWith('8')).map((name) => `${name}be` as const)] as readonly DatatypeName[];

/** Numbers at which types end, or round. */
const edges = [
  -1, 127, 128, 255, 256, -128, -129, 32767, 32768, 65535, 65536, -32769, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32 - 1, 2 ** 32,
  2 ** 53 - 1, 2 ** 53, -(2 ** 53), 2 ** 63, 2 ** 64, 0.5, -0, NaN, Infinity, -Infinity, 1e-45, 1e-7, 65519, 65520, 3.4028236e38, 1 + 2 ** -24, 5e-324, 1.5,
];

interface Case {
  readonly array: ArrayConstructor;
  readonly type: DatatypeName;
  /** Extents of the data; more than a MiB of it, so that it is not one small write. */
  readonly rows: number;
  readonly columns: number;
  /** Elements of memory between two of a row, and between two rows, beyond what is needed. */
  readonly step: number;
  readonly gap: number;
  readonly isTransposed: boolean;
  /** One bit for each dimension that is walked from its end. */
  readonly backwards: number;
  readonly offset: number;
  readonly chunks: readonly [number, number] | null;
  readonly isFiltered: boolean;
  /** It can grow, so that chunks at its rim are never complete. */
  readonly grows: boolean;
  readonly fill: number | null;
  /** Of the selection in the dataset, which is larger by this. */
  readonly start: readonly [number, number];
  readonly edge: { readonly value: number; readonly at: number } | null;
}

const oneCase: fc.Arbitrary<Case> = fc.record({
  array: fc.constantFrom(...arrays),
  type: fc.constantFrom(...types),
  rows: fc.integer({ min: 300, max: 700 }),
  columns: fc.integer({ min: 300, max: 700 }),
  step: fc.constantFrom(1, 1, 2, 5),
  gap: fc.constantFrom(0, 0, 1, 300),
  isTransposed: fc.boolean(),
  backwards: fc.constantFrom(0, 0, 1, 2, 3),
  offset: fc.integer({ min: 0, max: 3 }),
  chunks: fc.option(fc.tuple(fc.integer({ min: 100, max: 400 }), fc.integer({ min: 200, max: 400 })), { freq: 4 }),
  isFiltered: fc.boolean(),
  grows: fc.boolean(),
  fill: fc.option(fc.constant(7)),
  start: fc.constantFrom([0, 0] as const, [0, 0] as const, [5, 0] as const, [3, 9] as const),
  edge: fc.option(fc.record({ value: fc.constantFrom(...edges), at: fc.nat(89_999) })),
});

/** The value as the array can hold it. */
function held(array: TypedArray, value: number): number | bigint {
  if (!(array instanceof BigInt64Array || array instanceof BigUint64Array)) return value;
  return Number.isInteger(value) ? BigInt(value) : 1n;
}

const same = (a: unknown, b: unknown): boolean => Object.is(a, b) || (a === 0 && b === 0);

/** Writes the case and compares. @returns whether it was taken */
async function play(file: H5File, name: string, it: Case): Promise<boolean> {
  const { rows, columns, isTransposed, step, gap, chunks, start } = it;
  const [inner, outer] = isTransposed ? [rows, columns] : [columns, rows];
  const line = inner * step + gap;
  const forward = isTransposed ? [step, line] : [line, step];
  const turned = [rows, columns].map((extent, d) => ((it.backwards >> d) & 1 ? (extent - 1) * (forward[d] ?? 0) : 0));
  const strides = forward.map((stride, d) => ((it.backwards >> d) & 1 ? -stride : stride));
  const offset = it.offset + (turned[0] ?? 0) + (turned[1] ?? 0);
  const data = new it.array(it.offset + line * outer);
  // Values that every type holds, then one that some do not.
  for (let i = 0; i < data.length; i += 1) data[i] = held(data, (i * 31) % 101);
  const at = (i: number): number => offset + Math.floor(i / columns) * (strides[0] ?? 0) + (i % columns) * (strides[1] ?? 0);
  if (it.edge !== null) data[at(it.edge.at)] = held(data, it.edge.value);

  const type = elementType(it.type);
  const wanted: unknown[] = [];
  const bytes = Buffer.alloc(type.size);
  const nothing = { insertText: () => { throw new Error('no text'); }, insertTexts: () => false };
  let refusal: unknown;
  try {
    for (let i = 0; i < rows * columns; i += 1) {
      type.put(bytes, 0, data[at(i)], nothing);
      wanted.push(type.get(bytes, 0, { read: () => bytes, readTexts: () => { throw new Error('no text'); } }));
    }
  } catch (error) {
    refusal = error;
  }
  const whole = [rows + start[0], columns + start[1]];
  const isTyped = step === 1 && gap === 0 && !isTransposed && offset === 0;
  const dataset = await file.root.createDataset(name, {
    dtype: it.type,
    shape: whole,
    ...(chunks === null ? {} : { chunks: chunks.map((extent, d) => Math.min(extent, whole[d] ?? 1)) }),
    ...(chunks !== null && it.grows ? { maxShape: [null, null] } : {}),
    ...(chunks !== null && it.isFiltered ? { filters: [shuffle(), gzip(1)] } : {}),
    ...(it.fill === null ? {} : { fill: it.fill }),
  });
  const selection = { start, count: [rows, columns] };
  const outcome = await dataset.write(isTyped ? data : { data, shape: [rows, columns], strides, offset }, selection).then(() => undefined, (error: unknown) => error);
  const found = (await dataset.read()) as ArrayLike<number | bigint>;
  const fill = it.fill ?? 0;
  if (refusal !== undefined) {
    // The same words, about the same element, with the dataset's name; and nothing has changed.
    if (!(outcome instanceof FreestoneError) || !(refusal instanceof FreestoneError)) throw new Error('it should have been refused', { cause: outcome });
    expect(outcome.code).toBe(refusal.code);
    expect(outcome.message).toContain(refusal.message);
    expect({ dtype: outcome['dtype'], value: outcome['value'] }).toEqual({ dtype: refusal['dtype'], value: refusal['value'] });
    for (let i = 0; i < found.length; i += 997) if (Number(found[i]) !== fill) throw new Error('something was written');
    return false;
  }
  if (outcome !== undefined) throw outcome as Error;
  const width = whole[1] ?? 0;
  for (let row = 0; row < rows + start[0]; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const isOutside = row < start[0] || column < start[1];
      const value = isOutside ? fill : wanted[(row - start[0]) * columns + column - start[1]];
      const seen = found[row * width + column];
      if (isOutside ? Number(seen) !== fill : !same(seen, value)) throw new Error(`${String(row)}, ${String(column)}: ${String(seen)} and not ${String(value)}`);
    }
  }
  return true;
}

describe('what worker threads fetch', () => {
  it('is what each value by itself would have become, or refused as it would have been', async () => {
    expect(native().canGather()).toBe(process.platform === 'linux');
    const file = await H5File.create(scratch.path());
    let number = 0;
    const outcomes = new Set<boolean>();
    await fc.assert(
      fc.asyncProperty(oneCase, async (drawn) => {
        number += 1;
        outcomes.add(await play(file, String(number), drawn));
      }),
      { numRuns: 40 * effort, endOnFailure: true },
    );
    expect(outcomes.size).toBe(2);
    await file.close();
  }, 120_000 * effort);

  it.each(['float64', 'float64be', 'float32', 'int16be'] as const)('is written over what was there, %s', async (dtype) => {
    await using file = await H5File.create(scratch.path());
    const count = 300_000;
    for (const [i, layout] of [{}, { chunks: [100_000] }, { chunks: [70_000], filters: [gzip(1)] }].entries()) {
      const dataset = await file.root.createDataset(String(i), { dtype, shape: [count], fill: 9, ...layout });
      for (const value of [1, 2, 3]) {
        await dataset.write(new Float64Array(count).fill(value));
        // A part of a chunk is in memory, and dirty, when the next write comes.
        await dataset.write([100], { start: [5], count: [1] });
        expect(((await dataset.read()) as Float64Array).findIndex((seen, at) => seen !== (at === 5 ? 100 : value))).toBe(-1);
      }
      file.space.validate();
    }
  });

  it.each(['float64', 'float64be', 'int16', 'complex128'] as const)('goes to external files too, %s', async (dtype) => {
    await using file = await H5File.create(scratch.path());
    const [rows, columns] = [900, 300];
    const dataset = await file.root.createDataset('x', { dtype, shape: [rows, columns + 7], external: [100_001, 5_000_000].map((size, i) => ({ path: join(scratch.folder, `${dtype}${String(i)}.bin`), size })) });
    const isComplex = dtype === 'complex128';
    const values = Float64Array.from({ length: rows * columns * (isComplex ? 2 : 1) }, (_, i) => i % 1000);
    const data = isComplex ? values : { data: values, shape: [rows, columns], strides: [-columns, 1], offset: (rows - 1) * columns };
    await dataset.write(data, { start: [0, 7], count: [rows, columns] });
    const found = (await dataset.read({ start: [0, 7], count: [rows, columns] })) as ArrayLike<number>;
    let wrong = 0;
    for (let i = 0; i < values.length; i += 1) {
      const from = isComplex ? i : (rows - 1 - Math.floor(i / columns)) * columns + (i % columns);
      if (found[i] !== values[from]) wrong += 1;
    }
    expect(wrong).toBe(0);
  });

  it('may be one row, without the dimension of rows', async () => {
    await using file = await H5File.create(scratch.path());
    const row = 200_000;
    for (const dtype of ['float64', 'float64be', 'float32'] as const) {
      const dataset = await file.root.createDataset(dtype, { dtype, shape: [0, row], maxShape: [null, row], chunks: [1, 50_000] });
      await dataset.append({ data: Float64Array.from({ length: 2 * row }, (_, i) => i % 1000), shape: [row], strides: [2] });
      const found = (await dataset.read()) as Float64Array;
      expect(found.length).toBe(row);
      expect(found.findIndex((value, i) => value !== (2 * i) % 1000)).toBe(-1);
    }
  });

  it('that is changed meanwhile is what it was at some time, or refused', async () => {
    await using file = await H5File.create(scratch.path());
    const count = 400_000;
    const seen = new Set<unknown>();
    for (const [i, turns] of [0, 0, 1, 1, 2, 3, 4, 6, 10, 50].entries()) {
      const layout = i % 2 === 0 ? {} : { chunks: [50_000], filters: [gzip(1)] };
      const dataset = await file.root.createDataset(String(i), { dtype: 'int32be', shape: [count], fill: -1, ...layout });
      const data = new Float64Array(count).fill(5);
      const writing = dataset.write(data).then(() => undefined, (error: unknown) => error);
      for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
      data.fill(0.5);
      const outcome = await writing;
      seen.add(outcome === undefined ? undefined : (outcome as FreestoneError).code);
      const found = new Set((await dataset.read()) as Int32Array);
      found.delete(5);
      if (outcome !== undefined) found.delete(-1);
      expect([...found]).toEqual([]);
    }
    for (const code of seen) expect([undefined, 'ERR_TYPE_MISMATCH', 'ERR_INVALID_ARGUMENT']).toContain(code);
  });

  it('is read by many calls at once, each in its turn', async () => {
    await using file = await H5File.create(scratch.path());
    const count = 400_000;
    const dataset = await file.root.createDataset('x', { dtype: 'float32be', shape: [count], chunks: [50_000], filters: [shuffle(), gzip(1)] });
    const datas = [1, 2, 3, 4].map((value) => new Float64Array(count).fill(value));
    await Promise.all(datas.map((data) => dataset.write(data)));
    expect(new Set((await dataset.read()) as Float32Array)).toEqual(new Set([4]));
  });

  it('comes through a synchronous call as well', () => {
    const file = H5File.createSync(scratch.path());
    const data = Float64Array.from({ length: 300_000 }, (_, i) => i % 300);
    const dataset = file.root.createDatasetSync('x', { dtype: 'int16be', data, chunks: [100_000], filters: [gzip(1)] });
    expect((dataset.readSync() as Int16Array).findIndex((value, i) => value !== i % 300)).toBe(-1);
    data[250_000] = 0.5;
    expect(() => { dataset.writeSync(data); }).toThrow(/int16.* cannot hold 0.5/);
    file.closeSync();
  });
});

describe.skipIf(!canFailCalls)('where the system forbids threads to read memory that may be taken away', () => {
  it('the calling thread reads it', () => {
    const folder = join(scratch.folder, 'compiled');
    const child = compileInto(folder)('taken-memory');
    const library = join(folder, 'no-foreign.so');
    const code = '#include <errno.h>\nlong process_vm_readv(int p, const void* l, unsigned long n, const void* r, unsigned long m, unsigned long f) { (void)p; (void)l; (void)n; (void)r; (void)m; (void)f; errno = EPERM; return -1; }\n';
    writeFileSync(join(folder, 'no-foreign.c'), code);
    expect(spawnSync('cc', ['-shared', '-fPIC', '-o', library, join(folder, 'no-foreign.c')]).status).toBe(0);
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', child, scratch.path(), '2'], { encoding: 'utf8', env: { ...process.env, LD_PRELOAD: library } });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const said = JSON.parse(stdout) as { problems: string[]; succeeded: number; gathers: boolean };
    expect(said).toMatchObject({ problems: [], gathers: false });
    expect(said.succeeded).toBeGreaterThan(5);
  });
});
