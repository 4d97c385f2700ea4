import type { CrlLint } from '../crl-subject.ts';

/** No extension stands twice in an entry (RFC 5280 §5.3, §4.2). */
export const crlEntryExtensionUnique: CrlLint = {
  name: 'crl-entry-extension-unique',
  citation: 'RFC 5280 §5.3, §4.2',
  description: 'No extension stands twice in an entry',
  applies: (crl) => crl.hasEntries,
  check: (crl) => crl.entries.duplicateExtension,
};
