// Writes and flushes until it is killed. Says the number of each step whose flush has resolved.
//   argument 1: the path of the new file; 2: `awaited`, or `overlapping` to begin each step before the flush of the one before has resolved
import { writeSync } from 'node:fs';
import { H5File } from '../../../lib/hdf5/index.js';
import { createGrowing, startStep } from './steps.js';

const [path = '', mode] = process.argv.slice(2);
const file = await H5File.create(path);
const growing = await createGrowing(file);
let flushed: Promise<void> = Promise.resolve();
for (let n = 1; ; n += 1) {
  const done = startStep(file, growing, n);
  if (mode === 'awaited') await done;
  else await flushed;
  flushed = file.flush().then(() => {
    writeSync(1, `${String(n)}\n`);
  });
  if (mode === 'awaited') await flushed;
  else await done;
}
