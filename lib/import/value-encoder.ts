// From a field's bytes to an element's bytes, as pass 2 needs it for a column whose type is known.
import {
  type FixedType,
  type IntegerType,
  type RealType,
  type TimeUnit,
  elementBytes,
  integerRange,
} from './column-type.js';
import { DateReader, dateForm } from './date-text.js';
import type { MissingWords } from './missing.js';
import { IntegerBounds, NumberReader, fitsFloat32, isBlank, isZeroOrOne, numberForm, readBoolean } from './number-text.js';

/** Memory for elements, as numbers and as bytes. */
export class ElementMemory {
  readonly bytes: Buffer;
  readonly view: DataView;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.view = new DataView(this.bytes.buffer);
  }
}

/** Writes the field bytes[start, end), which is none where the end is before the start, at `offset` of `target`. Returns false for one that the type does not hold. */
export type Put = (target: ElementMemory, offset: number, bytes: Uint8Array, start: number, end: number) => boolean;

const numbers = new NumberReader();
const dates = new DateReader();

const wordValues = 2 ** 32;

/** A 64-bit integer from a double that is one, without making a bigint. */
function putWide(target: DataView, offset: number, value: number, littleEndian: boolean): void {
  // ToUint32 of a negative number is its two's complement, which is what the low word is.
  target.setUint32(littleEndian ? offset : offset + 4, value >>> 0, littleEndian);
  target.setInt32(littleEndian ? offset + 4 : offset, Math.floor(value / wordValues), littleEndian);
}

type PutNumber = (target: DataView, offset: number, value: number, littleEndian: boolean) => void;

const putNumber: Readonly<Record<IntegerType | RealType, PutNumber>> = {
  int8: (target, offset, value) => {
    target.setInt8(offset, value);
  },
  uint8: (target, offset, value) => {
    target.setUint8(offset, value);
  },
  int16: (target, offset, value, littleEndian) => {
    target.setInt16(offset, value, littleEndian);
  },
  uint16: (target, offset, value, littleEndian) => {
    target.setUint16(offset, value, littleEndian);
  },
  int32: (target, offset, value, littleEndian) => {
    target.setInt32(offset, value, littleEndian);
  },
  uint32: (target, offset, value, littleEndian) => {
    target.setUint32(offset, value, littleEndian);
  },
  int64: putWide,
  uint64: putWide,
  float32: (target, offset, value, littleEndian) => {
    target.setFloat32(offset, value, littleEndian);
  },
  float64: (target, offset, value, littleEndian) => {
    target.setFloat64(offset, value, littleEndian);
  },
};

/** Writes any value of an integer type. */
function putInteger(dtype: IntegerType, target: DataView, offset: number, value: bigint, littleEndian: boolean): void {
  if (dtype === 'int64') target.setBigInt64(offset, value, littleEndian);
  else if (dtype === 'uint64') target.setBigUint64(offset, value, littleEndian);
  else putNumber[dtype](target, offset, Number(value), littleEndian);
}

function integerPut(dtype: IntegerType, littleEndian: boolean): Put {
  const bounds = new IntegerBounds(integerRange(dtype));
  const put = putNumber[dtype];
  return (target, offset, bytes, start, end) => {
    const form = numbers.read(bytes, start, end);
    if (!bounds.holds(numbers, form)) return false;
    if (Number.isSafeInteger(numbers.value)) put(target.view, offset, numbers.value, littleEndian);
    else putInteger(dtype, target.view, offset, numbers.integer(), littleEndian);
    return true;
  };
}

function realPut(dtype: RealType, littleEndian: boolean): Put {
  const put = putNumber[dtype];
  return (target, offset, bytes, start, end) => {
    if (numbers.read(bytes, start, end) === numberForm.none) return false;
    if (dtype === 'float32' && !fitsFloat32(numbers.value)) return false;
    put(target.view, offset, numbers.value, littleEndian);
    return true;
  };
}

