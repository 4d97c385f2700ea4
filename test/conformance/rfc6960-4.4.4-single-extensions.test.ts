/** RFC 6960 §4.4.4, §4.4.5: what is said beside the status of one certificate (O27). */
import { describe, expect, it } from 'vitest';
import {
  findExtension,
  oids,
  parseArchiveCutoff,
  parseInvalidityDate,
  type SingleResponse,
} from '../../src/pkix/index.ts';
import { gnutlsOcsp, opensslOcsp } from '../support/ocsp-judges.ts';
import { until } from '../support/quickstart-run.ts';
import { testSerialNumber } from '../support/test-hierarchy.ts';
import {
  ask,
  certIDOf,
  issuerPem,
  singleOf,
  startTestResponder,
} from '../support/test-responder.ts';

const made = await startTestResponder();
const { root, issuing, status } = made;
const sevenYears = 7 * 365 * 86_400;

const cutoffOf = (single: SingleResponse): Date | undefined => {
  const extension = findExtension(single.extensions ?? [], oids.ocspArchiveCutoff);
  expect(extension?.critical ?? false).toBe(false);
  return extension && parseArchiveCutoff(extension.value);
};
const invalidOf = (single: SingleResponse): Date | undefined => {
  const extension = findExtension(single.extensions ?? [], oids.invalidityDate);
  expect(extension?.critical ?? false).toBe(false);
  return extension && parseInvalidityDate(extension.value);
};

const leaf = made.issue();
const certID = certIDOf(issuing, leaf.certificate.serialNumber);

describe('§4.4.4 archive cutoff', () => {
  it('is not sent where no policy says how long status is kept', async () => {
    expect(singleOf(await ask(made, [certID])).extensions).toEqual([]);
  });

  it('is producedAt minus that time, in an answer that is kept and in one that is not', async () => {
    status.setPolicy(issuing, { extendedRevoke: false, archiveCutoffSeconds: sevenYears });
    await until(
      'the policy',
      async () => cutoffOf(singleOf(await ask(made, [certID]))) !== undefined,
    );
    for (const nonce of [undefined, Buffer.alloc(32, 3)]) {
      const answer = await ask(made, [certID], nonce);
      const producedAt = answer.basic?.responseData.producedAt.getTime() ?? 0;
      expect(cutoffOf(singleOf(answer))?.getTime()).toBe(producedAt - sevenYears * 1000);
    }
  });

  it('stands beside every certificate that was issued, expired or not, and no other', async () => {
    const expired = testSerialNumber();
    const never = testSerialNumber();
    const held = testSerialNumber();
    const row = {
      issuerId: issuing.issuerId,
      issuanceState: 'issued',
      notAfter: new Date(),
    } as const;
    status.put({
      ...row,
      serialNumber: expired,
      status: 'good',
      notAfter: new Date('2024-01-01T00:00:00Z'),
    });
    status.put({ ...row, serialNumber: held, status: 'onHold', notGoodSince: new Date() });
    const answer = await ask(
      made,
      [expired, never, held].map((serial) => certIDOf(issuing, serial)),
    );
    const found = answer.basic?.responseData.responses.map((one) => [
      one.certStatus.type,
      cutoffOf(one) !== undefined,
    ]);
    expect(found).toEqual([
      ['good', true],
      ['unknown', false],
      ['revoked', true],
    ]);
  });

  it("is each issuer's own", async () => {
    const ca = certIDOf(root, issuing.certificate.serialNumber);
    expect(singleOf(await ask(made, [ca])).extensions).toEqual([]);
  });
});

describe('§4.4.5 invalidityDate, the CRL entry extension of RFC 5280 §5.3.2', () => {
  const { certificate, pem } = made.issue('CN=stolen');
  const stolen = certIDOf(issuing, certificate.serialNumber);
  const invalidityDate = new Date('2026-01-31T12:34:56.789Z');
  const shown = new Date('2026-01-31T12:34:56Z');

  it('stands beside revoked, to the second', async () => {
    status.change(issuing, certificate.serialNumber, {
      status: 'revoked',
      reasonCode: 'keyCompromise',
      notGoodSince: new Date('2026-02-01T00:00:00Z'),
      invalidityDate,
    });
    expect(invalidOf(singleOf(await ask(made, [stolen])))).toEqual(shown);
  });

  it('and beside nothing else', async () => {
    expect(invalidOf(singleOf(await ask(made, [certID])))).toBeUndefined();
    const released = made.issue().certificate.serialNumber;
    status.change(issuing, released, { invalidityDate });
    expect(invalidOf(singleOf(await ask(made, [certIDOf(issuing, released)])))).toBeUndefined();
  });

  it('openssl and GnuTLS read both and are content', async () => {
    const files = {
      issuer: made.file('issuing.pem', issuerPem(issuing)),
      root: made.file('root.pem', issuerPem(root)),
      chain: made.file('chain.pem', issuerPem(root) + issuerPem(issuing)),
      stolen: made.file('stolen.pem', pem),
    };
    const { output } = await opensslOcsp({
      ...{ issuer: files.issuer, certificates: [files.stolen] },
      ...{ url: made.url, root: files.root },
    });
    expect(output).toContain('Response verify OK');
    const cutoff = /OCSP Archive Cutoff:\s+(\w{3} +\d+ [\d:]+ \d{4} GMT)/.exec(output)?.[1] ?? '';
    expect(Math.abs(Date.parse(cutoff) + sevenYears * 1000 - Date.now())).toBeLessThan(3_600_000);
    expect(output).toMatch(/Invalidity Date:\s+Jan 31 12:34:56 2026 GMT/);
    const gnutls = await gnutlsOcsp({
      ...{ issuer: files.issuer, certificate: files.stolen },
      ...{ url: made.url, root: files.chain },
    });
    expect(gnutls.output).toMatch(/Verifying OCSP Response: Success/);
    expect(gnutls.output).toMatch(/Certificate Status: revoked/);
  });
});
