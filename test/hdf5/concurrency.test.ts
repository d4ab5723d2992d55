// Much at once: calls that nobody waited for, memory that is taken away, many files, and threads that are stopped in the middle.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { type Dataset, H5File, gzip, shuffle } from '../../lib/hdf5/index.js';
import { dataset, read, readAll } from '../interop/h5py.js';
import { describeWith } from '../interop/readers.js';
import { compileInto } from './compiled.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
let child: (name: string) => string;
beforeAll(() => {
  child = compileInto(join(scratch.folder, 'compiled'));
});

describe('a program that awaits one short call after the other', () => {
  it('still comes to its timers', async () => {
    const file = await H5File.create(scratch.path());
    const rows = await file.root.createDataset('rows', { dtype: 'int8', shape: [0], maxShape: [null], chunks: [2 ** 20] });
    for (const call of [() => rows.append(Int8Array.of(1)), (i: number) => file.root.createDataset(`d${String(i)}`, { data: Int8Array.of(1) })]) {
      const other = { came: false };
      setImmediate(() => {
        other.came = true;
      });
      // Some thousand calls take longer than other work is made to wait; a hundred thousand are for the fastest of machines.
      for (let i = 0; i < 100_000 && !other.came; i += 1) await call(i);
      expect(other.came).toBe(true);
    }
    await file.close();
  });
});

describeWith(['h5py'], 'calls that nobody waited for', () => {
  it('take effect in their order, whatever their sizes, with flushes between them', async () => {
    const path = scratch.path();
    const expected: number[] = [];
    {
      await using file = await H5File.create(path);
      const x = await file.root.createDataset('x', { dtype: 'int32', shape: [0], maxShape: [null], chunks: [64], filters: [shuffle(), gzip(1)] });
      const done: Promise<unknown>[] = [];
      for (let i = 0; i < 400; i += 1) {
        const part = Int32Array.from({ length: (i * 37) % 300 }, () => i);
        done.push(x.append(i % 3 === 0 ? [...part] : part));
        expected.push(...part);
        if (i % 50 === 25) {
          const at = expected.length - 10;
          done.push(x.write(new Int32Array(10).fill(-i), { start: [at], count: [10] }));
          expected.fill(-i, at, at + 10);
        }
        if (i % 20 === 10) done.push(file.flush());
        if (i % 100 === 99) {
          const kept = expected.length - 150;
          done.push(x.resize([kept]));
          expected.length = kept;
        }
      }
      await Promise.all(done);
      expect(x.shape).toEqual([expected.length]);
    }
    expect(dataset(read(path), '/x').values).toEqual(expected.map(String));
  });

  it('of whole chunks, which go out from the memory of the caller, keep their order among parts of them', async () => {
    const path = scratch.path();
    const expected = new Int32Array(4 * 1000);
    {
      await using file = await H5File.create(path);
      const x = await file.root.createDataset('x', { dtype: 'int32', shape: [4, 1000], chunks: [1, 1000] });
      const done: Promise<unknown>[] = [];
      const write = (data: Int32Array, row: number, column: number, rows: number, columns: number): void => {
        done.push(x.write(data, { start: [row, column], count: [rows, columns] }));
        for (let r = 0; r < rows; r += 1) expected.set(data.subarray(r * columns, (r + 1) * columns), (row + r) * 1000 + column);
      };
      for (let i = 1; i <= 60; i += 1) {
        write(new Int32Array(2000).fill(i), i % 3, 0, 2, 1000);
        if (i % 4 === 0) write(new Int32Array(30).fill(-i), i % 2, 100 + i, 2, 15);
        if (i % 7 === 0) write(new Int32Array(1000).fill(i * 1000), 3, 0, 1, 1000);
        if (i % 10 === 0) done.push(file.flush());
      }
      await Promise.all(done);
      expect(await x.read()).toEqual(expected);
      // More than a row, so that a chunk is not one run of what is read.
      expect(await x.read({ start: [1, 0], count: [2, 1000] })).toEqual(expected.subarray(1000, 3000));
      expect(await x.read({ start: [0, 500], count: [4, 500] })).toEqual(Int32Array.from({ length: 2000 }, (_, i) => expected[Math.floor(i / 500) * 1000 + 500 + (i % 500)] ?? 0));
    }
    expect(dataset(read(path), '/x').values).toEqual(Array.from(expected, String));
  });

  it('that fail do not stop those behind them', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      const x = await file.root.createDataset('x', { dtype: 'int8', shape: [0], maxShape: [4], chunks: [2] });
      const outcomes = await Promise.allSettled([
        x.append([1, 2]), x.append([300]), x.append([1, 2, 3]), x.append([3]), x.write([9], { start: [7], count: [1] }), x.resize([9]), x.append([4]),
      ]);
      expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as FreestoneError).code : 'done'))).toEqual([
        'done', 'ERR_TYPE_MISMATCH', 'ERR_LIMIT_EXCEEDED', 'done', 'ERR_INVALID_ARGUMENT', 'ERR_LIMIT_EXCEEDED', 'done',
      ]);
    }
    expect(dataset(read(path), '/x').values).toEqual(['1', '2', '3', '4']);
  });

  it('into many datasets of one file do not mix', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path, { threads: 3 });
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          file.root.createDataset(String(i), { dtype: 'int32', shape: [0], maxShape: [null], chunks: [50], filters: i % 2 === 0 ? [gzip()] : [] }),
        ),
      );
      await Promise.all(Array.from({ length: 50 }, (_, n) => all.map((x, i) => x.append(new Int32Array(37).fill(n * 20 + i)))).flat());
    }
    const seen = read(path);
    for (let i = 0; i < 20; i += 1) {
      expect(dataset(seen, `/${String(i)}`).values).toEqual(Array.from({ length: 50 * 37 }, (_, at) => String(Math.floor(at / 37) * 20 + i)));
    }
  });
});

