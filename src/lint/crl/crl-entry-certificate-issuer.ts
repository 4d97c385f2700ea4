import type { CrlLint } from '../crl-subject.ts';

/** certificateIssuer stands in no entry: no indirect CRLs are issued (RFC 5280 §5.3.3). */
export const crlEntryCertificateIssuer: CrlLint = {
  name: 'crl-entry-certificate-issuer',
  citation: 'RFC 5280 §5.3.3',
  description: 'certificateIssuer stands in no entry: no indirect CRLs are issued',
  applies: (crl) => crl.hasEntries,
  check: (crl) => crl.entries.certificateIssuer,
};
