import type { CrlLint } from '../crl-subject.ts';

/** invalidityDate is a GeneralizedTime with seconds and Z (RFC 5280 §5.3.2). */
export const crlEntryInvalidityDate: CrlLint = {
  name: 'crl-entry-invalidity-date',
  citation: 'RFC 5280 §5.3.2',
  description: 'invalidityDate is a GeneralizedTime with seconds and Z',
  applies: (crl) => crl.hasEntries,
  check: (crl) => crl.entries.invalidityDate,
};
