// Appends as telemetry does, as fast as it goes, and says now and then how large the process is.
//   arguments: the path of the new file, how many appends, how many between flushes
import { writeSync } from 'node:fs';
import { H5File, gzip, shuffle, type Dataset } from '../../../lib/hdf5/index.js';

export interface Soaked {
  /** [appends, seconds, resident bytes, bytes of JavaScript's heap, bytes outside of it] */
  readonly samples: readonly (readonly number[])[];
  readonly rows: number;
  readonly fileSize: number;
}

const VALUES = 1000;
const SAMPLES = 100;

const [path = '', ...numbers] = process.argv.slice(2);
const [appends = 0, between = 1] = numbers.map(Number);

// A prime number of blocks, so that no chunk is like the one before it. Values that are held for a while compress, as a sensor's do.
const blocks = Array.from({ length: 61 }, (_, n) => Float32Array.from({ length: VALUES }, (_, i) => Math.round(Math.sin((n * VALUES + i) / 500) * 200) / 8 + (i % 50 === 0 ? n : 0)));
const block = (n: number): Float32Array => blocks[n % blocks.length] ?? new Float32Array();

const samples: number[][] = [];
const started = performance.now();
const file = await H5File.create(path);
const spec = { dtype: 'float32', shape: [0], maxShape: [null], chunks: [2 ** 18], filters: [shuffle(), gzip(1)] } as const;
const telemetry: Dataset = await file.root.createDataset('telemetry', spec);
for (let n = 1; n <= appends; n += 1) {
  await telemetry.append(block(n - 1));
  if (n % between === 0) await file.flush();
  if (n % Math.ceil(appends / SAMPLES) === 0) {
    const { rss, heapUsed, external } = process.memoryUsage();
    samples.push([n, (performance.now() - started) / 1000, rss, heapUsed, external]);
  }
}
await file.close();

// What was appended is there: some stretches of it, the last values among them.
await using back = await H5File.open(path);
const found = back.root.get('telemetry') as Dataset;
const [rows = 0] = found.shape;
for (let i = 0; i <= 20; i += 1) {
  const n = Math.floor(((appends - 1) * i) / 20);
  const values = await found.read({ start: [n * VALUES], count: [VALUES] });
  if (!Buffer.from((values as Float32Array).buffer).equals(Buffer.from(block(n).buffer))) throw new Error(`append ${String(n)} is not what was read back`);
}
const soaked: Soaked = { samples, rows, fileSize: back.space.endOfFile };
writeSync(1, JSON.stringify(soaked));
