// This package with rows as columns: typed arrays, and the texts as the bytes of their fixed length.
process.env.BENCH_COLUMNS = 'bytes';
await import('./freestone.mjs');
