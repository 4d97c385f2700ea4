/** RFC 6960 §4.2.2.2: the certificate of an OCSP delegate. */
import { expect, test } from 'vitest';
import {
  commonNameOf,
  findExtension,
  oids,
  parseExtendedKeyUsage,
  parseKeyUsage,
  parseOcspNoCheck,
} from '../../src/pkix/index.ts';
import { decide, decidingIssuer, dnsName, refusals, subjectAltName } from '../support/decision.ts';

const result = decide('ocsp-signing', '', []);
const tbs = result.ok ? result.tbs : undefined;
const valueOf = (oid: string): Uint8Array | undefined =>
  findExtension(tbs?.extensions ?? [], oid)?.value;

test('it is issued directly by the CA whose certificates it answers for', () => {
  expect(tbs?.issuer.der).toEqual(decidingIssuer.certificate.subject.der);
});

test('it signs OCSP responses and nothing else', () => {
  expect(parseExtendedKeyUsage(valueOf(oids.extendedKeyUsage) ?? new Uint8Array())).toEqual([
    oids.ocspSigning,
  ]);
  expect(parseKeyUsage(valueOf(oids.keyUsage) ?? new Uint8Array())).toEqual(['digitalSignature']);
});

test('it has id-pkix-ocsp-nocheck, hence no revocation information and a short life (§4.2.2.2.1)', () => {
  expect(parseOcspNoCheck(valueOf(oids.ocspNoCheck) ?? new Uint8Array())).toBe(true);
  expect(valueOf(oids.cRLDistributionPoints)).toBeUndefined();
  expect(valueOf(oids.authorityInfoAccess)).toBeUndefined();
  const { notBefore, notAfter } = tbs?.validity ?? { notBefore: new Date(0), notAfter: new Date() };
  expect((notAfter.getTime() - notBefore.getTime() + 1000) / 86_400_000).toBe(30);
});

test('it has a subject, and takes no names', () => {
  expect(commonNameOf(tbs?.subject ?? decidingIssuer.certificate.subject)).toBe('OCSP responder');
  expect(refusals('ocsp-signing', '', [subjectAltName(dnsName('ocsp.example.org'))])).toContain(
    'names.maximum',
  );
});
