// A pool's figures for Prometheus, by the package prom-client.
import { createRequire } from 'node:module';
import { FreestoneError, shown } from '../errors.js';
import type { BufferPool } from './buffer-pool.js';
import type { Holdings } from './holdings.js';
import type { BufferPoolStats } from './stats.js';

/** What is needed of prom-client's `Registry`. */
export interface MetricsRegistry {
  registerMetric(metric: never): void;
  getSingleMetric(name: string): unknown;
}

type Labels = Readonly<Record<string, string | number>>;

interface Metric {
  reset(): void;
  set(labels: Labels, value: number): void;
  inc(labels: Labels, value: number): void;
}

interface MetricSettings {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly registers: readonly MetricsRegistry[];
  collect(this: Metric): void;
}

interface PromClient {
  readonly Gauge: new (settings: MetricSettings) => Metric;
  readonly Counter: new (settings: MetricSettings) => Metric;
}

type Class = BufferPoolStats['perClass'][number];

/** One figure of a pool; undefined where it has none. A name that ends in _total is a counter. */
const figures: Readonly<Record<string, readonly [help: string, of: (stats: BufferPoolStats) => number | undefined]>> = {
  live_buffers: ['Buffers that are held.', (stats) => stats.live],
  live_bytes: ['Bytes of the buffers that are held, each counted as its size class.', (stats) => stats.liveBytes],
  cached_buffers: ['Buffers that are ready for the next request.', (stats) => stats.cached],
  cached_bytes: ['Bytes of the buffers that are ready for the next request.', (stats) => stats.cachedBytes],
  high_water_bytes: ['The most bytes that were held at a time since the pool was made or trimmed.', (stats) => stats.highWaterBytes],
  max_bytes: ['Bytes that the pool may have.', ({ maxBytes }) => (maxBytes === Number.MAX_SAFE_INTEGER ? Infinity : maxBytes)],
  waiting_requests: ['Requests that wait for memory now.', (stats) => stats.waiting],
  hits_total: ['Requests that found a ready buffer.', (stats) => stats.hits],
  misses_total: ['Requests that did not find a ready buffer.', (stats) => stats.misses],
  waits_total: ['Requests that had to wait for memory.', (stats) => stats.waits],
  leaks_total: ['Buffers that were collected without a release.', (stats) => stats.leaks],
  shared_bytes: ['Bytes that all threads of a shared pool have: ready, held and on their way.', ({ shared }) => shared?.bytes],
  shared_transit_bytes: ['Bytes on their way from one thread to another.', ({ shared }) => shared?.transitBytes],
  shared_threads: ['Threads that use a shared pool.', ({ shared }) => shared?.members],
  shared_lost_bytes_total: ['Bytes that were taken back from threads that ended.', ({ shared }) => shared?.lostBytes],
};

/** The same by size class. */
const classFigures: Readonly<Record<string, readonly [help: string, of: (size: Class) => number]>> = {
  class_live_buffers: ['Buffers of a size class that are held.', ({ live }) => live],
  class_cached_buffers: ['Buffers of a size class that are ready for the next request.', ({ cached }) => cached],
  class_hits_total: ['Requests for a size class that found a ready buffer.', ({ hits }) => hits],
  class_misses_total: ['Requests for a size class that did not find a ready buffer.', ({ misses }) => misses],
};

/** The pools of each registry by name. */
const exported = new WeakMap<MetricsRegistry, Map<string, BufferPool>>();

/** See `BufferPool.metrics`. */
export function exportMetrics(pool: BufferPool, holdings: Holdings, registry: MetricsRegistry): void {
  // Whether it is closed.
  pool.stats();
  if (typeof (Object(registry) as Partial<MetricsRegistry>).registerMetric !== 'function') {
    throw new FreestoneError('ERR_INVALID_ARGUMENT', `registry must be a Registry of prom-client, not ${shown(registry)}`, { argument: 'registry' });
  }
  let pools = exported.get(registry);
  const other = pools?.get(pool.name);
  if (other === pool) return;
  if (other !== undefined) throw new FreestoneError('ERR_EXISTS', `the registry has another pool with the name ${shown(pool.name)}`, { pool: pool.name });
  if (pools === undefined) {
    pools = new Map();
    declare(load(), registry, pools);
    exported.set(registry, pools);
  }
  const all = pools.set(pool.name, pool);
  holdings.atClose(() => all.delete(pool.name));
}

function declare({ Gauge, Counter }: PromClient, registry: MetricsRegistry, pools: ReadonlyMap<string, BufferPool>): void {
  const add = (name: string, help: string, labelNames: readonly string[], report: (stats: BufferPoolStats, put: (labels: Labels, value: number) => void) => void): void => {
    const Kind = name.endsWith('_total') ? Counter : Gauge;
    new Kind({
      name: `freestone_buffer_pool_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        // From nothing each time, so that what is closed is not there any more.
        this.reset();
        const put = (labels: Labels, value: number): void => {
          if (Kind === Counter) this.inc(labels, value);
          else this.set(labels, value);
        };
        for (const pool of pools.values()) report(pool.stats(), put);
      },
    });
  };
  for (const [name, [help, of]] of Object.entries(figures)) {
    add(name, help, ['pool'], (stats, put) => {
      const value = of(stats);
      if (value !== undefined) put({ pool: stats.name }, value);
    });
  }
  for (const [name, [help, of]] of Object.entries(classFigures)) {
    add(name, help, ['pool', 'size'], (stats, put) => {
      for (const size of stats.perClass) put({ pool: stats.name, size: size.size }, of(size));
    });
  }
}

function load(): PromClient {
  try {
    return createRequire(import.meta.url)('prom-client') as PromClient;
  } catch (cause) {
    throw new FreestoneError(
      'ERR_NOT_FOUND',
      'metrics are reported by the package prom-client, which is not installed: npm install prom-client@15',
      { package: 'prom-client' },
      { cause },
    );
  }
}
