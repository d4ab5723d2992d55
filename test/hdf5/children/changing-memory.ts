// Writes shared memory while another thread changes it, in every layout and with every filter, and reads it back.
//   arguments: the path of the new file, how many rounds. Also its own thread.
import { writeSync } from 'node:fs';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import {
  H5File, bitshuffle, fletcher32, gzip, lz4, lzf, nbit, scaleOffset, shuffle, szip, t, zstd, type Dataset, type DatasetSpec,
} from '../../../lib/hdf5/index.js';

const COUNT = 2 ** 17;
/** What the elements are, at any time. */
const VALUES = [1, 2, 3, 40_000, 2 ** 40];

if (!isMainThread) {
  const { shared, stop } = workerData as { shared: SharedArrayBuffer; stop: SharedArrayBuffer };
  // As words that are stored whole: an element is one of the values, never half of two.
  const words = new BigInt64Array(shared);
  const bits = new BigInt64Array(Float64Array.from(VALUES).buffer);
  const end = new Int32Array(stop);
  for (let i = 0; Atomics.load(end, 0) === 0; i += 1) Atomics.store(words, (i * 7919) % COUNT, bits[i % VALUES.length] ?? 0n);
} else {
  const [path = '', rounds = '1'] = process.argv.slice(2);
  const shared = new SharedArrayBuffer(COUNT * 8);
  const stop = new SharedArrayBuffer(4);
  const data = new Float64Array(shared).fill(1);
  const worker = new Worker(new URL(import.meta.url), { workerData: { shared, stop } });
  await new Promise((resolve) => worker.once('online', resolve));

  const plain: DatasetSpec = { dtype: 'float64', shape: [COUNT] };
  const filters = {
    gzip: [gzip(1)], shuffled: [shuffle(), gzip(6)], checked: [fletcher32()], lzf: [lzf()], lz4: [lz4()], zstd: [zstd()], szip: [szip()], nbit: [nbit()],
    scaled: [scaleOffset({ digits: 0 })], bits: [bitshuffle()], 'bits and lz4': [bitshuffle({ compressor: 'lz4' })], all: [shuffle(), gzip(9), fletcher32()],
  };
  const specs: Readonly<Record<string, DatasetSpec>> = {
    plain, turned: { ...plain, dtype: 'float64be' }, chunked: { ...plain, chunks: [10_000] },
    rows: { ...plain, dtype: t.compound({ a: 'float64' }), chunks: [2 ** 14] },
    ...Object.fromEntries(Object.entries(filters).map(([name, list]) => [name, { ...plain, chunks: [2 ** 14], filters: list }])),
  };
  const problems: string[] = [];
  const file = await H5File.create(path);
  const allowed = new Set(VALUES);
  const check = async (name: string, dataset: Dataset): Promise<void> => {
    const found = [...((await dataset.read()) as Float64Array | { a: number }[])].map((value) => (typeof value === 'number' ? value : value.a));
    const strange = found.find((value) => !allowed.has(value));
    if (found.length === 0 || strange !== undefined) problems.push(`${name} has ${String(strange)} among ${String(found.length)}`);
  };
  for (let round = 0; round < Number(rounds); round += 1) {
    for (const [name, spec] of Object.entries(specs)) {
      const dataset = await file.root.createDataset(`${name} ${String(round)}`, spec);
      await dataset.write(name === 'rows' ? new Uint8Array(shared) : data);
      await check(name, dataset);
      if (name === 'rows') continue;
      const grown = await file.root.createDataset(`${name} appended ${String(round)}`, { ...spec, shape: [0], maxShape: [null], chunks: spec.chunks ?? [10_000] });
      for (let at = 0; at < COUNT; at += 30_000) await grown.append(data.subarray(at, at + 30_000));
      await check(`${name} appended`, grown);
      const strided = await file.root.createDataset(`${name} with strides ${String(round)}`, { ...spec, shape: [COUNT / 2] });
      await strided.write({ data, shape: [COUNT / 2], strides: [2] });
      await check(`${name} with strides`, strided);
    }
  }
  await file.close();
  Atomics.store(new Int32Array(stop), 0, 1);
  await new Promise((resolve) => worker.once('exit', resolve));
  writeSync(1, JSON.stringify({ problems }));
}
