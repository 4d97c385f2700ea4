import { describe, expect, test } from 'vitest';
import { applyProfile, requestFromParameters } from '../../../src/policy/index.ts';
import {
  makeSoftwareIssuer,
  nextSerialNumber,
  productProfile,
  softwareKey,
} from '../../support/software-issuer.ts';

const now = new Date('2026-11-21T12:00:00.789Z');
const root = makeSoftwareIssuer({ now });
const issuing = makeSoftwareIssuer({ parent: root, now });
const second = 1000;
const day = 86_400 * second;

interface Asked {
  readonly days?: number;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly ceremonyDays?: number;
  readonly at?: Date;
}

function apply(asked: Asked = {}, profileName = 'tls-server', issuer = issuing) {
  const { ceremonyDays, at, ...request } = asked;
  return applyProfile({
    profile: productProfile(profileName),
    request: requestFromParameters({
      subjectPublicKeyInfo: softwareKey('p256').subjectPublicKeyInfo,
      names:
        profileName === 'ocsp-signing' ? undefined : [{ type: 'dNSName', value: 'a.example.org' }],
      ...request,
    }),
    issuer: issuer.input,
    now: at ?? now,
    serialNumber: nextSerialNumber(),
    caParameters: ceremonyDays === undefined ? undefined : { days: ceremonyDays },
  });
}

function granted(asked: Asked = {}, profileName = 'tls-server', issuer = issuing) {
  const result = apply(asked, profileName, issuer);
  if (!result.ok) throw new Error(JSON.stringify(result.violations));
  const { notBefore, notAfter } = result.tbs.validity;
  return {
    notBefore,
    notAfter,
    /** Both ends are part of the validity (RFC 5280 §4.1.2.5). */
    seconds: (notAfter.getTime() - notBefore.getTime()) / second + 1,
    limitedBy: result.granted['validityLimitedBy'],
  };
}

function refusals(
  asked: Asked = {},
  profileName = 'tls-server',
  issuer = issuing,
): readonly string[] {
  const result = apply(asked, profileName, issuer);
  return result.ok ? [] : result.violations.map((violation) => violation.rule);
}

describe('T-VAL-1: both ends count', () => {
  test('the default of 90 days is 90 days with both ends, not a second more', () => {
    expect(granted().seconds).toBe(90 * 86_400);
  });

  test('the maximum is granted, one second more is refused', () => {
    expect(granted({ days: 398 }).seconds).toBe(398 * 86_400);
    const notBefore = new Date('2026-11-22T00:00:00Z');
    const last = new Date(notBefore.getTime() + 398 * day - second);
    expect(granted({ notBefore, notAfter: last }).seconds).toBe(398 * 86_400);
    const beyond = new Date(last.getTime() + second);
    expect(refusals({ notBefore, notAfter: beyond })).toEqual(['validity.maximum']);
    expect(refusals({ days: 399 })).toEqual(['validity.maximum']);
  });

  test('a short-lived certificate lasts 7 days at most', () => {
    expect(granted({ days: 7 }, 'short-lived').seconds).toBe(7 * 86_400);
    expect(refusals({ days: 8 }, 'short-lived')).toEqual(['validity.maximum']);
  });

  test('times have whole seconds', () => {
    const { notBefore, notAfter } = granted();
    expect(notBefore.toISOString()).toBe('2026-11-21T11:59:00.000Z');
    expect(notAfter.getMilliseconds()).toBe(0);
  });
});

