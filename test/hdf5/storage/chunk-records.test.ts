import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkRecords, field, type ChunkRecord } from '../../../lib/hdf5/storage/chunk-records.js';

const record = (n: number): ChunkRecord => ({ address: n * 2 ** 33 + 1, size: n % 2 ** 32, filterMask: n % 7 });

function expectSame(records: ChunkRecords, wanted: ReadonlyMap<number, ChunkRecord>): void {
  const numbers = [...wanted.keys()].sort((a, b) => a - b);
  expect([...records.numbers()]).toEqual(numbers);
  expect(records.count).toBe(wanted.size);
  const seen: [number, ChunkRecord][] = [];
  records.each((fields, at) => {
    const [number = -1, address = -1, size = -1, filterMask = -1] = [field.number, field.address, field.size, field.filterMask].map((i) => fields[at + i]);
    seen.push([number, { address, size, filterMask }]);
  });
  expect(seen).toEqual(numbers.map((number) => [number, wanted.get(number)]));
}

describe('chunk records', () => {
  it('are what was set last and not deleted, ascending, in whatever order they come', () => {
    const number = fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 5000 }), fc.maxSafeNat());
    // Runs up and down, which fill blocks and split them.
    const step = fc.oneof(
      fc.record({ set: number }),
      fc.record({ delete: number }),
      fc.record({ from: fc.nat({ max: 5000 }), count: fc.nat({ max: 1500 }), by: fc.constantFrom(1, -1, 3, -7) }),
      fc.record({ drop: fc.nat({ max: 5000 }), count: fc.nat({ max: 3000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const records = new ChunkRecords();
        const wanted = new Map<number, ChunkRecord>();
        let n = 0;
        const set = (at: number): void => {
          n += 1;
          records.set(at, record(n));
          wanted.set(at, record(n));
        };
        const drop = (at: number): void => {
          records.delete(at);
          wanted.delete(at);
        };
        for (const one of steps) {
          if ('set' in one) set(one.set);
          else if ('delete' in one) drop(one.delete);
          else if ('drop' in one) for (let i = 0; i < one.count; i += 1) drop(one.drop + i);
          else for (let i = 0; i < one.count; i += 1) if (one.from + i * one.by >= 0) set(one.from + i * one.by);
        }
        expectSame(records, wanted);
        for (const at of [...wanted.keys(), 0, 17, 2500, 9e15]) expect(records.get(at)).toEqual(wanted.get(at));
      }),
      { numRuns: 60 },
    );
  });

  it('are taken in the order of a hundred thousand random numbers, and in falling order', () => {
    const random = new ChunkRecords();
    const falling = new ChunkRecords();
    const wanted = new Map<number, ChunkRecord>();
    for (let i = 0, at = 1; i < 100_000; i += 1, at = (at * 48_271) % 2_147_483_647) {
      random.set(at, record(at));
      wanted.set(at, record(at));
      falling.set(100_000 - i, record(i));
    }
    expectSame(random, wanted);
    expect([...falling.numbers()]).toEqual(Array.from({ length: 100_000 }, (_, i) => i + 1));
  });
});
