import type { CertificateLint } from '../certificate-subject.ts';

/** A directoryName in subjectAltName is not empty (RFC 5280 §4.2.1.6). */
export const directoryNameNotEmpty: CertificateLint = {
  name: 'directory-name-not-empty',
  citation: 'RFC 5280 §4.2.1.6',
  description: 'A directoryName in subjectAltName is not empty',
  applies: (certificate) => certificate.alternativeNames.some((name) => name.tag === 0xa4),
  check: (certificate) =>
    certificate.alternativeNames.some(
      (name) => name.tag === 0xa4 && (name.child(0)?.length ?? 0) === 0,
    )
      ? 'an empty directoryName'
      : undefined,
};
