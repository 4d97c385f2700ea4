import type { CrlLint } from '../crl-subject.ts';

/** Serial numbers ascend, so that none stands twice (RFC 5280 §5.1.2.6, §5.3). */
export const crlEntryUnique: CrlLint = {
  name: 'crl-entry-unique',
  citation: 'RFC 5280 §5.1.2.6, §5.3',
  description: 'Serial numbers ascend, so that none stands twice',
  applies: (crl) => crl.hasEntries,
  check: (crl) => crl.entries.order,
};
