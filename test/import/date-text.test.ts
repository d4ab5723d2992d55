import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DateReader, dateForm } from '../../lib/import/date-text.js';

const reader = new DateReader();

/** Reads a text with digits and signs behind it, so that a reader that looks beyond its field is found out. */
function read(text: string): number {
  return reader.read(Buffer.from(`2${text}:30.5+01:00`), 1, 1 + Buffer.byteLength(text));
}

describe('DateReader', () => {
  it.each([
    ['1970-01-01', 0], ['1969-12-31', -1], ['2000-02-29', 11_016], ['0001-01-01', -719_162], ['9999-12-31', 2_932_896], ['1900-03-01', -25_508],
  ])('%s is %d days from 1970', (text, days) => {
    expect(read(text)).toBe(dateForm.date);
    expect(reader.days).toBe(days);
    expect(reader.seconds).toBe(days * 86_400);
  });

  it.each([
    '2023-02-29', '1900-02-29', '2024-13-01', '2024-00-10', '2024-04-31', '2024-01-00', '0000-01-01', '24-01-01', '2024-1-01', '2024/01/01',
    '2024-01-011', '+2024-01-01', '20240101', '2024-01-1a', 'a024-01-01', '',
  ])('%j is no date', (text) => {
    expect(read(text)).toBe(dateForm.none);
  });

  it.each([
    ['2024-02-29T12:30', 1_709_209_800, 0, 0],
    ['2024-02-29 12:30:15', 1_709_209_815, 0, 0],
    ['2024-02-29T12:30:15Z', 1_709_209_815, 0, 0],
    ['2024-02-29T12:30:15.5Z', 1_709_209_815, 500_000_000, 1],
    ['2024-02-29T12:30:15.000000001', 1_709_209_815, 1, 9],
    ['2024-02-29T12:30:15+02:00', 1_709_202_615, 0, 0],
    ['2024-02-29T12:30:15-0330', 1_709_222_415, 0, 0],
    ['2024-02-29 12:30:15.25-03', 1_709_220_615, 250_000_000, 2],
    ['1969-12-31T23:59:59.25Z', -1, 250_000_000, 2],
    ['0001-01-01T00:00:00+23:59', -62_135_683_140, 0, 0],
  ])('%s is an instant', (text, seconds, nanoseconds, fractionDigits) => {
    expect(read(text)).toBe(dateForm.dateTime);
    expect(reader).toMatchObject({ seconds, nanoseconds, fractionDigits });
  });

  it.each([
    '2024-02-29T', '2024-02-29T12', '2024-02-29T24:00', '2024-02-29T12:60', '2024-02-29T12:30:60', '2024-02-29t12:30', '2024-02-29T12:30z',
    '2024-02-29T12:30:15.', '2024-02-29T12:30:15.1234567890', '2024-02-29T12:30:15,5', '2024-02-29T12:30+24:00', '2024-02-29T12:30+01:60',
    '2024-02-29T12:30+1', '2024-02-29T12:30 UTC', '2024-02-29  12:30', '2024-02-29T12:30:', '2024-02-29T12:30:1', '2024-02-29T12:30.5',
    '2024-02-30T12:30', '2024-02-29T12:30+', '2024-02-29T12:30+010', '2024-02-29_12:30',
  ])('%j is no date-time', (text) => {
    expect(read(text)).toBe(dateForm.none);
  });

  it('agrees with Date on every instant to the millisecond', () => {
    const earliest = new Date('0001-01-01T00:00:00Z');
    const latest = new Date('9999-12-31T23:59:59.999Z');
    fc.assert(
      fc.property(fc.date({ min: earliest, max: latest, noInvalidDate: true }), (date) => {
        expect(read(date.toISOString())).toBe(dateForm.dateTime);
        expect(reader.seconds * 1000 + reader.nanoseconds / 1e6).toBe(date.getTime());
      }),
      { numRuns: 2000 },
    );
  });

  it('knows the length of every month of 400 years', () => {
    for (let year = 1800; year < 2200; year++) {
      for (let month = 1; month <= 12; month++) {
        const length = new Date(Date.UTC(year, month, 0)).getUTCDate();
        const day = (number: number): string => `${year}-${String(month).padStart(2, '0')}-${number}`;
        expect([read(day(length)), read(day(length + 1))]).toEqual([dateForm.date, dateForm.none]);
      }
    }
  });
});
