import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { BufferPool } from '../../lib/buffers/index.js';
import { byteStream, valueStream } from './sources.js';
import { content, file, folder, surroundings } from './surroundings.js';

let pool: BufferPool;
const { listen, usePool } = surroundings((made) => {
  pool = made;
});

describe('readStream', () => {
  it('gives the file in pooled buffers, which whoever takes them releases', async () => {
    const parts: Buffer[] = [];
    for await (const chunk of pool.readStream(file, { chunkSize: 10_000 })) {
      expect(pool.owns(chunk)).toBe(true);
      parts.push(Buffer.from(chunk));
      pool.release(chunk);
    }
    expect(Buffer.concat(parts).equals(content)).toBe(true);
    expect(parts.length).toBe(101);
  });

  it.each([
    [{ start: 100 }, content.subarray(100)],
    [{ end: 99 }, content.subarray(0, 100)],
    [{ start: 5, end: 70_000, chunkSize: 64 }, content.subarray(5, 70_001)],
    [{ start: 2_000_000 }, Buffer.alloc(0)],
    [{ start: 7, end: 7 }, content.subarray(7, 8)],
  ])('reads the part %o', async (options, expected) => {
    const parts: Buffer[] = [];
    for await (const chunk of pool.readStream(file, { ...options, releaseOnNext: true })) parts.push(Buffer.from(chunk));
    expect(Buffer.concat(parts).equals(expected)).toBe(true);
  });

  it('releases each chunk when the next one is asked for, and the last one', async () => {
    for await (const chunk of pool.readStream(file, { releaseOnNext: true, highWaterMark: 1 })) {
      await sleep(1);
      expect((chunk).length).toBeGreaterThan(0);
      expect(pool.owns(chunk)).toBe(true);
      // This one, one that is ready, and one that is being read.
      expect(pool.stats().live).toBeLessThanOrEqual(3);
    }
    expect(pool.stats().live).toBe(0);
    // Whoever releases one before keeps others from losing theirs.
    const taken: Buffer[] = [];
    for await (const chunk of pool.readStream(file, { releaseOnNext: true })) {
      pool.release(chunk);
      taken.push(pool.acquire(65_536));
    }
    for (const buffer of taken) pool.release(buffer);
  });

  it('a loop that is left, by break or by a throw, leaves nothing behind', async () => {
    for await (const _ of pool.readStream(file, { releaseOnNext: true, chunkSize: 1000 })) break;
    await expect(
      (async () => {
        for await (const _ of pool.readStream(file, { releaseOnNext: true, chunkSize: 1000 })) throw new Error('no');
      })(),
    ).rejects.toThrow('no');
  });

  it.each([0, 1, 5, 20])('destroyed after %i ms it releases what nobody took, and what is being read', async (ms) => {
    const stream = pool.readStream(file, { chunkSize: 1000, highWaterMark: 16 });
    stream.read();
    await sleep(ms);
    stream.destroy();
    await once(stream, 'close');
    expect(pool.stats().live).toBe(0);
    expect(stream.read()).toBe(null);
  });

  it.each(['data', 'readable'])("knows what was taken by '%s'", async (event) => {
    const taken: Buffer[] = [];
    const stream = pool.readStream(file, { chunkSize: 1000, highWaterMark: 4 });
    if (event === 'data') {
      stream.on('data', (chunk: Buffer) => {
        taken.push(chunk);
        if (taken.length === 3) stream.pause();
      });
    } else {
      stream.on('readable', () => {
        while (taken.length < 3) {
          const chunk = stream.read();
          if (chunk === null) break;
          taken.push(chunk);
        }
      });
    }
    while (taken.length < 3) await turn();
    await sleep(20);
    stream.destroy();
    await once(stream, 'close');
    expect(pool.stats().live).toBe(3);
    for (const [i, chunk] of taken.entries()) {
      expect(chunk.equals(content.subarray(i * 1000, (i + 1) * 1000))).toBe(true);
      pool.release(chunk);
    }
  });

  it('a signal ends it', async () => {
    const controller = new AbortController();
    const stream = pool.readStream(file, { signal: controller.signal });
    stream.on('readable', () => {
      controller.abort();
    });
    const [error] = (await once(stream, 'error')) as [Error];
    expect(error.name).toBe('AbortError');
  });

  it('waits while the pool is full', async () => {
    usePool({ maxBytes: 2 ** 16 });
    let bytes = 0;
    for await (const chunk of pool.readStream(file, { releaseOnNext: true, chunkSize: 2 ** 16 })) {
      expect(pool.stats().live).toBe(1);
      bytes += (chunk).length;
    }
    expect(bytes).toBe(content.length);
  });

  it('fails as the file system does, and refuses wrong arguments', async () => {
    const missing = pool.readStream(join(folder, 'missing'));
    expect((await once(missing, 'error'))[0]).toMatchObject({ code: 'ENOENT' });
    const directory = pool.readStream(folder);
    directory.resume();
    expect((await once(directory, 'error'))[0]).toMatchObject({ code: 'EISDIR' });
    expect(() => pool.readStream(file, { chunkSize: 0 })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_SIZE' }));
    expect(() => pool.readStream(file, { start: 2, end: 1 })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
    expect(() => pool.readStream(file, { size: 1 } as object)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
  });

  it('a pool that is closed meanwhile ends it', async () => {
    const stream = pool.readStream(file);
    stream.on('data', (chunk: Buffer) => {
      if (pool.owns(chunk)) pool.close();
    });
    expect((await once(stream, 'error'))[0]).toMatchObject({ code: 'ERR_CLOSED' });
    usePool({});
  });
});

describe('fromWeb', () => {
  it.each([
    ['bytes', byteStream(content, 70_000)],
    ['values', valueStream(content.subarray(0, 100_000), content.subarray(100_000))],
  ])('gives a stream of %s in pooled buffers', async (_name, stream) => {
    const parts: Buffer[] = [];
    for await (const chunk of pool.fromWeb(stream, { chunkSize: 30_000 })) {
      expect(chunk.length).toBeLessThanOrEqual(30_000);
      parts.push(Buffer.from(chunk));
      pool.release(chunk);
    }
    expect(Buffer.concat(parts).equals(content)).toBe(true);
    expect(stream.locked).toBe(false);
  });

  it('a loop that is left, and an abort, cancel the stream', async () => {
    let cancelled: unknown;
    const make = (): ReadableStream<Uint8Array> =>
      new ReadableStream({
        type: 'bytes',
        start: (controller) => {
          controller.enqueue(new Uint8Array(10));
        },
        cancel: (reason) => {
          cancelled = reason ?? 'left';
        },
      });
    for await (const chunk of pool.fromWeb(make())) {
      pool.release(chunk);
      break;
    }
    expect(cancelled).toBe('left');
    const controller = new AbortController();
    const reason = new Error('enough');
    const reading = (async () => {
      for await (const chunk of pool.fromWeb(make(), { signal: controller.signal })) pool.release(chunk);
    })();
    await turn();
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
    expect(cancelled).toBe(reason);
    expect(() => pool.fromWeb(1 as unknown as ReadableStream<Uint8Array>)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
  });
});

describe('write', () => {
  /** A stream that takes a chunk when it is told to. */
  class Slow extends Writable {
    readonly seen: string[] = [];
    pending: (() => void)[] = [];

    constructor(highWaterMark = 1000) {
      super({ highWaterMark });
    }

    override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
      this.pending.push(() => {
        // Only now: the bytes must still be the writer's.
        this.seen.push(chunk.toString('latin1').slice(0, 5));
        callback();
      });
    }

    step(): void {
      this.pending.shift()?.();
    }
  }
  const filled = (text: string, size = 600): Buffer => pool.acquire(size).fill(text);

  it('releases a buffer when the stream has done with it, and waits while the stream is full', async () => {
    const slow = new Slow();
    await pool.write(slow, filled('a'));
    let more = false;
    const second = pool.write(slow, filled('b')).then(() => {
      more = true;
    });
    await turn();
    expect(more).toBe(false);
    expect(pool.stats().live).toBe(2);
    slow.step();
    await turn();
    expect(pool.stats().live).toBe(1);
    slow.step();
    await second;
    expect(pool.stats().live).toBe(0);
    expect(slow.seen).toEqual(['aaaaa', 'bbbbb']);
  });

  it('many writes to one stream listen once', async () => {
    const slow = new Slow(1);
    const writes = Array.from({ length: 30 }, () => pool.write(slow, filled('x', 64)));
    expect(slow.listenerCount('drain')).toBe(1);
    expect(slow.listenerCount('close')).toBe(1);
    for (let i = 0; i < 30; i += 1) {
      await turn();
      slow.step();
    }
    await Promise.all(writes);
  });

  it('a stream that is destroyed ends all of them', async () => {
    const failure = new Error('broken');
    const slow = new Slow();
    slow.on('error', () => undefined);
    const writes = [pool.write(slow, filled('a')), pool.write(slow, filled('b')), pool.write(slow, filled('c'))];
    const outcome = Promise.allSettled(writes);
    slow.destroy(failure);
    expect((await outcome).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(pool.stats().live).toBe(0);
    await expect(pool.write(slow, filled('d'))).rejects.toBe(failure);
    expect(pool.stats().live).toBe(0);
  });

  it('a stream that has ended releases at once', async () => {
    const slow = new Slow();
    slow.on('error', () => undefined);
    slow.end();
    await once(slow, 'finish');
    await expect(pool.write(slow, filled('a'))).rejects.toThrow();
    expect(pool.stats().live).toBe(0);
  });

  it('settles when the stream ends without asking for more', async () => {
    const slow = new Slow(1);
    const writing = pool.write(slow, filled('a'));
    slow.end();
    slow.step();
    await writing;
  });

  it('an abort ends the wait, not the write', async () => {
    const slow = new Slow(1);
    const controller = new AbortController();
    const reason = new Error('enough');
    const writing = pool.write(slow, filled('a'), { signal: controller.signal });
    controller.abort(reason);
    await expect(writing).rejects.toBe(reason);
    expect(pool.stats().live).toBe(1);
    slow.step();
    expect(slow.seen).toEqual(['aaaaa']);
    expect(pool.stats().live).toBe(0);
    await expect(pool.write(slow, filled('b'), { signal: controller.signal })).rejects.toBe(reason);
    expect(slow.pending).toEqual([]);
  });

  it('refuses what is not a held buffer, or no stream, and changes nothing', async () => {
    const slow = new Slow();
    await expect(pool.write(slow, Buffer.alloc(10))).rejects.toMatchObject({ code: 'ERR_INVALID_ADDRESS' });
    const buffer = filled('a');
    await expect(pool.write(slow, buffer.subarray(1))).rejects.toMatchObject({ code: 'ERR_INVALID_ADDRESS' });
    await expect(pool.write({} as unknown as Writable, buffer)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(pool.write(slow, buffer, { signal: 1 as unknown as AbortSignal })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    pool.release(buffer);
    expect(slow.pending).toEqual([]);
  });

  it('sends a file as a response, chunk by chunk', async () => {
    const send = async (_req: IncomingMessage, res: ServerResponse): Promise<void> => {
      for await (const chunk of pool.readStream(file)) await pool.write(res, chunk);
      res.end();
    };
    const port = await listen(
      createHttpServer((req, res) => {
        void send(req, res);
      }),
    );
    const response = await fetch(`http://127.0.0.1:${String(port)}/`);
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
  });

  it('a client that goes away in the middle of a response leaves nothing behind', async () => {
    const outcome = new Promise<unknown>((resolve) => {
      void (async () => {
        const port = await listen(
          createHttpServer((_req, res) => {
            (async () => {
              for (;;) await pool.write(res, filled('x', 65_536));
            })().catch(resolve);
          }),
        );
        const socket = connect(port, '127.0.0.1').on('error', () => undefined);
        socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
        socket.once('data', () => {
          socket.pause();
          setTimeout(() => socket.resetAndDestroy(), 50);
        });
      })();
    });
    expect(await outcome).toBeInstanceOf(Error);
    await sleep(20);
    expect(pool.stats().live).toBe(0);
  });
});
