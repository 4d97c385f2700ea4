import { DerError } from './error.ts';

/** 9999-12-31T23:59:59Z, "no well-defined expiration date" (RFC 5280 §4.1.2.5). */
const latest = Date.UTC(9999, 11, 31, 23, 59, 59);
/** 0000-01-01T00:00:00Z. */
const earliest = -62_167_219_200_000;

function twoDigits(content: Uint8Array, index: number, offset: number): number {
  const tens = (content[index] ?? 0) - 0x30;
  const ones = (content[index + 1] ?? 0) - 0x30;
  if (tens < 0 || tens > 9 || ones < 0 || ones > 9) {
    throw new DerError('time with a character that is no digit', offset);
  }
  return tens * 10 + ones;
}

const monthLengths = Uint8Array.of(31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Days from 1970-01-01 to the date of the proleptic Gregorian calendar. */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** By arithmetic, not by Date's setters: this runs once for every entry of a CRL. */
function moment(content: Uint8Array, start: number, year: number, offset: number): Date {
  const month = twoDigits(content, start, offset);
  const day = twoDigits(content, start + 2, offset);
  const hour = twoDigits(content, start + 4, offset);
  const minute = twoDigits(content, start + 6, offset);
  const second = twoDigits(content, start + 8, offset);
  const last = month === 2 && isLeap(year) ? 29 : (monthLengths[month - 1] ?? 0);
  if (day < 1 || day > last || hour > 23 || minute > 59 || second > 59) {
    throw new DerError('time that the calendar does not have', offset);
  }
  const days = daysFromCivil(year, month, day);
  return new Date((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000);
}

/** UTCTime as RFC 5280 §4.1.2.5.1 allows it: YYMMDDHHMMSSZ; YY of 50 and above is 19YY. */
export function decodeUtcTime(content: Uint8Array, offset = 0): Date {
  if (content.length !== 13 || content[12] !== 0x5a) {
    throw new DerError('UTCTime is not YYMMDDHHMMSSZ', offset);
  }
  const year = twoDigits(content, 0, offset);
  return moment(content, 2, year >= 50 ? 1900 + year : 2000 + year, offset);
}

/** GeneralizedTime as RFC 5280 §4.1.2.5.2 allows it: YYYYMMDDHHMMSSZ, no fraction of a second. */
export function decodeGeneralizedTime(content: Uint8Array, offset = 0): Date {
  if (content.length !== 15 || content[14] !== 0x5a) {
    throw new DerError('GeneralizedTime is not YYYYMMDDHHMMSSZ', offset);
  }
  const year = twoDigits(content, 0, offset) * 100 + twoDigits(content, 2, offset);
  return moment(content, 4, year, offset);
}

function writeTwo(target: Uint8Array, at: number, value: number): void {
  const tens = (value / 10) | 0;
  target[at] = 0x30 + tens;
  target[at + 1] = 0x30 + value - tens * 10;
}

/**
 * Writes the content of a UTCTime (`century` false, 13 octets) or GeneralizedTime (15 octets)
 * at `at`, and returns the octet after it. Civil date by arithmetic: this runs once for every
 * entry of a CRL. Milliseconds are cut off, never rounded up.
 *
 * @throws DerError for a time outside 0000 to 9999, or outside 1950 to 2049 in a UTCTime.
 */
export function writeTime(target: Uint8Array, at: number, date: Date, century: boolean): number {
  const milliseconds = date.getTime();
  if (!(milliseconds >= earliest && milliseconds < latest + 1000)) {
    throw new DerError('a time must lie between the years 0000 and 9999', -1);
  }
  const seconds = Math.floor(milliseconds / 1000);
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  // Days since 0000-03-01, in eras of 400 years (146,097 days).
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  if (!century && (year < 1950 || year > 2049)) {
    throw new DerError('a UTCTime holds the years 1950 to 2049 only', -1);
  }
  let position = at;
  if (century) {
    writeTwo(target, position, Math.floor(year / 100));
    position += 2;
  }
  writeTwo(target, position, year % 100);
  writeTwo(target, position + 2, month);
  writeTwo(target, position + 4, day);
  const hour = Math.floor(rest / 3600);
  const minute = Math.floor((rest - hour * 3600) / 60);
  writeTwo(target, position + 6, hour);
  writeTwo(target, position + 8, minute);
  writeTwo(target, position + 10, rest - hour * 3600 - minute * 60);
  target[position + 12] = 0x5a;
  return position + 13;
}

const utcFrom = Date.UTC(1950, 0, 1);
const utcBefore = Date.UTC(2050, 0, 1);

/** True when RFC 5280 §4.1.2.5 asks for UTCTime: years 1950 to 2049. */
export function fitsUtcTime(date: Date): boolean {
  const milliseconds = date.getTime();
  return milliseconds >= utcFrom && milliseconds < utcBefore;
}
