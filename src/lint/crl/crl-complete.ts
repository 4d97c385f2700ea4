import type { CrlLint } from '../crl-subject.ts';
import { oid } from '../encoding/oids.ts';

/** The CRL is complete: it has no deltaCRLIndicator (RFC 5280 §5.2.4, §5.2.6). */
export const crlComplete: CrlLint = {
  name: 'crl-complete',
  citation: 'RFC 5280 §5.2.4, §5.2.6',
  description: 'The CRL is complete: it has no deltaCRLIndicator',
  applies: () => true,
  check: (crl) =>
    crl.has(oid.deltaCRLIndicator) ? 'deltaCRLIndicator: no delta CRLs are issued' : undefined,
};
