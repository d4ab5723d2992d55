// What gzip makes of measured numbers beside zlib, which libhdf5 uses: the promise of its levels, over kinds of data.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { H5File, gzip, shuffle } from '../dist/hdf5/index.js';
import { machine } from './harness/report.mjs';
import { table } from './harness/table.mjs';
import { UsageError } from './harness/usage-error.mjs';

export const about = 'sizes of shuffled gzip chunks beside zlib, over fourteen kinds of numbers';

export const options = {
  chunk: { type: 'string', default: String(2 ** 20), value: 'bytes', help: 'of a chunk (1 MiB)' },
  levels: { type: 'string', default: '1,4,6', value: 'a,b', help: 'levels of gzip (1,4,6)' },
};

const CHUNKS = 4;

/** The same numbers each time. */
function random() {
  let state = 12345;
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const normal = () => {
    let sum = -6;
    for (let i = 0; i < 12; i += 1) sum += uniform();
    return sum;
  };
  return { uniform, normal };
}

/** For each kind its array, and a function that gives what the numbers come from. */
const kinds = {
  'float64 sine in steps of 2^-10': [Float64Array, ({ normal }) => (i) => Math.round((Math.sin(i / 1000) * 1e3 + normal()) * 2 ** 10) / 2 ** 10],
  'float64 sine and noise': [Float64Array, ({ normal }) => (i) => Math.sin(i / 1000) * 1e3 + normal()],
  'float64 two decimals': [Float64Array, ({ normal }) => (i) => Math.round((20 + 5 * Math.sin(i / 3000) + normal() * 0.3) * 100) / 100],
  'float64 that was float32': [Float64Array, ({ normal }) => (i) => Math.fround(Math.sin(i / 500) * 100 + normal())],
  'float64 random walk': [Float64Array, ({ normal }) => { let at = 0; return () => (at += normal()); }],
  'float32 sensor': [Float32Array, ({ normal }) => (i) => 20 + 5 * Math.sin(i / 3000) + normal() * 0.3],
  'float32 two decimals': [Float32Array, ({ normal }) => (i) => Math.round((20 + 5 * Math.sin(i / 3000) + normal() * 0.3) * 100) / 100],
  'uint16 converter of 12 bits': [Uint16Array, ({ normal }) => (i) => 2048 + 1000 * Math.sin(i / 700) + normal() * 20],
  'int16 sound': [Int16Array, ({ normal }) => (i) => 8000 * Math.sin(i / 50) + 3000 * Math.sin(i / 13) + normal() * 300],
  'uint16 image': [Uint16Array, ({ normal }) => (i) => 1000 + 800 * Math.sin((i % 1024) / 100) * Math.cos(Math.floor(i / 1024) / 80) + normal() * 32],
  'int32 counter': [Int32Array, ({ uniform }) => (i) => i * 3 + Math.floor(uniform() * 3)],
  'int32 sine and noise': [Int32Array, ({ normal }) => (i) => 1e6 * Math.sin(i / 1000) + normal() * 1000],
  'uint32 random ids': [Uint32Array, ({ uniform }) => () => uniform() * 1e6],
  'int64 times in ns': [BigInt64Array, ({ uniform }) => { let at = 1_700_000_000_000_000_000n; return () => (at += 1_000_000n + BigInt(Math.floor(uniform() * 1000))); }],
};

export const subjectNames = Object.keys(kinds);

function whole(name, text, { min, max }) {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} must be integers from ${min} to ${max}, not ${text}`);
}

function shuffled(bytes, size) {
  const out = Buffer.alloc(bytes.length);
  const count = bytes.length / size;
  for (let at = 0; at < bytes.length; at += 1) out[(at % size) * count + Math.floor(at / size)] = bytes[at];
  return out;
}

async function storedSize(path, data, perChunk, level) {
  rmSync(path, { force: true });
  const file = await H5File.create(path);
  const dataset = await file.root.createDataset('x', { data, chunks: [perChunk], filters: [shuffle(), gzip(level)] });
  await file.flush();
  const { storageSize } = dataset;
  await file.close();
  return storageSize;
}

export async function run({ only, dir, chunk, levels }) {
  const chunkBytes = whole('chunk', chunk, { min: 512, max: 2 ** 28 });
  const wanted = levels.split(',').map((level) => whole('levels', level, { min: 0, max: 9 }));
  const folder = mkdtempSync(join(dir, 'freestone-bench-'));
  const rows = [];
  try {
    for (const kind of only.length > 0 ? only : subjectNames) {
      const [Numbers, make] = kinds[kind];
      const perChunk = Math.floor(chunkBytes / Numbers.BYTES_PER_ELEMENT);
      const next = make(random());
      const data = new Numbers(perChunk * CHUNKS);
      for (let i = 0; i < data.length; i += 1) data[i] = next(i);
      const row = [kind];
      for (const level of wanted) {
        let size = 0;
        for (let i = 0; i < CHUNKS; i += 1) {
          const part = data.subarray(i * perChunk, (i + 1) * perChunk);
          size += deflateSync(shuffled(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), Numbers.BYTES_PER_ELEMENT), { level }).length;
        }
        const own = await storedSize(join(folder, 'sizes.h5'), data, perChunk, level);
        row.push((data.byteLength / own).toFixed(2), (own / size).toFixed(4));
      }
      rows.push(row);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`machine      ${machine()}`);
  console.log(`${CHUNKS} chunks of ${chunkBytes} bytes each, shuffled; ratio is chunk to stored, size is to zlib ${process.versions.zlib} at the same level`);
  const titles = ['', ...wanted.flatMap((level) => [`ratio ${level}`, `size ${level}`])];
  console.log(table(titles.map((title, i) => ({ title, text: (row) => row[i] })), rows).join('\n'));
}
