import { describe, expect, it } from 'vitest';
import type { StatusRecord } from '../../../ocsp/ports.ts';
import { certStatusOf, singleResponse } from '../../../ocsp/single-response.ts';
import { testIssuer } from '../../support/test-hierarchy.ts';
import { certIDOf } from '../../support/test-responder.ts';

const since = new Date('2026-03-01T10:00:00.700Z');
const shown = new Date('2026-03-01T10:00:00Z');
const asOf = new Date('2026-06-01T00:00:00.900Z');

function record(change: Partial<StatusRecord>): StatusRecord {
  return {
    issuerId: 'i',
    serialNumber: '01',
    issuanceState: 'issued',
    status: 'good',
    notAfter: new Date('2027-01-01T00:00:00Z'),
    ...change,
  };
}

describe('certStatus from a record', () => {
  const rows: readonly [string, StatusRecord | undefined, unknown][] = [
    ['no record', undefined, { type: 'unknown' }],
    ['prepared', record({ issuanceState: 'prepared' }), { type: 'unknown' }],
    ['issued and good', record({}), { type: 'good' }],
    [
      'issued, good and expired',
      record({ notAfter: new Date('2020-01-01T00:00:00Z') }),
      { type: 'good' },
    ],
    [
      'on hold',
      record({ status: 'onHold', notGoodSince: since }),
      { type: 'revoked', revocationTime: shown, reasonCode: 'certificateHold' },
    ],
    [
      'revoked',
      record({ status: 'revoked', notGoodSince: since, reasonCode: 'superseded' }),
      { type: 'revoked', revocationTime: shown, reasonCode: 'superseded' },
    ],
    [
      'revoked without a reason',
      record({ status: 'revoked', notGoodSince: since, reasonCode: 'unspecified' }),
      { type: 'revoked', revocationTime: shown },
    ],
    [
      'abandoned',
      record({ issuanceState: 'abandoned', status: 'revoked', notGoodSince: since }),
      { type: 'revoked', revocationTime: shown },
    ],
    ['abandoned and, wrongly, good', record({ issuanceState: 'abandoned' }), { type: 'unknown' }],
    [
      'revoked without a time',
      record({ status: 'revoked' }),
      { type: 'revoked', revocationTime: new Date('2026-06-01T00:00:00Z') },
    ],
  ];
  it.each(rows)('%s', (_name, row, expected) => {
    expect(certStatusOf(row, undefined, asOf)).toEqual(expected);
  });

  it('nothing of a compromised issuer is good, and what was revoked keeps its own reason', () => {
    const compromise = { reasonCode: 'cACompromise', since } as const;
    expect(certStatusOf(record({}), compromise, asOf)).toEqual({
      type: 'revoked',
      revocationTime: shown,
      reasonCode: 'cACompromise',
    });
    const revoked = record({ status: 'revoked', notGoodSince: asOf, reasonCode: 'superseded' });
    expect(certStatusOf(revoked, compromise, asOf)).toMatchObject({ reasonCode: 'superseded' });
    const held = record({ status: 'onHold', notGoodSince: asOf });
    expect(certStatusOf(held, compromise, asOf)).toMatchObject({ reasonCode: 'cACompromise' });
    // Who has the key signs under serial numbers that no register has.
    for (const unheard of [undefined, record({ issuanceState: 'prepared' })]) {
      expect(certStatusOf(unheard, compromise, asOf)).toMatchObject({ reasonCode: 'cACompromise' });
    }
  });
});

describe('the times of a SingleResponse', () => {
  const certID = certIDOf(testIssuer('Times'), '01');
  const times = (type: 'good' | 'unknown', latest: string, validitySeconds = 3600) => {
    const { thisUpdate, nextUpdate } = singleResponse({
      certID,
      certStatus: { type },
      record: undefined,
      policy: { extendedRevoke: false },
      asOf,
      producedAt: asOf,
      validitySeconds,
      latest: new Date(latest),
    });
    return [thisUpdate.toISOString(), nextUpdate?.toISOString()];
  };

  it('have no fraction, and nextUpdate comes after the validity', () => {
    expect(times('good', '2027-01-01T00:00:00Z')).toEqual([
      '2026-06-01T00:00:00.000Z',
      '2026-06-01T01:00:00.000Z',
    ]);
  });

  it('nextUpdate is never after the delegate ends (RFC 9919 §3.2.4)', () => {
    expect(times('good', '2026-06-01T00:10:00Z')[1]).toBe('2026-06-01T00:10:00.000Z');
  });

  it('an unknown is valid for minutes only: the certificate may be issued at any moment', () => {
    expect(times('unknown', '2027-01-01T00:00:00Z')[1]).toBe('2026-06-01T00:05:00.000Z');
    expect(times('unknown', '2027-01-01T00:00:00Z', 60)[1]).toBe('2026-06-01T00:01:00.000Z');
  });
});
