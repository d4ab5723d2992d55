// The datatypes that are written in these tests: how values of each are drawn, and what a reader must say of the type and of
// every value. Nothing here uses the code under test but the names of the types.
import fc from 'fast-check';
import { t, type DatatypeName, type DatatypeSpec, type TypedArray } from '../../lib/hdf5/index.js';
import type { DescribedType, Printed } from './h5py.js';

export interface Kind {
  readonly name: string;
  readonly spec: DatatypeSpec;
  /** As a reader describes it. */
  readonly described: DescribedType;
  readonly values: fc.Arbitrary<unknown>;
  /** What a reader prints for a value. */
  printed(value: unknown): Printed;
  /** The value of elements that were never written and have no fill value. */
  readonly zero: unknown;
  /** Whether a fill value can be given. */
  readonly fillable: boolean;
  /** One that is not the zero, for tests that do not draw. */
  readonly sample: unknown;
  /** The values as the typed array that holds them, for types that have one. */
  typed?(values: readonly unknown[]): TypedArray;
}

const scratch = new DataView(new ArrayBuffer(8));

/** The hexadecimal digits of a float's bits, `nan` for every NaN. */
export function floatDigits(value: number, size: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (size === 2) {
    const bits = halves.get(value) ?? 0;
    return (Object.is(value, -0) ? 0x8000 : bits).toString(16);
  }
  if (size === 4) {
    scratch.setFloat32(0, value);
    return scratch.getUint32(0).toString(16);
  }
  scratch.setFloat64(0, value);
  return scratch.getBigUint64(0).toString(16);
}

