import type { RequestListener } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { BufferPool } from '../../lib/buffers/index.js';
import { byteStream, generated, inParts, valueStream } from './sources.js';
import { content, surroundings } from './surroundings.js';

let pool: BufferPool;
const { serve, sockets, usePool } = surroundings((made) => {
  pool = made;
});

describe('collect', () => {
  const sources: [name: string, make: (bytes: Buffer) => Readable | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>][] = [
    ['a Node stream', (bytes) => inParts(bytes, 1, 70_000, 333)],
    ['an async iterable', (bytes) => generated(bytes, 40_000)],
    ['a web stream of bytes', (bytes) => byteStream(bytes, 50_000)],
    ['a web stream of values', (bytes) => valueStream(bytes.subarray(0, 5), bytes.subarray(5))],
  ];
  it.each(sources)('gives the bytes of %s in one buffer of their length', async (_name, make) => {
    for (const length of [0, 1, 63, 65_535, 65_536, 65_537, 300_000]) {
      const bytes = content.subarray(0, length);
      const buffer = await pool.collect(make(bytes));
      expect(buffer.equals(bytes)).toBe(true);
      expect(pool.stats().live).toBe(1);
      expect(pool.capacity(buffer)).toBeLessThanOrEqual(Math.max(2 * length, 64));
      pool.release(buffer);
      expect(() => {
        pool.release(buffer);
      }).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ADDRESS' }));
    }
  });

  it.each(['none', 'acquire', 'release'] as const)('leaves nothing for the next holder, with zero: %s', async (zero) => {
    usePool({ zero });
    pool.release(await pool.collect(inParts(Buffer.alloc(200_000, 1), 10_000)));
    if (zero !== 'none') for (const size of [64, 1000, 65_536, 131_072, 200_000]) {
      const next = pool.acquire(size);
      expect(next.every((byte) => byte === 0)).toBe(true);
      pool.release(next);
    }
  });

  it.each([{ strict: true }, { trackLeaks: true }, { shared: true }])('works in a pool with %o, an empty body too', async (options) => {
    usePool(options);
    for (const length of [0, 10, 100_000]) {
      const buffer = await pool.collect(inParts(content.subarray(0, length), 5000));
      expect(buffer.equals(content.subarray(0, length))).toBe(true);
      pool.release(buffer);
    }
  });

  it('gives an empty body to another thread like any other', async () => {
    usePool({ shared: true });
    const empty = pool.fromToken(pool.token(await pool.collect(inParts(Buffer.alloc(0), 1))));
    expect(empty.length).toBe(0);
    pool.release(empty);
  });

  it('refuses a body that is too long, and destroys the source', async () => {
    const source = inParts(content, 1000);
    await expect(pool.collect(source, { maxBytes: 10_500 })).rejects.toMatchObject({ code: 'ERR_LIMIT_EXCEEDED', limit: 10_500, requested: 11_000 });
    expect(source.destroyed).toBe(true);
    let returned = false;
    const iterable = async function* (): AsyncGenerator<Buffer> {
      try {
        yield* generated(content, 1000);
      } finally {
        returned = true;
      }
    };
    await expect(pool.collect(iterable(), { maxBytes: 10 })).rejects.toMatchObject({ code: 'ERR_LIMIT_EXCEEDED' });
    await turn();
    expect(returned).toBe(true);
    let cancelled: unknown = null;
    const web = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        controller.enqueue(new Uint8Array(100));
      },
      cancel: () => {
        cancelled = true;
      },
    });
    await expect(pool.collect(web, { maxBytes: 1000 })).rejects.toMatchObject({ code: 'ERR_LIMIT_EXCEEDED' });
    expect(cancelled).toBe(true);
    const exact = await pool.collect(inParts(content.subarray(0, 10), 3), { maxBytes: 10 });
    pool.release(exact);
    pool.release(await pool.collect(inParts(Buffer.alloc(0), 3), { maxBytes: 0 }));
  });

  it.each([
    ['a Node stream', (): Readable => new PassThrough()],
    ['a web stream', (): ReadableStream<Uint8Array> => new ReadableStream({ type: 'bytes' })],
    [
      'an async iterable',
      (): AsyncIterable<Uint8Array> => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined), return: () => Promise.resolve({ value: undefined, done: true }) }) }),
    ],
  ])('an abort ends the wait for %s with its reason', async (_name, make) => {
    const reason = new Error('enough');
    await expect(pool.collect(make(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const collecting = pool.collect(make(), { signal: controller.signal });
    await turn();
    expect(pool.stats().live).toBe(1);
    controller.abort(reason);
    await expect(collecting).rejects.toBe(reason);
    expect(pool.stats().live).toBe(0);
  });

  it('an abort destroys a Node stream', async () => {
    const controller = new AbortController();
    const source = new PassThrough();
    const collecting = pool.collect(source, { signal: controller.signal });
    source.write('x');
    controller.abort();
    await expect(collecting).rejects.toMatchObject({ name: 'AbortError' });
    expect(source.destroyed).toBe(true);
  });

  it('fails with what the source fails with, and holds nothing', async () => {
    const failure = new Error('broken');
    const source = new PassThrough();
    const collecting = pool.collect(source);
    source.write(content);
    setImmediate(() => source.destroy(failure));
    await expect(collecting).rejects.toBe(failure);
    await expect(pool.collect(source)).rejects.toBe(failure);
    const closing = new PassThrough();
    const closed = pool.collect(closing);
    closing.destroy();
    await expect(closed).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(
      pool.collect(
        (async function* () {
          yield* generated(content.subarray(0, 100), 10);
          throw failure;
        })(),
      ),
    ).rejects.toBe(failure);
    const web = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        controller.error(failure);
      },
    });
    await expect(pool.collect(web)).rejects.toBe(failure);
  });

  it('refuses what gives no bytes, what was read before, and what is no source', async () => {
    const texts = new PassThrough();
    texts.setEncoding('utf8').end('text');
    await expect(pool.collect(texts)).rejects.toMatchObject({ code: 'ERR_TYPE_MISMATCH' });
    await expect(pool.collect(valueStream('text'))).rejects.toMatchObject({ code: 'ERR_TYPE_MISMATCH' });
    const read = inParts(content, 1000);
    pool.release(await pool.collect(read));
    await expect(pool.collect(read)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    const locked = byteStream(content, 10);
    locked.getReader();
    await expect(pool.collect(locked)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    for (const source of [null, undefined, 1, 'text', {}, []]) {
      await expect(pool.collect(source as Readable)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
    await expect(pool.collect(inParts(content, 1), { maxBytes: -1 })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(pool.collect(inParts(content, 1), { signal: 1 as unknown as AbortSignal })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(pool.collect(inParts(content, 1), { max: 1 } as object)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  it('a stream that was paused is read all the same', async () => {
    const source = inParts(content, 50_000);
    source.pause();
    const buffer = await pool.collect(source);
    expect(buffer.equals(content)).toBe(true);
    pool.release(buffer);
  });

  it('waits in turn for room to begin, holding nothing, and fails where there is none to go on', async () => {
    usePool({ maxBytes: 2 ** 17 });
    const first = pool.acquire(2 ** 17);
    const source = inParts(content.subarray(0, 1000), 100);
    const collecting = pool.collect(source);
    await turn();
    expect(pool.stats().waiting).toBe(1);
    pool.release(first);
    pool.release(await collecting);
    await expect(pool.collect(inParts(content, 10_000), { maxBytes: 2 ** 20 })).rejects.toMatchObject({ code: 'ERR_LIMIT_EXCEEDED' });
    expect(pool.stats().live).toBe(0);
  });

  it('a stream that fails while it waits for room takes its place from the queue', async () => {
    usePool({ maxBytes: 2 ** 17 });
    const first = pool.acquire(2 ** 17);
    const source = new PassThrough();
    const collecting = pool.collect(source);
    await turn();
    source.destroy(new Error('gone'));
    await expect(collecting).rejects.toThrow('gone');
    expect(pool.stats().waiting).toBe(0);
    pool.release(first);
  });

  it('a pool that is closed meanwhile is ERR_CLOSED', async () => {
    const source = new PassThrough();
    const collecting = pool.collect(source);
    await turn();
    pool.close();
    source.write('x');
    await expect(collecting).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(pool.collect(inParts(content, 1))).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    usePool({});
  });

  describe('of a request', () => {
    const echo =
      (options = {}): RequestListener =>
      (req, res) => {
        const scope = pool.scope({ until: res });
        scope.collect(req, options).then(
          (body) => res.end(`${String(body.length)} ${String(pool.capacity(body))}`),
          (error: unknown) => {
            res.writeHead(413, { connection: 'close' }).end((error as { code: string }).code);
          },
        );
      };

    it('takes memory by content-length, and gives it back when the response closes', async () => {
      const post = await serve(echo());
      const { size } = pool.stats().perClass[0] ?? { size: 0 };
      expect(size).toBe(0);
      expect(await post(content.subarray(0, 65_536), { 'content-length': 65_536 })).toEqual({ status: 200, body: '65536 65536' });
      expect(await post(content, { 'content-length': content.length })).toMatchObject({ body: expect.stringMatching(/^1000003 /) as string });
      expect(await post(content, { 'transfer-encoding': 'chunked' })).toMatchObject({ body: expect.stringMatching(/^1000003 /) as string });
      expect(await post(null)).toMatchObject({ body: '0 64' });
      // A larger buffer than the body of the first request was never needed for it.
      expect(pool.stats().perClass.find((each) => each.size === 65_536)).toMatchObject({ live: 0 });
    });

    it('refuses by content-length before a byte is read, and the server can answer', async () => {
      const post = await serve(echo({ maxBytes: 1000, destroy: false }));
      expect(await post(content.subarray(0, 100), { 'content-length': 2000 }, false)).toEqual({ status: 413, body: 'ERR_LIMIT_EXCEEDED' });
      expect(await post(content.subarray(0, 2000), { 'transfer-encoding': 'chunked' })).toEqual({ status: 413, body: 'ERR_LIMIT_EXCEEDED' });
      expect(pool.stats().highWaterBytes).toBeLessThanOrEqual(1024);
    });

    it('does not take what a client only promises', async () => {
      const begun = new Promise<number>((resolve) => {
        void serve((req) => {
          pool.collect(req).catch(() => undefined);
          setTimeout(() => {
            resolve(pool.stats().liveBytes);
          }, 20);
        }).then((post) => post(Buffer.alloc(10), { 'content-length': 2 ** 30 }, false).catch(() => undefined));
      });
      expect(await begun).toBeLessThanOrEqual(2 ** 20);
    });

    it('a client that goes away in the middle leaves nothing behind', async () => {
      const failed = new Promise<unknown>((resolve) => {
        void serve((req, res) => {
          pool.scope({ until: res }).collect(req).catch(resolve);
        }).then((post) => {
          post(content.subarray(0, 1000), { 'content-length': 5000 }, false).catch(() => undefined);
        });
      });
      await sleep(50);
      expect(pool.stats().live).toBe(1);
      for (const socket of sockets) socket.destroy();
      expect(await failed).toMatchObject({ code: 'ECONNRESET' });
    });

    it('a body that comes after the end of its scope is released', async () => {
      const source = new PassThrough();
      const scope = pool.scope();
      const collecting = scope.collect(source);
      scope.end();
      source.end('x');
      await expect(collecting).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    });
  });
});

it('a buffer that is resized in a scope is still the scope\'s, and zero for the next holder', () => {
  const scope = pool.scope();
  const small = scope.acquire(100);
  const large = scope.resize(small, 128);
  large.fill(1);
  expect(scope.size).toBe(1);
  expect(() => scope.resize(small, 64)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ADDRESS' }));
  expect(() => scope.resize(large, 129)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_SIZE' }));
  scope.end();
  expect(pool.stats().live).toBe(0);
  const next = pool.acquire(128);
  expect(next.every((byte) => byte === 0)).toBe(true);
  pool.release(next);
});
