import type { CrlLint } from '../crl-subject.ts';

/** No serialNumber stands twice (RFC 5280 §5.1.2.6, §5.3). */
export const crlEntryUnique: CrlLint = {
  name: 'crl-entry-unique',
  citation: 'RFC 5280 §5.1.2.6, §5.3',
  description: 'No serialNumber stands twice',
  applies: (crl) => crl.hasEntries,
  check: (crl) => crl.entries.duplicate,
};
