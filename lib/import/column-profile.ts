// What pass 1 learns of one column: the narrowest type that holds every value without losing anything.
import {
  type ColumnType,
  type IntegerType,
  type TimeUnit,
  type TypeName,
  integerFill,
  integerRange,
  integerTypes,
} from './column-type.js';
import { DateReader, dateForm } from './date-text.js';
import type { MissingWords } from './missing.js';
import { IntegerBounds, NumberReader, fitsFloat32, isBlank, isZeroOrOne, numberForm, readBoolean } from './number-text.js';

type Kind = 'undecided' | 'integer' | 'real' | 'boolean' | 'date' | 'timestamp' | 'text';

/** How text columns are stored. `auto`: fixed up to 255 bytes, variable beyond. */
export type StringStorage = 'auto' | 'fixed' | 'variable';

const maxAutoFixedBytes = 255;
const maxExact = BigInt(Number.MAX_SAFE_INTEGER) + 1n;
const int64 = integerRange('int64');
const uint64 = integerRange('uint64');
/** Nanoseconds in 64 bits reach this many seconds to either side of 1970. */
const maxNanosecondSeconds = 9_223_372_036;

const numbers = new NumberReader();
const dates = new DateReader();

const kindOfType: Readonly<Partial<Record<TypeName, Kind>>> = {
  float32: 'real',
  float64: 'real',
  bool: 'boolean',
  string: 'text',
  date: 'date',
  timestamp: 'timestamp',
};

export class ColumnProfile {
  /** How many values are missing, if the column is not text; of text, how many the input itself says are. */
  missing = 0;
  /** How many values there are, missing ones included. */
  count = 0;
  readonly #words: MissingWords;
  /** The type that the user wants, if any: what does not fit it is then an error and not a reason for another type. */
  readonly #wanted: TypeName | undefined;
  readonly #wantedBounds: IntegerBounds | undefined;
  #kind: Kind;
  #lowest = Infinity;
  #highest = -Infinity;
  /** Bounds of the integers beyond 2^53. */
  #wideLowest: bigint | undefined;
  #wideHighest: bigint | undefined;
  #fractionDigits = 0;
  #earliest = Infinity;
  #latest = -Infinity;
  /** How many of the missing values are not even text. */
  #absent = 0;
  #longest = 0;
  #textBytes = 0;
  /** Where in the file the first value with a NUL byte at its end, and the first with one anywhere, starts; -1 for none. */
  #endsInNul = -1;
  #holdsNul = -1;

  constructor(words: MissingWords, wanted?: TypeName) {
    this.#words = words;
    this.#wanted = wanted;
    const integer = integerTypes.find((type) => type === wanted);
    this.#wantedBounds = integer === undefined ? undefined : new IntegerBounds(integerRange(integer));
    this.#kind = integer !== undefined ? 'integer' : wanted === undefined ? 'undecided' : (kindOfType[wanted] ?? 'undecided');
  }

  /** For values that are not there at all. */
  addAbsent(count: number): void {
    this.count += count;
    this.missing += count;
    this.#absent += count;
  }

