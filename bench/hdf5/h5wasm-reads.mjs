// What h5wasm reads: what libhdf5 in C has written.
import { PIECE_VALUES } from './inputs.mjs';

const slices = (step) => (job, file, see) => {
  const data = file.get('data');
  const [values] = data.shape;
  for (let at = 0; at < values; at += step(job)) see(data.slice([[at, at + step(job)]]));
};
const all = (job, file, see) => {
  see(file.get('data').value);
};

export const reads = {
  whole: all,
  pieces: slices(() => PIECE_VALUES),
  append: slices(({ size }) => size),
  texts: all,

  objects(job, file, see) {
    const group = file.get('group');
    for (let i = 0; i < job.count; i += 1) see(group.get(`d${String(i).padStart(6, '0')}`).value);
  },

  attributes(job, file, see) {
    for (let i = 0; i < job.count; i += 1) {
      const group = file.get(`g${String(i).padStart(4, '0')}`);
      for (let j = 0; j < job.size; j += 1) see(Float64Array.of(group.get_attribute(`attr${String(j).padStart(3, '0')}`)));
    }
  },
};
