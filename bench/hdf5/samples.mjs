// The data that is written: a sine with noise, as a sensor of 21 bits gives it, the same in every run.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

const BLOCK_VALUES = 2 ** 17;

/** Uniform in [0, 1): xorshift128. */
function uniform() {
  let [x, y, z, w] = [123456789, 362436069, 521288629, 88675123];
  return () => {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return (w >>> 0) / 2 ** 32;
  };
}

/** Writes `bytes` of float64, which is a whole number of MiB: k / 2^18 where k = round(2^20 sin(2 pi i / 5000) + 2^14 gauss). */
export async function writeSamples(path, bytes, { signal }) {
  const random = uniform();
  const block = new Float64Array(BLOCK_VALUES);
  const file = await open(path, 'w');
  try {
    for (let first = 0; first * block.BYTES_PER_ELEMENT < bytes; first += BLOCK_VALUES) {
      signal.throwIfAborted();
      for (let i = 0; i < BLOCK_VALUES; i += 1) {
        const gauss = (random() + random() + random() + random() - 2) * Math.sqrt(3);
        block[i] = Math.round(2 ** 20 * Math.sin((2 * Math.PI * ((first + i) % 5000)) / 5000) + 2 ** 14 * gauss) / 2 ** 18;
      }
      await file.writeFile(new Uint8Array(block.buffer));
    }
  } finally {
    await file.close();
  }
}

/** The sha256 of a file's bytes, `repeat` times one after the other. */
export async function sha256(path, repeat, { signal }) {
  const hash = createHash('sha256');
  for (let i = 0; i < repeat; i += 1) {
    for await (const part of createReadStream(path, { highWaterMark: 2 ** 20, signal })) hash.update(part);
  }
  return hash.digest('hex');
}
