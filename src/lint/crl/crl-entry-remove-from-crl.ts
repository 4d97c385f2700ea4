import type { CrlLint } from '../crl-subject.ts';
import { oid } from '../encoding/oids.ts';

/** removeFromCRL never stands in a complete CRL (RFC 5280 §5.3.1). */
export const crlEntryRemoveFromCrl: CrlLint = {
  name: 'crl-entry-remove-from-crl',
  citation: 'RFC 5280 §5.3.1',
  description: 'removeFromCRL never stands in a complete CRL',
  applies: (crl) => crl.hasEntries && !crl.has(oid.deltaCRLIndicator),
  check: (crl) => crl.entries.removeFromCrl,
};
