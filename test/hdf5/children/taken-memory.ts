// Takes memory away from calls that write it or read into it, frees it, and gives it to others. Needs --expose-gc.
//   arguments: the path of the new file, how many rounds
// Says what went wrong: a call that succeeded with other values than it was given, an error that does not say enough.
import { writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { FreestoneError } from '../../../lib/errors.js';
import { native } from '../../../lib/native.js';
import { H5File, gzip, lzf, shuffle, t, type Dataset, type DatasetSpec } from '../../../lib/hdf5/index.js';

const [path = '', rounds = '1'] = process.argv.slice(2);
const collect = (globalThis as { gc?: () => void }).gc ?? ((): never => { throw new Error('it needs --expose-gc'); });

/** Large enough that the allocator gives it back to the system when it is freed, and a later use ends the process. */
const COUNT = 2 ** 19;
const FILL = -1;

/** Memory of its own that can be taken away. */
const memory = (bytes: number, shrinks: boolean): ArrayBuffer =>
  shrinks ? new (ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer)(bytes, { maxByteLength: bytes }) : new ArrayBuffer(bytes);

const takers = {
  transferred: (buffer: ArrayBuffer) => { structuredClone(buffer, { transfer: [buffer] }); },
  posted: (buffer: ArrayBuffer) => {
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(buffer, [buffer]);
    port1.close();
    port2.close();
  },
  emptied: (buffer: ArrayBuffer) => { (buffer as unknown as { resize(length: number): void }).resize(0); },
  shortened: (buffer: ArrayBuffer) => { (buffer as unknown as { resize(length: number): void }).resize(buffer.byteLength / 2); },
} as const;

interface Trial {
  /** Of the memory; COUNT unless given. */
  readonly count?: number;
  /** Begins with memory of `bytes`, in a dataset that holds FILL where it exists. @returns the call, and what checks its result when it has succeeded */
  readonly begin: (name: string, buffer: ArrayBuffer) => Promise<{ readonly done: Promise<unknown>; readonly check: () => Promise<void> }>;
}

const file = await H5File.create(path, { overwrite: true });
const numbers = (length: number): Float64Array => Float64Array.from({ length }, (_, i) => i + 1);
const wanted = numbers(COUNT);
/** More than is under way at once, so that the rest has to wait. */
const MANY = 6 * 2 ** 20;

function expectValues(found: unknown, value: (i: number) => number, count = COUNT): void {
  const values = found as Float64Array;
  if (values.length !== count) throw new Error(`${String(values.length)} values and not ${String(count)}`);
  for (let i = 0; i < count; i += 1) if (values[i] !== value(i)) throw new Error(`value ${String(i)} is ${String(values[i])} and not ${String(value(i))}`);
}

/** A dataset is written from memory that has what `wanted` has. */
function writes(spec: DatasetSpec, write: (dataset: Dataset, data: Float64Array) => Promise<unknown>, value: (i: number) => number = (i) => i + 1, count = COUNT): Trial {
  return {
    begin: async (name, buffer) => {
      const data = new Float64Array(buffer);
      data.set(wanted);
      const dataset = await file.root.createDataset(name, spec);
      return { done: write(dataset, data), check: async () => { expectValues(await dataset.read(), value, count); } };
    },
  };
}

/** A dataset that has `wanted` is read into memory. */
function reads(spec: DatasetSpec): Trial {
  return {
    begin: async (name, buffer) => {
      const dataset = await file.root.createDataset(name, { ...spec, data: wanted });
      const into = new Float64Array(buffer);
      return { done: dataset.read(undefined, { into }), check: () => { expectValues(into, (i) => i + 1); return Promise.resolve(); } };
    },
  };
}

const plain = { dtype: 'float64', shape: [COUNT], fill: FILL } as const;
const chunked = { ...plain, chunks: [2 ** 16] };
const packed = { ...chunked, filters: [shuffle(), gzip(1)] };
const grown = { ...packed, shape: [0], maxShape: [null] };
const half = COUNT / 2;

/** All rows or none. */
async function appended(x: Dataset, data: Float64Array): Promise<void> {
  await x.append(data).catch((error: unknown) => {
    if (x.shape[0] !== 0) throw new Error(`${String(x.shape[0])} rows were taken of what was refused`);
    throw error;
  });
}

const trials: Readonly<Record<string, Trial>> = {
  'whole and as it is': writes(plain, (x, data) => x.write(data)),
  'of the other byte order': writes({ ...plain, dtype: 'float64be' }, (x, data) => x.write(data)),
  'converted': writes({ ...plain, dtype: 'float32' }, (x, data) => x.write(data)),
  'converted to what refuses some': writes({ ...plain, dtype: 'int32' }, (x, data) => x.write(data)),
  'converted, in chunks': writes({ ...packed, dtype: 'float32be' }, (x, data) => x.write(data)),
  'converted, with strides': writes({ ...chunked, dtype: 'int32', shape: [half] }, (x, data) => x.write({ data, shape: [half], strides: [2] }), (i) => 2 * i + 1, half),
  'converted and appended': writes({ ...grown, dtype: 'float32' }, appended),
  'with strides': writes({ ...plain, shape: [half] }, (x, data) => x.write({ data, shape: [half], strides: [2] }), (i) => 2 * i + 1, half),
  'backwards': writes(plain, (x, data) => x.write({ data, shape: [COUNT], strides: [-1], offset: COUNT - 1 }), (i) => COUNT - i),
  'in many pieces': {
    count: MANY,
    begin: async (name, buffer) => {
      const data = new Float64Array(buffer).fill(3);
      const dataset = await file.root.createDataset(name, { dtype: 'float64', shape: [MANY] });
      return { done: dataset.write(data), check: async () => { expectValues(await dataset.read(), () => 3, MANY); } };
    },
  },
  'in chunks': writes(chunked, (x, data) => x.write(data)),
  'in large chunks': writes({ ...plain, chunks: [COUNT] }, (x, data) => x.write(data)),
  'in filtered chunks': writes(packed, (x, data) => x.write(data)),
  'in chunks of lzf': writes({ ...chunked, filters: [lzf()] }, (x, data) => x.write(data)),
  'in chunks with strides': writes({ ...packed, shape: [half] }, (x, data) => x.write({ data, shape: [half], strides: [2] }), (i) => 2 * i + 1, half),
  'in chunks of the other byte order': writes({ ...packed, dtype: 'float64be' }, (x, data) => x.write(data)),
  'in chunks, backwards': writes(packed, (x, data) => x.write({ data, shape: [COUNT], strides: [-1], offset: COUNT - 1 }), (i) => COUNT - i),
  'appended': writes(grown, appended),
  'appended without filters': writes({ ...grown, filters: [] }, appended),
  'through a stream': writes(grown, (x, data) => new Promise<void>((resolve, reject) => {
    const stream = x.writable().on('error', reject).on('finish', resolve);
    stream.write(data);
    stream.end();
  })),
  'with the dataset': {
    begin: (name, buffer) => {
      const data = new Float64Array(buffer);
      data.set(wanted);
      return Promise.resolve({
        done: file.root.createDataset(name, { ...packed, data }),
        check: async () => { expectValues(await (file.root.get(name) as Dataset).read(), (i) => i + 1); },
      });
    },
  },
  'as columns of a table': {
    begin: async (name, buffer) => {
      const data = new Float64Array(buffer);
      data.set(wanted);
      const table = await file.root.createTable(name, { id: 'float64', value: 'float64' });
      const ids = numbers(COUNT);
      return {
        done: table.append({ id: ids, value: data }),
        check: async () => {
          const found = (await (table.object as Dataset).read({ start: [COUNT - 1], count: [1] })) as { id: number; value: number }[];
          expectValues([found[0]?.value ?? 0], () => COUNT, 1);
        },
      };
    },
  },
  'as packed rows': {
    begin: async (name, buffer) => {
      new Float64Array(buffer).set(wanted);
      const dataset = await file.root.createDataset(name, { dtype: t.compound({ a: 'float64', b: 'float64' }), shape: [half], chunks: [2 ** 15] });
      return {
        done: dataset.write(new Uint8Array(buffer)),
        check: async () => {
          const found = (await dataset.read({ start: [half - 1], count: [1] })) as { a: number; b: number }[];
          expectValues([found[0]?.b ?? 0], () => COUNT, 1);
        },
      };
    },
  },
  'read into': reads(plain),
  'read into, from the other byte order': reads({ ...plain, dtype: 'float64be' }),
  'read into, from chunks': reads(chunked),
  'read into, from filtered chunks': reads(packed),
};

const problems: string[] = [];
const outcomes = { succeeded: 0, refused: 0 };
for (let round = 0; round < Number(rounds); round += 1) {
  for (const [what, { begin, count = COUNT }] of Object.entries(trials)) {
    for (const [how, take] of Object.entries(takers)) {
      const shrinks = how === 'emptied' || how === 'shortened';
      const name = `${what}, ${how}, ${String(round)}`;
      const buffer = memory(count * 8, shrinks);
      const { done, check } = await begin(name, buffer);
      const result = done.then(() => undefined, (error: unknown) => ({ error }));
      // At once, or after a part of it has happened.
      if (round % 3 === 1) for (let turn = 0; turn < round / 3; turn += 1) await nextTurn();
      if (round % 3 === 2) for (let turn = 0; turn < round * 4; turn += 1) await Promise.resolve();
      let isTaken = true;
      try {
        take(buffer);
      } catch {
        // It is held so that it cannot be taken, which is as good.
        isTaken = false;
      }
      collect();
      // What was there belongs to others now.
      const others = isTaken ? [0, 1].map(() => new Float64Array(COUNT).fill(0xee)) : [];
      const failed = await result;
      if (others.length > 2) throw new Error('they are held until here');
      try {
        if (failed === undefined) {
          outcomes.succeeded += 1;
          // Of memory that was taken after it had been filled nothing can be seen.
          if (!what.startsWith('read into') || buffer.byteLength === count * 8) await check();
          continue;
        }
        outcomes.refused += 1;
        const { error } = failed;
        if (!(error instanceof FreestoneError) || !['ERR_INVALID_ARGUMENT', 'EFAULT'].includes(error.code)) throw error;
        if (!error.message.includes(name)) problems.push(`${name}: the error does not name the dataset: ${error.message}`);
      } catch (error) {
        problems.push(`${name}: ${String(error)}`);
      }
    }
  }
  await file.flush();
  file.space.validate();
}
await file.close();
writeSync(1, JSON.stringify({ problems: problems.slice(0, 60), gathers: native().canGather(), ...outcomes }));
