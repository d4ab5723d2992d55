// Fills a file up to the size that the process may write, says how it went, lifts the limit and goes on.
//   argument 1: the path of the new file; its soft limit of file size is set by whoever starts this, its hard limit is not
import { spawnSync } from 'node:child_process';
import { copyFileSync, writeSync } from 'node:fs';
import { H5File, gzip } from '../../../lib/hdf5/index.js';

const [path = ''] = process.argv.slice(2);
const codeOf = (error: unknown): unknown => (error as { code?: string }).code;
const file = await H5File.create(path);
const first = await file.root.createDataset('first', { data: Int32Array.of(1, 2, 3) });
const rows = await file.root.createDataset('rows', { dtype: 'float64', shape: [0], maxShape: [null], chunks: [1000], filters: [gzip(1)] });
await file.flush();

const codes = new Set<unknown>();
let written = 0;
while (codes.size === 0) {
  // Random numbers do not compress.
  await rows.append(Float64Array.from({ length: 1000 }, () => Math.random())).then(
    () => (written += 1000),
    (error: unknown) => codes.add(codeOf(error)),
  );
}
const flush = await file.flush().catch(codeOf);
const large = await file.root.createDataset('large', { data: new Float64Array(100_000).fill(1) }).catch(codeOf);
copyFileSync(path, `${path}.full`);

spawnSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited:unlimited']);
await file.flush();
const kept = rows.shape[0] ?? 0;
await rows.append(new Float64Array(1000).fill(7));
await first.write(Int32Array.of(4, 5, 6));
await file.close();
writeSync(1, JSON.stringify({ codes: [...codes], flush, large, written, kept }));
