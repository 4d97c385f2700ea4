import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  assembleBasicOcspResponse,
  assembleSigned,
  type CertID,
  type Certificate,
  type CertStatus,
  createCertID,
  type Extension,
  emptyName,
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeCertificationRequestInfo,
  encodeKeyUsage,
  encodeResponseData,
  encodeSubjectKeyIdentifier,
  encodeTbsCertificate,
  encodeTbsCertList,
  keyIdentifier,
  type Name,
  nonceExtension,
  parseCertificate,
  parseDistinguishedName,
  parseSubjectPublicKeyInfo,
  type RevokedCertificate,
  type SignatureAlgorithm,
  type SignatureAlgorithmName,
  type SubjectPublicKeyInfo,
  signatureAlgorithms,
} from '../../src/pkix/index.ts';

/** A software key pair with the algorithm that it signs with. For tests only. */
export interface SampleKey {
  readonly algorithm: SignatureAlgorithm;
  readonly privateKey: KeyObject;
  readonly spki: SubjectPublicKeyInfo;
}

const keyPairs = new Map<string, { privateKey: KeyObject; publicKey: KeyObject }>();

function keyPair(kind: string): { privateKey: KeyObject; publicKey: KeyObject } {
  const known = keyPairs.get(kind);
  if (known !== undefined) return known;
  const [type, salt = '0'] = kind.split('#');
  const made =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : type === 'ed25519'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: type ?? '' });
  keyPairs.set(`${type}#${salt}`, made);
  return made;
}

/** A key for the algorithm; the same one for the same `salt` within a process. */
export function sampleKey(name: SignatureAlgorithmName, salt = 0): SampleKey {
  const algorithm = signatureAlgorithms[name];
  const curve = { sha256: 'P-256', sha384: 'P-384', sha512: 'P-521' }[algorithm.digest ?? 'sha256'];
  const kind = algorithm.keyType === 'ec' ? curve : algorithm.keyType;
  const { privateKey, publicKey } = keyPair(`${kind}#${salt}`);
  const der = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
  return { algorithm, privateKey, spki: parseSubjectPublicKeyInfo(der) };
}

/** Signs as a token would, with node:crypto. */
export function signWith(key: SampleKey, data: Uint8Array): Uint8Array {
  const { digest, padding } = key.algorithm;
  const options =
    padding === 'pss'
      ? {
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
        }
      : {};
  return new Uint8Array(sign(digest ?? null, data, { key: key.privateKey, ...options }));
}

/** What a sample certificate says; the rest has defaults. */
export interface SampleCertificate {
  readonly key: SampleKey;
  readonly subject?: Name | string;
  /** Left out: self-signed. */
  readonly issuer?: { readonly certificate: Certificate; readonly key: SampleKey };
  readonly serialNumber?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly extensions?: readonly Extension[];
  /** Adds basicConstraints and keyUsage of a CA. */
  readonly ca?: boolean | { readonly pathLength: number };
}

function nameOf(subject: Name | string | undefined): Name {
  if (subject === undefined) return emptyName;
  return typeof subject === 'string' ? parseDistinguishedName(subject) : subject;
}

/** Makes, signs and parses a certificate with key identifiers. */
export function sampleCertificate(options: SampleCertificate): Certificate {
  const { key, issuer } = options;
  const signer = issuer?.key ?? key;
  const subject = nameOf(options.subject);
  const extensions: Extension[] = [
    encodeSubjectKeyIdentifier(keyIdentifier(key.spki)),
    encodeAuthorityKeyIdentifier(keyIdentifier(signer.spki)),
  ];
  if (options.ca !== undefined && options.ca !== false) {
    const pathLenConstraint = options.ca === true ? undefined : options.ca.pathLength;
    extensions.push(
      encodeBasicConstraints({ cA: true, pathLenConstraint }),
      encodeKeyUsage(['keyCertSign', 'cRLSign', 'digitalSignature']),
    );
  }
  extensions.push(...(options.extensions ?? []));
  const tbs = encodeTbsCertificate({
    serialNumber: options.serialNumber ?? '1a2b3c4d5e6f70819293a4b5c6d7e8f9',
    signature: signer.algorithm,
    issuer: issuer?.certificate.subject ?? subject,
    validity: {
      notBefore: options.notBefore ?? new Date('2026-01-01T00:00:00Z'),
      notAfter: options.notAfter ?? new Date('2049-12-31T23:59:59Z'),
    },
    subject,
    subjectPublicKeyInfo: key.spki,
    extensions,
  });
  return parseCertificate(assembleSigned(tbs, signer.algorithm, signWith(signer, tbs)));
}

/** A signed PKCS#10 request in DER. */
export function sampleRequest(
  key: SampleKey,
  subject: string,
  extensions: readonly Extension[] = [],
): Uint8Array {
  const info = encodeCertificationRequestInfo({
    subject: parseDistinguishedName(subject),
    subjectPublicKeyInfo: key.spki,
    extensions,
  });
  return assembleSigned(info, key.algorithm, signWith(key, info));
}

/** A signed CertificateList in DER. */
export function sampleCrl(
  issuer: { readonly certificate: Certificate; readonly key: SampleKey },
  entries: Iterable<RevokedCertificate>,
  crlNumber = 1n,
): Uint8Array {
  const tbs = encodeTbsCertList(
    {
      signature: issuer.key.algorithm,
      issuer: issuer.certificate.subject,
      thisUpdate: new Date('2026-11-21T00:00:00Z'),
      nextUpdate: new Date('2049-01-01T00:00:00Z'),
      crlNumber,
      authorityKeyIdentifier: keyIdentifier(issuer.key.spki),
      issuingDistributionPoint: {
        fullName: [{ type: 'uniformResourceIdentifier', value: 'http://ca.example/crl/0.crl' }],
      },
    },
    entries,
  );
  return assembleSigned(tbs, issuer.key.algorithm, signWith(issuer.key, tbs));
}

/** A signed OCSPResponse in DER, by the issuer itself. */
export function sampleOcspResponse(
  issuer: { readonly certificate: Certificate; readonly key: SampleKey },
  answers: readonly { readonly certID: CertID; readonly certStatus: CertStatus }[],
  nonce?: Uint8Array,
): Uint8Array {
  const thisUpdate = new Date(Math.floor(Date.now() / 1000) * 1000 - 1000);
  const data = encodeResponseData({
    responderID: { type: 'byKey', keyHash: keyIdentifier(issuer.key.spki) },
    producedAt: thisUpdate,
    responses: answers.map((answer) => ({
      ...answer,
      thisUpdate,
      nextUpdate: new Date(thisUpdate.getTime() + 3_600_000),
    })),
    extensions: nonce === undefined ? [] : [nonceExtension(nonce)],
  });
  return assembleBasicOcspResponse(data, issuer.key.algorithm, signWith(issuer.key, data), [
    issuer.certificate.der,
  ]);
}

/** The CertID of a serial number under an issuer. */
export function sampleCertID(issuer: Certificate, serialNumber: string): CertID {
  return createCertID('sha1', issuer.subject, issuer.subjectPublicKeyInfo, serialNumber);
}
