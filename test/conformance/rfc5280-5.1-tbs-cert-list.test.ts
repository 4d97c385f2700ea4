/** RFC 5280 §5.1: the fields of every CRL, as readers that we did not write see them. */
import { describe, expect, it } from 'vitest';
import { parseCertificateList, signatureAlgorithms } from '../../src/pkix/index.ts';
import {
  crlIssuer,
  crlNow,
  readByCerttool,
  readByOpenssl,
  readByPkijs,
} from '../support/crl-issuer.ts';

const revocationDate = new Date('2026-11-10T01:02:03Z');
const entries = [
  { serialNumber: '1011aabb', revocationDate, reasonCode: 'keyCompromise' },
  { serialNumber: '1012aabb', revocationDate },
] as const;
const made = crlIssuer({ name: 'Root of 5.1' });

const algorithms = [
  ['p256', 'pkcs1', 'ecdsa-with-SHA256'],
  ['p384', 'pkcs1', 'ecdsa-with-SHA384'],
  ['p521', 'pkcs1', 'ecdsa-with-SHA512'],
  ['rsa2048', 'pkcs1', 'sha256WithRSAEncryption'],
  ['rsa3072', 'pss', 'rsassaPss'],
  ['ed25519', 'pkcs1', 'ED25519'],
] as const;

describe.each(algorithms)('C1 §5.1.1.2: a CRL of %s (%s)', (algorithm, padding, shown) => {
  const issuer = crlIssuer({ name: `CRL ${algorithm}`, algorithm, padding });

  it('has the same signature algorithm inside and outside, parameters included', async () => {
    const list = readByPkijs(await issuer.publish({ entries }));
    expect(list.signature.algorithmId).toBe(list.signatureAlgorithm.algorithmId);
    expect(Buffer.from(list.signature.toSchema().toBER())).toEqual(
      Buffer.from(list.signatureAlgorithm.toSchema().toBER()),
    );
  });

  it('is read and verified by openssl and by GnuTLS', async () => {
    const der = await issuer.publish({ entries });
    const openssl = readByOpenssl(der, issuer.issuer);
    expect(openssl).toContain(`Signature Algorithm: ${shown}`);
    expect(openssl).toContain('Serial Number: 1011AABB');
    const gnutls = readByCerttool(der, issuer.issuer);
    expect(gnutls).toContain('Revoked certificates (2):');
    expect(gnutls).toContain('Serial Number (hex): 1012aabb');
  });

  it('is refused by openssl and by GnuTLS when one octet of it is another', async () => {
    const der = Uint8Array.from(await issuer.publish({ entries }));
    const at = Buffer.from(der).indexOf(Buffer.from('1012aabb', 'hex')) + 3;
    der[at] = 0xbc;
    expect(() => readByOpenssl(der, issuer.issuer)).toThrow('openssl');
    expect(() => readByCerttool(der, issuer.issuer)).toThrow('certtool');
  });
});

describe('C1: another algorithm than that of the issuer', () => {
  it('is refused before the signature', async () => {
    const before = made.signatures();
    const tbs = { signature: signatureAlgorithms.sha256WithRSAEncryption };
    await expect(made.publish({ tbs })).rejects.toMatchObject({
      code: 'lintFailed',
      violations: [{ rule: 'crl-signature-algorithm' }],
    });
    expect(made.signatures()).toBe(before);
  });
});

describe('C2 §5.1.2.1: version', () => {
  it('is v2', async () => {
    const der = await made.publish();
    expect(readByPkijs(der).version).toBe(1);
    expect(readByOpenssl(der, made.issuer)).toContain('Version 2 (0x1)');
  });
});

describe('C3 §5.1.2.3: issuer', () => {
  it('is, octet for octet, the subject of the certificate of the issuer (I52)', async () => {
    const list = readByPkijs(await made.publish());
    expect(Buffer.from(list.issuer.toSchema().toBER())).toEqual(
      Buffer.from(made.issuer.certificate.subject.der),
    );
  });

  it('of another issuer is refused', async () => {
    const other = crlIssuer({ name: 'Another' }).issuer.certificate.subject;
    await expect(made.publish({ tbs: { issuer: other } })).rejects.toMatchObject({
      violations: [{ rule: 'crl-issuer-equals-issuer-subject' }],
    });
  });
});

