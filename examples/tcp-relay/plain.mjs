// The same relay without a pool, as one writes it with Node alone.
//   node examples/tcp-relay/plain.mjs <port of the server> [port]
import { connect, createServer } from 'node:net';

const target = Number(process.argv[2]);

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ port: target, host: '127.0.0.1', noDelay: true });
  client.pipe(upstream).pipe(client);
  for (const [socket, other] of [[client, upstream], [upstream, client]]) {
    socket.on('error', () => undefined).on('close', () => other.destroySoon());
  }
});
server.listen(Number(process.argv[3] ?? 0), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
process.once('SIGTERM', () => {
  server.close();
});
