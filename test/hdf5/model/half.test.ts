// IEEE 754 binary16 in software: all 65,536 of them, and the rounding of everything between.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { halfBits, halfValue } from '../../../lib/hdf5/model/number-kind.js';

const everyHalf = Array.from({ length: 0x10000 }, (_, bits) => bits);
const isNaNBits = (bits: number): boolean => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;

/** From the definition. */
function meaning(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const magnitude = exponent === 31 ? (fraction === 0 ? Infinity : NaN) : exponent === 0 ? fraction / 2 ** 24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits >= 0x8000 ? -magnitude : magnitude;
}

describe('a half', () => {
  it('means what the standard says, for all bits', () => {
    for (const bits of everyHalf) if (!Object.is(halfValue(bits), meaning(bits))) expect({ bits, value: halfValue(bits) }).toEqual({ bits, value: meaning(bits) });
  });

  it('comes back from its value, for all bits but those of NaN, which is one', () => {
    for (const bits of everyHalf) {
      const back = halfBits(halfValue(bits));
      const expected = isNaNBits(bits) ? 0x7e00 : bits;
      if (back !== expected) expect({ bits, back }).toEqual({ bits, back: expected });
    }
  });

  it('is the nearest one, the even one of two, for what lies between any two neighbours', () => {
    // 65504 is the largest; half a step beyond it everything is infinite.
    for (let bits = 0; bits < 0x7bff; bits += 1) {
      const [low, high] = [meaning(bits), meaning(bits + 1)];
      const middle = (low + high) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const near = (high - low) / 1024;
      const found = [low + near, middle - near, middle, middle + near, high - near].map(halfBits);
      const expected = [bits, bits, even, bits + 1, bits + 1];
      if (found.some((each, i) => each !== expected[i])) expect({ bits, found }).toEqual({ bits, found: expected });
    }
    expect(halfBits(65519.999)).toBe(0x7bff);
    expect(halfBits(65520)).toBe(0x7c00);
    expect(halfBits(1e300)).toBe(0x7c00);
  });

  it('has the sign of its value, also of zero and of what rounds to it', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (value) => {
        expect(halfBits(-value)).toBe(halfBits(value) ^ 0x8000);
      }),
    );
    expect(halfBits(-0)).toBe(0x8000);
    expect(halfBits(-1e-300)).toBe(0x8000);
    expect(halfBits(5e-324)).toBe(0);
  });

  it('never decreases where the value does not', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (a, b) => {
        const [low, high] = a <= b ? [a, b] : [b, a];
        expect(halfValue(halfBits(low))).toBeLessThanOrEqual(halfValue(halfBits(high)));
      }),
    );
  });
});
