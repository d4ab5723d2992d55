import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lookup3 } from '../../../lib/hdf5/format/checksum.js';

const score = Buffer.from('Four score and seven years ago');

describe('lookup3', () => {
  it('gives what its author published', () => {
    // driver5 of lookup3.c.
    expect(lookup3(Buffer.alloc(0))).toBe(0xdeadbeef);
    expect(lookup3(score)).toBe(0x17770551);
  });

  // What hashlittle of lookup3.c returns, compiled by a C compiler, for the start of "0123456789" repeated.
  it.each([
    [1, 0x00d7146e],
    [11, 0x4efc7e05],
    [12, 0xddbb1857],
    [13, 0x804558dd],
    [23, 0x4b92eb43],
    [24, 0x38636dc2],
    [25, 0x58c09e67],
    [36, 0xd615b67f],
    [48, 0xf2f73afb],
    [1000, 0xb8a9c864],
  ])('of %i bytes is what the original in C returns', (length, expected) => {
    expect(lookup3(Buffer.from('0123456789'.repeat(100)).subarray(0, length))).toBe(expected);
  });

  it('of a part is that of a copy of the part, and the bytes around it do not matter', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 20 }), (part, before, after) => {
        const whole = Buffer.concat([before, part, after]);
        expect(lookup3(whole, before.length, before.length + part.length)).toBe(lookup3(part));
      }),
    );
  });

  it('changes with every single bit', () => {
    const data = Buffer.from(score.subarray(0, 24));
    const sums = new Set([lookup3(data)]);
    for (let bit = 0; bit < data.length * 8; bit += 1) {
      const flipped = Buffer.from(data);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      sums.add(lookup3(flipped));
    }
    expect(sums.size).toBe(data.length * 8 + 1);
  });
});