/** Takes the memory of an array away, as a message to another thread does. */
function detach(array: { readonly buffer: ArrayBufferLike }): void {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
}

describeWith(['h5py'], 'memory that is taken away during a write', () => {
  const layouts = { contiguous: {}, chunked: { chunks: [1000] }, filtered: { chunks: [1000], filters: [gzip(1)] } } as const;

  it.each(Object.entries(layouts))('gives an error or the right values, %s', async (_, layout) => {
    const path = scratch.path();
    const outcomes: unknown[] = [];
    {
      await using file = await H5File.create(path);
      for (const [i, turns] of [0, 1, 2, 5, 10, 50].entries()) {
        const x = await file.root.createDataset(String(i), { dtype: 'float64', shape: [100_000], fill: -1, ...layout });
        const data = new Float64Array(100_000).fill(5);
        const writing = x.write(data).then(() => undefined, (error: unknown) => error);
        for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
        detach(data);
        const outcome = await writing;
        if (outcome !== undefined) expect(outcome).toBeInstanceOf(FreestoneError);
        outcomes.push(outcome);
      }
    }
    const seen = read(path);
    outcomes.forEach((outcome, i) => {
      const found = new Set(dataset(seen, `/${String(i)}`).values);
      // After an error any part may have been written, but nothing else.
      found.delete('4014000000000000');
      if (outcome !== undefined) found.delete('bff0000000000000');
      expect([...found]).toEqual([]);
    });
  });

  it('does not leave in the chunk what was in that memory before, when the rest of it is written', async () => {
    const path = scratch.path();
    {
      await using file = await H5File.create(path);
      // Fills memory with something to be seen, and gives it back.
      const scrap = await file.root.createDataset('scrap', { dtype: 'uint8', shape: [8 * 65_536], chunks: [65_536] });
      await scrap.write(new Uint8Array(8 * 65_536).fill(0xab));
      const x = await file.root.createDataset('x', { dtype: 'uint8', shape: [4 * 65_536], chunks: [65_536], fill: 1 });
      for (let chunk = 0; chunk < 4; chunk += 1) {
        const data = new Uint8Array(65_536).fill(2);
        // What comes after a flush that has begun waits for it.
        const flushing = file.flush();
        const writing = x.write(data, { start: [chunk * 65_536], count: [65_536] });
        const refused = expect(writing).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
        detach(data);
        await flushing;
        await refused;
        await x.write(Uint8Array.of(3), { start: [chunk * 65_536], count: [1] });
      }
    }
    const { values } = dataset(read(path), '/x');
    expect(new Set(values)).toEqual(new Set(['1', '3']));
    expect(values.filter((value) => value === '3')).toHaveLength(4);
  });

  it('that shrinks is as if it were taken away', async () => {
    await using file = await H5File.create(scratch.path());
    const x = await file.root.createDataset('x', { dtype: 'uint8', shape: [1000], chunks: [100] });
    const buffer = new (ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer & { resize(size: number): void })(1000, { maxByteLength: 2000 });
    const writing = x.write(new Uint8Array(buffer));
    buffer.resize(10);
    await expect(writing).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await x.write(new Uint8Array(1000));
  });
});

