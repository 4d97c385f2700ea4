import { randomBytes } from 'node:crypto';
import * as asn1js from 'asn1js';
import { CertID, Extension, OCSPRequest, Certificate as PkijsCertificate, Request } from 'pkijs';
import type { Certificate } from '../../../src/pkix/index.ts';

const ocspNonce = '1.3.6.1.5.5.7.48.1.2';

/** Octets of a nonce: what RFC 9654 §2.1 asks clients to send. */
const nonceLength = 32;

/** An OCSP request about one certificate. */
export interface Question {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
  /** DER of the OCSPRequest. */
  readonly der: Buffer;
  readonly nonce: Uint8Array | undefined;
}

/**
 * Encodes the request (RFC 6960 §4.1.1). The certID is by SHA-1, because TLS servers and clients
 * (haproxy, OpenSSL, curl) look a staple up by that certID.
 */
export async function questionAbout(
  certificate: Certificate,
  issuer: Certificate,
  options: { readonly nonce?: boolean } = {},
): Promise<Question> {
  const certID = new CertID();
  await certID.createForCertificate(PkijsCertificate.fromBER(exact(certificate.der)), {
    hashAlgorithm: 'SHA-1',
    issuerCertificate: PkijsCertificate.fromBER(exact(issuer.der)),
  });
  const request = new OCSPRequest();
  request.tbsRequest.requestList = [new Request({ reqCert: certID })];
  let nonce: Uint8Array | undefined;
  if (options.nonce === true) {
    nonce = new Uint8Array(randomBytes(nonceLength));
    const content = new asn1js.OctetString({ valueHex: exact(nonce) });
    request.tbsRequest.requestExtensions = [
      new Extension({ extnID: ocspNonce, extnValue: content.toBER() }),
    ];
  }
  return { certificate, issuer, der: Buffer.from(request.toSchema(true).toBER()), nonce };
}

/** The octets in an ArrayBuffer of their own, as asn1js wants them. */
export function exact(octets: Uint8Array): ArrayBuffer {
  return new Uint8Array(octets).buffer;
}
