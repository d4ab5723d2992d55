// A dataset as the end of a stream.
import { Writable } from 'node:stream';
import type { Data } from './data.js';
import type { Dataset } from './dataset.js';

/** How far a stream has come. */
export interface WriteProgress {
  /** Rows of the dataset, those included that it had before. */
  readonly rows: number;
  /** Bytes that this stream has taken, as the file has elements before filters. */
  readonly bytes: number;
  /** Chunks of the dataset that are in the file; 0 without chunks. */
  readonly chunks: number;
  /** Since the stream was made. */
  readonly bytesPerSecond: number;
}

export interface WritableOptions {
  /** Ends the stream with an AbortError; the rows that were taken before stay. */
  readonly signal?: AbortSignal;
  /** Parts that may wait before `write` asks to pause; 64 unless given. */
  readonly highWaterMark?: number;
}

const HIGH_WATER_MARK = 64;
const PROGRESS_MILLISECONDS = 250;

/** Whether a part of the stream is one value of a dataset of one dimension, many of which are appended together. */
const isValue = (part: unknown): boolean => typeof part !== 'object' || (part !== null && !ArrayBuffer.isView(part) && !Array.isArray(part) && !('data' in part && 'shape' in part));

/**
 * What is written to it is appended, part by part; single values together. It takes no more while as much waits as it may, and
 * emits `progress` with a WriteProgress some times a second and at its end.
 * @param chunksOf how many chunks of the dataset are in the file
 */
export function writableOf(dataset: Dataset, chunksOf: () => number, rowBytes: () => number, options: WritableOptions): Writable {
  const started = performance.now();
  let told = started;
  let bytes = 0;
  const tell = (): void => {
    told = performance.now();
    const [rows = 0] = dataset.shape;
    const progress: WriteProgress = { rows, bytes, chunks: chunksOf(), bytesPerSecond: bytes / Math.max(1e-3, (told - started) / 1e3) };
    stream.emit('progress', progress);
  };
  const append = async (data: Data): Promise<void> => {
    const [before = 0] = dataset.shape;
    await dataset.append(data);
    bytes += ((dataset.shape[0] ?? 0) - before) * rowBytes();
    if (performance.now() - told >= PROGRESS_MILLISECONDS) tell();
  };
  const appendAll = async (parts: readonly unknown[]): Promise<void> => {
    const together = dataset.shape.length === 1;
    for (let i = 0; i < parts.length; ) {
      let end = i + 1;
      if (together && isValue(parts[i])) while (end < parts.length && isValue(parts[end])) end += 1;
      const alone = end === i + 1 && !(together && isValue(parts[i]));
      await append((alone ? parts[i] : parts.slice(i, end)) as Data);
      i = end;
    }
  };
  const settle = (done: Promise<void>, callback: (error?: Error | null) => void): void => {
    done.then(
      () => {
        callback();
      },
      (error: unknown) => {
        callback(error as Error);
      },
    );
  };
  const stream = new Writable({
    objectMode: true,
    highWaterMark: options.highWaterMark ?? HIGH_WATER_MARK,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    write: (part: unknown, _encoding, callback) => {
      settle(appendAll([part]), callback);
    },
    writev: (parts: readonly { chunk: unknown }[], callback) => {
      settle(appendAll(parts.map(({ chunk }) => chunk)), callback);
    },
    final: (callback) => {
      tell();
      callback();
    },
  });
  return stream;
}
