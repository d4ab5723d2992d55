import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ColumnProfile, type StringStorage, UnfitColumn } from '../../lib/import/column-profile.js';
import { type ColumnType, type TypeName } from '../../lib/import/column-type.js';
import { MissingWords, defaultMissing } from '../../lib/import/missing.js';

interface Settings {
  readonly wanted?: TypeName;
  readonly strings?: StringStorage;
  readonly missing?: readonly string[];
}

function profileOf(values: readonly string[], { wanted, missing = defaultMissing }: Settings = {}): { profile: ColumnProfile; unfit: string[] } {
  const profile = new ColumnProfile(new MissingWords(missing), wanted);
  const unfit = values.filter((value, index) => {
    const bytes = Buffer.from(`,${value},`);
    const fits = profile.add(bytes, 1, bytes.length - 1);
    if (value.includes('\0')) profile.noteNul(bytes, 1, bytes.length - 1, index * 100);
    return !fits;
  });
  return { profile, unfit };
}

function typeOf(values: readonly string[], settings: Settings = {}): ColumnType & { missing?: number } {
  const { profile, unfit } = profileOf(values, settings);
  expect(unfit).toEqual([]);
  const type = profile.resolve(settings.strings ?? 'auto');
  return profile.missing === 0 ? type : { ...type, missing: profile.missing };
}

const lowest64 = -(2n ** 63n);

