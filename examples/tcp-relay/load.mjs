// Loads both relays in turn, each in a process of its own before one origin, and prints what they do side by side. Loopback only.
//   node examples/tcp-relay/load.mjs [connections] [bytes of an answer] [seconds of a round] [rounds]
import { fileURLToPath } from 'node:url';
import { bounded, loadInTurn, start, stop } from '../side-by-side.mjs';

const bytes = bounded(process.argv[3], { most: 16 * 2 ** 20, otherwise: 2 ** 16 });
const path = (script) => fileURLToPath(new URL(script, import.meta.url));

const servers = [await start(path('origin.mjs'), [String(bytes)])];
try {
  const [{ port }] = servers;
  for (const script of ['relay.mjs', 'plain.mjs']) servers.push(await start(path(script), [String(port)]));
  console.log(`answers of ${bytes} bytes`);
  await loadInTurn({
    servers: { pooled: servers[1], plain: servers[2] },
    connections: bounded(process.argv[2], { most: 1000, otherwise: 100 }),
    seconds: bounded(process.argv[4], { most: 60, otherwise: 5 }),
    rounds: bounded(process.argv[5], { most: 25, otherwise: 7 }),
  });
} finally {
  for (const server of servers) await stop(server);
}
