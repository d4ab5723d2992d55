// Decimal numbers and booleans as people and tools write them in tables, read from bytes without making a string of each.

/** What a field's text is, as a number. */
export const numberForm = {
  /** `abc`, `0x1F`, `1,5`, nothing at all. */
  none: 0,
  /** An optional sign and digits. */
  integer: 1,
  /** With a point or an exponent, or `inf` or `nan` in one of their spellings. */
  real: 2,
  /** An integer that starts with a needless zero, which a number would lose: `00501`, `-07`. */
  paddedInteger: 3,
  /** The same with a point or an exponent: `00.5`. */
  paddedReal: 4,
} as const;
export type NumberForm = (typeof numberForm)[keyof typeof numberForm];

const digit0 = 0x30;
const digit9 = 0x39;
const plus = 0x2b;
const minus = 0x2d;
const point = 0x2e;

/** Integers up to here are exact in a double, and so is every product or quotient with a power of ten up to 10^22 once rounded. */
const maxExact = Number.MAX_SAFE_INTEGER;
const powersOfTen = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

function equalsIgnoringCase(bytes: Uint8Array, start: number, end: number, lowerCase: string): boolean {
  if (end - start !== lowerCase.length) return false;
  for (let i = 0; i < lowerCase.length; i++) {
    // The bit that tells the cases of a letter apart; the words compared against hold letters only.
    if (((bytes[start + i] ?? 0) | 0x20) !== lowerCase.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether the field is `true` or `false` in any case, and which. */
export function readBoolean(bytes: Uint8Array, start: number, end: number): boolean | undefined {
  if (equalsIgnoringCase(bytes, start, end, 'true')) return true;
  return equalsIgnoringCase(bytes, start, end, 'false') ? false : undefined;
}

/** The bytes as text, one character a byte: right for what is ASCII. */
export function asciiText(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

/**
 * Reads one number at a time. `value` holds the last one; for an integer of more than 15 digits `exact` tells whether `value` is it,
 * and `integer()` gives it in full.
 */
export class NumberReader {
  /** The last number, rounded to the nearest double. */
  value = 0;
  /** Whether `value` is the number itself; always so for integers up to 2^53 - 1. */
  exact = true;

  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /** The last integer in full. Only after `integer` or `paddedInteger`. */
  integer(): bigint {
    if (this.exact) return BigInt(this.value);
    const text = asciiText(this.#bytes, this.#start, this.#end);
    return BigInt(text.startsWith('+') ? text.slice(1) : text);
  }

  /** Reads bytes[start, end), which hold no blanks around the number. */
  read(bytes: Uint8Array, start: number, end: number): NumberForm {
    let at = start;
    const sign = bytes[at];
    const negative = sign === minus;
    if (negative || sign === plus) at++;
    const firstDigit = at;
    let mantissa = 0;
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte < digit0 || byte > digit9) break;
      mantissa = mantissa * 10 + (byte - digit0);
    }
    const integerDigits = at - firstDigit;
    if (at < end) return this.#readReal(bytes, start, end, at, integerDigits, mantissa, negative);
    if (integerDigits === 0) return numberForm.none;
    this.value = negative && mantissa !== 0 ? -mantissa : mantissa;
    this.exact = mantissa <= maxExact;
    if (!this.exact) {
      // Rounded once, from the text; the sum above was rounded at every digit.
      this.value = Number(asciiText(bytes, start, end));
      this.#bytes = bytes;
      this.#start = start;
      this.#end = end;
    }
    return integerDigits > 1 && bytes[firstDigit] === digit0 ? numberForm.paddedInteger : numberForm.integer;
  }

  #readReal(bytes: Uint8Array, start: number, end: number, from: number, integerDigits: number, digitsBefore: number, negative: boolean): NumberForm {
    let at = from;
    let mantissa = digitsBefore;
    const padded = integerDigits > 1 && bytes[at - integerDigits] === digit0;
    let fractionDigits = 0;
    if (bytes[at] === point) {
      at++;
      const fraction = at;
      for (; at < end; at++) {
        const byte = bytes[at] ?? 0;
        if (byte < digit0 || byte > digit9) break;
        mantissa = mantissa * 10 + (byte - digit0);
      }
      fractionDigits = at - fraction;
    }
    if (integerDigits + fractionDigits === 0) return this.#readSpecial(bytes, start, end, negative);
    let exponent = 0;
    if (at < end) {
      if (((bytes[at] ?? 0) | 0x20) !== 0x65) return numberForm.none;
      at++;
      const exponentSign = at < end ? bytes[at] : undefined;
      if (exponentSign === minus || exponentSign === plus) at++;
      if (at === end) return numberForm.none;
      for (; at < end; at++) {
        const byte = bytes[at] ?? 0;
        if (byte < digit0 || byte > digit9) return numberForm.none;
        exponent = Math.min(exponent * 10 + (byte - digit0), 100_000);
      }
      if (exponentSign === minus) exponent = -exponent;
    }
    const scale = exponent - fractionDigits;
    if (mantissa <= maxExact && scale >= -22 && scale <= 22) {
      const magnitude = scale < 0 ? mantissa / (powersOfTen[-scale] ?? 1) : mantissa * (powersOfTen[scale] ?? 1);
      this.value = negative ? -magnitude : magnitude;
    } else {
      this.value = Number(asciiText(bytes, start, end));
    }
    this.exact = false;
    return padded ? numberForm.paddedReal : numberForm.real;
  }

  /** `inf`, `infinity` and `nan`, signed or not, in any case. */
  #readSpecial(bytes: Uint8Array, start: number, end: number, negative: boolean): NumberForm {
    const first = bytes[start];
    const word = first === minus || first === plus ? start + 1 : start;
    if (equalsIgnoringCase(bytes, word, end, 'nan')) this.value = NaN;
    else if (equalsIgnoringCase(bytes, word, end, 'inf') || equalsIgnoringCase(bytes, word, end, 'infinity')) {
      this.value = negative ? -Infinity : Infinity;
    } else return numberForm.none;
    this.exact = false;
    return numberForm.real;
  }
}

/** What may stand around a value that is not text. */
export function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** `1` or `0`, which a column is taken for booleans with only when the user says so. */
export function isZeroOrOne(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 1 && (bytes[start] === 0x30 || bytes[start] === 0x31);
}

/** Whether rounding to a float32 leaves a finite number finite. */
export function fitsFloat32(value: number): boolean {
  return !Number.isFinite(value) || Number.isFinite(Math.fround(value));
}

/** The integers from one to another. */
export class IntegerBounds {
  readonly #lowest: bigint;
  readonly #highest: bigint;
  /** The same rounded, which is exact enough for numbers that are exact themselves. */
  readonly #lowestNumber: number;
  readonly #highestNumber: number;

  constructor([lowest, highest]: readonly [bigint, bigint]) {
    this.#lowest = lowest;
    this.#highest = highest;
    this.#lowestNumber = Number(lowest);
    this.#highestNumber = Number(highest);
  }

  /** Whether the number just read is one of them; a real without a fraction is an integer too. */
  holds(reader: NumberReader, form: NumberForm): boolean {
    if (form === numberForm.none) return false;
    const isReal = form === numberForm.real || form === numberForm.paddedReal;
    if (isReal && !Number.isSafeInteger(reader.value)) return false;
    if (reader.exact || isReal) return reader.value >= this.#lowestNumber && reader.value <= this.#highestNumber;
    const value = reader.integer();
    return value >= this.#lowest && value <= this.#highest;
  }
}
