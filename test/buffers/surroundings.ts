// A pool for each test, real sockets, and that nothing is held in the end.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type RequestListener } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, expect } from 'vitest';
import { BufferPool, type BufferPoolOptions } from '../../lib/buffers/index.js';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Sends a request; without `end` it stays unfinished. */
export type Post = (body: Uint8Array | null, headers?: Record<string, string | number>, end?: boolean) => Promise<Answer>;

/** A million random bytes, and where they are in a file. */
export const content = randomBytes(1_000_003);
export const folder = mkdtempSync(join(tmpdir(), 'freestone-streams-'));
export const file = join(folder, 'content');
writeFileSync(file, content);

export interface Surroundings {
  /** Another pool for the rest of the test. */
  readonly usePool: (options: BufferPoolOptions) => void;
  /** @returns its port */
  readonly listen: (server: Server) => Promise<number>;
  readonly serve: (handle: RequestListener) => Promise<Post>;
  /** Every connection to a server, to be destroyed in the end. */
  readonly sockets: Set<Duplex>;
}

/** @param give gets each test's pool */
export function surroundings(give: (pool: BufferPool) => void): Surroundings {
  let pool: BufferPool;
  const servers: { close(): unknown; closeAllConnections?(): void }[] = [];
  const sockets = new Set<Duplex>();
  const make = (options: BufferPoolOptions): void => {
    pool = new BufferPool(options);
    give(pool);
  };
  const listen = async (server: Server): Promise<number> => {
    servers.push(server);
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  beforeEach(() => {
    make({});
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    for (const server of servers.splice(0)) {
      server.closeAllConnections?.();
      server.close();
    }
    await sleep(20);
    try {
      expect(pool.stats().live).toBe(0);
      pool.validate();
    } finally {
      pool.close();
    }
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  return {
    sockets,
    listen,
    usePool: (options) => {
      pool.close();
      make(options);
    },
    serve: async (handle) => {
      const port = await listen(createServer(handle));
      return (body, headers = {}, end = true) =>
        new Promise((resolve, reject) => {
          const sent = request({ port, host: '127.0.0.1', method: 'POST', headers }, (response) => {
            response.toArray().then((chunks) => {
              resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks as Buffer[]).toString() });
            }, reject);
          });
          sent.on('error', reject);
          if (body !== null) sent.write(body);
          if (end) sent.end();
          else sent.flushHeaders();
        });
    },
  };
}