describe('the type of a column', () => {
  it.each<[string, string[], ColumnType & { missing?: number }]>([
    ['integers are int64', ['1', '-2', '+3'], { kind: 'integer', dtype: 'int64' }],
    ['the limits of int64 are int64', ['-9223372036854775808', '9223372036854775807'], { kind: 'integer', dtype: 'int64' }],
    ['one beyond int64 and nothing negative is uint64', ['0', '9223372036854775808'], { kind: 'integer', dtype: 'uint64' }],
    ['beyond int64 and something negative is text', ['-1', '9223372036854775808'], { kind: 'text', dtype: 'string', bytes: 19 }],
    ['beyond uint64 is text', ['1', '18446744073709551616'], { kind: 'text', dtype: 'string', bytes: 20 }],
    ['below int64 is text', ['-9223372036854775809'], { kind: 'text', dtype: 'string', bytes: 20 }],
    ['beyond uint64 among real numbers is a real number', ['18446744073709551616', '0.5'], { kind: 'real', dtype: 'float64' }],
    ['integers and real numbers are float64', ['1', '2.5'], { kind: 'real', dtype: 'float64' }],
    ['real numbers and integers are float64', ['2.5', '1'], { kind: 'real', dtype: 'float64' }],
    ['exponents and infinities are float64', ['1e5', '-inf'], { kind: 'real', dtype: 'float64' }],
    ['digits with a leading zero are text', ['00501', '10001'], { kind: 'text', dtype: 'string', bytes: 5 }],
    ['one with a leading zero makes the column text', ['10001', '00501'], { kind: 'text', dtype: 'string', bytes: 5 }],
    ['a fraction with a leading zero is text', ['1.5', '01.5'], { kind: 'text', dtype: 'string', bytes: 4 }],
    ['a lone zero is a number', ['0', '0'], { kind: 'integer', dtype: 'int64' }],
    ['hexadecimal digits are text', ['0x10'], { kind: 'text', dtype: 'string', bytes: 4 }],
    ['blanks around a number are passed over', [' 1', '2 ', '\t3'], { kind: 'integer', dtype: 'int64' }],
    ['true and false in any case are bool', ['true', 'FALSE', 'False'], { kind: 'boolean', dtype: 'bool' }],
    ['yes and no are text', ['yes', 'no'], { kind: 'text', dtype: 'string', bytes: 3 }],
    ['0 and 1 are integers', ['0', '1'], { kind: 'integer', dtype: 'int64' }],
    ['booleans and numbers are text', ['true', '1'], { kind: 'text', dtype: 'string', bytes: 4 }],
    ['dates count days', ['2024-02-29', '1850-01-01'], { kind: 'time', dtype: 'int64', unit: 'days' }],
    ['a date that is none makes the column text', ['2024-02-29', '2023-02-29'], { kind: 'text', dtype: 'string', bytes: 10 }],
    ['dates and times count seconds', ['2024-02-29', '2024-02-29T12:00'], { kind: 'time', dtype: 'int64', unit: 'seconds' }],
    ['times and dates count seconds', ['2024-02-29T12:00Z', '2024-02-29'], { kind: 'time', dtype: 'int64', unit: 'seconds' }],
    ['a fraction of three digits counts milliseconds', ['2024-02-29T12:00:00', '2024-02-29T12:00:00.125'], { kind: 'time', dtype: 'int64', unit: 'milliseconds' }],
    ['a fraction of four digits counts microseconds', ['2024-02-29T12:00:00.1250', '2024-02-29T12:00:00.1'], { kind: 'time', dtype: 'int64', unit: 'microseconds' }],
    ['a fraction of nine digits counts nanoseconds', ['2024-02-29T12:00:00.123456789'], { kind: 'time', dtype: 'int64', unit: 'nanoseconds' }],
    ['nanoseconds that do not fit 64 bits are text', ['2024-02-29T12:00:00.123456789', '1600-01-01'], { kind: 'text', dtype: 'string', bytes: 29 }],
    ['dates and numbers are text', ['2024-02-29', '1'], { kind: 'text', dtype: 'string', bytes: 10 }],
    ['text takes the bytes of its longest value in UTF-8', ['a', 'Zürich'], { kind: 'text', dtype: 'string', bytes: 7 }],
    ['no value at all is text of one byte', [], { kind: 'text', dtype: 'string', bytes: 1 }],
    ['only missing values are text that stays as it is', ['', 'NA', ''], { kind: 'text', dtype: 'string', bytes: 2 }],
    ['a missing value among integers makes them float64', ['1', '', 'NA', '3'], { kind: 'real', dtype: 'float64', missing: 2 }],
    ['integers of 2^53 with a missing value are float64', ['9007199254740992', ''], { kind: 'real', dtype: 'float64', missing: 1 }],
    ['integers beyond 2^53 with a missing value stay int64', ['9007199254740993', ''], { kind: 'integer', dtype: 'int64', fill: lowest64, missing: 1 }],
    ['uint64 with a missing value has its largest value for it', ['18446744073709551614', 'null'], { kind: 'integer', dtype: 'uint64', fill: 2n ** 64n - 1n, missing: 1 }],
    ['int64 whose lowest value is in use has no value for a missing one and is text', ['-9223372036854775808', ''], { kind: 'text', dtype: 'string', bytes: 20 }],
    ['missing values among real numbers are counted', ['1.5', 'nan', 'N/A', ' '], { kind: 'real', dtype: 'float64', missing: 3 }],
    ['a missing value among booleans makes them int8', ['true', ''], { kind: 'boolean', dtype: 'int8', fill: -1n, missing: 1 }],
    ['missing values among dates', ['', '2024-02-29', 'NULL'], { kind: 'time', dtype: 'int64', unit: 'days', fill: lowest64, missing: 2 }],
    ['words for missing values are no other text', ['1', 'na'], { kind: 'text', dtype: 'string', bytes: 2 }],
    ['missing values among text are text', ['a', '', 'NA'], { kind: 'text', dtype: 'string', bytes: 2 }],
  ])('%s', (_, values, expected) => {
    expect(typeOf(values)).toEqual(expected);
  });

  it('the words for missing values can be others, and then the usual ones are none', () => {
    const missing = ['-', '-999'];
    expect(typeOf(['1', '-999', '-'], { missing })).toEqual({ kind: 'real', dtype: 'float64', missing: 2 });
    expect(typeOf(['1', ''], { missing })).toEqual({ kind: 'text', dtype: 'string', bytes: 1 });
    expect(typeOf(['1', 'NaN'], { missing })).toEqual({ kind: 'real', dtype: 'float64' });
  });

  it('text beyond 255 bytes is of variable length, unless it is to be otherwise', () => {
    const long = ['x'.repeat(256), ''];
    expect(typeOf(['x'.repeat(255)])).toEqual({ kind: 'text', dtype: 'string', bytes: 255 });
    expect(typeOf(long)).toEqual({ kind: 'long text', dtype: 'string', average: 128 });
    expect(typeOf(long, { strings: 'fixed' })).toEqual({ kind: 'text', dtype: 'string', bytes: 256 });
    expect(typeOf(['x', 'yyy'], { strings: 'variable' })).toEqual({ kind: 'long text', dtype: 'string', average: 2 });
  });

  it('a NUL inside a text keeps it from being of variable length, where it would end it', () => {
    expect(typeOf(['a\0b', 'x'.repeat(300)])).toEqual({ kind: 'text', dtype: 'string', bytes: 300 });
    expect(() => typeOf(['a', 'b\0c'], { strings: 'variable' })).toThrow(new UnfitColumn('a variable-length string ends at its first NUL byte', 100));
  });

  it('a NUL at the end of a text is refused, because it looks like padding', () => {
    expect(() => typeOf(['a', 'b', 'c\0'])).toThrow(UnfitColumn);
    try {
      typeOf(['a', 'b', 'c\0', 'd\0']);
    } catch (error) {
      expect(error).toMatchObject({ offset: 200 });
    }
  });

  it('never fails, and its order does not matter, whatever the values are', () => {
    const value = fc.oneof(
      fc.constantFrom('', 'NA', 'true', '0', '-1', '1.5', '007', '2024-02-29', '2024-02-29T01:02:03.5Z', '9223372036854775808', 'inf'),
      fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
      fc.bigInt().map(String),
      fc.double().map(String),
    );
    fc.assert(
      fc.property(fc.array(value), (values) => {
        expect(typeOf(values.toReversed())).toEqual(typeOf(values));
      }),
    );
  });
});

