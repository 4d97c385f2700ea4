import { X509Certificate } from 'node:crypto';
import { ChanceryError, isChanceryError } from '../domain/index.ts';
import {
  findExtension,
  formatDistinguishedName,
  formatGeneralName,
  oids,
  parseCertificate,
  parseCertificatePolicies,
  parseCRLDistributionPoints,
  parseSubjectAltName,
} from '../pkix/index.ts';
import { spkiHash } from './issuance-core.ts';
import type { CertificateRecord } from './ports.ts';

/** What the inventory keeps of a certificate that another CA's software made. */
export interface ImportedCertificate {
  readonly der: Uint8Array;
  /** For the signature: older algorithms than ours are verified, too. */
  readonly x509: X509Certificate;
  readonly columns: Pick<
    CertificateRecord,
    | 'serialNumber'
    | 'type'
    | 'tbsCertificate'
    | 'subject'
    | 'names'
    | 'spkiHash'
    | 'keyAlgorithm'
    | 'signatureAlgorithm'
    | 'policies'
    | 'notBefore'
    | 'notAfter'
  >;
  /** Where it says that its CRL is (RFC 5280 §4.2.1.13); none when the strict parser refuses it. */
  readonly crlUrls: readonly string[];
  /** Why the strict parser refuses it: it breaks RFC 5280 and can be read all the same. */
  readonly lenient?: string | undefined;
}

const ocspSigning = '1.3.6.1.5.5.7.3.9';
const widestSerialNumber = /^[1-9a-f][0-9a-f]{0,39}$/;

/**
 * Reads a certificate for the inventory: by the strict parser, or, when that refuses, by OpenSSL's,
 * which reads most of what CAs have ever made. Nothing of it is ever signed again.
 *
 * @throws ChanceryError malformed when neither can, or its serial number is 0, negative or longer than
 * 20 octets (RFC 5280 §4.1.2.2): neither a CRL nor OCSP could name it
 */
export function readImportedCertificate(der: Uint8Array): ImportedCertificate {
  let x509: X509Certificate;
  try {
    x509 = new X509Certificate(der);
  } catch (error) {
    throw new ChanceryError('malformed', {
      message: 'it is no X.509 certificate',
      cause: error,
    });
  }
  const type = typeOf(x509);
  try {
    const certificate = parseCertificate(der);
    const san = findExtension(certificate.extensions, oids.subjectAltName);
    const policies = findExtension(certificate.extensions, oids.certificatePolicies);
    const points = findExtension(certificate.extensions, oids.cRLDistributionPoints);
    return {
      der,
      x509,
      crlUrls: points === undefined ? [] : parseCRLDistributionPoints(points.value),
      columns: {
        serialNumber: usable(certificate.serialNumber),
        type,
        tbsCertificate: certificate.tbsDer,
        subject: formatDistinguishedName(certificate.subject),
        names: san === undefined ? [] : parseSubjectAltName(san.value).map(formatGeneralName),
        spkiHash: spkiHash(certificate.subjectPublicKeyInfo.der),
        keyAlgorithm: certificate.subjectPublicKeyInfo.algorithm.oid,
        signatureAlgorithm: certificate.signatureAlgorithm.oid,
        policies:
          policies === undefined
            ? []
            : parseCertificatePolicies(policies.value).map((policy) => policy.policyIdentifier),
        notBefore: certificate.validity.notBefore,
        notAfter: certificate.validity.notAfter,
      },
    };
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    const columns = lenientColumns(der, x509, type);
    return { der, x509, columns, crlUrls: [], lenient: error.message };
  }
}

function lenientColumns(
  der: Uint8Array,
  x509: X509Certificate,
  type: CertificateRecord['type'],
): ImportedCertificate['columns'] {
  return {
    serialNumber: usable(x509.serialNumber.toLowerCase().replace(/^0+/, '')),
    type,
    tbsCertificate: tbsOf(der),
    // OpenSSL prints the first attribute first; RFC 4514 has it last.
    subject: x509.subject?.split('\n').reverse().join(',') ?? '',
    names:
      x509.subjectAltName === undefined
        ? []
        : x509.subjectAltName.split(', ').map((name) => name.replace(/^IP Address:/, 'IP:')),
    spkiHash: keyHashOf(x509),
    keyAlgorithm: '',
    signatureAlgorithm: '',
    policies: [],
    notBefore: timeOf(x509.validFrom),
    notAfter: timeOf(x509.validTo),
  };
}

function typeOf(x509: X509Certificate): CertificateRecord['type'] {
  if (x509.ca) return 'ca';
  return (x509.keyUsage as readonly string[] | undefined)?.includes(ocspSigning) === true
    ? 'ocspSigning'
    : 'endEntity';
}

function usable(serialNumber: string): string {
  if (!widestSerialNumber.test(serialNumber)) {
    throw new ChanceryError('malformed', {
      message: `its serial number ${JSON.stringify(serialNumber.slice(0, 80))} is not positive or longer than 20 octets; no CRL and no OCSP answer of ours could name it`,
      clause: 'RFC 5280 §4.1.2.2',
    });
  }
  return serialNumber;
}

function timeOf(text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) {
    throw new ChanceryError('malformed', { message: `its validity ${text} can't be read` });
  }
  return time;
}

/** Empty for a key of an algorithm that OpenSSL does not know: it can't be blocked either. */
function keyHashOf(x509: X509Certificate): string {
  try {
    return spkiHash(x509.publicKey.export({ type: 'spki', format: 'der' }));
  } catch {
    return '';
  }
}

/** The TBS of a certificate in definite lengths, as its bytes are kept (RFC 5280 §4.1). */
function tbsOf(der: Uint8Array): Uint8Array {
  const outer = contentOf(der, 0);
  const inner = outer && contentOf(der, outer.start);
  if (outer === undefined || inner === undefined || outer.end !== der.length) {
    throw new ChanceryError('malformed', {
      message: 'it is not in definite lengths, or has octets behind its end',
    });
  }
  return der.subarray(outer.start, inner.end);
}

function contentOf(
  der: Uint8Array,
  at: number,
): { readonly start: number; readonly end: number } | undefined {
  const first = der[at + 1];
  if (der[at] !== 0x30 || first === undefined) return undefined;
  if (first < 0x80) return { start: at + 2, end: at + 2 + first };
  const count = first & 0x7f;
  if (count === 0 || count > 4) return undefined;
  const length = Buffer.from(der.buffer, der.byteOffset + at + 2, count).readUIntBE(0, count);
  return { start: at + 2 + count, end: at + 2 + count + length };
}
