// This package.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { H5File, gzip, shuffle } from 'freestone/hdf5';
import { readInput, subject } from '../harness/subject.mjs';

await subject({
  versions() {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    return { version, with: `node ${process.versions.node}, zlib ${process.versions.zlib}`, threads: availableParallelism() };
  },

  write(job) {
    const data = readInput(job);
    const layout = job.chunk === undefined ? {} : { chunks: [job.chunk], filters: [shuffle(), gzip(job.level)] };
    return async () => {
      const file = await H5File.create(job.output, job.threads === undefined ? {} : { threads: job.threads });
      await file.root.createDataset('data', { data, ...layout });
      await file.close();
    };
  },
});
