import type { CrlLint } from '../crl-subject.ts';
import { oid } from '../encoding/oids.ts';
import { fetchUrlDefect, readDistributionPoints } from '../encoding/uri.ts';

/** freshestCRL names the delta CRL's URL where there are deltas; it never stands in a delta CRL (RFC 5280 §5.2.6, §8). */
export const crlFreshest: CrlLint = {
  name: 'crl-freshest',
  citation: 'RFC 5280 §5.2.6, §8',
  description:
    "freshestCRL names the delta CRL's URL where there are deltas; it never stands in a delta CRL",
  applies: (crl) => crl.has(oid.freshestCRL) || crl.context.freshestCrl !== undefined,
  check: (crl) => {
    const expected = crl.context.freshestCrl;
    const value = crl.value(oid.freshestCRL);
    if (value === undefined) return 'freshestCRL is absent although there are delta CRLs';
    if (crl.has(oid.deltaCRLIndicator)) return 'freshestCRL in a delta CRL';
    if (expected === undefined) return 'freshestCRL although there are no delta CRLs';
    if (value.tag !== 0x30) return 'freshestCRL is no SEQUENCE of distribution points';
    const [point, ...others] = readDistributionPoints(value);
    if (point === undefined || others.length > 0 || point.hasReasons || point.hasCrlIssuer) {
      return 'freshestCRL is not one distribution point without reasons and cRLIssuer';
    }
    for (const name of point.fullName) {
      const defect = fetchUrlDefect(name);
      if (defect !== undefined) return defect;
    }
    return point.fullName.some((name) => name.text === expected)
      ? undefined
      : `freshestCRL does not name ${expected}`;
  },
};