describe('C4, C5 §5.1.2.4, §5.1.2.5: thisUpdate and nextUpdate', () => {
  it('are UTCTime through 2049 and GeneralizedTime from 2050, whole seconds', async () => {
    const early = readByPkijs(
      await made.publish({
        thisUpdate: new Date('2049-12-30T23:59:59.987Z'),
        nextUpdate: new Date('2049-12-31T23:59:59.987Z'),
      }),
    );
    expect(early.thisUpdate.type).toBe(0);
    expect(early.nextUpdate?.type).toBe(0);
    expect(early.nextUpdate?.value).toEqual(new Date('2049-12-31T23:59:59Z'));
    const late = readByPkijs(
      await made.publish({
        thisUpdate: new Date('2049-12-31T23:59:59Z'),
        nextUpdate: new Date('2050-01-01T00:00:00.500Z'),
      }),
    );
    expect(late.thisUpdate.type).toBe(0);
    expect(late.nextUpdate?.type).toBe(1);
    expect(late.nextUpdate?.value).toEqual(new Date('2050-01-01T00:00:00Z'));
  });

  it('thisUpdate in the future is refused', async () => {
    const content = { thisUpdate: new Date(crlNow.getTime() + 1000), now: crlNow };
    await expect(made.publish(content)).rejects.toMatchObject({
      violations: [{ rule: 'crl-this-update-not-future' }],
    });
  });

  it('nextUpdate that is not after thisUpdate is refused', async () => {
    await expect(made.publish({ nextUpdate: crlNow })).rejects.toMatchObject({
      violations: [{ rule: 'crl-next-update' }],
    });
  });
});

describe('C6 §5.1.2.6: nothing revoked', () => {
  it('leaves revokedCertificates out', async () => {
    const der = await made.publish();
    expect(readByPkijs(der).revokedCertificates).toBeUndefined();
    expect(readByOpenssl(der, made.issuer)).toContain('No Revoked Certificates.');
    expect(readByCerttool(der, made.issuer)).toContain('No revoked certificates.');
  });
});

describe('C7 §5.1.2.6: entries', () => {
  it('keep serial numbers of every length, the longest too', async () => {
    const serials = ['1', '7f', '80', 'ff01', '7f'.repeat(20)];
    const der = await made.publish({
      entries: serials.map((serialNumber) => ({ serialNumber, revocationDate })),
    });
    const shown = readByOpenssl(der, made.issuer).match(/Serial Number: [0-9A-F]+/g);
    expect(shown).toEqual(
      ['01', '7F', '80', 'FF01', '7F'.repeat(20)].map((serial) => `Serial Number: ${serial}`),
    );
    expect([...parseCertificateList(der).entries()].map((entry) => entry.serialNumber)).toEqual(
      serials,
    );
  });

  it('with one serial number twice are refused', async () => {
    const twice = [entries[0], entries[1], { ...entries[0], reasonCode: 'superseded' as const }];
    await expect(made.publish({ entries: twice })).rejects.toMatchObject({
      violations: [{ rule: 'crl-entry-unique' }],
    });
  });

  it('with a revocationDate after thisUpdate are refused', async () => {
    const late = new Date(crlNow.getTime() + 1000);
    await expect(
      made.publish({ entries: [{ serialNumber: '10', revocationDate: late }] }),
    ).rejects.toMatchObject({ violations: [{ rule: 'crl-entry-revocation-date-not-future' }] });
  });

  it('have revocationDate as UTCTime through 2049 and GeneralizedTime from 2050', async () => {
    const list = readByPkijs(
      await made.publish({
        thisUpdate: new Date('2050-06-01T00:00:00Z'),
        nextUpdate: new Date('2050-07-01T00:00:00Z'),
        entries: [
          { serialNumber: '10', revocationDate: new Date('2049-12-31T23:59:59Z') },
          { serialNumber: '11', revocationDate: new Date('2050-01-01T00:00:00Z') },
        ],
      }),
    );
    expect(list.revokedCertificates?.map((entry) => entry.revocationDate.type)).toEqual([0, 1]);
  });
});