const booleanPut: Put = (target, offset, bytes, start, end) => {
  const value = readBoolean(bytes, start, end) ?? (isZeroOrOne(bytes, start, end) ? bytes[start] === 0x31 : undefined);
  if (value === undefined) return false;
  target.bytes[offset] = Number(value);
  return true;
};

const unitsPerSecond: Readonly<Record<Exclude<TimeUnit, 'days'>, number>> = {
  seconds: 1,
  milliseconds: 1e3,
  microseconds: 1e6,
  nanoseconds: 1e9,
};

function timePut(unit: TimeUnit, littleEndian: boolean): Put {
  if (unit === 'days') {
    return (target, offset, bytes, start, end) => {
      if (dates.read(bytes, start, end) !== dateForm.date) return false;
      putWide(target.view, offset, dates.days, littleEndian);
      return true;
    };
  }
  const perSecond = unitsPerSecond[unit];
  const nanosecondsPerUnit = 1e9 / perSecond;
  return (target, offset, bytes, start, end) => {
    if (dates.read(bytes, start, end) === dateForm.none || dates.nanoseconds % nanosecondsPerUnit !== 0) return false;
    const fraction = dates.nanoseconds / nanosecondsPerUnit;
    const value = dates.seconds * perSecond + fraction;
    if (Number.isSafeInteger(value) && Number.isSafeInteger(dates.seconds * perSecond)) putWide(target.view, offset, value, littleEndian);
    else target.view.setBigInt64(offset, BigInt(dates.seconds) * BigInt(perSecond) + BigInt(fraction), littleEndian);
    return true;
  };
}

/** Blanks around the value are passed over, and a word for a missing value becomes what stands for it. */
function withMissing(put: Put, words: MissingWords, putFill: ((target: ElementMemory, offset: number) => void) | undefined): Put {
  return (target, offset, bytes, start, end) => {
    let from = start;
    let to = end;
    while (from < to && isBlank(bytes[from])) from++;
    while (from < to && isBlank(bytes[to - 1])) to--;
    if (to >= from && !words.matches(bytes, from, to)) return put(target, offset, bytes, from, to);
    putFill?.(target, offset);
    return putFill !== undefined;
  };
}

/** Copying a few bytes one by one is faster than a call. */
const shortCopy = 24;

function textPut(size: number): Put {
  return (target, offset, bytes, start, end) => {
    const length = Math.max(0, end - start);
    if (length > size) return false;
    const into = target.bytes;
    if (size <= shortCopy) {
      for (let i = 0; i < size; i++) into[offset + i] = i < length ? (bytes[start + i] ?? 0) : 0;
      return true;
    }
    if (length <= shortCopy) for (let i = 0; i < length; i++) into[offset + i] = bytes[start + i] ?? 0;
    else into.set(bytes.subarray(start, start + length), offset);
    into.fill(0, offset + length, offset + size);
    return true;
  };
}

/**
 * The writer for one column's values. Not for long text, which has no place in an element.
 * @param littleEndian the byte order of what is written
 */
export function encoder(type: FixedType, words: MissingWords, littleEndian: boolean): Put {
  switch (type.kind) {
    case 'text':
      return textPut(elementBytes(type));
    case 'real': {
      const put = putNumber[type.dtype];
      return withMissing(realPut(type.dtype, littleEndian), words, (target, offset) => {
        put(target.view, offset, NaN, littleEndian);
      });
    }
    case 'boolean':
    case 'integer':
    case 'time': {
      const { fill } = type;
      const dtype = type.kind === 'boolean' ? 'int8' : type.dtype;
      const put = type.kind === 'boolean' ? booleanPut : type.kind === 'time' ? timePut(type.unit, littleEndian) : integerPut(type.dtype, littleEndian);
      if (fill === undefined) return withMissing(put, words, undefined);
      return withMissing(put, words, (target, offset) => {
        putInteger(dtype, target.view, offset, fill, littleEndian);
      });
    }
  }
}
