/** RFC 5280 §4.2.1.3, §4.2.1.9: CA certificates, roots and those below, of every type of key. */
import { afterAll, describe, expect, test } from 'vitest';
import { lintCertificate } from '../../src/lint/index.ts';
import {
  type Certificate,
  findExtension,
  type KeyAlgorithmName,
  keyAlgorithmOf,
  oids,
  parseAuthorityInfoAccess,
  parseBasicConstraints,
  parseCRLDistributionPoints,
  parseKeyUsage,
  verifyChain,
} from '../../src/pkix/index.ts';
import { runCommand, scratchFolder } from '../support/openssl.ts';
import { makeSoftwareIssuer, type SoftwareIssuer } from '../support/software-issuer.ts';

const now = new Date();
const scratch = scratchFolder();
afterAll(() => scratch.remove());

const valueOf = (certificate: Certificate, oid: string): Uint8Array =>
  findExtension(certificate.extensions, oid)?.value ?? new Uint8Array();

function lint(issuer: SoftwareIssuer, parent?: SoftwareIssuer): unknown {
  return lintCertificate(issuer.certificate.tbsDer, {
    type: parent === undefined ? 'root' : 'ca',
    issuer: parent?.certificate,
    profile: { name: 'ca', maxValiditySeconds: 9131 * 86_400 },
    urls: parent?.input.urls ?? issuer.input.urls,
  });
}

describe.each<[KeyAlgorithmName, 'pkcs1' | 'pss']>([
  ['p256', 'pkcs1'],
  ['p384', 'pkcs1'],
  ['p521', 'pkcs1'],
  ['rsa2048', 'pkcs1'],
  ['rsa3072', 'pss'],
  ['ed25519', 'pkcs1'],
])('a hierarchy of %s keys (%s)', (algorithm, padding) => {
  const root = makeSoftwareIssuer({ name: `Root ${algorithm}`, algorithm, padding, now });
  const issuing = makeSoftwareIssuer({
    name: `Issuing ${algorithm}`,
    parent: root,
    algorithm,
    padding,
    now,
  });

  test('both are CAs that sign certificates and CRLs and nothing else', () => {
    for (const { certificate } of [root, issuing]) {
      expect(parseBasicConstraints(valueOf(certificate, oids.basicConstraints)).cA).toBe(true);
      expect(findExtension(certificate.extensions, oids.basicConstraints)?.critical).toBe(true);
      expect(parseKeyUsage(valueOf(certificate, oids.keyUsage))).toEqual([
        'keyCertSign',
        'cRLSign',
      ]);
      // OCSPSigning here would make it a delegate for its siblings (RFC 6960 §4.2.2.2).
      expect(findExtension(certificate.extensions, oids.extendedKeyUsage)).toBeUndefined();
    }
  });

  test('pass every lint', () => {
    expect([lint(root), lint(issuing, root)]).toEqual([[], []]);
  });

  test('verify here and in openssl', () => {
    expect(verifyChain([issuing.certificate, root.certificate], now)).toEqual([]);
    const trusted = scratch.pem(`${algorithm}-root.pem`, [root.certificate]);
    const file = scratch.pem(`${algorithm}-issuing.pem`, [issuing.certificate]);
    for (const [anchor, subject] of [
      [trusted, file],
      [trusted, trusted],
    ] as const) {
      expect(runCommand('openssl', ['verify', '-x509_strict', '-CAfile', anchor, subject])).toEqual(
        {
          status: 0,
          output: `${subject}: OK\n`,
        },
      );
    }
  });
});

describe('defaults', () => {
  const root = makeSoftwareIssuer({ now });
  const issuing = makeSoftwareIssuer({ parent: root, now });

  test('a root has a P-384 key, an issuing CA a P-256 key', () => {
    expect(keyAlgorithmOf(root.certificate.subjectPublicKeyInfo)).toBe('p384');
    expect(keyAlgorithmOf(issuing.certificate.subjectPublicKeyInfo)).toBe('p256');
  });

  test('a root names its own CRL and no OCSP, an issuing CA its parent’s CRL and OCSP', () => {
    const { urls } = root.input;
    // Without it, a path check of every certificate finds the root's CRL out of scope (§6.3.3 (b)).
    expect(
      parseCRLDistributionPoints(valueOf(root.certificate, oids.cRLDistributionPoints)),
    ).toEqual([urls.crl]);
    expect(findExtension(root.certificate.extensions, oids.authorityInfoAccess)).toBeUndefined();
    expect(
      parseCRLDistributionPoints(valueOf(issuing.certificate, oids.cRLDistributionPoints)),
    ).toEqual([urls.crl]);
    expect(
      parseAuthorityInfoAccess(valueOf(issuing.certificate, oids.authorityInfoAccess)),
    ).toEqual({
      ocsp: [urls.ocsp],
      caIssuers: [urls.caIssuers],
    });
  });

  test('a CA has a subject, and a root is its own issuer', () => {
    expect(root.certificate.subject.rdns.length).toBeGreaterThan(0);
    expect(root.certificate.issuer.der).toEqual(root.certificate.subject.der);
  });
});
