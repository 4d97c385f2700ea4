import type { CrlLint } from '../crl-subject.ts';

/** revokedCertificates is absent when nothing is revoked, never an empty SEQUENCE (RFC 5280 §5.1.2.6). */
export const crlRevokedCertificatesNotEmpty: CrlLint = {
  name: 'crl-revoked-certificates-not-empty',
  citation: 'RFC 5280 §5.1.2.6',
  description: 'revokedCertificates is absent when nothing is revoked, never an empty SEQUENCE',
  applies: (crl) => crl.outline.list !== undefined,
  check: (crl) => (crl.hasEntries ? undefined : 'revokedCertificates is an empty SEQUENCE'),
};
