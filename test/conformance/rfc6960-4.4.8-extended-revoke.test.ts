/** RFC 6960 §2.2, §4.4.8: "revoked" for what was never issued, where the issuer declares it (O10). */
import { describe, expect, it } from 'vitest';
import type { StatusRecord } from '../../ocsp/ports.ts';
import { type CertID, oids, parseOcspResponse } from '../../src/pkix/index.ts';
import { opensslOcsp, pkijsBasic } from '../support/ocsp-judges.ts';
import { until } from '../support/quickstart-run.ts';
import { testCertificate, testSerialNumber } from '../support/test-hierarchy.ts';
import {
  ask,
  certIDOf,
  exchange,
  issuerPem,
  post,
  requestFor,
  singleOf,
  startTestResponder,
  statusOf,
} from '../support/test-responder.ts';

const made = await startTestResponder();
const { root, issuing, status } = made;
status.setPolicy(issuing, { extendedRevoke: true });
const anything = certIDOf(issuing, testSerialNumber());
await until(
  'the policy to be known',
  async () => statusOf(await ask(made, [anything])) === 'revoked:certificateHold',
);

const never = { type: 'revoked', revocationTime: new Date(0), reasonCode: 'certificateHold' };

async function responseExtensions(certIDs: readonly CertID[]): Promise<readonly string[]> {
  const answer = await ask(made, certIDs);
  return (answer.basic?.responseData.extensions ?? []).map(({ oid }) => oid);
}

describe('a serial number that was never issued', () => {
  it.each(['sha1', 'sha256'] as const)(
    'is on hold since 1970, alone in saying so: %s',
    async (hash) => {
      const answer = await ask(made, [certIDOf(issuing, testSerialNumber(), hash)]);
      expect(singleOf(answer).certStatus).toEqual(never);
      expect(singleOf(answer).extensions).toEqual([]);
      expect(answer.basic?.responseData.extensions).toEqual([
        { oid: oids.ocspExtendedRevoke, critical: false, value: Buffer.of(5, 0) },
      ]);
    },
  );

  it('so is one whose signature is not committed, until it is', async () => {
    const { certificate } = testCertificate(issuing, { subject: 'CN=prepared' });
    const record: StatusRecord = {
      issuerId: issuing.issuerId,
      serialNumber: certificate.serialNumber,
      issuanceState: 'prepared',
      status: 'good',
      notAfter: certificate.validity.notAfter,
    };
    status.put(record);
    const certID = certIDOf(issuing, certificate.serialNumber);
    expect(singleOf(await ask(made, [certID])).certStatus).toEqual(never);
    status.put({ ...record, issuanceState: 'issued' });
    expect(statusOf(await ask(made, [certID]))).toBe('good');
  });

  it('is good the moment it is issued: it was kept by nobody', async () => {
    const { certificate } = testCertificate(issuing, { subject: 'CN=late' });
    const certID = certIDOf(issuing, certificate.serialNumber);
    const base64 = Buffer.from(requestFor([certID])).toString('base64');
    const before = await exchange(made.port, { target: `/${encodeURIComponent(base64)}` });
    expect(singleOf(parseOcspResponse(before.body)).certStatus).toEqual(never);
    expect(before.headers['cache-control']).toBe('no-cache, no-store');
    const { thisUpdate, nextUpdate } = singleOf(parseOcspResponse(before.body));
    expect((nextUpdate?.getTime() ?? 0) - thisUpdate.getTime()).toBe(300_000);
    status.issued(issuing, certificate);
    const after = await exchange(made.port, { target: `/${encodeURIComponent(base64)}` });
    expect(statusOf(parseOcspResponse(after.body))).toBe('good');
  });
});

describe('id-pkix-ocsp-extended-revoke', () => {
  it('stands beside a nonce, and once for several', async () => {
    const certIDs = [1, 2, 3].map(() => certIDOf(issuing, testSerialNumber()));
    expect(await responseExtensions(certIDs)).toEqual([oids.ocspExtendedRevoke]);
    const answer = await ask(made, certIDs, Buffer.alloc(32, 1));
    const found = answer.basic?.responseData.extensions.map(({ oid }) => oid);
    expect(found).toEqual([oids.ocspNonce, oids.ocspExtendedRevoke]);
  });

  it('is not sent where nothing says so', async () => {
    const { serialNumber } = made.issue().certificate;
    expect(await responseExtensions([certIDOf(issuing, serialNumber)])).toEqual([]);
  });

  it('a revocation that really is of 1970 is not taken for it', async () => {
    const { serialNumber } = made.issue().certificate;
    status.change(issuing, serialNumber, { status: 'revoked', notGoodSince: new Date(0) });
    const answer = await ask(made, [certIDOf(issuing, serialNumber)]);
    expect(singleOf(answer).certStatus).toMatchObject({ revocationTime: new Date(1000) });
    expect(answer.basic?.responseData.extensions).toEqual([]);
  });
});

describe('who declares it', () => {
  it('each issuer for itself', async () => {
    expect(statusOf(await ask(made, [certIDOf(root, testSerialNumber())]))).toBe('unknown');
  });

  it('and takes it back', async () => {
    status.setPolicy(issuing, { extendedRevoke: false });
    await until('unknown', async () => statusOf(await ask(made, [anything])) === 'unknown');
    status.setPolicy(issuing, { extendedRevoke: true });
    await until('revoked', async () => statusOf(await ask(made, [anything])) !== 'unknown');
  });
});

describe('independent readers', () => {
  it('openssl shows a hold since 1970, pkijs the extension', async () => {
    const unissued = made.file('unissued.pem', testCertificate(issuing, { subject: 'CN=x' }).pem);
    const { output } = await opensslOcsp({
      issuer: made.file('issuing.pem', issuerPem(issuing)),
      certificates: [unissued],
      url: made.url,
      root: made.file('root.pem', issuerPem(root)),
    });
    expect(output).toContain('Response verify OK');
    expect(output).toContain(`${unissued}: revoked`);
    expect(output).toMatch(/Revocation Time: Jan {1,2}1 00:00:00 1970 GMT/);
    const { body } = await post(made.port, requestFor([anything]));
    const [extension] = pkijsBasic(body).tbsResponseData.responseExtensions ?? [];
    expect([extension?.extnID, extension?.critical]).toEqual([oids.ocspExtendedRevoke, false]);
  });
});
