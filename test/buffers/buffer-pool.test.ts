import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { setImmediate as soon } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { BufferPool, type BufferPoolOptions, type PoolPressure } from '../../lib/buffers/index.js';

const MIB = 2 ** 20;
const refused = (code: string): Error => expect.objectContaining({ code }) as Error;

const pools: BufferPool[] = [];
function make(options: BufferPoolOptions = {}): BufferPool {
  const pool = new BufferPool(options);
  pools.push(pool);
  return pool;
}
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
});

const kinds: [string, BufferPoolOptions][] = [
  ['a pool', {}],
  ['a strict pool', { strict: true }],
  ['a pool that tracks leaks', { trackLeaks: true }],
  ['a shared pool', { shared: true }],
  ['a pool of huge pages', { hugePages: 'advise' }],
  ['a pool on a node', { node: 0 }],
];

describe.each(kinds)('%s', (_, options) => {
  it('gives zeroed Buffers of exactly the size, and takes them back', () => {
    const pool = make(options);
    const sizes = [1, 63, 64, 65, 1000, 4096, 65536, 131072, 131073, 200_000, 1_000_000, 5 * MIB];
    const buffers = sizes.map((size) => pool.acquire(size));
    for (const [i, buffer] of buffers.entries()) {
      expect(Buffer.isBuffer(buffer)).toBe(true);
      expect(buffer.length).toBe(sizes[i]);
      expect(buffer.every((byte) => byte === 0)).toBe(true);
      expect(pool.capacity(buffer)).toBeGreaterThanOrEqual(buffer.length);
      buffer.fill(i + 1);
    }
    for (const [i, buffer] of buffers.entries()) expect(buffer.every((byte) => byte === i + 1)).toBe(true);
    expect(pool.stats()).toMatchObject({ live: sizes.length, waiting: 0 });
    for (const buffer of buffers) pool.release(buffer);
    expect(pool.stats()).toMatchObject({ live: 0, liveBytes: 0 });
    pool.validate();
    pool.trim();
    expect(pool.stats()).toMatchObject({ cached: 0, cachedBytes: 0 });
    pool.validate();
  });

  it('looks like any Buffer', () => {
    const pool = make(options);
    const buffer = pool.acquire(5);
    buffer.write('hello');
    expect(buffer.toString()).toBe('hello');
    expect(Object.getPrototypeOf(buffer)).toBe(Buffer.prototype);
    expect(buffer.equals(Buffer.from('hello'))).toBe(true);
    if (options.shared !== true) expect(buffer).toEqual(Buffer.from('hello'));
    pool.release(buffer);
  });

  it('refuses what it did not hand out or has taken back, and parts', () => {
    const pool = make(options);
    const other = make(options);
    const buffer = pool.acquire(100);
    const foreign = other.acquire(100);
    const wrong: unknown[] = [Buffer.alloc(100), buffer.subarray(0, 100), buffer.subarray(10), foreign, null, undefined, 7, 'text', {}, new Uint8Array(5), Buffer.alloc(0)];
    wrong.push(Buffer.from(buffer.buffer, buffer.byteOffset, 100));
    for (const each of wrong) {
      expect(() => {
        pool.release(each as Buffer);
      }).toThrow(refused('ERR_INVALID_ADDRESS'));
      expect(pool.owns(each as Buffer)).toBe(false);
    }
    expect(pool.stats()).toMatchObject({ live: 1 });
    pool.release(buffer);
    expect(() => {
      pool.release(buffer);
    }).toThrow(refused('ERR_INVALID_ADDRESS'));
    expect(() => pool.capacity(buffer)).toThrow(refused('ERR_INVALID_ADDRESS'));
    expect(() => pool.resize(buffer, 3)).toThrow(refused('ERR_INVALID_ADDRESS'));
    other.release(foreign);
  });

  it('changes the length of a buffer within its size class', () => {
    const pool = make(options);
    const buffer = pool.acquire(100);
    buffer.fill(7);
    const capacity = pool.capacity(buffer);
    const short = pool.resize(buffer, 10);
    expect([...short]).toEqual(new Array(10).fill(7));
    expect(() => {
      pool.release(buffer);
    }).toThrow(refused('ERR_INVALID_ADDRESS'));
    const long = pool.resize(short, capacity);
    expect(long.subarray(0, 10).every((byte) => byte === 7)).toBe(true);
    expect(long.subarray(10).every((byte) => byte === 0)).toBe(true);
    expect(() => pool.resize(long, capacity + 1)).toThrow(refused('ERR_INVALID_SIZE'));
    pool.release(long);
    expect(pool.stats()).toMatchObject({ live: 0 });
  });
});

