import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';
import { readDistributionPoints } from '../encoding/uri.ts';

/** The distribution point is, octet for octet, the URL that the issuer's CRL names in its issuingDistributionPoint (RFC 5280 §4.2.1.13, §5.2.5). */
export const crlDistributionPointsMatch: CertificateLint = {
  name: 'crl-distribution-points-match',
  citation: 'RFC 5280 §4.2.1.13, §5.2.5',
  description:
    "The distribution point is, octet for octet, the URL that the issuer's CRL names in its issuingDistributionPoint",
  applies: (certificate) =>
    certificate.context.urls?.crl !== undefined && certificate.has(oid.cRLDistributionPoints),
  check: (certificate) => {
    const value = certificate.value(oid.cRLDistributionPoints);
    const found =
      value === undefined ? [] : readDistributionPoints(value).flatMap((point) => point.fullName);
    const expected = certificate.context.urls?.crl;
    return found.some((name) => name.text === expected)
      ? undefined
      : `none of the distribution points is ${expected ?? ''}`;
  },
};
