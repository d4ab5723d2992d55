import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BufferPool, type BufferToken } from '../../lib/buffers/index.js';
import { compileInto } from '../hdf5/compiled.js';

const MIB = 2 ** 20;
/** The soak can be made longer. */
const LENGTH = Number(process.env['FREESTONE_TEST_LENGTH'] ?? 1);
const folder = mkdtempSync(join(tmpdir(), 'freestone-buffers-'));
let script: (child: string) => string;

beforeAll(() => {
  script = compileInto(folder, ['lib/frames', 'lib/slab', 'lib/buffers'], 'test/buffers/children');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function start(pool: BufferPool, task: string, more: object = {}): { worker: Worker; said: Promise<unknown>; exited: Promise<unknown> } {
  const worker = new Worker(script('traffic'), { workerData: { handle: pool.handle, task, ...more } });
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  const said = new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => {
      resolve('ended');
    });
  });
  return { worker, said, exited };
}

function balanced(pool: BufferPool): void {
  pool.trim();
  pool.validate();
  expect(pool.stats()).toMatchObject({ live: 0, shared: { blocks: 0, bytes: 0, members: 1, transitBlocks: 0 } });
}

describe('threads', () => {
  it('share one pool, and no buffer is ever handed out twice or with the bytes of another holder', async () => {
    using pool = new BufferPool({ shared: true });
    const workers = [1, 2, 3].map(() => start(pool, 'stamp'));
    expect(await Promise.all(workers.map(({ said }) => said))).toEqual(['right', 'right', 'right']);
    await Promise.all(workers.map(({ exited }) => exited));
    balanced(pool);
  });

  it(
    'that are terminated at random give all back',
    async () => {
      using pool = new BufferPool({ shared: true });
      for (let round = 0; round < 4 * LENGTH; round += 1) {
        const workers = [1, 2].map(() => start(pool, 'for ever'));
        await Promise.all(workers.map(({ said }) => said));
        await sleep(Math.random() * 100);
        // What this thread does meanwhile is nobody else's either.
        const mine = pool.acquire(1000 + round).fill(255);
        await Promise.all(workers.map(({ worker }) => worker.terminate()));
        expect(mine.every((byte) => byte === 255)).toBe(true);
        pool.release(mine);
        expect(pool.stats()).toMatchObject({ live: 0, shared: { members: 1 } });
      }
      expect(pool.stats().shared?.lostBlocks).toBeGreaterThan(0);
      balanced(pool);
    },
    30_000 * LENGTH,
  );

  it('that do not hold a buffer cannot use it, whatever view of it they have', async () => {
    using pool = new BufferPool({ shared: true });
    const { worker, said, exited } = start(pool, 'misuse');
    const buffer = pool.acquire(5000).fill(7);
    const before = pool.stats();
    worker.postMessage(buffer);
    expect(await said).toEqual(Array.from({ length: 4 }, () => ['ERR_INVALID_ADDRESS', 'ERR_INVALID_ADDRESS', 'ERR_INVALID_ADDRESS', 'ERR_INVALID_ADDRESS']));
    await exited;
    const after = pool.stats();
    expect({ ...after, shared: null }).toEqual({ ...before, shared: null });
    expect(after.shared).toMatchObject({ members: 1, lostBlocks: 0, blocks: before.shared?.blocks });
    expect(buffer.every((byte) => byte === 7)).toBe(true);
    pool.release(buffer);
    balanced(pool);
  });

  it('that end with buffers in their hands are counted, and their memory serves who waits', async () => {
    using pool = new BufferPool({ shared: true, maxBytes: 6 * 65536 });
    const { worker, said } = start(pool, 'hold');
    expect(await said).toBe('held');
    expect(pool.stats().shared).toMatchObject({ members: 2 });
    const waiting = pool.acquireAsync(2 * 65536);
    await worker.terminate();
    const buffer = await waiting;
    expect(buffer.every((byte) => byte === 0)).toBe(true);
    expect(pool.stats().shared).toMatchObject({ lostBlocks: 5, lostBytes: 5 * 65536 });
    pool.release(buffer);
    balanced(pool);
  });

  it('hand buffers to each other by tokens, without a copy', async () => {
    using pool = new BufferPool({ shared: true });
    const { worker, exited } = start(pool, 'answer');
    for (let i = 0; i < 200; i += 1) {
      const buffer = pool.acquire(1000 + i).fill(i);
      const token = pool.token(buffer);
      expect(pool.owns(buffer)).toBe(false);
      const answer = new Promise<BufferToken>((resolve) => worker.once('message', resolve));
      worker.postMessage(token);
      const taken = pool.fromToken(await answer);
      expect(taken.byteOffset).toBe(buffer.byteOffset);
      expect(taken.length).toBe(1000 + i);
      expect(taken.every((byte) => byte === ((i + 1) & 255))).toBe(true);
      pool.release(taken);
    }
    await worker.terminate();
    await exited;
    balanced(pool);
  });

  it('hand buffers to each other by channels, in order', async () => {
    using pool = new BufferPool({ shared: true });
    const there = pool.channel({ capacity: 8 });
    const back = pool.channel({ capacity: 8 });
    const { exited } = start(pool, 'relay', { from: there.handle, to: back.handle });
    const sending = (async () => {
      for (let i = 0; i < 2000; i += 1) {
        const buffer = pool.acquire(64 + i);
        buffer[0] = i;
        while (!there.send(buffer)) await sleep(0);
      }
      there.close();
    })();
    let count = 0;
    for await (const buffer of back) {
      expect(buffer.length).toBe(64 + count);
      expect(buffer[0]).toBe((count + 1) & 255);
      pool.release(buffer);
      count += 1;
    }
    await sending;
    await exited;
    expect(count).toBe(2000);
    balanced(pool);
  });
});

