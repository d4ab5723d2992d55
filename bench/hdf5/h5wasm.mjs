// h5wasm: libhdf5 as WebAssembly, with files of the system.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import h5wasm from 'h5wasm/node';
import { readInput, subject } from '../harness/subject.mjs';

const CHECK_VALUES = 2 ** 19;

await h5wasm.ready;
await subject({
  versions() {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.resolve('h5wasm/node')), 'utf8'));
    return { version, with: `libhdf5 in WebAssembly, node ${process.versions.node}`, threads: 1 };
  },

  write(job) {
    const data = readInput(job);
    const layout = job.chunk === undefined ? {} : { chunks: [job.chunk], compression: 'gzip', compression_opts: job.level };
    return () => {
      const file = new h5wasm.File(job.output, 'w');
      file.create_dataset({ name: 'data', data, ...layout });
      file.close();
    };
  },

  check({ path }) {
    const file = new h5wasm.File(path, 'r');
    const data = file.get('data');
    const [count] = data.shape;
    const hash = createHash('sha256');
    for (let first = 0; first < count; first += CHECK_VALUES) {
      const { buffer, byteOffset, byteLength } = data.slice([[first, Math.min(count, first + CHECK_VALUES)]]);
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    }
    const filters = data.filters.map(({ id, cd_values: values }) => ({ 1: `gzip ${String(values[0])}`, 2: 'shuffle' })[id] ?? `filter ${String(id)}`);
    const held = { shape: data.shape, float64: data.dtype === '<d', chunks: data.metadata.chunks, filters, sha256: hash.digest('hex') };
    file.close();
    return held;
  },
});
