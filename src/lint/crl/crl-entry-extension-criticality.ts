import type { CrlLint } from '../crl-subject.ts';

/** reasonCode and invalidityDate are not critical (RFC 5280 §5.3.1, §5.3.2). */
export const crlEntryExtensionCriticality: CrlLint = {
  name: 'crl-entry-extension-criticality',
  citation: 'RFC 5280 §5.3.1, §5.3.2',
  description: 'reasonCode and invalidityDate are not critical',
  applies: (crl) => crl.hasEntries,
  check: (crl) => crl.entries.criticality,
};
