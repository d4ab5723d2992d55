// What a pool does with sockets, files, requests and responses.
import { EventEmitter } from 'node:events';
import type { BufferPool } from './buffer-pool.js';
import { collect, type CollectOptions, type CollectSource } from './collect.js';
import { holdingsOf } from './holdings.js';
import { exportMetrics, type MetricsRegistry } from './metrics.js';
import { onread, type Onread, type OnreadCallback, type OnreadOptions } from './onread.js';
import { PooledReadStream, type ReadStreamOptions } from './read-stream.js';
import { fromWeb, type FromWebOptions } from './web-streams.js';
import { write, type WriteOptions, type WriteTarget } from './write.js';

/** The part of a `BufferPool` that knows of streams. */
export abstract class PoolStreams<Events extends Record<keyof Events, unknown[]>> extends EventEmitter<Events> {
  get #pool(): BufferPool {
    return this as unknown as BufferPool;
  }

  /**
   * The bytes of a source in one buffer, which is the caller's to release.
   * @throws {FreestoneError} ERR_LIMIT_EXCEEDED when there are more than `maxBytes`, or the pool has no room to go on; ERR_TYPE_MISMATCH
   *   for a source of anything but bytes; ERR_CLOSED for one that was read or destroyed before; what the source fails with; the reason
   *   of `signal`. Nothing is held then, and the source is destroyed
   */
  collect(source: CollectSource, options: CollectOptions = {}): Promise<Buffer> {
    return collect(this.#pool, holdingsOf(this), source, options);
  }

  /**
   * A file as a stream of buffers that are read straight into. Whoever takes a chunk releases it. It is a stream of objects, so that no
   * chunk is joined with another.
   * @throws {FreestoneError} ERR_INVALID_ARGUMENT, ERR_INVALID_SIZE; the stream fails as `fs.createReadStream` does
   */
  readStream(path: string | Buffer | URL, options: ReadStreamOptions = {}): PooledReadStream {
    return new PooledReadStream(this.#pool, holdingsOf(this), path, options);
  }

  /**
   * For `net.connect({ onread })` and `tls.connect({ onread })`: the socket reads straight into buffers of the pool.
   * @param callback gets each buffer and releases it; returns false to pause until `socket.resume()`
   */
  onread(callback: OnreadCallback, options: OnreadOptions = {}): Onread {
    return onread(this.#pool, holdingsOf(this), callback, options);
  }

  /**
   * Writes a buffer to a stream, and releases it when the stream is done with it, whatever happens.
   * @returns settles when the stream takes more
   * @throws {FreestoneError} ERR_INVALID_ADDRESS, ERR_INVALID_ARGUMENT, and nothing changes; what the stream fails with; the reason of `signal`
   */
  write(stream: WriteTarget, buffer: Buffer, options?: WriteOptions): Promise<void> {
    return write(holdingsOf(this), stream, buffer, options);
  }

  /** A web stream of bytes as buffers of the pool; whoever takes one releases it. @throws as `collect` */
  fromWeb(stream: ReadableStream<Uint8Array>, options: FromWebOptions = {}): AsyncGenerator<Buffer, void, undefined> {
    return fromWeb(this.#pool, stream, options);
  }

  /**
   * Adds this pool's figures to a registry of the package prom-client, until the pool is closed; read when they are asked for.
   * @throws {FreestoneError} ERR_NOT_FOUND when prom-client is not installed, ERR_EXISTS for another pool of this name there, ERR_CLOSED
   */
  metrics(registry: MetricsRegistry): void {
    exportMetrics(this.#pool, holdingsOf(this), registry);
  }
}
