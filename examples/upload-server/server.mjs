// Takes uploads and answers with their MD5, as object stores do. Bodies are collected into pooled buffers.
//   node examples/upload-server/server.mjs [port]
import { hash } from 'node:crypto';
import { createServer } from 'node:http';
import { BufferPool } from 'freestone/buffers';

// Bodies are bounded, and so is what all of them have together: whoever comes when it is full waits for its turn. Nothing is zeroed,
// because a collected buffer shows the bytes of its body and no others.
const MAX_BODY = 16 * 2 ** 20;
const pool = new BufferPool({ name: 'uploads', maxBytes: 2 ** 28, zero: 'none' });

async function upload(req, res) {
  // Every buffer of this request returns when the response closes, however it ends.
  const scope = pool.scope({ until: res });
  try {
    const body = await scope.collect(req, { maxBytes: MAX_BODY, destroy: false, freeChunks: true });
    const answer = hash('md5', body, 'hex');
    res.writeHead(200, { 'content-type': 'text/plain', 'content-length': answer.length }).end(answer);
  } catch (error) {
    if (res.destroyed) return;
    const status = error.code === 'ERR_LIMIT_EXCEEDED' ? 413 : 500;
    res.writeHead(status, { connection: 'close', 'content-type': 'text/plain' }).end(`${error.message}\n`);
  }
}

const server = createServer((req, res) => {
  void upload(req, res);
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
process.once('SIGTERM', () => {
  server.close(async () => {
    // The last connection is closed; what its requests held returns when they are told.
    await new Promise(setImmediate);
    console.log(`buffers still held: ${pool.stats().live}`);
    pool.close();
  });
  server.closeIdleConnections();
});
