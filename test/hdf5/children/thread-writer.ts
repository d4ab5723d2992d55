// A worker thread that writes files step by step and says the number of each step that is flushed in all of them.
import { parentPort, workerData } from 'node:worker_threads';
import { H5File } from '../../../lib/hdf5/index.js';
import { createGrowing, startStep } from './steps.js';

const { paths, steps } = workerData as { paths: readonly string[]; steps: number };
const files = await Promise.all(paths.map(async (path) => {
  const file = await H5File.create(path, { overwrite: true });
  return { file, growing: await createGrowing(file) };
}));
for (let n = 1; n <= steps; n += 1) {
  await Promise.all(files.map(async ({ file, growing }) => {
    const done = startStep(file, growing, n);
    await Promise.all([done, file.flush()]);
  }));
  parentPort?.postMessage(n);
}
await Promise.all(files.map(({ file }) => file.close()));
