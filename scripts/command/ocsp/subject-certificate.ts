import { readFileSync } from 'node:fs';
import {
  type Certificate,
  decodePem,
  findExtension,
  importVerificationKey,
  namesEqual,
  oids,
  parseAuthorityInfoAccess,
  parseCertificate,
  resolveSignatureAlgorithm,
  verifySignature,
} from '../../../src/pkix/index.ts';
import { CommandError, usageError } from '../exit.ts';

/** A certificate whose status is asked for, with its issuer and where to ask. */
export interface SubjectCertificate {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
  readonly responder: URL;
}

/**
 * Reads the certificate and its issuer: the first certificate in the file, and the one in
 * `issuerFile` or else in the same file that signed it.
 *
 * @param responder URL to ask instead of the one in the certificate (RFC 5280 §4.2.2.1)
 * @throws CommandError that says what to give
 */
export function readSubjectCertificate(
  file: string,
  issuerFile: string | undefined,
  responder: string | undefined,
): SubjectCertificate {
  const [certificate, ...rest] = readCertificates(file);
  if (certificate === undefined) {
    throw new CommandError(`${file} holds no certificate; give a PEM or DER file`);
  }
  const candidates = issuerFile === undefined ? rest : readCertificates(issuerFile);
  const issuer = candidates.find((candidate) => isIssuerOf(candidate, certificate));
  if (issuer === undefined) {
    throw new CommandError(
      issuerFile === undefined
        ? `${file} does not hold the issuer's certificate behind the certificate; name its file with --issuer`
        : `${issuerFile} does not hold the certificate whose key signed ${file}`,
    );
  }
  return { certificate, issuer, responder: responderUrl(certificate, file, responder) };
}

/** Every certificate of a PEM file, or the one of a DER file. @throws CommandError */
export function readCertificates(file: string): readonly Certificate[] {
  const content = readFileSync(file);
  try {
    return content.includes('-----BEGIN')
      ? decodePem(content.toString('latin1'), 'CERTIFICATE', { surroundingText: true }).map(
          (block) => parseCertificate(block.der),
        )
      : [parseCertificate(new Uint8Array(content))];
  } catch (error) {
    throw new CommandError(
      `${file} can't be read as certificates: ${error instanceof Error ? error.message : String(error)}`,
      undefined,
      error,
    );
  }
}

/** The text as an http or https URL. @throws CommandError exit 2 */
export function parseResponderUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw usageError(`${text} is no http or https URL; write http://ocsp.example.com/`);
  }
  return url;
}

/** The certificate's OCSP URLs, in order (RFC 5280 §4.2.2.1). */
export function responderUrls(certificate: Certificate): readonly string[] {
  const access = findExtension(certificate.extensions, oids.authorityInfoAccess);
  return access === undefined ? [] : parseAuthorityInfoAccess(access.value).ocsp;
}

function responderUrl(certificate: Certificate, file: string, given: string | undefined): URL {
  const text = given ?? responderUrls(certificate)[0];
  if (text === undefined) {
    throw new CommandError(`${file} names no OCSP responder; give its URL with --responder`);
  }
  return parseResponderUrl(text);
}

function isIssuerOf(candidate: Certificate, certificate: Certificate): boolean {
  const algorithm = resolveSignatureAlgorithm(certificate.signatureAlgorithm);
  return (
    algorithm !== undefined &&
    namesEqual(candidate.subject, certificate.issuer) &&
    verifySignature(
      algorithm,
      importVerificationKey(candidate.subjectPublicKeyInfo),
      certificate.tbsDer,
      certificate.signature,
    )
  );
}