describe('threads', () => {
  const start = (paths: readonly string[], steps: number): Worker => new Worker(child('thread-writer'), { workerData: { paths, steps } });
  const ended = (worker: Worker): Promise<number> => new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));

  it('write files of their own at once, each whole', async () => {
    const paths = Array.from({ length: 6 }, () => scratch.path());
    expect(await Promise.all(paths.map((path) => ended(start([path], 10))))).toEqual(Array(6).fill(0));
    for (const path of paths) {
      await using file = await H5File.open(path);
      expect(file.root.attrs.get('steps')).toBe(10);
      expect((file.root.get('growing/plain') as Dataset).shape[1]).toBe(3);
    }
  });

  it('that are stopped in the middle of writing take nothing with them', async () => {
    const paths = Array.from({ length: 12 }, () => scratch.path('.stopped'));
    await Promise.all(
      paths.map(async (path, i) => {
        const worker = start([path], 10_000);
        const exit = ended(worker);
        await new Promise((resolve) => worker.once('message', resolve));
        await new Promise((resolve) => setTimeout(resolve, i * 7));
        await worker.terminate();
        await exit;
      }),
    );
    // This thread's own files are as ever, and the locks of the stopped ones are free.
    const path = scratch.path();
    await using file = await H5File.create(path);
    await file.root.createDataset('x', { data: new Float64Array(10_000), chunks: [100], filters: [gzip()] });
    for (const stopped of paths) await (await H5File.create(stopped, { overwrite: true })).close();
  });

  it('that are stopped leave their files as of the last flush', async () => {
    const paths = Array.from({ length: 4 }, () => scratch.path('.stopped'));
    const worker = start(paths, 10_000);
    const flushed = await new Promise<number>((resolve) => {
      worker.on('message', (step: number) => {
        if (step >= 3) resolve(step);
      });
    });
    await worker.terminate();
    for (const stopped of paths) {
      await using file = await H5File.open(stopped);
      expect(file.root.attrs.get('steps')).toBeGreaterThanOrEqual(flushed);
      expect(file.map().at(-1)?.offset).toBeGreaterThan(0);
    }
  });

  it('and whole processes may end with files open and writes under way, and end well', () => {
    for (const ending of ['exit', 'end', 'throw'] as const) {
      const path = scratch.path('.left');
      const { status, signal, stderr } = spawnSync(process.execPath, [child('careless-writer'), path, ending], { encoding: 'utf8' });
      expect({ ending, signal, status }).toEqual({ ending, signal: null, status: ending === 'throw' ? 1 : 0 });
      if (ending !== 'throw') expect(stderr).toBe('');
    }
  });
});

describeWith(['h5py'], 'files', () => {
  it('can be open by the dozen, and be written at once', async () => {
    const paths = Array.from({ length: 60 }, () => scratch.path());
    await Promise.all(
      paths.map(async (path, i) => {
        await using file = await H5File.create(path);
        const x = await file.root.createDataset('x', { dtype: 'int32', shape: [0], maxShape: [null], chunks: [16], filters: [gzip(1)] });
        await Promise.all(Array.from({ length: 20 }, (_, n) => x.append(new Int32Array(9).fill(i * 100 + n))));
      }),
    );
    readAll(paths).forEach((seen, i) => {
      expect(dataset(seen, '/x').values).toEqual(Array.from({ length: 180 }, (_, at) => String(i * 100 + Math.floor(at / 9))));
    });
  });
});