/** What a half's bits mean, from the definition: IEEE 754, 3.4. */
export function halfMeaning(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? (sign * fraction) / 2 ** 24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bits of each value that a half can have; those of 0 and -0 meet, and floatDigits tells them apart. */
const halves = new Map<number, number>();
for (let bits = 0xffff; bits >= 0; bits -= 1) halves.set(halfMeaning(bits), bits);

const endings = [
  { order: 'LE', ending: '' },
  { order: 'BE', ending: 'be' },
] as const;

function integers(): Kind[] {
  return [1, 2, 4, 8].flatMap((size) =>
    [true, false].flatMap((signed) =>
      endings
        .filter(({ order }) => size > 1 || order === 'LE')
        .map(({ order, ending }) => integerKind(size, signed, order, ending)),
    ),
  );
}

const integerArrays = {
  int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array,
} as const;

function integerKind(size: number, signed: boolean, order: 'LE' | 'BE', ending: string): Kind {
  const bits = BigInt(size * 8);
  const min = signed ? -(2n ** (bits - 1n)) : 0n;
  const max = signed ? 2n ** (bits - 1n) - 1n : 2n ** bits - 1n;
  const base = `${signed ? 'int' : 'uint'}${String(size * 8)}`;
  const rim = fc.constantFrom(min, max, 0n, 1n, max / 2n);
  const drawn = fc.oneof({ weight: 3, arbitrary: fc.bigInt({ min, max }) }, { weight: 1, arbitrary: rim });
  const values = size === 8 ? drawn : drawn.map(Number);
  return {
    name: `${base}${ending}`,
    spec: `${base}${ending}` as DatatypeName,
    described: { class: 'integer', size, order, signed, precision: size * 8 },
    values,
    printed: String,
    zero: size === 8 ? 0n : 0,
    sample: size === 8 ? max - 5n : Number(max - 5n),
    fillable: true,
    typed: (list) => {
      if (size < 8) return integerArrays[base as keyof typeof integerArrays].from(list as number[]);
      return signed ? BigInt64Array.from(list as bigint[]) : BigUint64Array.from(list as bigint[]);
    },
  };
}

const floatForms = {
  2: { fields: [15, 10, 5, 0, 10], bias: 15, values: fc.nat({ max: 0xffff }).map(halfMeaning) },
  4: { fields: [31, 23, 8, 0, 23], bias: 127, values: fc.float() },
  8: { fields: [63, 52, 11, 0, 52], bias: 1023, values: fc.double() },
} as const;

function floats(): Kind[] {
  return ([2, 4, 8] as const).flatMap((size) =>
    endings.map(({ order, ending }): Kind => {
      const { fields, bias, values } = floatForms[size];
      const typed = (list: readonly unknown[]): TypedArray =>
        size === 4 ? Float32Array.from(list as number[]) : Float64Array.from(list as number[]);
      return {
        name: `float${String(size * 8)}${ending}`,
        spec: `float${String(size * 8)}${ending}` as DatatypeName,
        described: { class: 'float', size, order, fields, bias, precision: size * 8 },
        values: fc.oneof({ weight: 6, arbitrary: values }, { weight: 1, arbitrary: fc.constantFrom(-0, NaN, Infinity, -Infinity, 1) }),
        printed: (value) => floatDigits(value as number, size),
        zero: 0,
        sample: -1.5,
        fillable: true,
        ...(size === 2 ? {} : { typed }),
      };
    }),
  );
}

function complexes(): Kind[] {
  return ([4, 8] as const).flatMap((half) =>
    endings.map(({ order, ending }): Kind => {
      const { fields, bias, values } = floatForms[half];
      const part: DescribedType = { class: 'float', size: half, order, fields, bias, precision: half * 8 };
      return {
        name: `complex${String(half * 16)}${ending}`,
        spec: `complex${String(half * 16)}${ending}` as DatatypeName,
        described: {
          class: 'compound',
          size: half * 2,
          members: [
            { name: 'r', offset: 0, type: part },
            { name: 'i', offset: half, type: part },
          ],
        },
        values: fc.record({ re: values, im: values }),
        printed: (value) => {
          const { re, im } = value as { re: number; im: number };
          return [floatDigits(re, half), floatDigits(im, half)];
        },
        zero: { re: 0, im: 0 },
        sample: { re: 2.5, im: -1 },
        fillable: true,
        typed: (list) => {
          const parts = (list as { re: number; im: number }[]).flatMap(({ re, im }) => [re, im]);
          return half === 4 ? Float32Array.from(parts) : Float64Array.from(parts);
        },
      };
    }),
  );
}

const tinyInteger: DescribedType = { class: 'integer', size: 1, order: 'LE', signed: true, precision: 8 };

const bool: Kind = {
  name: 'bool',
  spec: 'bool',
  described: { class: 'enum', size: 1, base: tinyInteger, members: { FALSE: '0', TRUE: '1' } },
  values: fc.boolean(),
  printed: String,
  zero: false,
  sample: true,
  fillable: true,
};

/** Names that need not be identifiers, and values that skip. */
const enumMembers = { idle: 0, running: 3, 'a b': -7, done: 100 } as const;

const enums: Kind[] = [
  { base: undefined, type: tinyInteger, name: 'enum over int8' },
  {
    base: 'int16be' as const,
    type: { class: 'integer', size: 2, order: 'BE', signed: true, precision: 16 } satisfies DescribedType,
    name: 'enum over int16be',
  },
  {
    base: 'int64' as const,
    type: { class: 'integer', size: 8, order: 'LE', signed: true, precision: 64 } satisfies DescribedType,
    name: 'enum over int64',
  },
].map(({ base, type, name }): Kind => ({
  name,
  spec: base === undefined ? t.enum(enumMembers) : t.enum(enumMembers, base),
  described: {
    class: 'enum',
    size: type.size,
    base: type,
    members: Object.fromEntries(Object.entries(enumMembers).map(([member, value]) => [member, String(value)])),
  },
  values: fc.constantFrom(...Object.keys(enumMembers), ...Object.values(enumMembers)),
  printed: (value) => String(typeof value === 'string' ? enumMembers[value as keyof typeof enumMembers] : value),
  zero: 0,
  sample: 'done',
  fillable: true,
}));

/** Text of any scalar values but NUL. */
const anyText = fc.string({ unit: fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), fc.constantFrom('ä', '😀', ' ', '"', '\\', '\n')) })
  .map((text) => text.replaceAll('\0', '·'));
const asciiText = fc.string({ unit: 'binary-ascii' }).map((text) => text.replaceAll('\0', '.'));

