/** RFC 6960 §2.2, §2.4, §2.7: what an answer says of a certificate, and from when to when. */
import { describe, expect, it } from 'vitest';
import type { StatusRecord } from '../../ocsp/ports.ts';
import type { CertID } from '../../src/pkix/index.ts';
import { until } from '../support/quickstart-run.ts';
import { testCertificate, testIssuer, testSerialNumber } from '../support/test-hierarchy.ts';
import {
  ask,
  certIDOf,
  post,
  requestFor,
  startTestResponder,
  statusOf,
} from '../support/test-responder.ts';

const compromisedRoot = testIssuer('Root of the compromised');
const compromised = testIssuer('Compromised', { parent: compromisedRoot });
const made = await startTestResponder({ others: [compromisedRoot, compromised] });
const { root, issuing, status } = made;

async function shown(certID: CertID): Promise<string> {
  return statusOf(await ask(made, [certID]));
}

async function untilShown(certID: CertID, expected: string): Promise<void> {
  await until(`the answer ${expected}`, async () => (await shown(certID)) === expected, 2000);
}

function row(change: Partial<StatusRecord>): string {
  const serialNumber = testSerialNumber();
  status.put({
    issuerId: issuing.issuerId,
    serialNumber,
    issuanceState: 'issued',
    status: 'good',
    notAfter: new Date(Date.now() + 1e9),
    ...change,
  });
  return serialNumber;
}

describe('O9 §2.2: good only for what was issued (I28)', () => {
  it('an issued certificate is good', async () => {
    const { certificate } = made.issue();
    expect(await shown(certIDOf(issuing, certificate.serialNumber))).toBe('good');
  });

  it('a serial number that was never issued is unknown, each time and by every hash', async () => {
    const serial = testSerialNumber();
    for (const hash of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
      expect(await shown(certIDOf(issuing, serial, hash))).toBe('unknown');
    }
  });

  it('an unknown is not kept: once issued it is good at once', async () => {
    const issued = testCertificate(issuing, { subject: 'CN=late' }).certificate;
    const certID = certIDOf(issuing, issued.serialNumber);
    expect(await shown(certID)).toBe('unknown');
    status.issued(issuing, issued);
    expect(await shown(certID)).toBe('good');
  });

  it('a prepared row is unknown, an abandoned one revoked as its record says', async () => {
    const prepared = row({ issuanceState: 'prepared' });
    expect(await shown(certIDOf(issuing, prepared))).toBe('unknown');
    const abandoned = row({
      issuanceState: 'abandoned',
      status: 'revoked',
      reasonCode: 'cessationOfOperation',
      notGoodSince: new Date(),
    });
    expect(await shown(certIDOf(issuing, abandoned))).toBe('revoked:cessationOfOperation');
  });

  it("a sibling's serial number is unknown: serial numbers count under their issuer only", async () => {
    const { certificate } = made.issue();
    expect(await shown(certIDOf(root, certificate.serialNumber))).toBe('unknown');
  });
});

describe('O10 §4.4.8: "revoked" is never used for what was not issued', () => {
  it('so extended-revoke is not sent, and no revocationTime is 1970', async () => {
    const answer = await ask(made, [certIDOf(issuing, testSerialNumber())]);
    expect(answer.basic?.responseData.extensions).toEqual([]);
    expect(statusOf(answer)).toBe('unknown');
  });
});

describe('O11 §2.2: a hold is shown as such, with the time it began', () => {
  it('hold, release, hold, revocation', async () => {
    const { serialNumber } = made.issue().certificate;
    const certID = certIDOf(issuing, serialNumber);
    const began = new Date('2026-02-03T04:05:06Z');
    status.change(issuing, serialNumber, { status: 'onHold', notGoodSince: began });
    await untilShown(certID, 'revoked:certificateHold');
    const held = (await ask(made, [certID])).basic?.responseData.responses[0]?.certStatus;
    expect(held).toMatchObject({ revocationTime: began });
    status.change(issuing, serialNumber, { status: 'good', notGoodSince: undefined });
    await untilShown(certID, 'good');
    status.change(issuing, serialNumber, { status: 'onHold', notGoodSince: began });
    await untilShown(certID, 'revoked:certificateHold');
    status.change(issuing, serialNumber, { status: 'revoked', reasonCode: 'keyCompromise' });
    await untilShown(certID, 'revoked:keyCompromise');
    const revoked = (await ask(made, [certID])).basic?.responseData.responses[0]?.certStatus;
    expect(revoked).toMatchObject({ revocationTime: began });
  });
});

