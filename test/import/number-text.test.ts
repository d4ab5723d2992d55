import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntegerBounds, type NumberForm, NumberReader, fitsFloat32, numberForm, readBoolean } from '../../lib/import/number-text.js';

const reader = new NumberReader();

/** Reads a text that stands between digits and signs, so that a reader that looks beyond its field is found out. */
function read(text: string): { form: NumberForm; value: number } {
  const bytes = Buffer.from(`9-${text}-9e5`);
  const form = reader.read(bytes, 2, 2 + Buffer.byteLength(text));
  return { form, value: reader.value };
}

describe('NumberReader', () => {
  it.each([
    ['0', 0], ['7', 7], ['-7', -7], ['+3', 3], ['-0', 0], ['9007199254740991', 9007199254740991], ['-9007199254740991', -9007199254740991],
    ['9007199254740993', 9007199254740992], ['18446744073709551616', 18446744073709551616],
  ])('%s is an integer', (text, value) => {
    expect(read(text)).toEqual({ form: numberForm.integer, value });
  });

  it.each([
    ['1e5', 1e5], ['1E5', 1e5], ['1e+5', 1e5], ['1e-5', 1e-5], ['.5', 0.5], ['5.', 5], ['+3.25', 3.25], ['-.5', -0.5], ['-0.0', -0],
    ['0.1', 0.1], ['1e23', 1e23], ['123456789012345678901234567890.5', Number('123456789012345678901234567890.5')], ['1e999', Infinity], ['1e-999', 0],
    ['5e-324', 5e-324], ['1.7976931348623157e308', 1.7976931348623157e308], ['1e05', 1e5], ['0e0', 0],
    ['inf', Infinity], ['-inf', -Infinity], ['+Inf', Infinity], ['INF', Infinity], ['Infinity', Infinity], ['-infinity', -Infinity],
    ['nan', NaN], ['NaN', NaN], ['NAN', NaN], ['-nan', NaN],
  ])('%s is a real number', (text, value) => {
    const found = read(text);
    expect(found.form).toBe(numberForm.real);
    expect(Object.is(found.value, value)).toBe(true);
  });

  it.each(['', '+', '-', '.', '+.', 'e5', '1e', '1e+', '.e5', '0x1F', '0b1', '1_000', '1,5', '1 000', '--1', '1-', '1.2.3', '1e5.0', 'infi', 'in', 'nano', 'Infinityx', '１２', '1n', '١'])(
    '%j is no number',
    (text) => {
      expect(read(text).form).toBe(numberForm.none);
    },
  );

  it('a needless zero in front is told apart, because a number would lose it', () => {
    expect(read('00501').form).toBe(numberForm.paddedInteger);
    expect(read('-07').form).toBe(numberForm.paddedInteger);
    expect(read('00').form).toBe(numberForm.paddedInteger);
    expect(read('00.5').form).toBe(numberForm.paddedReal);
    expect(read('0.5').form).toBe(numberForm.real);
  });

  it('every double comes back from its shortest text, and from 17 digits', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        for (const text of [String(value), value.toExponential(16)]) {
          read(text);
          // The texts of a negative zero have no sign.
          expect(reader.value).toBe(value === 0 ? 0 : value);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('decimal fractions round as JavaScript rounds them', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 22n }), fc.nat(25), fc.integer({ min: -30, max: 30 }), (digits, places, exponent) => {
        const whole = digits.toString().padStart(places + 1, '0');
        const text = `${whole.slice(0, whole.length - places)}.${whole.slice(whole.length - places)}e${exponent}`;
        read(text);
        expect(reader.value).toBe(Number(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('integers of any length are given in full', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), fc.boolean(), (value, plus) => {
        const text = plus && value >= 0n ? `+${value}` : value.toString();
        expect(read(text).form).toBe(numberForm.integer);
        expect(reader.integer()).toBe(value);
      }),
    );
  });

  it('what Number() does not take for a number, nor do we', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789+-.eEx_ ,inf'.split('')) }), (text) => {
        const { form, value } = read(text);
        if (form === numberForm.none || /inf|nan/i.test(text)) return;
        expect(value + 0).toBe(Number(text) + 0);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('the range of a type', () => {
  const fits = (text: string, range: readonly [bigint, bigint]): boolean => {
    const { form } = read(text);
    return new IntegerBounds(range).holds(reader, form);
  };

  it('ends exactly where the type ends', () => {
    const int64 = [-(2n ** 63n), 2n ** 63n - 1n] as const;
    expect(['-9223372036854775808', '9223372036854775807'].map((text) => fits(text, int64))).toEqual([true, true]);
    expect(['-9223372036854775809', '9223372036854775808'].map((text) => fits(text, int64))).toEqual([false, false]);
    expect(['-129', '-128', '127', '128'].map((text) => fits(text, [-128n, 127n]))).toEqual([false, true, true, false]);
  });

  it('a real number without a fraction is an integer, one with a fraction is not', () => {
    expect(['1.0', '1e2', '00501', '1.5', 'nan', 'inf', '1e300', 'x'].map((text) => fits(text, [-(2n ** 31n), 2n ** 31n - 1n]))).toEqual([
      true, true, true, false, false, false, false, false,
    ]);
  });

  it('a float32 holds what does not become infinite', () => {
    expect([3.4e38, 3.5e38, -3.5e38, Infinity, NaN, 1e-60].map(fitsFloat32)).toEqual([true, false, false, true, true, true]);
  });
});

describe('readBoolean', () => {
  it('knows true and false in any case, and nothing else', () => {
    const values = ['true', 'TRUE', 'tRuE', 'false', 'False', 'yes', 't', '1', '', 'truee', 'tru', 'fals\u0045x'];
    expect(values.map((text) => readBoolean(Buffer.from(text), 0, Buffer.byteLength(text)))).toEqual([
      true, true, true, false, false, undefined, undefined, undefined, undefined, undefined, undefined, undefined,
    ]);
  });
});
