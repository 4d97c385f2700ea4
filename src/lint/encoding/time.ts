import type { Element } from './element.ts';

const utcTime = 0x17;
const generalizedTime = 0x18;
/** First second of 2050: from here on GeneralizedTime (RFC 5280 §4.1.2.5). */
const year2050 = Date.UTC(2050, 0, 1);

/** Value of `count` ASCII digits, NaN when one is not a digit. */
function digits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = 0; index < count; index += 1) {
    const digit = (bytes[at + index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

const daysBefore = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];

/**
 * Milliseconds since 1970 of a time's octets at `at`, which must be `YYMMDDHHMMSSZ` (UTCTime) or
 * `YYYYMMDDHHMMSSZ` (GeneralizedTime); NaN for any other form or a moment that the calendar does
 * not have. Arithmetic only: it runs once for every entry of a CRL.
 */
export function timeValue(bytes: Uint8Array, tag: number, at: number, length: number): number {
  let year: number;
  let rest: number;
  if (tag === utcTime && length === 13) {
    year = digits(bytes, at, 2);
    year += year >= 50 ? 1900 : 2000;
    rest = at + 2;
  } else if (tag === generalizedTime && length === 15) {
    year = digits(bytes, at, 4);
    rest = at + 4;
  } else {
    return Number.NaN;
  }
  const month = digits(bytes, rest, 2);
  const day = digits(bytes, rest + 2, 2);
  const hour = digits(bytes, rest + 4, 2);
  const minute = digits(bytes, rest + 6, 2);
  const second = digits(bytes, rest + 8, 2);
  // Written so that a NaN anywhere ends here.
  if (!(month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59 && second <= 59))
    return Number.NaN;
  if (Number.isNaN(year) || bytes[rest + 10] !== 0x5a) return Number.NaN;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const daysInMonth =
    (daysBefore[month] ?? 0) - (daysBefore[month - 1] ?? 0) + (leap && month === 2 ? 1 : 0);
  if (day > daysInMonth) return Number.NaN;
  const past = year - 1;
  const days =
    past * 365 +
    Math.floor(past / 4) -
    Math.floor(past / 100) +
    Math.floor(past / 400) +
    (daysBefore[month - 1] ?? 0) +
    (leap && month > 2 ? 1 : 0) +
    day -
    1 -
    719_162;
  return ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000;
}

/** `timeValue` of an element. */
export function timeOf(element: Element): number {
  return timeValue(element.source, element.tag, element.contentStart, element.length);
}

/**
 * What is wrong with a Time of certificate or CRL: UTCTime through 2049, GeneralizedTime from
 * 2050 on, seconds, `Z`, no fraction (RFC 5280 §4.1.2.5, §5.1.2.4).
 */
export function timeDefect(element: Element): string | undefined {
  const value = timeOf(element);
  if (Number.isNaN(value)) {
    return `${JSON.stringify(element.text)} is neither YYMMDDHHMMSSZ (UTCTime) nor YYYYMMDDHHMMSSZ (GeneralizedTime)`;
  }
  if (element.tag === generalizedTime && value < year2050) {
    return `${element.text} is a GeneralizedTime; until 2049 it is UTCTime`;
  }
  return undefined;
}

/** For messages. */
export function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}