describe('a type that is asked for', () => {
  it.each<[TypeName, string[], string[], ColumnType]>([
    ['int8', ['-128', '127', '1.0', '007'], ['128', '-129', '1.5', 'abc', '1e3', 'inf'], { kind: 'integer', dtype: 'int8' }],
    ['uint16', ['0', '65535'], ['-1', '65536'], { kind: 'integer', dtype: 'uint16' }],
    ['int64', ['9223372036854775807'], ['9223372036854775808'], { kind: 'integer', dtype: 'int64' }],
    ['uint64', ['18446744073709551615'], ['18446744073709551616', '-1'], { kind: 'integer', dtype: 'uint64' }],
    ['float32', ['1', '1.5', '00.5', 'inf'], ['1e39', 'abc', 'true'], { kind: 'real', dtype: 'float32' }],
    ['float64', ['1', '007', '1e39'], ['abc', '2024-01-01'], { kind: 'real', dtype: 'float64' }],
    ['bool', ['true', 'FALSE', '1', '0'], ['2', 'yes', '01'], { kind: 'boolean', dtype: 'bool' }],
    ['string', ['1', 'abc', ''], [], { kind: 'text', dtype: 'string', bytes: 3 }],
    ['date', ['2024-02-29'], ['2024-02-29T12:00', '2023-02-29', '1'], { kind: 'time', dtype: 'int64', unit: 'days' }],
    ['timestamp', ['2024-02-29', '2024-02-29T12:00:00.5'], ['12:00', '1'], { kind: 'time', dtype: 'int64', unit: 'milliseconds' }],
  ])('%s takes %j and not %j', (wanted, fitting, unfit, expected) => {
    expect(typeOf(fitting, { wanted })).toEqual(expected);
    expect(profileOf(unfit, { wanted }).unfit).toEqual(unfit);
  });

  it('a missing value becomes the value that the type can spare', () => {
    expect(typeOf(['1', ''], { wanted: 'int8' })).toEqual({ kind: 'integer', dtype: 'int8', fill: -128n, missing: 1 });
    expect(typeOf(['1', ''], { wanted: 'uint8' })).toEqual({ kind: 'integer', dtype: 'uint8', fill: 255n, missing: 1 });
    expect(typeOf(['', ''], { wanted: 'float32' })).toEqual({ kind: 'real', dtype: 'float32', missing: 2 });
    expect(typeOf(['', 'NA'], { wanted: 'string' })).toEqual({ kind: 'text', dtype: 'string', bytes: 2 });
    expect(() => typeOf(['-128', ''], { wanted: 'int8' })).toThrow('every value of int8 that could stand for them is in use');
    expect(() => typeOf(['255', ''], { wanted: 'uint8' })).toThrow(UnfitColumn);
  });
});
