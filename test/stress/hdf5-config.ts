// Long runs of what is random or large in HDF5 writing, some ten minutes of it. Not a part of `npm test`:
//   npx vitest run --config test/stress/hdf5-config.ts            FREESTONE_EFFORT=100 for longer ones
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: [
      'test/stress/hdf5-*.stress.ts',
      'test/interop/{random,crash,replay,flush}.test.ts',
      'test/hdf5/{damaged-files,concurrency}.test.ts',
    ],
    env: { FREESTONE_EFFORT: process.env['FREESTONE_EFFORT'] ?? '15' },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