  /**
   * @param isText whether the input says that the value is text, so that it is no number for its digits
   * @returns false when the value does not fit the type that the user wants
   */
  add(bytes: Uint8Array, start: number, end: number, isText = false): boolean {
    const length = end - start;
    if (length > this.#longest) this.#longest = length;
    this.#textBytes += length;
    this.count++;
    if (this.#kind === 'text') return true;
    let from = start;
    let to = end;
    while (from < to && isBlank(bytes[from])) from++;
    while (from < to && isBlank(bytes[to - 1])) to--;
    if (this.#words.matches(bytes, from, to)) {
      this.missing++;
      return true;
    }
    const kind = this.#kind === 'undecided' ? this.#firstKind(bytes, from, to, isText) : this.#nextKind(bytes, from, to, isText);
    if (kind === this.#kind) return true;
    if (this.#wanted !== undefined) return false;
    this.#kind = kind;
    return true;
  }

  /** To be called besides `add` for values that may hold a NUL byte. @param offset where the value starts in the file */
  noteNul(bytes: Uint8Array, start: number, end: number, offset: number): void {
    if (this.#holdsNul < 0 && bytes.subarray(start, end).includes(0)) this.#holdsNul = offset;
    if (this.#endsInNul < 0 && end > start && bytes[end - 1] === 0) this.#endsInNul = offset;
  }

  #firstKind(bytes: Uint8Array, start: number, end: number, isText: boolean): Kind {
    const form = isText ? numberForm.none : numbers.read(bytes, start, end);
    if (form === numberForm.integer) {
      this.#noteInteger();
      return 'integer';
    }
    if (form === numberForm.real) return 'real';
    if (form !== numberForm.none) return 'text';
    if (!isText && readBoolean(bytes, start, end) !== undefined) return 'boolean';
    const date = dates.read(bytes, start, end);
    if (date === dateForm.none) return 'text';
    this.#noteTime();
    return date === dateForm.date ? 'date' : 'timestamp';
  }

  /** The kind that holds both what was there and this value. */
  #nextKind(bytes: Uint8Array, start: number, end: number, isText: boolean): Kind {
    // What the user wants decides over what the input says.
    const isNoNumber = isText && this.#wanted === undefined;
    switch (this.#kind) {
      case 'integer':
        return isNoNumber ? 'text' : this.#nextInteger(bytes, start, end);
      case 'real':
        return isNoNumber ? 'text' : this.#nextReal(bytes, start, end);
      case 'boolean':
        return !isNoNumber && this.#isBoolean(bytes, start, end) ? 'boolean' : 'text';
      default: {
        const date = dates.read(bytes, start, end);
        if (date === dateForm.none) return 'text';
        this.#noteTime();
        return date === dateForm.dateTime ? 'timestamp' : this.#kind;
      }
    }
  }

  #nextInteger(bytes: Uint8Array, start: number, end: number): Kind {
    const form = numbers.read(bytes, start, end);
    if (this.#wantedBounds !== undefined) {
      if (!this.#wantedBounds.holds(numbers, form)) return 'text';
    } else if (form !== numberForm.integer) {
      return form === numberForm.real ? 'real' : 'text';
    }
    this.#noteInteger();
    return 'integer';
  }

  #nextReal(bytes: Uint8Array, start: number, end: number): Kind {
    const form = numbers.read(bytes, start, end);
    if (form === numberForm.none) return 'text';
    if (this.#wanted === undefined) return form === numberForm.integer || form === numberForm.real ? 'real' : 'text';
    return this.#wanted === 'float64' || fitsFloat32(numbers.value) ? 'real' : 'text';
  }

  #isBoolean(bytes: Uint8Array, start: number, end: number): boolean {
    if (readBoolean(bytes, start, end) !== undefined) return true;
    return this.#wanted !== undefined && isZeroOrOne(bytes, start, end);
  }

  #noteInteger(): void {
    if (Number.isSafeInteger(numbers.value)) {
      if (numbers.value < this.#lowest) this.#lowest = numbers.value;
      if (numbers.value > this.#highest) this.#highest = numbers.value;
      return;
    }
    const value = numbers.integer();
    if (this.#wideLowest === undefined || value < this.#wideLowest) this.#wideLowest = value;
    if (this.#wideHighest === undefined || value > this.#wideHighest) this.#wideHighest = value;
  }

  #noteTime(): void {
    if (dates.fractionDigits > this.#fractionDigits) this.#fractionDigits = dates.fractionDigits;
    if (dates.seconds < this.#earliest) this.#earliest = dates.seconds;
    if (dates.seconds > this.#latest) this.#latest = dates.seconds;
  }

  /**
   * The type of the whole column.
   * @throws {UnfitColumn} for a type that the user wants and the column cannot have
   */
  resolve(strings: StringStorage): ColumnType {
    switch (this.#kind) {
      case 'integer':
        return this.#integerType() ?? this.#textType(strings);
      case 'real':
        return { kind: 'real', dtype: this.#wanted === 'float32' ? 'float32' : 'float64' };
      case 'boolean':
        return this.missing === 0 ? { kind: 'boolean', dtype: 'bool' } : { kind: 'boolean', dtype: 'int8', fill: -1n };
      case 'date':
      case 'timestamp':
        return this.#timeType() ?? this.#textType(strings);
      default:
        return this.#textType(strings);
    }
  }

  #integerType(): ColumnType | undefined {
    const bounds = [this.#wideLowest, this.#wideHighest];
    if (this.#lowest <= this.#highest) bounds.push(BigInt(this.#lowest), BigInt(this.#highest));
    const known = bounds.filter((bound) => bound !== undefined);
    const lowest = known.reduce((least, bound) => (bound < least ? bound : least), known[0] ?? 0n);
    const highest = known.reduce((most, bound) => (bound > most ? bound : most), known[0] ?? 0n);
    const within = ([low, high]: readonly [bigint, bigint]): boolean => lowest >= low && highest <= high;
    const wanted = integerTypes.find((type) => type === this.#wanted);
    if (wanted === undefined && this.missing > 0 && within([-maxExact, maxExact])) return { kind: 'real', dtype: 'float64' };
    const dtype: IntegerType | undefined = wanted ?? (within(int64) ? 'int64' : within(uint64) ? 'uint64' : undefined);
    if (dtype === undefined) return undefined;
    if (this.missing === 0) return { kind: 'integer', dtype };
    const fill = integerFill(dtype);
    if (fill !== lowest && fill !== highest) return { kind: 'integer', dtype, fill };
    if (wanted === undefined) return undefined;
    throw new UnfitColumn(`has missing values, and every value of ${dtype} that could stand for them is in use; give it another type`);
  }

  #timeType(): ColumnType | undefined {
    const unit = this.#kind === 'date' ? 'days' : unitOfDigits(this.#fractionDigits);
    if (unit === 'nanoseconds' && Math.max(-this.#earliest, this.#latest) >= maxNanosecondSeconds) {
      if (this.#wanted === undefined) return undefined;
      throw new UnfitColumn('has times in nanoseconds that are too far from 1970 for 64 bits');
    }
    const fill = this.missing > 0 ? { fill: integerFill('int64') } : {};
    return { kind: 'time', dtype: 'int64', unit, ...fill };
  }

  #textType(strings: StringStorage): ColumnType {
    // Text keeps the words that stand for missing values elsewhere.
    this.missing = this.#absent;
    if (this.#endsInNul >= 0) {
      throw new UnfitColumn('a text that ends with a NUL byte cannot be told from its padding', this.#endsInNul);
    }
    if (strings === 'variable' && this.#holdsNul >= 0) {
      throw new UnfitColumn('a variable-length string ends at its first NUL byte', this.#holdsNul);
    }
    const fixed = strings === 'fixed' || (strings === 'auto' && (this.#longest <= maxAutoFixedBytes || this.#holdsNul >= 0));
    if (fixed) return { kind: 'text', dtype: 'string', bytes: Math.max(1, this.#longest) };
    return { kind: 'long text', dtype: 'string', average: this.#textBytes / Math.max(1, this.count) };
  }
}

/** Why a column cannot be imported. */
export class UnfitColumn extends Error {
  /** @param offset of the value that it is about in the file, if there is one */
  constructor(
    message: string,
    readonly offset?: number,
  ) {
    super(message);
  }
}

function unitOfDigits(fractionDigits: number): TimeUnit {
  if (fractionDigits === 0) return 'seconds';
  if (fractionDigits <= 3) return 'milliseconds';
  return fractionDigits <= 6 ? 'microseconds' : 'nanoseconds';
}
