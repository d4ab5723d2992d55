// ISO 8601 calendar dates and date-times, read from bytes and checked against the calendar (proleptic Gregorian, years 0001 to 9999).

/** What a field's text is, as a date. */
export const dateForm = {
  none: 0,
  /** YYYY-MM-DD */
  date: 1,
  /** A date, then `T` or a blank, hh:mm, and optionally :ss, a fraction of up to nine digits, and Z, ±hh, ±hhmm or ±hh:mm. */
  dateTime: 2,
} as const;
export type DateForm = (typeof dateForm)[keyof typeof dateForm];

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const isLeapYear = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

/** Days from 1970-01-01 to the given day; the year is counted from March so that a leap day is its last. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The number that two digits make, or -1 if one of them is none. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] ?? 0) - 0x30;
  const ones = (bytes[at + 1] ?? 0) - 0x30;
  return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
}

const hyphen = 0x2d;
const colon = 0x3a;

/** Reads one date at a time; the fields hold the last one. */
export class DateReader {
  /** Whole days since 1970-01-01 of the date as written. */
  days = 0;
  /** Whole seconds since 1970-01-01T00:00:00Z, rounded down; a date is its midnight, and what names no zone is UTC. */
  seconds = 0;
  /** What is left of the second, in nanoseconds. */
  nanoseconds = 0;
  /** Digits of the fraction as written. */
  fractionDigits = 0;

  read(bytes: Uint8Array, start: number, end: number): DateForm {
    const length = end - start;
    if (length < 10 || bytes[start + 4] !== hyphen || bytes[start + 7] !== hyphen) return dateForm.none;
    const century = twoDigits(bytes, start);
    const yearOfCentury = twoDigits(bytes, start + 2);
    if (century < 0 || yearOfCentury < 0) return dateForm.none;
    const year = century * 100 + yearOfCentury;
    const month = twoDigits(bytes, start + 5);
    const day = twoDigits(bytes, start + 8);
    if (year < 1 || month < 1 || month > 12 || day < 1) return dateForm.none;
    if (day > (month === 2 && isLeapYear(year) ? 29 : (monthDays[month - 1] ?? 0))) return dateForm.none;
    this.days = daysSinceEpoch(year, month, day);
    this.seconds = this.days * 86_400;
    this.nanoseconds = 0;
    this.fractionDigits = 0;
    return length === 10 ? dateForm.date : this.#readTime(bytes, start + 10, end);
  }

  #readTime(bytes: Uint8Array, start: number, end: number): DateForm {
    const separator = bytes[start];
    if (end - start < 6 || (separator !== 0x54 && separator !== 0x20) || bytes[start + 3] !== colon) return dateForm.none;
    const hour = twoDigits(bytes, start + 1);
    const minute = twoDigits(bytes, start + 4);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return dateForm.none;
    let at = start + 6;
    let second = 0;
    if (bytes[at] === colon && at + 3 <= end) {
      second = twoDigits(bytes, at + 1);
      if (second < 0 || second > 59) return dateForm.none;
      at += 3;
      if (bytes[at] === 0x2e && at < end) {
        const fraction = ++at;
        let value = 0;
        for (; at < end; at++) {
          const digit = (bytes[at] ?? 0) - 0x30;
          if (digit < 0 || digit > 9) break;
          value = value * 10 + digit;
        }
        this.fractionDigits = at - fraction;
        if (this.fractionDigits < 1 || this.fractionDigits > 9) return dateForm.none;
        this.nanoseconds = value * 10 ** (9 - this.fractionDigits);
      }
    }
    const offset = zoneOffset(bytes, at, end);
    if (offset === undefined) return dateForm.none;
    this.seconds += hour * 3600 + minute * 60 + second - offset;
    return dateForm.dateTime;
  }
}

/** Seconds that the zone in bytes[start, end) is ahead of UTC, 0 for none; undefined if it is no zone. */
function zoneOffset(bytes: Uint8Array, start: number, end: number): number | undefined {
  const length = end - start;
  if (length === 0) return 0;
  const sign = bytes[start];
  if (length === 1) return sign === 0x5a ? 0 : undefined;
  if (sign !== 0x2b && sign !== hyphen) return undefined;
  const hours = length >= 3 ? twoDigits(bytes, start + 1) : -1;
  let minutes = -1;
  if (length === 3) minutes = 0;
  else if (length === 5) minutes = twoDigits(bytes, start + 3);
  else if (length === 6 && bytes[start + 3] === colon) minutes = twoDigits(bytes, start + 4);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined;
  return (sign === hyphen ? -1 : 1) * (hours * 3600 + minutes * 60);
}
