// Sources of bytes.
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

/** A stream whose bytes come in parts of these lengths. */
export const inParts = (bytes: Buffer, ...lengths: number[]): Readable =>
  Readable.from(
    (function* (): Generator<Buffer> {
      let at = 0;
      for (let i = 0; at < bytes.length; i += 1) {
        const length = lengths[i % lengths.length] ?? 1;
        yield bytes.subarray(at, at + length);
        at += length;
      }
    })(),
    { objectMode: false },
  );

export async function* generated(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) {
    await turn();
    yield bytes.subarray(at, at + length);
  }
}

export const byteStream = (bytes: Buffer, length: number): ReadableStream<Uint8Array> => {
  let at = 0;
  return new ReadableStream({
    type: 'bytes',
    pull: (controller) => {
      if (at < bytes.length) controller.enqueue(Uint8Array.from(bytes.subarray(at, (at += length))));
      else {
        controller.close();
        // A pending read into the reader's memory is answered by an empty one.
        controller.byobRequest?.respond(0);
      }
    },
  });
};

export const valueStream = (...values: unknown[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start: (controller) => {
      for (const value of values) controller.enqueue(value as Uint8Array);
      controller.close();
    },
  });
