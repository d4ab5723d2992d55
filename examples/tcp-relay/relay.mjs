// Passes on what clients send to a server, and what that answers, which is read straight into pooled buffers.
//   node examples/tcp-relay/relay.mjs <port of the server> [port]
import { connect, createServer } from 'node:net';
import { BufferPool } from 'freestone/buffers';

const target = Number(process.argv[2]);
const pool = new BufferPool({ name: 'relay', maxBytes: 2 ** 28, zero: 'none' });

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({
    port: target,
    host: '127.0.0.1',
    noDelay: true,
    // Each buffer is released when the client's socket has done with it. While that does not take more, nothing more is read.
    onread: pool.onread((buffer) => {
      pool.write(client, buffer).catch(() => upstream.destroy());
      if (!client.writableNeedDrain) return true;
      client.once('drain', () => upstream.resume());
      return false;
    }),
  });
  client.pipe(upstream);
  upstream.on('end', () => client.end());
  for (const [socket, other] of [[client, upstream], [upstream, client]]) {
    // A connection that breaks takes the other one with it; 'close' follows.
    socket.on('error', () => undefined).on('close', () => other.destroySoon());
  }
});
server.listen(Number(process.argv[3] ?? 0), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
process.once('SIGTERM', () => {
  server.close(async () => {
    // The last connection is closed; what its requests held returns when they are told.
    await new Promise(setImmediate);
    console.log(`buffers still held: ${pool.stats().live}`);
    pool.close();
  });
});
