// The same server without a pool, as one writes it with Node alone: chunks in a list, joined at the end.
//   node examples/upload-server/plain.mjs [port]
import { hash } from 'node:crypto';
import { createServer } from 'node:http';

const MAX_BODY = 16 * 2 ** 20;

function upload(req, res) {
  const chunks = [];
  let length = 0;
  req.on('data', (chunk) => {
    length += chunk.length;
    if (length > MAX_BODY) {
      req.removeAllListeners('data').removeAllListeners('end').pause();
      res.writeHead(413, { connection: 'close', 'content-type': 'text/plain' }).end(`a body of more than ${MAX_BODY} bytes\n`);
    } else chunks.push(chunk);
  });
  req.on('end', () => {
    const answer = hash('md5', Buffer.concat(chunks, length), 'hex');
    res.writeHead(200, { 'content-type': 'text/plain', 'content-length': answer.length }).end(answer);
  });
  req.on('error', () => undefined);
}

const server = createServer(upload);
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
process.once('SIGTERM', () => {
  server.close();
  server.closeIdleConnections();
});
