import type { CrlLint } from '../crl-subject.ts';
import { oid } from '../encoding/oids.ts';
import { readFullName, uriTag } from '../encoding/uri.ts';

/** The distribution point is, octet for octet, the URL in the certificates' cRLDistributionPoints (RFC 5280 §5.2.5, §4.2.1.13). */
export const crlIssuingDistributionPointMatches: CrlLint = {
  name: 'crl-issuing-distribution-point-matches',
  citation: 'RFC 5280 §5.2.5, §4.2.1.13',
  description:
    "The distribution point is, octet for octet, the URL in the certificates' cRLDistributionPoints",
  applies: (crl) => (crl.value(oid.issuingDistributionPoint)?.length ?? 0) > 0,
  check: (crl) => {
    const names = readFullName(crl.value(oid.issuingDistributionPoint)?.tagged(0xa0));
    const expected = crl.context.distributionPoint;
    return names.some((name) => name.tag === uriTag && name.text === expected)
      ? undefined
      : `issuingDistributionPoint does not name ${expected}`;
  },
};
