// This package reads back what it has written. Of each work: what is done with the opened file, handing on what was read.
import { PIECE_VALUES, ROW_BYTES } from './inputs.mjs';

export const reads = {
  async whole(job, file, see) {
    see(await file.root.get('data').read());
  },

  async pieces(job, file, see) {
    const data = file.root.get('data');
    const into = new Float64Array(PIECE_VALUES);
    for (let at = 0; at < data.shape[0]; at += PIECE_VALUES) see(await data.read({ start: [at], count: [PIECE_VALUES] }, { into }));
  },

  async append(job, file, see) {
    const data = file.root.get('data');
    const into = new Float64Array(job.size);
    for (let i = 0; i < job.count; i += 1) see(await data.read({ start: [i * job.size], count: [job.size] }, { into }));
  },

  async rows(job, file, see) {
    const data = file.root.get('data');
    const into = new Uint8Array(job.size * ROW_BYTES);
    for (let i = 0; i < job.count; i += 1) see(await data.read({ start: [i * job.size], count: [job.size] }, { into }));
  },

  async numbers(job, file, see) {
    for (const column of Object.values(await file.root.get('data').readColumns(undefined, { columns: ['id', 'a', 'b', 'c'] }))) see(column);
  },

  async columns(job, file, see) {
    for (const column of Object.values(await file.root.get('data').readColumns())) see(column);
  },

  async objects(job, file, see) {
    const group = file.root.get('group');
    for (let i = 0; i < job.count; i += 1) see(await group.get(`d${String(i).padStart(6, '0')}`).read());
  },

  attributes(job, file, see) {
    const value = new Float64Array(1);
    for (let i = 0; i < job.count; i += 1) {
      const group = file.root.get(`g${String(i).padStart(4, '0')}`);
      for (let j = 0; j < job.size; j += 1) {
        value[0] = group.attrs.get(`attr${String(j).padStart(3, '0')}`);
        see(value);
      }
    }
  },

  async texts(job, file, see) {
    see(await file.root.get('data').read());
  },
};