describe('no certificate outlives its issuer', () => {
  const end = issuing.certificate.validity.notAfter;
  const late = new Date(end.getTime() - 30 * day);

  test('a default is shortened to the issuer’s end, and the answer says so', () => {
    const result = granted({ at: late });
    expect(result.notAfter).toEqual(end);
    expect(result.limitedBy).toBe('issuer');
    expect(granted().limitedBy).toBeUndefined();
  });

  test('what was asked for is never shortened but refused', () => {
    expect(refusals({ at: late, days: 60 })).toEqual(['validity.outlivesIssuer']);
    expect(granted({ at: late, notAfter: end }).notAfter).toEqual(end);
    expect(refusals({ at: late, notAfter: new Date(end.getTime() + second) })).toEqual([
      'validity.outlivesIssuer',
    ]);
  });

  test('every certificate above counts, not the issuer alone', () => {
    const shortRoot = makeSoftwareIssuer({ name: 'Short Root', now, caParameters: { days: 30 } });
    const chain = [issuing.certificate, shortRoot.certificate];
    const mixed = { ...issuing, input: { ...issuing.input, chain } };
    const result = granted({}, 'tls-server', mixed);
    expect(result.notAfter).toEqual(shortRoot.certificate.validity.notAfter);
    expect(result.limitedBy).toBe('issuer');
  });

  test('an expired or not yet valid issuer issues nothing', () => {
    expect(refusals({ at: new Date(end.getTime() + 1000) })).toContain('validity.issuerNotValid');
    expect(refusals({ at: new Date(now.getTime() - day) })).toContain('validity.issuerNotValid');
  });

  test('nor does a certificate begin before its issuer', () => {
    expect(granted({ at: now }).notBefore.getTime()).toBeGreaterThanOrEqual(
      issuing.certificate.validity.notBefore.getTime(),
    );
  });
});

describe('notBefore', () => {
  test('may be asked for within the profile’s window', () => {
    const notBefore = new Date('2026-12-01T00:00:00Z');
    expect(granted({ notBefore }).notBefore).toEqual(notBefore);
  });

  test.each(['2026-11-21T11:58:59Z', '2020-01-01T00:00:00Z', '2026-12-21T12:00:01Z', 'never'])(
    '%s is refused',
    (text) => {
      expect(refusals({ notBefore: new Date(text) })).toEqual(['validity.notBefore']);
    },
  );

  test('is fixed for an OCSP delegate', () => {
    expect(refusals({ notBefore: now }, 'ocsp-signing')).toEqual(['validity.notBefore']);
  });
});

describe('what makes no sense is refused', () => {
  test.each<[string, Asked, string]>([
    ['zero days', { days: 0 }, 'validity.days'],
    ['negative days', { days: -1 }, 'validity.days'],
    ['part of a day', { days: 1.5 }, 'validity.days'],
    ['not a number', { days: Number.NaN }, 'validity.days'],
    ['very many days', { days: 1e9 }, 'validity.days'],
    [
      'an end before the start',
      { notAfter: new Date('2020-01-01T00:00:00Z') },
      'validity.notAfter',
    ],
    ['an end that is no time', { notAfter: new Date('x') }, 'validity.notAfter'],
    [
      'both days and an end',
      { days: 1, notAfter: new Date('2026-12-01T00:00:00Z') },
      'validity.contradiction',
    ],
  ])('%s', (_what, asked, rule) => {
    expect(refusals(asked)).toContain(rule);
  });
});

describe('what an administrator may choose', () => {
  test('a delegate lasts 30 days, longer only by ceremony', () => {
    expect(granted({}, 'ocsp-signing').seconds).toBe(30 * 86_400);
    expect(refusals({ days: 31 }, 'ocsp-signing')).toEqual(['validity.maximum']);
    expect(granted({ ceremonyDays: 366 }, 'ocsp-signing', root).seconds).toBe(366 * 86_400);
    expect(refusals({ ceremonyDays: 399 }, 'ocsp-signing', root)).toEqual(['validity.maximum']);
  });

  test('a root lasts 20 years, an issuing CA 5', () => {
    const years = (certificate: typeof root.certificate): number =>
      (certificate.validity.notAfter.getTime() - certificate.validity.notBefore.getTime()) /
      day /
      365.25;
    expect(years(root.certificate)).toBeCloseTo(20, 1);
    expect(years(issuing.certificate)).toBeCloseTo(5, 1);
  });
});
