// h5wasm: libhdf5 as WebAssembly, with files of the system.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import h5wasm from 'h5wasm/node';
import { readInput, subject } from '../harness/subject.mjs';
import { Digest } from './digest.mjs';
import { reads } from './h5wasm-reads.mjs';
import { PIECE_VALUES, columns, texts } from './inputs.mjs';

const CHECK_VALUES = 2 ** 19;

const works = {
  whole(job) {
    const data = readInput(job);
    const filters = job.level === undefined ? {} : { compression: 'gzip', compression_opts: job.level };
    const layout = job.chunk === undefined ? {} : { chunks: [job.chunk], ...filters };
    return (file) => file.create_dataset({ name: 'data', data, ...layout });
  },
  pieces(job) {
    const piece = readInput({ ...job, repeat: 1 }).subarray(0, PIECE_VALUES);
    const values = job.bytes / 8;
    return (file) => {
      // Its interface makes no dataset without data but by growing one.
      const data = file.create_dataset({ name: 'data', data: piece, chunks: [job.chunk], maxshape: [null] });
      data.resize([values]);
      for (let at = PIECE_VALUES; at < values; at += PIECE_VALUES) data.write_slice([[at, at + PIECE_VALUES]], piece);
    };
  },
  append(job) {
    const input = readInput({ ...job, repeat: 1 });
    const part = (i) => input.subarray((i % job.parts) * job.size, (i % job.parts) * job.size + job.size);
    return (file) => {
      const data = file.create_dataset({ name: 'data', data: part(0), chunks: [job.chunk], maxshape: [null] });
      for (let i = 1; i < job.count; i += 1) {
        data.resize([(i + 1) * job.size]);
        data.write_slice([[i * job.size, (i + 1) * job.size]], part(i));
      }
    };
  },
  rows(job) {
    const data = new Map(Object.entries(columns(job.size)));
    const dtype = [['id', '<q'], ['a', '<d'], ['b', '<d'], ['c', '<d'], ['name', 'S16']];
    return (file) => {
      const table = file.create_dataset({ name: 'data', data, dtype, shape: [job.size], chunks: [job.chunk], maxshape: [null] });
      for (let i = 1; i < job.count; i += 1) {
        table.resize([(i + 1) * job.size]);
        table.write_slice([[i * job.size, (i + 1) * job.size]], data);
      }
    };
  },
  objects(job) {
    const data = Float64Array.from({ length: 16 }, (_, i) => i * 1.5);
    return (file) => {
      const group = file.create_group('group');
      for (let i = 0; i < job.count; i += 1) group.create_dataset({ name: `d${String(i).padStart(6, '0')}`, data });
    };
  },
  attributes(job) {
    return (file) => {
      let value = 3.25;
      for (let i = 0; i < job.count; i += 1) {
        const group = file.create_group(`g${String(i).padStart(4, '0')}`);
        for (let j = 0; j < job.size; j += 1) group.create_attribute(`attr${String(j).padStart(3, '0')}`, (value += 1), null, '<d');
      }
    };
  },
  texts(job) {
    const data = texts(job.count);
    return (file) => file.create_dataset({ name: 'data', data, dtype: 'S' });
  },
};

await h5wasm.ready;
await subject({
  versions() {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.resolve('h5wasm/node')), 'utf8'));
    return { version, with: `libhdf5 in WebAssembly, node ${process.versions.node}`, threads: 1 };
  },

  write(job) {
    const work = works[job.work](job);
    return () => {
      const file = new h5wasm.File(job.output, 'w');
      work(file);
      file.close();
    };
  },

  read(job) {
    const run = (see) => {
      const file = new h5wasm.File(job.output, 'r');
      reads[job.work](job, file, see);
      file.close();
    };
    return { run, digest: new Digest() };
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
