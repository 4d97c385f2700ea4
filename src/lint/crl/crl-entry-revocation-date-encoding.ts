import type { CrlLint } from '../crl-subject.ts';

/** Each revocationDate is encoded like thisUpdate (RFC 5280 §5.1.2.6). */
export const crlEntryRevocationDateEncoding: CrlLint = {
  name: 'crl-entry-revocation-date-encoding',
  citation: 'RFC 5280 §5.1.2.6',
  description: 'Each revocationDate is encoded like thisUpdate',
  applies: (crl) => crl.hasEntries,
  check: (crl) => crl.entries.revocationDate,
};
