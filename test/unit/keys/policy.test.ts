import { describe, expect, test } from 'vitest';
import {
  cryptoperiodAt,
  defaultCryptoperiods,
  keyTypes,
  lifeOf,
  longestWithoutReason,
  moduleStanding,
  periodWarnings,
  strengthOf,
  weakness,
} from '../../../src/keys/index.ts';

const at = new Date('2026-11-22T00:00:00Z');
const day = 86_400_000;
const days = (count: number): Date => new Date(at.getTime() + count * day);

describe('SP 800-57 Part 1 §5.6: strengths', () => {
  test.each([
    ['rsa2048', 'sha256WithRSAEncryption', 112],
    ['rsa3072', 'sha256WithRSAEncryption', 128],
    ['rsa4096', 'sha512WithRSAEncryption', 152],
    ['p256', 'ecdsa-with-SHA256', 128],
    ['p384', 'ecdsa-with-SHA384', 192],
    ['p384', 'ecdsa-with-SHA256', 128],
    ['p521', 'ecdsa-with-SHA512', 256],
    ['ed25519', 'ed25519', 128],
  ] as const)('%s with %s has %i bits: the weaker of key and digest', (key, algorithm, bits) => {
    expect(strengthOf(key, algorithm).bits).toBe(bits);
  });

  test('112 bits sign through 2030, and are refused below the minimum and afterwards', () => {
    expect(strengthOf('rsa2048').end).toEqual(new Date('2031-01-01T00:00:00Z'));
    expect(weakness('rsa2048', undefined, 112, at)).toBeUndefined();
    expect(weakness('rsa2048', undefined, 128, at)).toContain('less than the 128');
    expect(weakness('rsa2048', undefined, 112, new Date('2031-01-01T00:00:00Z'))).toContain(
      'may not be used to sign from',
    );
    expect(weakness('p256', 'ecdsa-with-SHA256', 128, new Date('2040-01-01T00:00:00Z'))).toBe(
      undefined,
    );
  });
});

describe('SP 800-57 Part 1 §5.3: cryptoperiods', () => {
  test('OCSP and TLS keys sign for a year at most unless a reason is written', () => {
    for (const type of ['ocspResponder', 'httpsServer'] as const) {
      const { originatorUsageSeconds = Infinity } = defaultCryptoperiods[type];
      expect(originatorUsageSeconds).toBeLessThanOrEqual(longestWithoutReason[type] ?? 0);
    }
    expect(Object.keys(defaultCryptoperiods).sort()).toEqual([...keyTypes].sort());
    // What signs for longer than Table 1 has it says why.
    for (const { originatorUsageSeconds = 0, reason } of Object.values(defaultCryptoperiods)) {
      if (originatorUsageSeconds > 1095 * 86_400) expect(reason).toMatch(/./);
    }
  });

  test('begin with activation and end with the certificate at the latest', () => {
    const policy = { originatorUsageSeconds: 365 * 86_400, warnAheadSeconds: 0 };
    expect(cryptoperiodAt(policy, at)).toMatchObject({ originatorUsageEnd: days(365) });
    expect(cryptoperiodAt(policy, at, days(30))).toEqual({
      originatorUsageEnd: days(30),
      recipientUsageEnd: days(30),
    });
    expect(cryptoperiodAt({ warnAheadSeconds: 0 }, at, days(1826))).toEqual({
      originatorUsageEnd: days(1826),
      recipientUsageEnd: days(1826),
    });
  });

  const key = {
    ...{ keyId: 'aa', label: 'k', privateState: 'active' as const, type: 'transcript' as const },
    cryptoperiod: { originatorUsageEnd: days(100), recipientUsageEnd: days(300) },
    scope: 'full' as const,
    signatureLimit: 100,
  };
  const policy = { warnAheadSeconds: 30 * 86_400 };

  test('rotation is called due ahead, by age and by number of signatures', () => {
    const kinds = (signatures: number, now: Date, state = key.privateState as never) =>
      periodWarnings({ ...key, privateState: state }, policy, signatures, now).map(
        ({ kind }) => kind,
      );
    expect(kinds(0, days(69))).toEqual([]);
    expect(kinds(0, days(70))).toEqual(['rotationDue']);
    expect(kinds(0, days(100))).toEqual(['periodEnded']);
    expect(kinds(89, at)).toEqual([]);
    expect(kinds(90, at)).toEqual(['signatureLimit']);
    expect(kinds(100, days(200), 'destroyed' as never)).toEqual([]);
  });

  test('reach the signer: a CA’s key signs CRLs until its certificate ends, others until theirs', () => {
    expect(lifeOf(key)).toMatchObject({
      ...{ state: 'active', originatorUsageEnd: days(100).getTime(), allotted: 0 },
    });
    expect(lifeOf({ ...key, type: 'ca' }).originatorUsageEnd).toBe(days(300).getTime());
    expect(lifeOf(key, undefined, { allotted: 7, signatures: 3 })).toMatchObject({
      ...{ allotted: 7, counted: 3 },
    });
    // A probe protects nothing: a sound token is not out of service because its key is old.
    expect(lifeOf({ ...key, type: 'selfTest' }).originatorUsageEnd).toBeUndefined();
    const { signatureLimit: _, ...unlimited } = key;
    expect(lifeOf(unlimited).allotted).toBeUndefined();
  });
});

describe('modules', () => {
  const softhsm = { manufacturer: 'SoftHSM project', model: 'SoftHSM v2', hardware: false };
  const card = { manufacturer: 'Maker', model: 'Card', hardware: true };
  test('SoftHSM is software without validation, whatever the configuration says', () => {
    const claimed = { certificate: '4321', level: 3 };
    expect(moduleStanding(softhsm, claimed)).toEqual({
      ...{ validated: false, text: 'software, not validated' },
    });
    expect(moduleStanding(card, undefined)).toEqual({
      ...{ validated: false, text: 'hardware, not validated' },
    });
    expect(moduleStanding(card, claimed)).toMatchObject({ validated: true });
    expect(moduleStanding(card, claimed).text).toContain('CMVP certificate 4321, level 3');
  });
});
