import { ChanceryError, type SerialNumber } from '../domain/index.ts';
import {
  decodePem,
  encodePem,
  formatDistinguishedName,
  type GeneralName,
  type Name,
  parseCertificate,
  parseDistinguishedName,
  parseIpAddress,
  parseNameDer,
} from '../pkix/index.ts';
import { sha256 } from './octets.ts';

/** Names of a request as people write them, by kind. */
export interface TextualNames {
  readonly dns?: readonly string[] | undefined;
  readonly ip?: readonly string[] | undefined;
  readonly email?: readonly string[] | undefined;
  readonly uri?: readonly string[] | undefined;
}

/**
 * DER of a CSR given as PEM or as base64 of its DER, so that every door reads the same.
 *
 * @throws ChanceryError `badCsr`
 */
export function certificationRequestFromText(text: string): Uint8Array {
  if (text.includes('-----BEGIN')) {
    let blocks: ReturnType<typeof decodePem>;
    try {
      // openssl req -text writes the fields before the block.
      blocks = decodePem(text, 'CERTIFICATE REQUEST', { surroundingText: true });
    } catch (cause) {
      throw unreadable(cause instanceof Error ? cause.message : 'no PEM', cause);
    }
    const [first, second] = blocks;
    if (first === undefined || second !== undefined) {
      throw unreadable(`the PEM text holds ${blocks.length} requests, and one is wanted`);
    }
    return first.der;
  }
  const base64 = text.replace(/\s/g, '');
  if (base64 === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    throw unreadable('it is neither PEM (-----BEGIN CERTIFICATE REQUEST-----) nor base64 of DER');
  }
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

/** DER of each certificate of a PEM text, in its order. @throws ChanceryError `malformed` */
export function certificatesFromPem(text: string): readonly Uint8Array[] {
  return decodePem(text, 'CERTIFICATE', { surroundingText: true }).map(({ der }) => der);
}

/** PEM of certificates, in the order given. */
export function certificatesToPem(certificates: readonly Uint8Array[]): string {
  return certificates.map((der) => encodePem('CERTIFICATE', der)).join('');
}

/** PEM of a CSR. */
export function certificationRequestToPem(der: Uint8Array): string {
  return encodePem('CERTIFICATE REQUEST', der);
}

/** A subject as RFC 4514 text. @throws ChanceryError `malformed` */
export function subjectFromText(text: string): Name {
  return parseDistinguishedName(text);
}

/** RFC 4514 text of a Name's DER. @throws ChanceryError `malformed` */
export function subjectToText(der: Uint8Array): string {
  return formatDistinguishedName(parseNameDer(der));
}

/** What people look for first in a certificate. */
export interface CertificateSummary {
  readonly serialNumber: SerialNumber;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Lower-case hex SHA-256 of the DER. */
  readonly sha256: string;
}

/** @throws ChanceryError `malformed` */
export function summariseCertificate(der: Uint8Array): CertificateSummary {
  const { serialNumber, validity } = parseCertificate(der);
  return { serialNumber, ...validity, sha256: sha256(der) };
}

/** The names of a request in the order dns, ip, email, uri; undefined when none is given. @throws ChanceryError `malformed` */
export function namesFromText(names: TextualNames): readonly GeneralName[] | undefined {
  const all: readonly GeneralName[] = [
    ...(names.dns ?? []).map((value): GeneralName => ({ type: 'dNSName', value })),
    ...(names.ip ?? []).map(
      (value): GeneralName => ({ type: 'iPAddress', bytes: parseIpAddress(value) }),
    ),
    ...(names.email ?? []).map((value): GeneralName => ({ type: 'rfc822Name', value })),
    ...(names.uri ?? []).map(
      (value): GeneralName => ({ type: 'uniformResourceIdentifier', value }),
    ),
  ];
  return all.length === 0 ? undefined : all;
}

function unreadable(problem: string, cause?: unknown): ChanceryError {
  return new ChanceryError('badCsr', {
    message: `the certification request can't be read: ${problem}`,
    field: 'csr',
    clause: 'RFC 2986 §4',
    cause,
  });
}