describe('tokens', () => {
  it('are good for one taking, in the pool they are of', () => {
    using pool = new BufferPool({ shared: true });
    using other = new BufferPool({ shared: true });
    const refused = (token: unknown): void => {
      expect(() => pool.fromToken(token as BufferToken)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ADDRESS' }) as Error);
    };
    const token = structuredClone(pool.token(pool.acquire(100).fill(7)));
    expect(() => other.fromToken(token)).toThrow();
    for (const wrong of [null, undefined, 5, {}, { ...token, offset: token.offset + 64 }, { ...token, offset: -64 }, { ...token, offset: 2 ** 60 }]) refused(wrong);
    for (const wrong of [{ ...token, generation: token.generation + 1 }, { ...token, length: -1 }, { ...token, length: 'x' }, { ...token, pool: 99 }]) refused(wrong);
    const taken = pool.fromToken({ ...token, length: 2 ** 40 });
    expect(taken.length).toBe(128);
    refused(token);
    pool.release(taken);
    refused(token);
    balanced(pool);
  });

  it('that nobody takes are given back by reclaim', () => {
    using pool = new BufferPool({ shared: true });
    const tokens = Array.from({ length: 20 }, () => pool.token(pool.acquire(5000)));
    const [first] = tokens;
    if (first === undefined) throw new Error('no token');
    pool.release(pool.fromToken(first));
    expect(pool.stats().shared).toMatchObject({ transitBlocks: 19 });
    expect(pool.reclaim()).toBe(19);
    for (const token of tokens) expect(() => pool.fromToken(token)).toThrow();
    balanced(pool);
  });
});

describe('a channel', () => {
  it('is full after so many, keeps what was sent when it is closed, and says no afterwards', async () => {
    using pool = new BufferPool({ shared: true });
    const channel = pool.channel({ capacity: 3 });
    const same = pool.channel(channel.handle);
    const buffers = Array.from({ length: 5 }, (_, i) => pool.acquire(10 + i));
    expect(buffers.map((buffer) => channel.send(buffer))).toEqual([true, true, true, true, false]);
    channel.close();
    expect(() => channel.send(buffers[4] ?? Buffer.alloc(0))).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }) as Error);
    const lengths: number[] = [];
    for await (const buffer of same) {
      lengths.push(buffer.length);
      pool.release(buffer);
    }
    expect(lengths).toEqual([10, 11, 12, 13]);
    expect(same.receive()).toBe(null);
    expect(same.receiveSync(10)).toBe(null);
    pool.release(buffers[4] ?? Buffer.alloc(0));
    balanced(pool);
  });

  it('waits for what comes, until it is told to stop', async () => {
    using pool = new BufferPool({ shared: true });
    const channel = pool.channel();
    const coming = channel.receiveAsync();
    const stop = new AbortController();
    channel.send(pool.acquire(77));
    const buffer = await coming;
    expect(buffer?.length).toBe(77);
    if (buffer !== null) pool.release(buffer);
    const waiting = channel.receiveAsync({ signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(channel.receiveSync(20)).toBe(null);
    for (const wrong of [{ ring: new SharedArrayBuffer(100) }, { ring: 5 }, { capacity: 0 }, { capacity: 1.5 }]) {
      expect(() => pool.channel(wrong as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }) as Error);
    }
  });

  it('whose ring is scribbled on gives no buffer that is not there', () => {
    using pool = new BufferPool({ shared: true, maxBytes: MIB });
    const channel = pool.channel({ capacity: 16 });
    const words = new Int32Array(channel.handle.ring);
    const mine = Array.from({ length: 10 }, () => pool.acquire(4096));
    for (let i = 0; i < 1000; i += 1) {
      for (let at = 16; at < words.length; at += 1) words[at] = Math.floor(Math.random() * 2 ** 32);
      words[0] = (words[1] ?? 0) + 16;
      expect(channel.receive()).toBe(null);
    }
    for (const buffer of mine) pool.release(buffer);
    balanced(pool);
  });
});
