// The same bytes written to a file by write(2), on one thread and without HDF5: what the system itself costs.
import { closeSync, openSync, writeSync } from 'node:fs';
import { readInput, subject } from '../harness/subject.mjs';

const PIECE = 8 * 2 ** 20;

await subject({
  versions() {
    return { version: '', with: `node ${process.versions.node}, write(2) of ${String(PIECE / 2 ** 20)} MiB`, threads: 1 };
  },

  write(job) {
    const bytes = new Uint8Array(readInput(job).buffer);
    return () => {
      const file = openSync(job.output, 'w');
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, Math.min(PIECE, bytes.length - at));
      closeSync(file);
    };
  },
});
