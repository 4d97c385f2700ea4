/** Certificates that answer tls-alpn-01 (RFC 8737 §3), right ones and wrong ones. */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import {
  type Extension,
  encodePem,
  encodeSubjectAltName,
  type GeneralName,
  oids,
  parseIpAddress,
} from '../../src/pkix/index.ts';
import { type SampleKey, sampleCertificate, sampleKey } from './pki-samples.ts';

/** Key and certificate in PEM, as node:tls takes them. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
}

/** What the certificate says; the rest is as RFC 8737 wants it. */
export interface ChallengeCertificate {
  /** A DNS name or an address. */
  readonly identifier: string;
  readonly keyAuthorization: string;
  readonly names?: readonly GeneralName[];
  /** In place of the acmeIdentifier extension. */
  readonly extensions?: readonly Extension[];
  readonly key?: SampleKey;
  readonly issuer?: Parameters<typeof sampleCertificate>[0]['issuer'];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** The acmeIdentifier extension (RFC 8737 §3) over a key authorization. */
export function acmeIdentifierExtension(keyAuthorization: string, critical = true): Extension {
  const digest = createHash('sha256').update(keyAuthorization).digest();
  return {
    oid: oids.acmeIdentifier,
    critical,
    value: Uint8Array.of(0x04, 0x20, ...digest),
  };
}

/** The name as the one entry of a subjectAltName. */
export function generalNameOf(identifier: string): GeneralName {
  return isIP(identifier) === 0
    ? { type: 'dNSName', value: identifier }
    : { type: 'iPAddress', bytes: parseIpAddress(identifier) };
}

/** Makes the certificate; self-signed with P-256 unless told otherwise. */
export function challengeCertificate(options: ChallengeCertificate): TlsIdentity {
  const key = options.key ?? sampleKey('ecdsa-with-SHA256', 8737);
  const names = options.names ?? [generalNameOf(options.identifier)];
  const certificate = sampleCertificate({
    key,
    subject: 'CN=ACME challenge',
    ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
    ...(options.notBefore === undefined ? {} : { notBefore: options.notBefore }),
    ...(options.notAfter === undefined ? {} : { notAfter: options.notAfter }),
    extensions: [
      ...(names.length === 0 ? [] : [encodeSubjectAltName(names, false)]),
      ...(options.extensions ?? [acmeIdentifierExtension(options.keyAuthorization)]),
    ],
  });
  return {
    key: String(key.privateKey.export({ format: 'pem', type: 'pkcs8' })),
    cert: encodePem('CERTIFICATE', certificate.der),
  };
}
