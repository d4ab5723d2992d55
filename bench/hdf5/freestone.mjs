// This package.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { H5File, gzip, shuffle, t } from 'freestone/hdf5';
import { readInput, subject } from '../harness/subject.mjs';
import { Digest } from './digest.mjs';
import { reads } from './freestone-reads.mjs';
import { PIECE_VALUES, columns, packedRows, texts } from './inputs.mjs';

const sync = process.env.BENCH_SYNC === '1';
const inColumns = process.env.BENCH_COLUMNS !== undefined;
const call = (object, name, ...values) => (sync ? object[`${name}Sync`](...values) : object[name](...values));

const growing = (dtype, chunk) => ({ dtype, shape: [0], maxShape: [null], chunks: [chunk] });

/** For each work what is prepared, and what is put under the clock. */
const works = {
  whole(job) {
    const data = readInput(job);
    const filters = job.level === undefined ? {} : { filters: [shuffle(), gzip(job.level)] };
    const layout = job.chunk === undefined ? {} : { chunks: [job.chunk], ...filters };
    return (file) => call(file.root, 'createDataset', 'data', { data, ...layout });
  },
  pieces(job) {
    const piece = readInput({ ...job, repeat: 1 }).subarray(0, PIECE_VALUES);
    const values = job.bytes / 8;
    const layout = job.chunk === undefined ? {} : { chunks: [job.chunk] };
    return async (file) => {
      const data = await call(file.root, 'createDataset', 'data', { dtype: 'float64', shape: [values], ...layout });
      for (let at = 0; at < values; at += PIECE_VALUES) await call(data, 'write', piece, { start: [at], count: [PIECE_VALUES] });
    };
  },
  append(job) {
    const input = readInput({ ...job, repeat: 1 });
    return async (file) => {
      const data = await call(file.root, 'createDataset', 'data', growing('float64', job.chunk));
      for (let i = 0; i < job.count; i += 1) {
        const at = (i % job.parts) * job.size;
        await call(data, 'append', input.subarray(at, at + job.size));
      }
    };
  },
  rows(job) {
    const rows = inColumns ? columns(job.size, process.env.BENCH_COLUMNS) : packedRows(job.size);
    return async (file) => {
      const members = { id: 'int64', a: 'float64', b: 'float64', c: 'float64', name: t.string(16) };
      const data = inColumns
        ? await call(file.root, 'createTable', 'data', members, { chunkRows: job.chunk })
        : await call(file.root, 'createDataset', 'data', growing(t.compound(members), job.chunk));
      for (let i = 0; i < job.count; i += 1) await call(data, 'append', rows);
    };
  },
  objects(job) {
    const values = Float64Array.from({ length: 16 }, (_, i) => i * 1.5);
    return async (file) => {
      const group = file.root.createGroup('group');
      for (let i = 0; i < job.count; i += 1) await call(group, 'createDataset', `d${String(i).padStart(6, '0')}`, { data: values });
    };
  },
  attributes(job) {
    return (file) => {
      let value = 3.25;
      for (let i = 0; i < job.count; i += 1) {
        const group = file.root.createGroup(`g${String(i).padStart(4, '0')}`);
        for (let j = 0; j < job.size; j += 1) group.attrs.set(`attr${String(j).padStart(3, '0')}`, (value += 1));
      }
    };
  },
  texts(job) {
    const data = texts(job.count);
    return (file) => call(file.root, 'createDataset', 'data', { data, dtype: 'string' });
  },
};

await subject({
  versions() {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    return { version, with: `node ${process.versions.node}, zlib ${process.versions.zlib}`, threads: availableParallelism() };
  },

  write(job) {
    const work = works[job.work](job);
    return async () => {
      const file = await call(H5File, 'create', job.output, job.threads === undefined ? {} : { threads: job.threads });
      await work(file);
      await call(file, 'close');
    };
  },

  read(job) {
    const run = async (see) => {
      const file = await H5File.open(job.output, 'r', job.threads === undefined ? {} : { threads: job.threads });
      await reads[job.work](job, file, see);
      await file.close();
    };
    return { run, digest: new Digest() };
  },
});
