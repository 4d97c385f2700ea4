/** A CA with software keys, for tests that need certificates but not the product's issuance. */
import { type KeyObject, randomBytes } from 'node:crypto';
import {
  assembleSigned,
  type Certificate,
  defaultSignatureAlgorithm,
  type Extension,
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeExtendedKeyUsage,
  encodeKeyUsage,
  encodeOcspNoCheck,
  encodePem,
  encodeSubjectAltName,
  encodeSubjectKeyIdentifier,
  encodeTbsCertificate,
  type KeyAlgorithmName,
  keyIdentifier,
  oids,
  parseCertificate,
  parseDistinguishedName,
  parseSubjectPublicKeyInfo,
  type SignatureAlgorithm,
  type SubjectPublicKeyInfo,
} from '../../src/pkix/index.ts';
import { generateSoftwareKey, softwareSignature } from './software-token.ts';

export interface TestIssuer {
  readonly issuerId: string;
  readonly name: string;
  readonly certificate: Certificate;
  readonly parent: TestIssuer | undefined;
  readonly privateKey: KeyObject;
  readonly algorithm: SignatureAlgorithm;
}

export interface TestCertificate {
  readonly certificate: Certificate;
  readonly pem: string;
  readonly privateKey: KeyObject;
}

export interface TestCertificateOptions {
  readonly subject: string;
  readonly serialNumber?: string | undefined;
  readonly key?: KeyAlgorithmName | undefined;
  /** A key that exists already, instead of a new one. */
  readonly publicKey?: SubjectPublicKeyInfo | undefined;
  readonly notBefore?: Date | undefined;
  readonly notAfter?: Date | undefined;
  readonly extensions?: readonly Extension[] | undefined;
}

/** 18 octets, first bit 0 and first octet not 0. */
export function testSerialNumber(): string {
  const bytes = randomBytes(18);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

const minute = 60_000;
const day = 24 * 60 * minute;

/** A root, or an issuer below `parent`. */
export function testIssuer(
  name: string,
  options: {
    readonly parent?: TestIssuer | undefined;
    readonly key?: KeyAlgorithmName | undefined;
    readonly padding?: 'pkcs1' | 'pss' | undefined;
    readonly subject?: string | undefined;
    readonly notAfter?: Date | undefined;
  } = {},
): TestIssuer {
  const key = options.key ?? 'p256';
  const { privateKey, publicKey } = generateSoftwareKey(key);
  const spki = parseSubjectPublicKeyInfo(publicKey.export({ type: 'spki', format: 'der' }));
  const algorithm = defaultSignatureAlgorithm(key, options.padding ?? 'pkcs1');
  const issuerId = Buffer.from(keyIdentifier(spki)).toString('hex');
  const subject = parseDistinguishedName(options.subject ?? `CN=${name}`);
  const signer = options.parent;
  const tbs = encodeTbsCertificate({
    serialNumber: testSerialNumber(),
    signature: signer?.algorithm ?? algorithm,
    issuer: signer?.certificate.subject ?? subject,
    validity: {
      // Before every clock of the tests, those that stand still too.
      notBefore: new Date('2026-01-01T00:00:00Z'),
      notAfter: options.notAfter ?? wholeSeconds(Date.now() + 3650 * day),
    },
    subject,
    subjectPublicKeyInfo: spki,
    extensions: [
      encodeBasicConstraints({ cA: true }),
      encodeKeyUsage(['keyCertSign', 'cRLSign']),
      encodeSubjectKeyIdentifier(keyIdentifier(spki)),
      encodeAuthorityKeyIdentifier(
        signer === undefined
          ? keyIdentifier(spki)
          : keyIdentifier(signer.certificate.subjectPublicKeyInfo),
      ),
    ],
  });
  const der = assembleSigned(
    tbs,
    signer?.algorithm ?? algorithm,
    softwareSignature(signer?.algorithm ?? algorithm, signer?.privateKey ?? privateKey, tbs),
  );
  return {
    issuerId,
    name,
    certificate: parseCertificate(der),
    parent: signer,
    privateKey,
    algorithm,
  };
}

/** A certificate of that issuer; without extensions given, a TLS server's. */
export function testCertificate(
  issuer: TestIssuer,
  options: TestCertificateOptions,
): TestCertificate {
  const pair = generateSoftwareKey(options.key ?? 'p256');
  const spki =
    options.publicKey ??
    parseSubjectPublicKeyInfo(pair.publicKey.export({ type: 'spki', format: 'der' }));
  const tbs = encodeTbsCertificate({
    serialNumber: options.serialNumber ?? testSerialNumber(),
    signature: issuer.algorithm,
    issuer: issuer.certificate.subject,
    validity: {
      notBefore: options.notBefore ?? wholeSeconds(Date.now() - minute),
      notAfter: options.notAfter ?? wholeSeconds(Date.now() + 30 * day),
    },
    subject: parseDistinguishedName(options.subject),
    subjectPublicKeyInfo: spki,
    extensions: [
      encodeSubjectKeyIdentifier(keyIdentifier(spki)),
      encodeAuthorityKeyIdentifier(keyIdentifier(issuer.certificate.subjectPublicKeyInfo)),
      ...(options.extensions ?? [
        encodeKeyUsage(['digitalSignature']),
        encodeExtendedKeyUsage([oids.serverAuth, oids.clientAuth]),
        encodeSubjectAltName([{ type: 'dNSName', value: 'localhost' }], false),
      ]),
    ],
  });
  const der = assembleSigned(
    tbs,
    issuer.algorithm,
    softwareSignature(issuer.algorithm, issuer.privateKey, tbs),
  );
  return {
    certificate: parseCertificate(der),
    pem: encodePem('CERTIFICATE', der),
    privateKey: pair.privateKey,
  };
}

/** What makes a certificate an OCSP delegate's (RFC 6960 §4.2.2.2). */
export const delegateExtensions: readonly Extension[] = [
  encodeKeyUsage(['digitalSignature']),
  encodeExtendedKeyUsage([oids.ocspSigning]),
  encodeOcspNoCheck(),
];

export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function wholeSeconds(time: number): Date {
  return new Date(Math.floor(time / 1000) * 1000);
}