describe('I27: the canary of each CA certificate', () => {
  it('CA certificates are covered under their parents, the root under itself', async () => {
    expect(await shown(certIDOf(root, issuing.certificate.serialNumber))).toBe('good');
    expect(await shown(certIDOf(root, root.certificate.serialNumber))).toBe('good');
    expect(await shown(certIDOf(issuing, issuing.certificate.serialNumber))).toBe('unknown');
  });
});

describe('O12 §2.4: times', () => {
  it('thisUpdate ≤ producedAt ≤ now < nextUpdate, without fractions', async () => {
    const { certificate } = made.issue();
    const { body } = await post(
      made.port,
      requestFor([certIDOf(issuing, certificate.serialNumber)]),
    );
    expect(body.toString('latin1').match(/\d{14}Z/g)?.length).toBeGreaterThanOrEqual(3);
    expect(body.toString('latin1')).not.toMatch(/\d{14}[.,]/);
    const answer = await ask(made, [certIDOf(issuing, certificate.serialNumber)]);
    const { producedAt, responses } = answer.basic?.responseData ?? {};
    const [single] = responses ?? [];
    const times = [single?.thisUpdate, producedAt].map((time) => time?.getTime() ?? Number.NaN);
    expect(times[0]).toBeLessThanOrEqual(times[1] ?? 0);
    expect(times[1]).toBeLessThanOrEqual(Date.now());
    expect(single?.nextUpdate?.getTime()).toBe((times[0] ?? 0) + 3_600_000);
  });
});

describe('O13 §2.7: a compromised CA key vouches for nothing', () => {
  it('all of its certificates become revoked, those known before as well', async () => {
    const { serialNumber } = made.issue('CN=leaf', compromised).certificate;
    const certID = certIDOf(compromised, serialNumber);
    expect(await shown(certID)).toBe('good');
    const notGoodSince = new Date('2026-05-05T05:05:05Z');
    status.change(compromisedRoot, compromised.certificate.serialNumber, {
      status: 'revoked',
      reasonCode: 'keyCompromise',
      notGoodSince,
    });
    await untilShown(certID, 'revoked:cACompromise');
    const other = made.issue('CN=other', compromised).certificate;
    expect(await shown(certIDOf(compromised, other.serialNumber))).toBe('revoked:cACompromise');
    await made.restart();
    await untilShown(certID, 'revoked:cACompromise');
  });
});

describe('O24 §4.1.1: both issuer hashes are checked, always', () => {
  it.each(['sha1', 'sha256'] as const)('one right hash beside a wrong one: %s', async (hash) => {
    const { serialNumber } = made.issue().certificate;
    const ours = issuing.certificate;
    const other = root.certificate;
    const mixed = [
      { ...issuing, certificate: { ...ours, subject: other.subject } },
      { ...issuing, certificate: { ...ours, subjectPublicKeyInfo: other.subjectPublicKeyInfo } },
    ];
    for (const issuer of mixed) {
      expect(await shown(certIDOf(issuer, serialNumber, hash))).toBe('unauthorized');
    }
  });

  it("the hashes of one digest under another's name are nobody's", async () => {
    const { serialNumber } = made.issue().certificate;
    const sha256 = certIDOf(issuing, serialNumber, 'sha256');
    const bytes = Buffer.from(sha256.der);
    // 2.16.840.1.101.3.4.2.1 (SHA-256) becomes 2.16.840.1.101.3.4.2.8 (SHA3-256).
    const oid = Buffer.from('608648016503040201', 'hex');
    bytes[bytes.indexOf(oid) + oid.length - 1] = 8;
    expect(await shown({ ...sha256, der: bytes })).toBe('unauthorized');
  });
});

describe('O27 §4.4.4: expired certificates', () => {
  it('keep their truthful status, and no archive cutoff is sent', async () => {
    const notAfter = new Date('2025-01-01T00:00:00Z');
    const good = await ask(made, [certIDOf(issuing, row({ notAfter }))]);
    expect(statusOf(good)).toBe('good');
    expect(good.basic?.responseData.responses[0]?.extensions ?? []).toEqual([]);
    const revoked = row({ notAfter, status: 'revoked', notGoodSince: notAfter });
    expect(await shown(certIDOf(issuing, revoked))).toBe('revoked');
  });
});
