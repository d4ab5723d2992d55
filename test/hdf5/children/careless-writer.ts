// Ends with files open and writes under way.
//   argument 1: the path of the new file; 2: `exit` calls process.exit, `end` lets the event loop run out, `throw` throws
import { H5File, gzip } from '../../../lib/hdf5/index.js';

const [path = '', ending] = process.argv.slice(2);
const file = await H5File.create(path);
const x = await file.root.createDataset('x', { dtype: 'float64', shape: [0], maxShape: [null], chunks: [10_000], filters: [gzip(9)] });
for (let i = 0; i < 40; i += 1) void x.append(Float64Array.from({ length: 10_000 }, () => Math.random())).catch(() => undefined);
await new Promise((resolve) => setTimeout(resolve, 5));
if (ending === 'exit') process.exit(0);
if (ending === 'throw') throw new Error('on purpose');
