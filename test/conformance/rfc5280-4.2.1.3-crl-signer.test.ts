/** RFC 5280 §4.2.1.3: only a key whose certificate has cRLSign signs CRLs (C22). */
import { describe, expect, it } from 'vitest';
import {
  encodeKeyUsage,
  encodeTbsCertificate,
  findExtension,
  oids,
  parseKeyUsage,
  parseTbsCertificate,
  type TbsCertificate,
} from '../../src/pkix/index.ts';
import { crlIssuer, readByOpenssl } from '../support/crl-issuer.ts';
import { signTbsCertificate } from '../support/software-issuer.ts';

const made = crlIssuer({ name: 'Root of 4.2.1.3' });

describe('C22: the CRL signer', () => {
  it('has cRLSign in its certificate', async () => {
    const usage = findExtension(made.issuer.certificate.extensions, oids.keyUsage);
    expect(parseKeyUsage(usage?.value ?? new Uint8Array())).toContain('cRLSign');
    expect(readByOpenssl(await made.publish(), made.issuer)).toContain(
      'Issuer: CN=Root of 4.2.1.3',
    );
  });

  it('without cRLSign is refused before the signature', async () => {
    const { certificate, key, input } = made.issuer;
    const tbs: TbsCertificate = {
      serialNumber: certificate.serialNumber,
      signature: input.signatureAlgorithm,
      issuer: certificate.issuer,
      validity: certificate.validity,
      subject: certificate.subject,
      subjectPublicKeyInfo: certificate.subjectPublicKeyInfo,
      extensions: certificate.extensions.map((extension) =>
        extension.oid === oids.keyUsage ? encodeKeyUsage(['keyCertSign']) : extension,
      ),
    };
    expect(parseTbsCertificate(encodeTbsCertificate(tbs)).extensions).toHaveLength(
      certificate.extensions.length,
    );
    const without = signTbsCertificate(tbs, key.privateKey);
    const before = made.signatures();
    await expect(
      made.publish({ as: { ...made.signing, certificate: without } }),
    ).rejects.toMatchObject({ code: 'lintFailed', violations: [{ rule: 'crl-signer' }] });
    expect(made.signatures()).toBe(before);
  });

  it('without a certificate yet signs no CRL', async () => {
    await expect(
      made.publish({ as: { ...made.signing, certificate: undefined } }),
    ).rejects.toMatchObject({ code: 'illegalTransition' });
  });
});
