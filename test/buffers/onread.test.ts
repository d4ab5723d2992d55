import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, createServer as createTlsServer, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BufferPool, BufferPoolOptions, Onread } from '../../lib/buffers/index.js';
import { content, folder, surroundings } from './surroundings.js';

let pool: BufferPool;
const { listen, sockets, usePool } = surroundings((made) => {
  pool = made;
});

/** `onread` is in Node's documentation of `tls.connect`, and not in its types. */
const connectOverTls = (options: ConnectionOptions & { onread: Onread }): TLSSocket => connectTls(options);

describe('onread', () => {
  /** A server that sends these bytes to whoever connects, in parts, and ends. */
  const sender = (bytes: Buffer, part: number, pause = false): Server =>
    createServer((socket) => {
      void (async () => {
        for (let at = 0; at < bytes.length; at += part) {
          socket.write(bytes.subarray(at, at + part));
          if (pause) await sleep(2);
        }
        socket.end();
      })();
    });

  const ways: [way: string, part: number, pause: boolean, options: { size?: number }, poolOptions?: BufferPoolOptions][] = [
    ['in large parts', 1_000_003, false, {}],
    ['in small parts', 3000, true, {}],
    ['in a small buffer', 100_000, false, { size: 1000 }],
    ['with leaks tracked', 50_000, true, {}, { trackLeaks: true }],
    ['strictly', 50_000, true, {}, { strict: true }],
    ['in a shared pool', 50_000, true, {}, { shared: true }],
    ['never zeroed', 50_000, true, {}, { zero: 'none' }],
  ];
  it.each(ways)('reads what a socket sends %s', async (_name, part, pause, options, poolOptions = {}) => {
    usePool(poolOptions);
    const port = await listen(sender(content, part, pause));
    const parts: Buffer[] = [];
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: pool.onread(function (buffer, from) {
        expect(this).toBe(from);
        expect(pool.owns(buffer)).toBe(true);
        parts.push(Buffer.from(buffer));
        pool.release(buffer);
      }, options),
    });
    await once(socket, 'close');
    expect(Buffer.concat(parts).equals(content)).toBe(true);
    expect(pool.stats().live).toBe(0);
  });

  it('reads straight into the pool, so that a buffer that is kept is not written again', async () => {
    const port = await listen(sender(content, 65_536, true));
    const kept: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', onread: pool.onread((buffer) => kept.push(buffer)) });
    await once(socket, 'close');
    expect(Buffer.concat(kept).equals(content)).toBe(true);
    for (const buffer of kept) pool.release(buffer);
  });

  it('what is left of one read is not seen by the holder of the next', async () => {
    // A short read leaves its bytes where the next one is read; a released part of that must be zero for whoever gets it next.
    const port = await listen(
      createServer((socket) => {
        void (async () => {
          for (const length of [10_000, 30_000, 33_000, 65_536, 20_000, 40_000]) {
            socket.write(Buffer.alloc(length, 1));
            await sleep(15);
          }
          socket.end();
        })();
      }),
    );
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: pool.onread((buffer) => {
        pool.release(buffer);
      }),
    });
    await once(socket, 'close');
    for (let i = 0; i < 8; i += 1) {
      const next = pool.acquire(65_536);
      expect(next.every((byte) => byte === 0)).toBe(true);
    }
    usePool({});
  });

  it('many sockets may have one', async () => {
    const port = await listen(sender(content.subarray(0, 200_000), 20_000, true));
    const received = new Map<Socket, Buffer[]>();
    const onread = pool.onread((buffer, socket) => {
      received.set(socket, [...(received.get(socket) ?? []), Buffer.from(buffer)]);
      pool.release(buffer);
    });
    const all = Array.from({ length: 10 }, () => connect({ port, host: '127.0.0.1', onread }));
    await Promise.all(all.map((socket) => once(socket, 'close')));
    for (const socket of all) expect(Buffer.concat(received.get(socket) ?? []).equals(content.subarray(0, 200_000))).toBe(true);
  });

  it('a callback that returns false pauses the socket until it is resumed', async () => {
    const port = await listen(sender(content, 65_536, true));
    let paused = 0;
    let bytes = 0;
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: pool.onread((buffer, from) => {
        expect(paused).toBe(0);
        bytes += buffer.length;
        pool.release(buffer);
        paused += 1;
        setTimeout(() => {
          paused -= 1;
          from.resume();
        }, 5);
        return false;
      }),
    });
    await once(socket, 'close');
    expect(bytes).toBe(content.length);
  });

  it('a full pool pauses sockets, and nothing is lost or out of order', async () => {
    usePool({ maxBytes: 2 ** 17 });
    const port = await listen(sender(content, 65_536));
    const parts: Buffer[] = [];
    const held: Buffer[] = [];
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: pool.onread((buffer) => {
        parts.push(Buffer.from(buffer));
        held.push(buffer);
        setTimeout(() => {
          const first = held.shift();
          if (first !== undefined) pool.release(first);
        }, 3);
      }),
    });
    await once(socket, 'close');
    await sleep(20);
    expect(pool.stats().waits).toBeGreaterThan(0);
    expect(Buffer.concat(parts).equals(content)).toBe(true);
  });

  it('a socket that is destroyed while it waits for memory leaves its place', async () => {
    usePool({ maxBytes: 2 ** 17 });
    const all = pool.acquire(2 ** 17);
    const port = await listen(sender(content, 65_536));
    const socket = connect({ port, host: '127.0.0.1', onread: pool.onread(() => expect.unreachable()) });
    while (pool.stats().waiting === 0) await turn();
    socket.destroy();
    await once(socket, 'close');
    await turn();
    expect(pool.stats().waiting).toBe(0);
    pool.release(all);
  });

  it('a connection that never gets a byte holds nothing, one that fails neither', async () => {
    const port = await listen(createServer(() => undefined));
    const socket = connect({ port, host: '127.0.0.1', onread: pool.onread(() => undefined) });
    await once(socket, 'connect');
    expect(pool.stats().live).toBe(0);
    socket.destroy();
    const refused = connect({ port: 1, host: '127.0.0.1', onread: pool.onread(() => undefined) });
    expect((await once(refused, 'error'))[0]).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it.each([0, 1, 3])('destroyed after %i reads it holds nothing', async (reads) => {
    const port = await listen(sender(content, 10_000, true));
    let count = 0;
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: pool.onread((buffer, from) => {
        pool.release(buffer);
        if (count === reads) from.destroy();
        count += 1;
      }),
    });
    await once(socket, 'close');
    expect(count).toBe(reads + 1);
    expect(pool.stats().live).toBe(0);
  });

  it('what a callback throws is the error of the socket', async () => {
    const port = await listen(sender(content, 10_000, true));
    const failure = new Error('mine');
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: pool.onread((buffer) => {
        pool.release(buffer);
        throw failure;
      }),
    });
    expect((await once(socket, 'error'))[0]).toBe(failure);
    if (!socket.closed) await once(socket, 'close');
  });

  it('a pool that is closed ends the sockets that read into it', async () => {
    const closing = pool;
    const port = await listen(sender(content, 10_000, true));
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: pool.onread((buffer) => {
        pool.release(buffer);
        setImmediate(() => {
          closing.close();
        });
      }),
    });
    expect((await once(socket, 'error'))[0]).toMatchObject({ code: 'ERR_CLOSED' });
    usePool({});
  });

  it('refuses wrong arguments', () => {
    expect(() => pool.onread(1 as unknown as () => void)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
    expect(() => pool.onread(() => undefined, { size: 0 })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_SIZE' }));
    expect(() => pool.onread(() => undefined, { bytes: 1 } as object)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
  });

  describe('over TLS', () => {
    let key: Buffer;
    let cert: Buffer;
    beforeAll(() => {
      const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
      const { status, stderr } = spawnSync(
        'openssl',
        ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-keyout', keyFile, '-out', certFile],
        { encoding: 'utf8' },
      );
      if (status !== 0) throw new Error(stderr);
      key = readFileSync(keyFile);
      cert = readFileSync(certFile);
    });

    const tlsServer = (bytes: Buffer): Server =>
      createTlsServer({ key, cert }, (socket) => {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.end(bytes);
      });

    it('reads what the server sends, and holds nothing in the end', async () => {
      const port = await listen(tlsServer(content));
      const parts: Buffer[] = [];
      const socket = connectOverTls({
        port,
        host: '127.0.0.1',
        ca: [cert],
        servername: 'localhost',
        onread: pool.onread((buffer) => {
          parts.push(Buffer.from(buffer));
          pool.release(buffer);
        }),
      });
      await once(socket, 'close');
      expect(Buffer.concat(parts).equals(content)).toBe(true);
    });

    it('a full pool pauses it, and nothing is lost or out of order', async () => {
      usePool({ maxBytes: 2 ** 17 });
      const port = await listen(tlsServer(content));
      const parts: Buffer[] = [];
      const socket = connectOverTls({
        port,
        host: '127.0.0.1',
        ca: [cert],
        servername: 'localhost',
        onread: pool.onread((buffer) => {
          parts.push(Buffer.from(buffer));
          setTimeout(() => {
            pool.release(buffer);
          }, 2);
        }),
      });
      await once(socket, 'close');
      // A TLS socket cannot keep its end back.
      while (pool.stats().live > 0 || pool.stats().waiting > 0) await sleep(1);
      expect(pool.stats().waits).toBeGreaterThan(0);
      expect(Buffer.concat(parts).equals(content)).toBe(true);
    });

    it('destroyed in the middle it holds nothing', async () => {
      const port = await listen(tlsServer(content));
      const socket = connectOverTls({
        port,
        host: '127.0.0.1',
        ca: [cert],
        servername: 'localhost',
        onread: pool.onread((buffer, from) => {
          pool.release(buffer);
          from.destroy();
        }),
      });
      await once(socket, 'close');
      expect(pool.stats().live).toBe(0);
    });
  });
});
