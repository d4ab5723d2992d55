// Opens a file and says how that went.
//   argument 1: the path; 2: `open` or `overwrite`
import { writeSync } from 'node:fs';
import { H5File } from '../../../lib/hdf5/index.js';

const [path = '', mode] = process.argv.slice(2);
try {
  const file = mode === 'open' ? await H5File.open(path) : await H5File.create(path, { overwrite: true });
  await file.close();
  writeSync(1, 'opened');
} catch (error) {
  writeSync(1, (error as { code: string }).code);
}
