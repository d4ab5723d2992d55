// What prom-client's own registry says of pools, and what Node's diagnostics channels carry.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { BufferPool, type BufferPoolOptions } from '../../lib/buffers/index.js';

const pools: BufferPool[] = [];
const make = (options: BufferPoolOptions = {}): BufferPool => {
  const pool = new BufferPool(options);
  pools.push(pool);
  return pool;
};
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
});

/** The samples of a registry, by what stands before the value. */
async function scrape(registry: Registry): Promise<Map<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')).replace('+Inf', 'Infinity'))]));
}

describe('metrics', () => {
  it('are what stats says, when they are asked for', async () => {
    const registry = new Registry();
    const pool = make({ name: 'uploads', maxBytes: 2 ** 20 });
    pool.metrics(registry);
    const held = [pool.acquire(1000), pool.acquire(1000), pool.acquire(65_536)];
    const stats = pool.stats();
    const samples = await scrape(registry);
    const label = '{pool="uploads"}';
    expect(Object.fromEntries(samples)).toMatchObject({
      [`freestone_buffer_pool_live_buffers${label}`]: 3,
      [`freestone_buffer_pool_live_bytes${label}`]: stats.liveBytes,
      [`freestone_buffer_pool_cached_buffers${label}`]: stats.cached,
      [`freestone_buffer_pool_cached_bytes${label}`]: stats.cachedBytes,
      [`freestone_buffer_pool_high_water_bytes${label}`]: stats.highWaterBytes,
      [`freestone_buffer_pool_max_bytes${label}`]: 2 ** 20,
      [`freestone_buffer_pool_waiting_requests${label}`]: 0,
      [`freestone_buffer_pool_hits_total${label}`]: stats.hits,
      [`freestone_buffer_pool_misses_total${label}`]: stats.misses,
      [`freestone_buffer_pool_waits_total${label}`]: 0,
      [`freestone_buffer_pool_leaks_total${label}`]: 0,
      'freestone_buffer_pool_class_live_buffers{pool="uploads",size="1024"}': 2,
      'freestone_buffer_pool_class_live_buffers{pool="uploads",size="65536"}': 1,
    });
    expect([...samples.keys()].some((key) => key.includes('shared'))).toBe(false);
    for (const buffer of held) pool.release(buffer);
    for (let i = 0; i < 5; i += 1) pool.release(pool.acquire(1000));
    const later = await scrape(registry);
    expect(later.get(`freestone_buffer_pool_live_buffers${label}`)).toBe(0);
    expect(later.get(`freestone_buffer_pool_hits_total${label}`)).toBe(stats.hits + 5);
    expect(later.get(`freestone_buffer_pool_hits_total${label}`)).toBe((await scrape(registry)).get(`freestone_buffer_pool_hits_total${label}`));
  });

  it('have the types that their names promise', async () => {
    const registry = new Registry();
    make().metrics(registry);
    const types = [...(await registry.metrics()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name ?? '', type ?? '']);
    expect(types.length).toBeGreaterThan(15);
    for (const [name, type] of types) expect([name, type]).toEqual([name, name?.endsWith('_total') === true ? 'counter' : 'gauge']);
  });

  it('of several pools are on one registry, and those of a closed pool are gone', async () => {
    const registry = new Registry();
    const [first, second] = [make({ name: 'first' }), make({ name: 'second', shared: true })];
    first.metrics(registry);
    second.metrics(registry);
    // Again is no mistake, another one of the same name is.
    first.metrics(registry);
    expect(() => {
      make({ name: 'first' }).metrics(registry);
    }).toThrow(expect.objectContaining({ code: 'ERR_EXISTS' }));
    const both = await scrape(registry);
    expect(both.get('freestone_buffer_pool_live_buffers{pool="first"}')).toBe(0);
    expect(both.get('freestone_buffer_pool_max_bytes{pool="first"}')).toBe(Infinity);
    expect(both.get('freestone_buffer_pool_shared_threads{pool="second"}')).toBe(1);
    first.close();
    const one = await scrape(registry);
    expect([...one.keys()].some((key) => key.includes('first'))).toBe(false);
    expect(one.get('freestone_buffer_pool_live_buffers{pool="second"}')).toBe(0);
    const again = make({ name: 'first' });
    again.metrics(registry);
    again.acquire(64);
    expect((await scrape(registry)).get('freestone_buffer_pool_live_buffers{pool="first"}')).toBe(1);
  });

  it('of one pool are on several registries', async () => {
    const pool = make({ name: 'one' });
    for (const registry of [new Registry(), new Registry()]) {
      pool.metrics(registry);
      expect((await scrape(registry)).get('freestone_buffer_pool_live_bytes{pool="one"}')).toBe(0);
    }
  });

  it('refuse what is no registry, and a closed pool', () => {
    const pool = make();
    for (const wrong of [undefined, null, 1, {}, 'x']) {
      expect(() => {
        pool.metrics(wrong as Registry);
      }).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
    }
    pool.close();
    expect(() => {
      pool.metrics(new Registry());
    }).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });
});

describe('diagnostics channels', () => {
  it('tell of acquisitions, releases and pressure while somebody listens', () => {
    const pool = make({ name: 'told', maxBytes: 2 ** 17 });
    const told: [string, unknown][] = [];
    const listen = (message: unknown, name: string | symbol): void => {
      told.push([String(name), message]);
    };
    const names = ['acquire', 'release', 'pressure'].map((name) => `freestone:pool:${name}`);
    for (const name of names) subscribe(name, listen);
    try {
      const buffer = pool.acquire(2 ** 17);
      pool.release(buffer);
      expect(told).toEqual(
        expect.arrayContaining([
          ['freestone:pool:acquire', { pool: 'told', buffer, size: 2 ** 17 }],
          ['freestone:pool:pressure', { pool: 'told', level: 'high', liveBytes: 2 ** 17, maxBytes: 2 ** 17 }],
          ['freestone:pool:release', { pool: 'told', size: 2 ** 17 }],
          ['freestone:pool:pressure', { pool: 'told', level: 'none', liveBytes: 0, maxBytes: 2 ** 17 }],
        ]),
      );
      expect(told.length).toBe(4);
    } finally {
      for (const name of names) unsubscribe(name, listen);
    }
    pool.release(pool.acquire(10));
    expect(told.length).toBe(4);
  });
});
