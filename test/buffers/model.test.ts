import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FreestoneError } from '../../lib/errors.js';
import { BufferPool, type BufferPoolOptions, type BufferToken } from '../../lib/buffers/index.js';

type Step =
  | { readonly do: 'acquire'; readonly size: number }
  | { readonly do: 'release' | 'resize' | 'wrong' | 'token'; readonly which: number; readonly by: number }
  | { readonly do: 'trim' | 'take' | 'reclaim' };

const LIMIT = 2 ** 20;
const size = fc.oneof(
  // Lengths that recur, several of a size class, and others.
  { weight: 6, arbitrary: fc.constantFrom(100, 110, 120, 128, 5000, 6000) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 600 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 20_000 }) }, fc.integer({ min: 1, max: 2 * LIMIT }));
const which = fc.record({ do: fc.constantFrom('release' as const, 'release' as const, 'resize' as const, 'wrong' as const, 'token' as const), which: fc.nat(), by: fc.nat() });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('acquire' as const), size }) },
  { weight: 6, arbitrary: which },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('trim' as const, 'take' as const, 'reclaim' as const) }) },
);

interface Live {
  readonly buffer: Buffer;
  readonly mark: number;
}

/** Runs it, and says with which code it failed. */
function attempt(action: () => void): string {
  try {
    action();
    return '';
  } catch (error) {
    if (error instanceof FreestoneError) return error.code;
    throw error;
  }
}

const kinds: BufferPoolOptions[] = [{}, { zero: 'acquire' }, { strict: true }, { trackLeaks: 0.5 }, { shared: true }];

describe.each(kinds)('a pool with %j', (options) => {
  it('agrees with a list of what is held after every step', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) => {
        using pool = new BufferPool({ ...options, maxBytes: LIMIT });
        let marks = 0;
        const live: Live[] = [];
        const released: Buffer[] = [];
        const tokens: { token: BufferToken; mark: number; length: number }[] = [];
        const add = (buffer: Buffer): void => {
          marks = (marks % 254) + 1;
          live.push({ buffer: buffer.fill(marks), mark: marks });
        };
        const bytes = (): number => live.reduce((sum, { buffer }) => sum + pool.capacity(buffer), 0);
        for (const each of steps) {
          const at = 'which' in each && live.length > 0 ? each.which % live.length : -1;
          const one = live[at];
          if (each.do === 'acquire') {
            let buffer: Buffer | undefined;
            const code = attempt(() => (buffer = pool.acquire(each.size)));
            if (buffer === undefined) expect(code).toBe('ERR_LIMIT_EXCEEDED');
            else {
              expect(buffer.length).toBe(each.size);
              expect(buffer.equals(Buffer.alloc(each.size))).toBe(true);
              add(buffer);
            }
          } else if (each.do === 'trim') pool.trim();
          else if (each.do === 'reclaim' && options.shared === true) {
            expect(pool.reclaim()).toBe(tokens.length);
            for (const { token } of tokens.splice(0)) expect(attempt(() => pool.fromToken(token))).toBe('ERR_INVALID_ADDRESS');
          } else if (each.do === 'take' && tokens.length > 0) {
            const [taken] = tokens.splice(0, 1);
            if (taken === undefined) continue;
            const buffer = pool.fromToken(taken.token);
            expect(buffer.equals(Buffer.alloc(taken.length, taken.mark))).toBe(true);
            live.push({ buffer, mark: taken.mark });
          }
          if (one === undefined || !('by' in each)) continue;
          if (each.do === 'release') {
            live.splice(at, 1);
            pool.release(one.buffer);
            released.push(one.buffer);
          } else if (each.do === 'resize') {
            const length = 1 + (each.by % pool.capacity(one.buffer));
            const kept = Math.min(length, one.buffer.length);
            const buffer = pool.resize(one.buffer, length);
            expect(buffer.subarray(0, kept).equals(Buffer.alloc(kept, one.mark))).toBe(true);
            expect(buffer.subarray(kept).equals(Buffer.alloc(length - kept))).toBe(true);
            live[at] = { buffer: buffer.fill(one.mark), mark: one.mark };
          } else if (each.do === 'wrong') {
            const old = released[each.by % Math.max(1, released.length)];
            const wrong: unknown[] = [one.buffer.subarray(), one.buffer.subarray(1), Buffer.from(one.buffer), {}];
            if (old !== undefined && !live.some(({ buffer }) => buffer === old)) wrong.push(old);
            for (const value of wrong) expect(attempt(() => { pool.release(value as Buffer); })).toBe('ERR_INVALID_ADDRESS');
          } else if (options.shared === true) {
            live.splice(at, 1);
            tokens.push({ token: pool.token(one.buffer), mark: one.mark, length: one.buffer.length });
          }
          const stats = pool.stats();
          expect(stats.live).toBe(live.length);
          expect(stats.liveBytes).toBe(bytes());
          expect(stats.liveBytes).toBeLessThanOrEqual(LIMIT);
        }
        for (const { buffer, mark } of live) expect(buffer.equals(Buffer.alloc(buffer.length, mark))).toBe(true);
        pool.validate();
        for (const { buffer } of live) pool.release(buffer);
        if (options.shared === true) pool.reclaim();
        pool.trim();
        pool.validate();
        expect(pool.stats()).toMatchObject({ live: 0, liveBytes: 0, cached: 0 });
        if (options.shared === true) expect(pool.stats().shared).toMatchObject({ blocks: 0, bytes: 0 });
      }),
      { numRuns: 40 },
    );
  });
});

