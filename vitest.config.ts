import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The addon and the readers that tests start (python3, h5dump) want processes, and more of them than this only wait for each other.
    pool: 'forks',
    maxWorkers: 2,
    // For a loaded machine: a test that hangs is to end, none is to fail for being slow.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
