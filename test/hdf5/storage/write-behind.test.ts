import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { begin, done, promised, turn, wait, type Pending, type Steps } from '../../../lib/hdf5/storage/steps.js';
import { WriteBehind } from '../../../lib/hdf5/storage/write-behind.js';

const FILE_BYTES = 3 * 2 ** 20;

/** A file in memory, whose writes fail while `failing` is set. */
class MemoryFile {
  readonly bytes = Buffer.alloc(FILE_BYTES);
  failing = false;
  writes = 0;

  write(address: number, bytes: Uint8Array): Pending {
    return begin(this.#write(address, bytes));
  }

  *#write(address: number, bytes: Uint8Array): Steps {
    // Like a worker thread: the bytes are read at some later moment.
    yield* wait(turn());
    if (this.failing) throw new Error('no space left');
    this.bytes.set(bytes, address);
    this.writes += 1;
  }
}

const put = fc.record({
  kind: fc.constant('put' as const),
  // Near the edges of pages as well.
  address: fc.oneof(fc.nat({ max: FILE_BYTES - 1 }), fc.nat({ max: 11 }).map((page) => page * 2 ** 18)),
  size: fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 600_000 })),
  byte: fc.nat({ max: 255 }),
  isOurs: fc.boolean(),
});
const step = fc.oneof(
  { weight: 8, arbitrary: put },
  { weight: 1, arbitrary: fc.constant({ kind: 'drain' as const }) },
  { weight: 1, arbitrary: fc.boolean().map((failing) => ({ kind: 'fail' as const, failing })) },
  { weight: 2, arbitrary: fc.constant({ kind: 'turn' as const }) },
);

describe('what is written behind', () => {
  it('is at every moment what was put last, in the file or over it, also when writes fail in between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const file = new MemoryFile();
        const behind = new WriteBehind((address, bytes) => file.write(address, bytes));
        const expected = Buffer.alloc(FILE_BYTES);
        for (const now of steps) {
          if (now.kind === 'put') {
            const bytes = Buffer.alloc(Math.min(now.size, FILE_BYTES - now.address), now.byte);
            bytes.copy(expected, now.address);
            behind.put(now.address, bytes, now.isOurs);
            if (!now.isOurs) bytes.fill(0xee);
            await promised(behind.pressure() ?? done).catch(() => undefined);
          } else if (now.kind === 'fail') file.failing = now.failing;
          else if (now.kind === 'drain') await promised(behind.drain()).catch(() => undefined);
          else await new Promise((resolve) => setImmediate(resolve));
          const seen = Buffer.from(file.bytes);
          behind.overlay(0, seen);
          expect(seen.equals(expected)).toBe(true);
        }
        file.failing = false;
        await promised(behind.drain());
        expect(file.bytes.equals(expected)).toBe(true);
        expect(behind.end).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('goes out in few writes when it lies side by side, whatever the order', async () => {
    const file = new MemoryFile();
    const behind = new WriteBehind((address, bytes) => file.write(address, bytes));
    const places = Array.from({ length: 1000 }, (_, i) => i * 100);
    for (const place of places.sort(() => Math.random() - 0.5)) behind.put(place, Buffer.alloc(100, 7));
    expect(behind.end).toBe(100_000);
    await promised(behind.drain());
    expect(file.writes).toBe(1);
    expect(file.bytes.subarray(0, 100_000).every((byte) => byte === 7)).toBe(true);
  });

  it('leaves what was not put as it is', async () => {
    const file = new MemoryFile();
    file.bytes.fill(9);
    const behind = new WriteBehind((address, bytes) => file.write(address, bytes));
    behind.put(10, Buffer.alloc(5, 1));
    behind.put(20, Buffer.alloc(5, 2));
    await promised(behind.drain());
    expect([...file.bytes.subarray(8, 27)]).toEqual([9, 9, 1, 1, 1, 1, 1, 9, 9, 9, 9, 9, 2, 2, 2, 2, 2, 9, 9]);
  });

  it('says that it failed, and is tried again', async () => {
    const file = new MemoryFile();
    file.failing = true;
    const behind = new WriteBehind((address, bytes) => file.write(address, bytes));
    behind.put(0, Buffer.from([1]));
    await expect(promised(behind.drain())).rejects.toThrow('no space left');
    await expect(promised(behind.drain())).rejects.toThrow('no space left');
    file.failing = false;
    await promised(behind.drain());
    expect(file.bytes[0]).toBe(1);
  });
});