describe('sizes and settings', () => {
  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 32 + 1, '5', null, undefined])('a size of %s is refused', (size) => {
    expect(() => make().acquire(size as number)).toThrow(refused('ERR_INVALID_SIZE'));
  });

  it.each<[string, object]>([
    ['maxBytes', { maxBytes: 0 }],
    ['maxBytes', { maxBytes: -5 }],
    ['maxBytes', { shared: true, maxBytes: 2 ** 33 }],
    ['zero', { zero: 'sometimes' }],
    ['strict', { strict: 1 }],
    ['trackLeaks', { trackLeaks: 2 }],
    ['strict', { strict: true, shared: true }],
    ['trackLeaks', { trackLeaks: true, shared: true }],
    ['name', { name: 7 }],
    ['size', { size: 5 }],
  ])('a wrong %s is refused by name', (argument, options) => {
    expect(() => make(options)).toThrow(expect.objectContaining({ argument }) as Error);
  });

  it('a recurring size costs no new view', () => {
    const pool = make();
    const buffer = pool.acquire(1000);
    pool.release(buffer);
    expect(pool.acquire(1000)).toBe(buffer);
  });

  it('a length that recurs finds its own views among those of other lengths', () => {
    const pool = make();
    const lengths = [1000, 1001, 1002, 1003];
    const round = (): Set<Buffer> => {
      const held = Array.from({ length: 40 }, (_, i) => pool.acquire(lengths[i % 4] ?? 0));
      for (const buffer of held) pool.release(buffer);
      return new Set(held);
    };
    for (let i = 0; i < 3; i += 1) round();
    const before = round();
    expect([...round()].every((buffer) => before.has(buffer))).toBe(true);
  });

  it('lengths come and go by the thousand, and each buffer has its own', () => {
    const pool = make();
    let random = 1;
    const next = (limit: number): number => (random = (random * 48271) % 2147483647) % limit;
    // More lengths of a size class than have a place of their own, each again and again while it lasts.
    const held: { buffer: Buffer; mark: number }[] = [];
    const late: Buffer[] = [];
    for (let era = 0; era < 60; era += 1) {
      const lengths = [3100, 3200, 3300].map((from) => from + era);
      for (let i = 0; i < 60; i += 1) {
        if (held.length > 30) {
          const [one] = held.splice(next(held.length), 1);
          if (one === undefined) continue;
          expect(one.buffer.every((byte) => byte === one.mark)).toBe(true);
          pool.release(one.buffer);
          late.push(one.buffer);
        }
        const length = lengths[next(3)] ?? 0;
        const buffer = pool.acquire(length);
        expect(buffer.length).toBe(length);
        held.push({ buffer: buffer.fill(1 + (i % 250)), mark: 1 + (i % 250) });
      }
    }
    const now = new Set(held.map(({ buffer }) => buffer));
    for (const buffer of late) if (!now.has(buffer)) expect(pool.owns(buffer)).toBe(false);
    for (const { buffer } of held) pool.release(buffer);
    expect(pool.stats()).toMatchObject({ live: 0, liveBytes: 0 });
    pool.validate();
  });

  it('has little more memory than was held at the most, however sizes take turns', () => {
    const pool = make({ zero: 'none' });
    let random = 1;
    const next = (limit: number): number => (random = (random * 48271) % 2147483647) % limit;
    const held = Array.from({ length: 500 }, () => pool.acquire(1 + next(65536)));
    for (let i = 0; i < 20_000; i += 1) {
      const at = next(held.length);
      pool.release(held[at] ?? Buffer.alloc(0));
      held[at] = pool.acquire(1 + next(65536));
    }
    const { liveBytes, cachedBytes, highWaterBytes } = pool.stats();
    expect(liveBytes + cachedBytes).toBeLessThan(1.2 * highWaterBytes);
    pool.validate();
  });

  it('believes no property that somebody gives a Buffer', () => {
    const pool = make();
    for (const size of [1000, 300_000]) {
      const buffer = pool.acquire(size).fill(7);
      const properties = { byteOffset: 64, length: 3, byteLength: 3, buffer: new ArrayBuffer(8), fill: () => buffer };
      for (const [name, value] of Object.entries(properties)) Object.defineProperty(buffer, name, { value });
      pool.release(buffer);
      pool.trim();
      expect(pool.acquire(size).every((byte) => byte === 0)).toBe(true);
      pool.validate();
    }
  });

  it('keeps no more than half of what was held, and a batch', () => {
    const pool = make();
    const buffers = Array.from({ length: 1000 }, () => pool.acquire(16384));
    for (const buffer of buffers) pool.release(buffer);
    const { cachedBytes, highWaterBytes } = pool.stats();
    expect(highWaterBytes).toBe(1000 * 16384);
    expect(cachedBytes).toBeLessThanOrEqual(highWaterBytes / 2 + 2 ** 16);
    expect(cachedBytes).toBeGreaterThan(0);
    pool.validate();
  });

  it('counts each acquisition as a hit or a miss, whatever became of the buffer', () => {
    const pool = make({ shared: true });
    const taken = pool.fromToken(pool.token(pool.acquire(1000)));
    pool.release(taken);
    for (let i = 0; i < 9; i += 1) pool.release(pool.acquire(1000 - i));
    const { hits, misses, perClass } = pool.stats();
    expect({ hits, misses }).toEqual({ hits: 9, misses: 1 });
    expect(perClass).toMatchObject([{ size: 1024, live: 0, hits: 9, misses: 1 }]);
  });
});

