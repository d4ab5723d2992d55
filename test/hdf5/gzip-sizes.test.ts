// What gzip(level) promises: a file no larger than with zlib at that level. `npm run bench -- gzip-sizes` has more kinds of data.
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { H5File, gzip, shuffle, type TypedArray } from '../../lib/hdf5/index.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder();
/** For what hardly becomes smaller, or where zlib is lucky. */
const TOLERANCE = 1.005;
const CHUNKS = 2;

let state = 1;
const uniform = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const normal = (): number => Array.from({ length: 12 }, uniform).reduce((sum, value) => sum + value, -6);

const walk = (): (() => number) => {
  let at = 0;
  return () => (at += normal());
};
const kinds: Record<string, (bytes: number) => TypedArray> = {
  'a random walk': (bytes) => Float64Array.from({ length: bytes / 8 }, walk()),
  'measurements of two decimals': (bytes) => Float64Array.from({ length: bytes / 8 }, (_, i) => Math.round((20 + 5 * Math.sin(i / 3000) + normal() * 0.3) * 100) / 100),
  'float32 that became float64': (bytes) => Float64Array.from({ length: bytes / 8 }, (_, i) => Math.fround(Math.sin(i / 500) * 100 + normal())),
  'sound': (bytes) => Int16Array.from({ length: bytes / 2 }, (_, i) => 8000 * Math.sin(i / 50) + 3000 * Math.sin(i / 13) + normal() * 300),
  'counters': (bytes) => Int32Array.from({ length: bytes / 4 }, (_, i) => i * 3 + Math.floor(uniform() * 3)),
};

/** As the filter in front of gzip has them. */
function shuffled({ buffer, byteOffset, byteLength, BYTES_PER_ELEMENT: size }: TypedArray): Buffer {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  const out = Buffer.alloc(byteLength);
  const count = byteLength / size;
  for (let at = 0; at < byteLength; at += 1) out[(at % size) * count + Math.floor(at / size)] = bytes[at] ?? 0;
  return out;
}

describe.each(Object.keys(kinds))('%s', (kind) => {
  it.each([2 ** 16, 2 ** 20])('take no more than with zlib, in chunks of %d bytes', async (chunkBytes) => {
    const data = kinds[kind]?.(CHUNKS * chunkBytes) ?? new Float64Array(0);
    const perChunk = data.length / CHUNKS;
    const parts = Array.from({ length: CHUNKS }, (_, i) => shuffled(data.subarray(i * perChunk, (i + 1) * perChunk)));
    await using file = await H5File.create(scratch.path());
    for (const level of [1, 2, 3, 4, 6]) {
      const dataset = await file.root.createDataset(`level ${String(level)}`, { data, chunks: [perChunk], filters: [shuffle(), gzip(level)] });
      await file.flush();
      const zlib = parts.reduce((sum, part) => sum + deflateSync(part, { level }).length, 0);
      expect(dataset.storageSize / zlib, `level ${String(level)}`).toBeLessThan(TOLERANCE);
    }
  });
});
