// This package by its synchronous twins.
process.env.BENCH_SYNC = '1';
await import('./freestone.mjs');