describe('maxBytes', () => {
  it('is never passed, and what other sizes keep makes room', () => {
    const pool = make({ maxBytes: MIB });
    const small = Array.from({ length: 256 }, () => pool.acquire(4096));
    expect(() => pool.acquire(64)).toThrow(expect.objectContaining({ code: 'ERR_LIMIT_EXCEEDED', requested: 64, limit: MIB }) as Error);
    for (const buffer of small) pool.release(buffer);
    const big = pool.acquire(MIB);
    expect(() => pool.acquire(1)).toThrow(refused('ERR_LIMIT_EXCEEDED'));
    pool.release(big);
    expect(pool.acquire(1).length).toBe(1);
  });

  it('makes requests wait, first come first served', async () => {
    const pool = make({ maxBytes: MIB });
    const held = pool.acquire(MIB);
    const served: number[] = [];
    const waiting = [MIB, 1000, 2000].map(async (size, i) => {
      const buffer = await pool.acquireAsync(size);
      served.push(i);
      return buffer;
    });
    await soon();
    expect(pool.stats()).toMatchObject({ waits: 3, waiting: 3 });
    // Nobody goes past those who wait.
    expect(() => pool.acquire(1)).toThrow(refused('ERR_LIMIT_EXCEEDED'));
    pool.release(held);
    const [first] = await Promise.all(waiting.slice(0, 1));
    await soon();
    expect(served).toEqual([0]);
    if (first !== undefined) pool.release(first);
    for (const buffer of await Promise.all(waiting.slice(1))) pool.release(buffer);
    expect(served).toEqual([0, 1, 2]);
    expect(pool.stats()).toMatchObject({ live: 0, waiting: 0 });
  });

  it('lets who waits give up, and serves the next', async () => {
    const pool = make({ maxBytes: MIB });
    const held = pool.acquire(MIB);
    const stop = new AbortController();
    const first = pool.acquireAsync(MIB, { signal: stop.signal });
    const second = pool.acquireAsync(100);
    const reason = new Error('the client left');
    stop.abort(reason);
    await expect(first).rejects.toBe(reason);
    await expect(pool.acquireAsync(1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    pool.release(held);
    pool.release(await second);
    expect(pool.stats()).toMatchObject({ live: 0, waiting: 0 });
  });

  it('refuses at once what can never be had, and all who wait when the pool closes', async () => {
    const pool = make({ maxBytes: MIB });
    await expect(pool.acquireAsync(2 * MIB)).rejects.toThrow(refused('ERR_LIMIT_EXCEEDED'));
    pool.acquire(MIB);
    const waiting = pool.acquireAsync(10);
    pool.close();
    await expect(waiting).rejects.toThrow(refused('ERR_CLOSED'));
  });

  it('tells of pressure before it is reached, and when it is over', async () => {
    const pool = make({ maxBytes: 10 * MIB, name: 'uploads' });
    const levels: PoolPressure['level'][] = [];
    const published: unknown[] = [];
    const listen = (event: unknown): void => void published.push(event);
    subscribe('freestone:pool:pressure', listen);
    pool.on('pressure', ({ level }) => levels.push(level));
    const buffers = Array.from({ length: 9 }, () => pool.acquire(MIB));
    await soon();
    expect(levels).toEqual(['high']);
    for (const buffer of buffers) pool.release(buffer);
    await soon();
    expect(levels).toEqual(['high', 'none']);
    unsubscribe('freestone:pool:pressure', listen);
    expect(published).toMatchObject([{ pool: 'uploads', level: 'high', maxBytes: 10 * MIB }, { level: 'none' }]);
  });
});

describe('what was written', () => {
  it('is never seen by the next holder, whichever size it asks for', () => {
    for (const options of [{}, { zero: 'acquire' }, { strict: true }, { shared: true }] as BufferPoolOptions[]) {
      const pool = make(options);
      let random = 1;
      const next = (limit: number): number => (random = (random * 48271) % 2147483647) % limit;
      const held: Buffer[] = [];
      for (let i = 0; i < 1000; i += 1) {
        if (held.length > 40) pool.release(held.splice(next(held.length), 1)[0] ?? Buffer.alloc(0));
        let buffer = pool.acquire(1 + next(next(10) === 0 ? 300_000 : 3000));
        expect(buffer.every((byte) => byte === 0)).toBe(true);
        if (next(4) === 0) {
          buffer.fill(0xaa);
          const from = buffer.length;
          buffer = pool.resize(buffer, 1 + next(pool.capacity(buffer)));
          expect(buffer.subarray(from).every((byte) => byte === 0)).toBe(true);
        }
        held.push(buffer.fill(0xff));
      }
    }
  });

  it('is never seen of large buffers of which little was written', () => {
    const pool = make();
    let random = 1;
    const next = (limit: number): number => (random = (random * 48271) % 2147483647) % limit;
    const zeros = Buffer.alloc(3 * MIB);
    for (let i = 0; i < 300; i += 1) {
      if (i % 50 === 0) pool.trim();
      const buffer = pool.acquire(131_073 + next(2 * MIB));
      expect(buffer.equals(zeros.subarray(0, buffer.length))).toBe(true);
      for (let writes = next(6); writes > 0; writes -= 1) {
        const from = next(buffer.length);
        buffer.fill(255, from, Math.min(buffer.length, from + 1 + next(20_000)));
      }
      if (i % 3 === 0) buffer[buffer.length - 1] = 1;
      if (i % 20 === 0) buffer.fill(1);
      pool.release(buffer);
    }
  });

  it('stays when nothing is to be zeroed', () => {
    const pool = make({ zero: 'none' });
    const buffer = pool.acquire(1000).fill(9);
    pool.release(buffer);
    expect(pool.acquire(1000).every((byte) => byte === 9)).toBe(true);
  });
});

describe('strict', () => {
  it('leaves a released buffer and all parts of it empty', () => {
    const pool = make({ strict: true });
    const buffer = pool.acquire(1000);
    const part = buffer.subarray(10, 20);
    pool.release(buffer);
    expect(buffer.length).toBe(0);
    expect(part.length).toBe(0);
    const next = pool.acquire(1000);
    expect(next.length).toBe(1000);
    pool.close();
    expect(next.length).toBe(0);
  });
});

describe('scopes', () => {
  it('release all that was acquired through them, once', () => {
    const pool = make();
    {
      using scope = pool.scope();
      const first = scope.acquire(100);
      scope.acquire(200_000);
      const kept = scope.keep(scope.acquire(50));
      scope.release(first);
      expect(scope.size).toBe(1);
      expect(pool.stats().live).toBe(2);
      pool.release(kept);
    }
    expect(pool.stats().live).toBe(0);
  });

  it('do not release what somebody else has by now', () => {
    const pool = make();
    const scope = pool.scope();
    const buffer = scope.acquire(100);
    pool.release(buffer);
    const again = pool.acquire(100);
    expect(again).toBe(buffer);
    scope.end();
    expect(pool.owns(again)).toBe(true);
    expect(() => scope.acquire(5)).toThrow(refused('ERR_CLOSED'));
    const lease = pool.lease(70);
    pool.release(lease.buffer);
    const mine = pool.acquire(70);
    lease[Symbol.dispose]();
    expect(pool.owns(mine)).toBe(true);
  });

  it('end with what they are bound to', () => {
    const pool = make();
    const response = new EventEmitter();
    pool.scope({ until: response }).acquire(100);
    const stop = new AbortController();
    pool.scope({ until: stop.signal }).acquire(100);
    expect(pool.stats().live).toBe(2);
    response.emit('close');
    expect(pool.stats().live).toBe(1);
    stop.abort();
    expect(pool.stats().live).toBe(0);
    expect(() => pool.scope({ until: {} as AbortSignal })).toThrow(refused('ERR_INVALID_ARGUMENT'));
  });

  it('are current in what runs in them, also after an await', async () => {
    const pool = make();
    expect(() => pool.current).toThrow(refused('ERR_NOT_FOUND'));
    const scopes = [pool.scope(), pool.scope()];
    await Promise.all(
      scopes.map((scope) =>
        scope.run(async () => {
          await soon();
          expect(pool.current).toBe(scope);
          pool.current.acquire(10);
        }),
      ),
    );
    for (const scope of scopes) scope.end();
    expect(pool.stats().live).toBe(0);
  });

  it('that end while a buffer is waited for release it', async () => {
    const pool = make({ maxBytes: MIB });
    const held = pool.acquire(MIB);
    const scope = pool.scope();
    const waiting = scope.acquireAsync(100);
    scope.end();
    pool.release(held);
    await expect(waiting).rejects.toThrow(refused('ERR_CLOSED'));
    expect(pool.stats().live).toBe(0);
  });
});

describe('diagnostics channels', () => {
  it('hear of every acquisition and release', () => {
    const pool = make({ name: 'watched' });
    const events: unknown[] = [];
    const listen = (event: unknown, name: unknown): void => void events.push([name, event]);
    for (const name of ['acquire', 'release']) subscribe(`freestone:pool:${name}`, listen);
    const buffer = pool.acquire(100);
    pool.release(buffer);
    for (const name of ['acquire', 'release']) unsubscribe(`freestone:pool:${name}`, listen);
    pool.release(pool.acquire(100));
    expect(events).toEqual([
      ['freestone:pool:acquire', { pool: 'watched', buffer, size: 100 }],
      ['freestone:pool:release', { pool: 'watched', size: 128 }],
    ]);
  });
});

describe('closing', () => {
  it('leaves buffers with length 0, and every call is ERR_CLOSED', () => {
    const pool = make();
    const buffer = pool.acquire(100);
    pool.close();
    pool.close();
    expect(buffer.length).toBe(0);
    const calls: (() => unknown)[] = [() => pool.acquire(1), () => pool.stats(), () => pool.trim(), () => pool.capacity(buffer), () => pool.lease(5)];
    calls.push(() => {
      pool.release(buffer);
    });
    for (const call of calls) expect(call).toThrow(refused('ERR_CLOSED'));
    expect(pool.owns(buffer)).toBe(false);
  });

  it('while a read is under way harms nobody', async () => {
    const { open } = await import('node:fs/promises');
    const file = await open(process.execPath, 'r');
    const pool = make();
    const buffer = pool.acquire(8 * MIB);
    const reading = file.read(buffer, 0, buffer.length, 0);
    pool.close();
    await reading.catch(() => undefined);
    await file.close();
  });
});

describe('a pool that is not shared', () => {
  it('has no handle and no tokens', () => {
    const pool = make();
    const buffer = pool.acquire(5);
    for (const call of [() => pool.handle, () => pool.token(buffer), () => pool.channel(), () => pool.reclaim()]) {
      expect(call).toThrow(refused('ERR_UNSUPPORTED'));
    }
    expect(() => BufferPool.attach({} as never)).toThrow(refused('ERR_INVALID_ARGUMENT'));
  });
});