/** The longest start of `text` that fits into `bytes` bytes of UTF-8. */
function cut(text: string, bytes: number): string {
  let kept = '';
  let size = 0;
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > bytes) break;
    kept += character;
  }
  return kept;
}

function fixedStrings(): Kind[] {
  return (['utf8', 'ascii'] as const).flatMap((encoding) =>
    (['null', 'space', 'nullterm'] as const).map((pad): Kind => {
      const size = 11;
      const room = pad === 'nullterm' ? size - 1 : size;
      const ending = pad === 'space' ? / +$/ : /\0+$/;
      return {
        name: `string(${String(size)}) ${encoding} padded with ${pad}`,
        spec: t.string(size, { encoding, pad }),
        described: { class: 'string', size, pad, charset: encoding },
        values: (encoding === 'ascii' ? asciiText : anyText).map((text) => cut(text, room).replace(ending, '')),
        printed: (value) => value as string,
        zero: '',
        sample: encoding === 'ascii' ? 'ten bytes.' : 'zehn ÄÖ',
        fillable: true,
      };
    }),
  );
}

const variableString: Kind = {
  name: 'string',
  spec: 'string',
  described: { class: 'string', size: 'variable', pad: 'nullterm', charset: 'utf8' },
  values: fc.oneof({ weight: 5, arbitrary: anyText }, { weight: 1, arbitrary: fc.constantFrom('', '😀'.repeat(40), 'x'.repeat(300)) }),
  printed: (value) => value as string,
  zero: '',
  sample: 'some text',
  fillable: false,
};

/** Members one after the other. */
export function compoundKind(name: string, members: Readonly<Record<string, Kind>>): Kind {
  const entries = Object.entries(members);
  let offset = 0;
  const described = entries.map(([member, { described: type }]) => {
    const place = { name: member, offset, type };
    offset += sizeOf(type);
    return place;
  });
  const each = (pick: (kind: Kind) => unknown): Record<string, unknown> =>
    Object.fromEntries(entries.map(([member, kind]) => [member, pick(kind)]));
  return {
    name,
    spec: t.compound(Object.fromEntries(entries.map(([member, { spec }]) => [member, spec]))),
    described: { class: 'compound', size: offset, members: described },
    values: fc.record(Object.fromEntries(entries.map(([member, { values }]) => [member, values]))),
    printed: (value) => entries.map(([member, kind]) => kind.printed((value as Record<string, unknown>)[member])),
    zero: each(({ zero }) => zero),
    sample: each(({ sample }) => sample),
    fillable: entries.every(([, { fillable }]) => fillable),
  };
}

/** Bytes of one element as libhdf5 describes it: a variable-length one as the pointer that it is in memory. */
function sizeOf(type: DescribedType): number {
  return type.size === 'variable' ? 8 : type.size;
}

export const numbers: readonly Kind[] = [...integers(), ...floats()];

function numberNamed(name: string): Kind {
  const found = numbers.find((kind) => kind.name === name);
  if (found === undefined) throw new Error(`there is no kind ${name}`);
  return found;
}

const fixedText = fixedStrings();
const [utf8Text = variableString] = fixedText;

const compounds: readonly Kind[] = [
  compoundKind('compound of numbers', {
    flag: numberNamed('int8'),
    time: numberNamed('float64'),
    count: numberNamed('uint32be'),
    half: numberNamed('float16'),
  }),
  compoundKind('compound with a text', { id: numberNamed('uint64'), 'näme': variableString, code: utf8Text }),
  compoundKind('nested compound', {
    at: compoundKind('place', { x: numberNamed('float32'), y: numberNamed('float32be') }),
    ok: bool,
    deep: compoundKind('deep', { label: variableString, inner: compoundKind('inner', { n: numberNamed('int16') }) }),
    state: enums[0] ?? bool,
  }),
];

/** One of everything that can be written. */
export const kinds: readonly Kind[] = [...numbers, ...complexes(), bool, ...enums, ...fixedText, variableString, ...compounds].map(
  // In a counterexample the name says it all.
  (kind) => ({ ...kind, [fc.toStringMethod]: () => kind.name }),
);
