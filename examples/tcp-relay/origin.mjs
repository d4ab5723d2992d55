// What is behind the relay: answers every request with so many bytes, and an upload with its length.
//   node examples/tcp-relay/origin.mjs [bytes] [port]
import { createServer } from 'node:http';

const body = Buffer.alloc(Number(process.argv[2] ?? 2 ** 16), 'answer');

const server = createServer((req, res) => {
  let length = 0;
  req.on('data', (chunk) => {
    length += chunk.length;
  });
  req.on('end', () => res.end(length === 0 ? body : String(length)));
});
server.listen(Number(process.argv[3] ?? 0), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
process.once('SIGTERM', () => {
  server.close();
  server.closeIdleConnections();
});
