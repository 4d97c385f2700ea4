import { createHash } from 'node:crypto';
import { fromBER } from 'asn1js';
import {
  Certificate as CmsCertificate,
  ContentInfo,
  id_ContentType_Data as contentTypeData,
  EncapsulatedContentInfo,
  SignedData,
} from 'pkijs';
import { ChanceryError } from '../domain/index.ts';
import {
  type Certificate,
  encodePem,
  findExtension,
  formatDistinguishedName,
  namesEqual,
  oids,
  parseBasicConstraints,
  parseCertificate,
} from '../pkix/index.ts';

/** What a bundle is made of. */
export interface TrustBundleInput {
  /** As in the bundle's address; `default` is the first. */
  readonly name: string;
  /** DER certificates of the trust anchors, in any order; one that is there twice counts once. */
  readonly anchors: readonly Uint8Array[];
}

/** One trust anchor of a bundle, for people (RFC 5914 §2). */
export interface TrustAnchor {
  readonly subject: string;
  /** Lower-case hex SHA-256 of the certificate. */
  readonly sha256: string;
  readonly notAfter: Date;
}

/** The same anchors as PEM and as PKCS#7. The same anchors give the same bytes, whatever their order. */
export interface TrustBundle {
  readonly name: string;
  /** RFC 7468, certificates only: not every reader takes text between them. */
  readonly pem: string;
  /** A certs-only SignedData (RFC 5652 §5.1, RFC 8551 §3.2.2), DER. */
  readonly p7b: Uint8Array;
  /** Lower-case hex SHA-256 over the anchors: changes exactly when they do. Without quotes. */
  readonly etag: string;
  readonly anchors: readonly TrustAnchor[];
}

/**
 * Builds a bundle. Every anchor must be a self-issued CA certificate: whatever stands in a
 * bundle is trusted without question. Its validity is deliberately not checked (no clock here,
 * and RFC 5280 §6.1 leaves it to the relying party).
 *
 * @throws ChanceryError `invalidArgument` for an anchor that is none, `malformed` for one that can't be read.
 */
export function buildTrustBundle(input: TrustBundleInput): TrustBundle {
  const unique = new Map<string, Certificate>();
  for (const der of input.anchors) {
    const certificate = parseCertificate(der);
    checkAnchor(certificate);
    unique.set(createHash('sha256').update(der).digest('hex'), certificate);
  }
  const sorted = [...unique].sort(([a], [b]) => (a < b ? -1 : 1));
  const anchors = sorted.map(([sha256, certificate]) => ({
    subject: formatDistinguishedName(certificate.subject),
    sha256,
    notAfter: certificate.validity.notAfter,
  }));
  const certificates = sorted.map(([, certificate]) => certificate.der);
  return {
    name: input.name,
    pem: certificates.map((der) => encodePem('CERTIFICATE', der)).join(''),
    p7b: certsOnly(certificates),
    etag: createHash('sha256')
      .update(sorted.map(([sha256]) => sha256).join('\n'))
      .digest('hex'),
    anchors,
  };
}

function checkAnchor(certificate: Certificate): void {
  const constraints = findExtension(certificate.extensions, oids.basicConstraints);
  const isCa = constraints !== undefined && parseBasicConstraints(constraints.value).cA;
  if (isCa && namesEqual(certificate.subject, certificate.issuer)) return;
  throw new ChanceryError('invalidArgument', {
    message: `${formatDistinguishedName(certificate.subject)} is no self-issued CA certificate, so it is no trust anchor; put roots into a bundle, not issuing CAs or end entities`,
    field: 'anchors',
    clause: 'RFC 5280 §6.1.1',
  });
}

/** SignedData without content and signers: only its certificates mean anything (RFC 5652 §5.1). */
function certsOnly(certificates: readonly Uint8Array[]): Uint8Array {
  const signedData = new SignedData({
    version: 1,
    encapContentInfo: new EncapsulatedContentInfo({ eContentType: contentTypeData }),
    digestAlgorithms: [],
    signerInfos: [],
    certificates: certificates.map((der) => CmsCertificate.fromBER(der)),
  });
  const contentInfo = new ContentInfo({
    contentType: ContentInfo.SIGNED_DATA,
    content: signedData.toSchema(true),
  });
  const der = new Uint8Array(contentInfo.toSchema().toBER());
  // The library re-encodes what it parsed; an anchor must leave this house byte for byte.
  const whole = Buffer.from(der);
  for (const certificate of certificates) {
    if (!whole.includes(Buffer.from(certificate))) {
      throw new ChanceryError('internal', {
        message: 'a trust anchor was changed while the PKCS#7 bundle was built',
      });
    }
  }
  if (fromBER(der).offset !== der.length) {
    throw new ChanceryError('internal', { message: 'the PKCS#7 bundle does not read back' });
  }
  return der;
}
