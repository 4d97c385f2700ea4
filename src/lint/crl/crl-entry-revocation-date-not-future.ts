import type { CrlLint } from '../crl-subject.ts';

/** No revocationDate is after thisUpdate (RFC 5280 §5.1.2.4, §5.1.2.6). */
export const crlEntryRevocationDateNotFuture: CrlLint = {
  name: 'crl-entry-revocation-date-not-future',
  citation: 'RFC 5280 §5.1.2.4, §5.1.2.6',
  description: 'No revocationDate is after thisUpdate',
  applies: (crl) => crl.hasEntries,
  check: (crl) => crl.entries.inTheFuture,
};
