// This package with rows as columns: typed arrays and an array of strings.
process.env.BENCH_COLUMNS = 'strings';
await import('./freestone.mjs');
