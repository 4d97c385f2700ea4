import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalDefect } from '../../../src/lint/encoding/canonical.ts';
import { Element, UnreadableError } from '../../../src/lint/encoding/element.ts';
import { timeDefect, timeOf } from '../../../src/lint/encoding/time.ts';
import { generalizedTime, hex, oid, seq, utcTime } from '../../vectors/lint/der.ts';

describe('times', () => {
  it('every second from 1950 to 9999 reads as the calendar has it', () => {
    const date = fc.date({
      min: new Date('1950-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(date, (moment) => {
        const text = moment.toISOString().replace(/[-:T]|\.\d+/g, '');
        const second = Math.floor(moment.getTime() / 1000) * 1000;
        const early = moment.getUTCFullYear() < 2050;
        const general = Element.parse(generalizedTime(text));
        expect(timeOf(general)).toBe(second);
        expect(timeDefect(general) === undefined).toBe(!early);
        if (early) {
          const utc = Element.parse(utcTime(text.slice(2)));
          expect(timeOf(utc)).toBe(second);
          expect(timeDefect(utc)).toBeUndefined();
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['20260229000000Z', 'no leap year'],
    ['20000229000000Z', undefined],
    ['21000229000000Z', 'a century without leap day'],
    ['20260101240000Z', 'hour 24'],
    ['20260101006000Z', 'minute 60'],
    ['20260101000060Z', 'second 60'],
    ['20260001000000Z', 'month 0'],
    ['20260100000000Z', 'day 0'],
    ['2026010100000 Z', 'a blank'],
    ['20260101000000z', 'a small z'],
    ['20260101000000.1Z', 'a fraction'],
    ['20260101000000', 'no Z'],
    ['20260101000000+0000', 'an offset'],
  ])('%s: %s', (text, defect) => {
    expect(Number.isNaN(timeOf(Element.parse(generalizedTime(text))))).toBe(defect !== undefined);
  });
});

describe('one DER form', () => {
  it.each([
    ['02020001', 'INTEGER'],
    ['0202ff80', 'INTEGER'],
    ['0200', 'INTEGER'],
    ['0a020001', 'INTEGER'],
    ['010101', 'BOOLEAN'],
    ['01020000', 'BOOLEAN'],
    ['050100', 'NULL'],
    ['0300', 'BIT STRING'],
    ['030108', 'BIT STRING'],
    ['030101', 'BIT STRING'],
    ['03020101', 'BIT STRING'],
    ['0600', 'OBJECT IDENTIFIER'],
    ['06022a80', 'OBJECT IDENTIFIER'],
    ['06032a8001', 'OBJECT IDENTIFIER'],
    ['2403040100', 'constructed form'],
    ['2700', 'constructed form'],
    ['3900', 'constructed form'],
    ['1000', 'primitive form'],
    ['30810100', 'octet'],
    ['3182000400', 'octet'],
    ['3106020102020101', 'SET OF'],
    ['3106020101020101', 'SET OF'],
    ['3003020200', 'octet'],
  ])('%s is refused', (octets, reason) => {
    let found: string | undefined;
    try {
      found = canonicalDefect(Element.parse(hex(octets)));
    } catch (error) {
      expect(error).toBeInstanceOf(UnreadableError);
      found = (error as Error).message;
    }
    expect(found).toContain(reason);
  });

  it.each([
    '0201ff',
    '020100',
    '02020080',
    '0101ff',
    '0500',
    '030100',
    '03020780',
    '3106020101020102',
  ])('%s is canonical', (octets) => {
    expect(canonicalDefect(Element.parse(hex(octets)))).toBeUndefined();
  });

  it('nesting past any sense ends in an error, not in a full stack', () => {
    let nested = seq();
    for (let depth = 0; depth < 1000; depth += 1) nested = seq(nested);
    expect(() => canonicalDefect(Element.parse(nested))).toThrow(UnreadableError);
  });
});

it('object identifiers read back', () => {
  for (const dotted of [
    '0.9.2342.19200300.100.1.25',
    '1.2.840.113549.1.1.11',
    '2.5.29.15',
    '2.999.1',
  ]) {
    expect(Element.parse(oid(dotted)).oid).toBe(dotted);
  }
});
