import type { CertificateLint } from '../certificate-subject.ts';
import { equalBytes, smallInteger } from '../encoding/element.ts';
import { extensionOf, readBasicConstraints } from '../encoding/extension.ts';
import { oid } from '../encoding/oids.ts';

/** A CA stands only where the issuer's pathLenConstraint leaves room, and promises no longer path (RFC 5280 §4.2.1.9). */
export const issuerPathLength: CertificateLint = {
  name: 'issuer-path-length',
  citation: 'RFC 5280 §4.2.1.9',
  description:
    "A CA stands only where the issuer's pathLenConstraint leaves room, and promises no longer path",
  applies: (certificate) => certificate.issuer !== undefined && certificate.basicConstraints.cA,
  check: (certificate) => {
    const { issuer } = certificate;
    const constraints =
      issuer === undefined ? undefined : extensionOf(issuer, oid.basicConstraints);
    const limit =
      constraints === undefined ? undefined : readBasicConstraints(constraints).pathLength;
    if (limit === undefined) return undefined;
    const { issuer: above, subject } = certificate.fields;
    // No path length counts a self-issued certificate (§6.1.4 (l)), so a link passes the issuer's on.
    const most = smallInteger(limit.content) + (equalBytes(above.bytes, subject.bytes) ? 1 : 0);
    if (most === 0) return "the issuer's pathLenConstraint is 0: no CA may stand below it";
    const { pathLength } = certificate.basicConstraints;
    // Without a pathLenConstraint of its own it still ends where the issuer's does (§6.1.4 (l), (m)).
    if (pathLength !== undefined && smallInteger(pathLength.content) >= most) {
      return `pathLenConstraint ${smallInteger(pathLength.content)} is not below the issuer's ${smallInteger(limit.content)}`;
    }
    return undefined;
  },
};
