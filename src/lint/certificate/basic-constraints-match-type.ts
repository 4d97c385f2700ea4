import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** A CA certificate says cA TRUE; no other certificate does (RFC 5280 §4.2.1.9). */
export const basicConstraintsMatchType: CertificateLint = {
  name: 'basic-constraints-match-type',
  citation: 'RFC 5280 §4.2.1.9',
  description: 'A CA certificate says cA TRUE; no other certificate does',
  applies: (certificate) => certificate.isCa || certificate.has(oid.basicConstraints),
  check: (certificate) => {
    const { cA } = certificate.basicConstraints;
    if (certificate.isCa)
      return cA ? undefined : 'a CA certificate without basicConstraints cA TRUE';
    return cA ? `cA TRUE in a certificate of type ${certificate.context.type}` : undefined;
  },
};
