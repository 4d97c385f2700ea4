import type { CrlLint } from '../crl-subject.ts';

/** reasonCode is an ENUMERATED of 1 to 10 without 7; unspecified (0) is left out (RFC 5280 §5.3.1). */
export const crlEntryReasonCode: CrlLint = {
  name: 'crl-entry-reason-code',
  citation: 'RFC 5280 §5.3.1',
  description: 'reasonCode is an ENUMERATED of 1 to 10 without 7; unspecified (0) is left out',
  applies: (crl) => crl.hasEntries,
  check: (crl) => crl.entries.reasonCode,
};
