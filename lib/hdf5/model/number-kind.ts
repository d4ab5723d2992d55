// The number types: how a JavaScript value is checked and becomes bytes, and the typed array that already is those bytes.
import { FreestoneError, shown } from '../../errors.js';
import type { DatatypeMessage, FloatLayout } from '../format/datatype.js';

export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

export type TypedArrayConstructor = new (buffer: ArrayBufferLike, byteOffset?: number, length?: number) => TypedArray;

export const integerNames = ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'] as const;
export const floatNames = ['float16', 'float32', 'float64'] as const;
export type IntegerName = (typeof integerNames)[number];
export type FloatName = (typeof floatNames)[number];

export interface NumberKind {
  readonly size: number;
  /** The typed arrays whose memory is the elements in this machine's byte order. */
  readonly arrays: readonly TypedArrayConstructor[];
  readonly message: (bigEndian: boolean) => DatatypeMessage;
  /** Little-endian. @throws ERR_TYPE_MISMATCH */
  put(target: Buffer, offset: number, value: unknown): void;
  get(source: Buffer, offset: number): number | bigint;
}

/** A value that its type cannot hold. */
export function mismatch(type: string, value: unknown, why = 'cannot hold'): FreestoneError {
  return new FreestoneError('ERR_TYPE_MISMATCH', `${type} ${why} ${shown(value)}`, { dtype: type, value });
}

function integerKind(name: IntegerName): NumberKind {
  const signed = !name.startsWith('u');
  const bits = Number(name.replace(/\D+/, ''));
  const size = bits / 8;
  const low = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  const high = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  const [lowNumber, highNumber] = [Number(low), Number(high)];
  const message = (bigEndian: boolean): DatatypeMessage => ({ class: 'integer', size, signed, bigEndian });
  const arrays = integerArrays[name];
  if (bits === 64) {
    return {
      size,
      arrays,
      message,
      put: (target, offset, value) => {
        const whole = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : null;
        if (whole === null || whole < low || whole > high) throw mismatch(name, value);
        target.writeBigUInt64LE(BigInt.asUintN(64, whole), offset);
      },
      get: (source, offset) => (signed ? source.readBigInt64LE(offset) : source.readBigUInt64LE(offset)),
    };
  }
  return {
    size,
    arrays,
    message,
    put: (target, offset, value) => {
      const number = typeof value === 'bigint' ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isInteger(number) || number < lowNumber || number > highNumber) {
        throw mismatch(name, value);
      }
      if (signed) target.writeIntLE(number, offset, size);
      else target.writeUIntLE(number, offset, size);
    },
    get: (source, offset) => (signed ? source.readIntLE(offset, size) : source.readUIntLE(offset, size)),
  };
}

const integerArrays: Readonly<Record<IntegerName, readonly TypedArrayConstructor[]>> = {
  int8: [Int8Array],
  uint8: [Uint8Array, Uint8ClampedArray],
  int16: [Int16Array],
  uint16: [Uint16Array],
  int32: [Int32Array],
  uint32: [Uint32Array],
  int64: [BigInt64Array],
  uint64: [BigUint64Array],
};

const floatLayouts: Readonly<Record<FloatName, FloatLayout>> = {
  float16: { precision: 16, exponentLocation: 10, exponentSize: 5, mantissaSize: 10, exponentBias: 15 },
  float32: { precision: 32, exponentLocation: 23, exponentSize: 8, mantissaSize: 23, exponentBias: 127 },
  float64: { precision: 64, exponentLocation: 52, exponentSize: 11, mantissaSize: 52, exponentBias: 1023 },
};

const floatBytes = {
  float16: {
    put: (target: Buffer, offset: number, value: number) => {
      target.writeUInt16LE(halfBits(value), offset);
    },
    get: (source: Buffer, offset: number) => halfValue(source.readUInt16LE(offset)),
  },
  float32: {
    put: (target: Buffer, offset: number, value: number) => {
      target.writeFloatLE(value, offset);
    },
    get: (source: Buffer, offset: number) => source.readFloatLE(offset),
  },
  float64: {
    put: (target: Buffer, offset: number, value: number) => {
      target.writeDoubleLE(value, offset);
    },
    get: (source: Buffer, offset: number) => source.readDoubleLE(offset),
  },
};

/** Present in newer versions of Node. */
const float16Array = (globalThis as { Float16Array?: TypedArrayConstructor }).Float16Array;

function floatKind(name: FloatName): NumberKind {
  const layout = floatLayouts[name];
  const size = layout.precision / 8;
  const { put, get } = floatBytes[name];
  const arrays = {
    float16: float16Array === undefined ? [] : [float16Array],
    float32: [Float32Array],
    float64: [Float64Array],
  } satisfies Record<FloatName, TypedArrayConstructor[]>;
  return {
    size,
    arrays: arrays[name],
    message: (bigEndian) => ({ class: 'float', size, bigEndian, layout }),
    put: (target, offset, value) => {
      if (typeof value !== 'number') throw mismatch(name, value);
      put(target, offset, value);
    },
    get,
  };
}

const scratch = new DataView(new ArrayBuffer(8));

/** IEEE 754 binary16, rounded to nearest, ties to even. */
export function halfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  scratch.setFloat64(0, value);
  const sign = (scratch.getUint16(0) >>> 15) << 15;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundHalfEven(magnitude * 2 ** 24);
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  // log2 may be one off next to a power of two; the carry of the addition below mends a mantissa of 2048.
  const scale = 2 ** exponent > magnitude ? exponent - 1 : exponent;
  return sign | (((scale + 14) << 10) + roundHalfEven(magnitude * 2 ** (10 - scale)));
}

export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25));
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

export const numberKinds = Object.fromEntries([
  ...integerNames.map((name) => [name, integerKind(name)]),
  ...floatNames.map((name) => [name, floatKind(name)]),
]) as Readonly<Record<IntegerName | FloatName, NumberKind>>;

const namesOfTags = new Map<string, IntegerName | FloatName>(
  [...integerNames, ...floatNames].flatMap((name) => numberKinds[name].arrays.map((constructor) => [constructor.name, name] as const)),
);

/** What all typed arrays say of themselves, whatever a subclass or a property says. */
const tagOf = Reflect.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype) as object, Symbol.toStringTag)?.get;

/** The numbers that a typed array holds, also one of a subclass or of another realm; undefined for an array that is not known here. */
export function numberNameOf(array: TypedArray): IntegerName | FloatName | undefined {
  return namesOfTags.get(tagOf?.call(array) as string);
}