const LENGTH = Number(process.env['FREESTONE_TEST_LENGTH'] ?? 1);

describe.each([{}, { shared: true }, { strict: true }])('misuse of a pool with %j', (options) => {
  it(
    'fifty thousand times is refused, and changes nothing',
    () => {
      using pool = new BufferPool(options);
      using other = new BufferPool();
      // What another thread would have: a pool of its own over the same memory.
      using twin = options.shared === true ? BufferPool.attach(pool.handle) : new BufferPool();
      const closed = new BufferPool();
      const held = Array.from({ length: 50 }, (_, i) => pool.acquire(1 + i * 97).fill(i));
      const gone = Array.from({ length: 50 }, (_, i) => pool.acquire(5000 + i));
      for (const buffer of gone) pool.release(buffer);
      const foreign = Array.from({ length: 50 }, (_, i) => other.acquire(100 + i));
      const twins = Array.from({ length: 50 }, (_, i) => twin.acquire(100 + i));
      const orphans = Array.from({ length: 50 }, (_, i) => closed.acquire(100 + i));
      closed.close();
      const before = pool.stats();
      const count = 50_000 * LENGTH;
      const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T;
      const wrong: (() => unknown)[] = [
        () => pick(gone),
        () => pick(foreign),
        () => pick(twins),
        () => pick(orphans),
        () => pick(held).subarray(Math.floor(Math.random() * 2)),
        () => Buffer.from(pick(held).buffer, pick(held).byteOffset, 1),
        () => pick([undefined, null, 0, 'x', {}, [], Buffer.alloc(3), new ArrayBuffer(8)]),
        () => Object.create(pick(held)) as unknown,
        () => new Proxy(pick(held), {}),
      ];
      const attemptAll = (target: BufferPool, value: Buffer): string =>
        attempt(pick([() => { target.release(value); }, () => target.resize(value, 1), () => target.capacity(value), () => target.scope().adopt(value)]));
      for (let i = 0; i < count; i += 1) {
        const code = attemptAll(pool, pick(wrong)() as Buffer);
        if (code !== 'ERR_INVALID_ADDRESS') expect(code).toBe('ERR_INVALID_ADDRESS');
        // And what is right elsewhere, for a pool that has closed.
        const after = attemptAll(closed, pick([...orphans.slice(0, 2), ...held.slice(0, 2)]));
        if (after !== 'ERR_CLOSED') expect(after).toBe('ERR_CLOSED');
      }
      expect(pool.stats()).toEqual(before);
      for (const [i, buffer] of held.entries()) expect(buffer.every((byte) => byte === i)).toBe(true);
      for (const buffer of held) pool.release(buffer);
      for (const buffer of twins) twin.release(buffer);
      for (const buffer of foreign) other.release(buffer);
      for (const each of [pool, twin, other]) expect(each.stats()).toMatchObject({ live: 0, liveBytes: 0 });
      pool.validate();
    },
    120_000 * LENGTH,
  );
});
