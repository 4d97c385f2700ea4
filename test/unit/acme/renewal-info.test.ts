import { describe, expect, it } from 'vitest';
import type { RenewalIncident } from '../../../src/acme/ports.ts';
import {
  formatCertId,
  formatTime,
  parseCertId,
  suggestedWindow,
  type WindowInput,
} from '../../../src/acme/renewal-info.ts';

const at = (time: string): Date => new Date(time);
const day = 86_400_000;

describe('RFC 9773 §4.1 certID (A34)', () => {
  const vector = 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE';
  const read = {
    keyIdentifier: '69885b6b87464041e1b37b847ba0ae2cde01c8d4',
    serialNumber: '87654321',
  };

  it("the document's example", () => {
    expect(parseCertId(vector)).toEqual(read);
    expect(formatCertId(read)).toBe(vector);
  });

  it.each([
    ['1', 'AQ'],
    ['7f', 'fw'],
    ['80', 'AIA'],
    ['123', 'ASM'],
    ['ff'.repeat(20), 'AP__________________________'],
  ])('serial number %s is %s', (serialNumber, text) => {
    expect(formatCertId({ keyIdentifier: 'aa', serialNumber })).toBe(`qg.${text}`);
    expect(parseCertId(`qg.${text}`)).toEqual({ keyIdentifier: 'aa', serialNumber });
  });

  it.each([
    ['nothing', ''],
    ['no dot', 'aYhba4dGQEHhs3uEe6CuLN4ByNQ'],
    ['no serial number', 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.'],
    ['no key identifier', '.AIdlQyE'],
    ['three parts', `${vector}.AQ`],
    ['padding', 'aYhba4dGQEHhs3uEe6CuLN4ByNQ=.AIdlQyE='],
    ['base64', 'qg.AP//'],
    ['the sign octet left out', 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.h2VDIQ'],
    ['a sign octet too many', 'qg.AAE'],
    ['zero', 'qg.AA'],
    ['21 octets', `qg.${Buffer.alloc(21, 1).toString('base64url')}`],
    ['a second spelling', 'qg.AR'],
    ['hex', '69885b6b.00:87:65'],
    ['a megabyte', `${'A'.repeat(1_000_000)}.AQ`],
  ])('%s is none', (_, text) => {
    expect(parseCertId(text)).toBeUndefined();
  });
});

const certificate = {
  notBefore: at('2026-01-01T00:00:00Z'),
  notAfter: at('2026-03-31T23:59:59Z'),
  serialNumber: '1a2b3c',
};
const now = at('2026-01-10T00:00:00Z');
const window = (more: Partial<WindowInput> = {}) =>
  suggestedWindow({ certificate, status: { status: 'good' }, now, ...more });

const incident: RenewalIncident = {
  tenant: 't',
  incidentId: 'i',
  issuedBefore: at('2026-01-09T00:00:00Z'),
  startsAt: at('2026-01-09T00:00:00Z'),
  endsAt: at('2026-01-11T00:00:00Z'),
  createdAt: now,
  createdBy: 'admin',
};

describe('RFC 9773 §4.2 suggestedWindow (A35)', () => {
  it('begins at two thirds of the life and is a thirtieth of it long', () => {
    const { start, end, retryAfterSeconds } = window();
    expect(formatTime(start)).toBe('2026-03-01T23:59:59Z');
    expect(formatTime(end)).toBe('2026-03-04T23:59:59Z');
    expect(retryAfterSeconds).toBe(6 * 3600);
  });

  it('is the same whenever it is asked for, and for every certificate of these dates', () => {
    const other = { ...certificate, serialNumber: 'ff' };
    expect(window({ now: at('2026-03-30T00:00:00Z'), certificate: other })).toEqual(window());
  });

  it('a hold changes nothing', () => {
    const status = { status: 'onHold' as const, notGoodSince: now };
    expect(window({ status })).toEqual(window());
  });

  it.each([
    ['long ago', '2026-01-02T00:00:00Z'],
    ['this very moment', '2026-01-10T00:00:00Z'],
    ["a moment that another node's clock has not reached", '2026-01-10T00:00:30Z'],
  ])('revoked %s: wholly in the past', (_, since) => {
    const { start, end } = window({ status: { status: 'revoked', notGoodSince: at(since) } });
    expect(end.getTime()).toBeLessThan(now.getTime());
    expect(start.getTime()).toBeLessThan(end.getTime());
  });

  it('revoked, and the moment is not known: in the past too', () => {
    expect(window({ status: { status: 'revoked' } }).end.getTime()).toBeLessThan(now.getTime());
  });

  it('an incident: from its start, with ends spread evenly over its pace', () => {
    const ends = Array.from({ length: 2000 }, (_, index) => {
      const serialNumber = (index + 1).toString(16);
      const { start, end } = window({ certificate: { ...certificate, serialNumber }, incident });
      expect(start).toEqual(incident.startsAt);
      return (end.getTime() - start.getTime()) / (2 * day);
    });
    expect(Math.min(...ends)).toBeGreaterThan(0);
    expect(Math.max(...ends)).toBeLessThanOrEqual(1);
    // 2000 even draws: each tenth holds 200, give or take five deviations.
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const here = ends.filter((end) => end > tenth / 10 && end <= (tenth + 1) / 10).length;
      expect(here).toBeGreaterThan(130);
      expect(here).toBeLessThan(270);
    }
  });

  it('an incident never delays: a window that ends first stays', () => {
    const late = {
      ...incident,
      startsAt: at('2026-03-10T00:00:00Z'),
      endsAt: at('2026-04-30T00:00:00Z'),
    };
    expect(window({ incident: late })).toEqual(window());
  });

  it('revoked goes before an incident', () => {
    const status = { status: 'revoked' as const, notGoodSince: at('2026-01-02T00:00:00Z') };
    expect(window({ status, incident })).toEqual(window({ status }));
  });

  it.each([
    ['47 days', 47 * day, 6 * 3600],
    ['7 days', 7 * day, 20160],
    ['a day', day, 2880],
    ['an hour', 3_600_000, 120],
    ['ten minutes', 600_000, 60],
  ])('a life of %s: within it, and asked for often enough', (_, life, retry) => {
    const notAfter = new Date(certificate.notBefore.getTime() + life);
    const { start, end, retryAfterSeconds } = window({ certificate: { ...certificate, notAfter } });
    expect(start.getTime()).toBeGreaterThan(certificate.notBefore.getTime());
    expect(end.getTime() - start.getTime()).toBeGreaterThanOrEqual(Math.min(60_000, life / 3));
    expect(end.getTime()).toBeLessThanOrEqual(notAfter.getTime());
    expect(retryAfterSeconds).toBe(retry);
  });

  it('a certificate without a well-defined end (RFC 5280 §4.1.2.5) has a window all the same', () => {
    const notAfter = at('9999-12-31T23:59:59Z');
    const { start, end } = window({ certificate: { ...certificate, notAfter } });
    expect(start.getTime()).toBeLessThan(end.getTime());
    expect(formatTime(end)).toMatch(/^7\d{3}-/);
  });

  it('times are RFC 3339 in UTC with whole seconds', () => {
    expect(formatTime(at('2026-01-02T03:04:05.678Z'))).toBe('2026-01-02T03:04:05Z');
  });
});
