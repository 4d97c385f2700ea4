import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';
import { fetchUrlDefect, readDistributionPoints } from '../encoding/uri.ts';

/** Each distribution point is a fullName of plain http URLs, for all reasons, of the issuer itself (RFC 5280 §4.2.1.13, §8). */
export const crlDistributionPointsUri: CertificateLint = {
  name: 'crl-distribution-points-uri',
  citation: 'RFC 5280 §4.2.1.13, §8',
  description:
    'Each distribution point is a fullName of plain http URLs, for all reasons, of the issuer itself',
  applies: (certificate) =>
    certificate.has(oid.cRLDistributionPoints) || certificate.has(oid.freshestCRL),
  check: (certificate) => {
    for (const type of [oid.cRLDistributionPoints, oid.freshestCRL]) {
      const value = certificate.value(type);
      for (const point of value === undefined ? [] : readDistributionPoints(value)) {
        if (point.fullName.length === 0) return 'a distribution point without fullName';
        if (point.hasReasons) return 'a distribution point for some reasons only';
        if (point.hasCrlIssuer) return 'a distribution point of another issuer (indirect CRL)';
        for (const name of point.fullName) {
          const defect = fetchUrlDefect(name);
          if (defect !== undefined) return `cRLDistributionPoints: ${defect}`;
        }
      }
    }
    return undefined;
  },
};
