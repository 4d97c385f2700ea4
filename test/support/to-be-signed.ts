/** Structures to be signed by a token's key, as issuance encodes them, or forged in one point. */
import type { KeyBinding } from '../../src/keys/ports.ts';
import {
  type CertStatus,
  createCertID,
  type Extension,
  encodeBasicConstraints,
  encodeCertificationRequestInfo,
  encodeExtendedKeyUsage,
  encodeResponseData,
  encodeTbsCertificate,
  encodeTbsCertListFrame,
  oids,
  parseDistinguishedName,
  parseSubjectPublicKeyInfo,
  type ResponderID,
  type SignatureAlgorithm,
  signatureAlgorithms,
  type TbsCertListFrame,
} from '../../src/pkix/index.ts';
import { generateSoftwareKey } from './software-token.ts';
import { testSerialNumber } from './test-hierarchy.ts';

/** The Name of the issuer whose key a test's key is, unless the test says otherwise. */
export const ownName = parseDistinguishedName('CN=own issuer,O=Chancery');
export const otherName = parseDistinguishedName('CN=another issuer,O=Chancery');

const subscriber = parseSubjectPublicKeyInfo(
  generateSoftwareKey('p256').publicKey.export({ type: 'spki', format: 'der' }),
);
const day = 86_400_000;

function today(): Date {
  return new Date(Math.floor(Date.now() / day) * day);
}

interface Change {
  readonly issuer?: typeof ownName;
  readonly signature?: SignatureAlgorithm;
}

/** A TBSCertificate: a TLS server's unless `extensions` say otherwise. */
export function tbsCertificate(
  key: KeyBinding,
  change: Change & {
    readonly subject?: typeof ownName;
    readonly publicKey?: Uint8Array;
    readonly extensions?: readonly Extension[];
  } = {},
): Uint8Array {
  const { subject = parseDistinguishedName('CN=subscriber'), publicKey } = change;
  return encodeTbsCertificate({
    serialNumber: testSerialNumber(),
    signature: change.signature ?? signatureAlgorithms[key.algorithm],
    issuer: change.issuer ?? ownName,
    validity: { notBefore: today(), notAfter: new Date(today().getTime() + 7 * day) },
    subject,
    subjectPublicKeyInfo:
      publicKey === undefined ? subscriber : parseSubjectPublicKeyInfo(publicKey),
    extensions: change.extensions ?? [encodeExtendedKeyUsage([oids.serverAuth])],
  });
}

/** The certificate by which an issuer certifies its own key. */
export function tbsSelfSigned(key: KeyBinding, change: Change = {}): Uint8Array {
  const name = change.issuer ?? ownName;
  return tbsCertificate(key, {
    ...change,
    subject: name,
    publicKey: key.subjectPublicKeyInfo,
    extensions: [encodeBasicConstraints({ cA: true })],
  });
}

/** An OCSP delegate's, or a CA's that would like to be one. */
export function tbsDelegate(
  key: KeyBinding,
  { cA = false, usages = [oids.ocspSigning] }: { cA?: boolean; usages?: readonly string[] } = {},
): Uint8Array {
  const extensions = [encodeExtendedKeyUsage([...usages])];
  if (cA) extensions.push(encodeBasicConstraints({ cA }));
  return tbsCertificate(key, { extensions });
}

/** Head and tail of a TBSCertList around so many octets of entries. */
export function tbsCertListFrame(
  key: KeyBinding,
  entriesLength: number,
  change: Change = {},
): TbsCertListFrame {
  return encodeTbsCertListFrame(
    {
      signature: change.signature ?? signatureAlgorithms[key.algorithm],
      issuer: change.issuer ?? ownName,
      thisUpdate: today(),
      nextUpdate: new Date(today().getTime() + 7 * day),
      crlNumber: 1n,
      authorityKeyIdentifier: Buffer.from(key.keyId, 'hex'),
    },
    entriesLength,
  );
}

/** A TBSCertList with `entriesLength` octets in place of entries, which nothing here reads. */
export function tbsCertList(key: KeyBinding, entriesLength = 0, change: Change = {}): Buffer {
  const { head, tail } = tbsCertListFrame(key, entriesLength, change);
  return Buffer.concat([head, Buffer.alloc(entriesLength, 0x5a), tail]);
}

/** A CertificationRequestInfo for the key itself, or for another's public key. */
export function requestInfo(key: KeyBinding, publicKey = key.subjectPublicKeyInfo): Uint8Array {
  return encodeCertificationRequestInfo({
    subject: ownName,
    subjectPublicKeyInfo: parseSubjectPublicKeyInfo(publicKey),
    extensions: [],
  });
}

/** ResponseData with one answer. */
export function responseData(
  key: KeyBinding,
  responderID: ResponderID = { type: 'byKey', keyHash: Buffer.from(key.keyId, 'hex') },
): Uint8Array {
  const certStatus: CertStatus = { type: 'good' };
  const certID = createCertID('sha256', ownName, subscriber, testSerialNumber());
  return encodeResponseData({
    responderID,
    producedAt: today(),
    responses: [{ certID, certStatus, thisUpdate: today(), nextUpdate: undefined }],
    extensions: [],
  });
}
