// `npm start`: one straight walk through the package, a real table from CSV to HDF5, with the commands that do it.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const table = join('node_modules', 'vega-datasets', 'data', 'birdstrikes.csv');
const output = 'birdstrikes.h5';

const commands = [
  ['import', table, output, '--overwrite'],
  ['ls', '-r', output],
  ['map', output],
];

for (const args of commands) {
  console.log(`\n$ npx freestone ${args.join(' ')}`);
  const { status } = spawnSync(process.execPath, [join(root, 'dist', 'cli', 'main.js'), ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

console.log(`\nThe file is ${join(root, output)}; open it with h5dump, h5py, MATLAB, Julia or R.`);
