import type { CrlLint } from '../crl-subject.ts';

/** No critical entry extension stands there that relying parties do not process: they would have to reject the CRL (RFC 5280 §5.3). */
export const crlEntryExtensionKnown: CrlLint = {
  name: 'crl-entry-extension-known',
  citation: 'RFC 5280 §5.3',
  description:
    'No critical entry extension stands there that relying parties do not process: they would have to reject the CRL',
  applies: (crl) => crl.hasEntries,
  check: (crl) => crl.entries.unknownCritical,
};
