import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** pathLenConstraint stands only beside cA TRUE and is not negative (RFC 5280 §4.2.1.9). */
export const pathLengthOnlyInCa: CertificateLint = {
  name: 'path-length-only-in-ca',
  citation: 'RFC 5280 §4.2.1.9',
  description: 'pathLenConstraint stands only beside cA TRUE and is not negative',
  applies: (certificate) => certificate.has(oid.basicConstraints),
  check: (certificate) => {
    const { cA, pathLength } = certificate.basicConstraints;
    if (pathLength === undefined) return undefined;
    if ((pathLength.content[0] ?? 0) >= 0x80) return 'pathLenConstraint is negative';
    return cA ? undefined : 'pathLenConstraint without cA TRUE';
  },
};
