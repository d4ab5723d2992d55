// Loads both servers in turn, each in a process of its own, and prints what they do side by side. Loopback only.
//   node examples/upload-server/load.mjs [connections] [bytes of a body] [seconds of a round] [rounds]
import { fileURLToPath } from 'node:url';
import { bounded, loadInTurn, start, stop } from '../side-by-side.mjs';

const bytes = bounded(process.argv[3], { most: 16 * 2 ** 20, otherwise: 2 ** 16 });

const servers = [];
try {
  for (const script of ['server.mjs', 'plain.mjs']) servers.push(await start(fileURLToPath(new URL(script, import.meta.url))));
  console.log(`bodies of ${bytes} bytes`);
  await loadInTurn({
    servers: { pooled: servers[0], plain: servers[1] },
    connections: bounded(process.argv[2], { most: 1000, otherwise: 100 }),
    request: { method: 'POST', body: Buffer.alloc(bytes, 'upload') },
    seconds: bounded(process.argv[4], { most: 60, otherwise: 5 }),
    rounds: bounded(process.argv[5], { most: 25, otherwise: 7 }),
  });
} finally {
  for (const server of servers) await stop(server);
}
