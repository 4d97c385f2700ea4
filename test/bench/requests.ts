/** CSRs and OCSP requests, made before anything is measured. */
import { generateKeyPairSync, sign } from 'node:crypto';
import {
  assembleSigned,
  createCertID,
  encodeCertificationRequestInfo,
  encodeOcspRequest,
  encodePem,
  encodeSubjectAltName,
  parseCertificate,
  parseDistinguishedName,
  parseSubjectPublicKeyInfo,
  signatureAlgorithms,
} from '../../src/pkix/index.ts';
import type { Progress } from './progress.ts';

/** The only name of the CSR at this place of {@link makeCsrs}. */
export function nameOfCsr(index: number): string {
  return `host-${index}-${process.pid}.bench.example.test`;
}

/** PEM of CSRs over a P-256 key each, for a DNS name each. */
export function makeCsrs(count: number, progress: Progress): readonly string[] {
  const algorithm = signatureAlgorithms['ecdsa-with-SHA256'];
  return Array.from({ length: count }, (_, index) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const name = nameOfCsr(index);
    const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
    const infoDer = encodeCertificationRequestInfo({
      subject: parseDistinguishedName(`CN=${name}`),
      subjectPublicKeyInfo: parseSubjectPublicKeyInfo(spki),
      extensions: [encodeSubjectAltName([{ type: 'dNSName', value: name }], false)],
    });
    const der = assembleSigned(infoDer, algorithm, sign('sha256', infoDer, privateKey));
    progress.step();
    return encodePem('CERTIFICATE REQUEST', der);
  });
}

/** DER of one request a certificate. `nonce` gives each request octets of its own. */
export function makeOcspRequests(
  issuerDer: Uint8Array,
  serialNumbers: readonly string[],
  nonce?: (() => Uint8Array) | undefined,
): readonly Uint8Array[] {
  const issuer = parseCertificate(issuerDer);
  return serialNumbers.map((serialNumber) =>
    encodeOcspRequest({
      certIDs: [createCertID('sha1', issuer.subject, issuer.subjectPublicKeyInfo, serialNumber)],
      nonce: nonce?.(),
    }),
  );
}
