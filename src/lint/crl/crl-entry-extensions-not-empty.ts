import type { CrlLint } from '../crl-subject.ts';

/** crlEntryExtensions, where present, holds at least one extension (RFC 5280 §5.1.2.6, §4.1). */
export const crlEntryExtensionsNotEmpty: CrlLint = {
  name: 'crl-entry-extensions-not-empty',
  citation: 'RFC 5280 §5.1.2.6, §4.1',
  description: 'crlEntryExtensions, where present, holds at least one extension',
  applies: (crl) => crl.hasEntries,
  check: (crl) => crl.entries.emptyExtensions,
};
