import type { CrlLint } from '../crl-subject.ts';
import { oid, oidName } from '../encoding/oids.ts';

const critical: ReadonlyMap<string, boolean> = new Map([
  [oid.authorityKeyIdentifier, false],
  [oid.issuerAltName, false],
  [oid.crlNumber, false],
  [oid.deltaCRLIndicator, true],
  [oid.issuingDistributionPoint, true],
  [oid.freshestCRL, false],
  [oid.expiredCertsOnCRL, false],
  [oid.authorityInfoAccess, false],
]);

/** Each extension of the CRL is critical or not as its definition asks; a critical one that is not known stands nowhere (RFC 5280 §5.2). */
export const crlExtensionCriticality: CrlLint = {
  name: 'crl-extension-criticality',
  citation: 'RFC 5280 §5.2',
  description:
    'Each extension of the CRL is critical or not as its definition asks; a critical one that is not known stands nowhere',
  applies: (crl) => crl.extensions.length > 0,
  check: (crl) => {
    for (const extension of crl.extensions) {
      const wanted = critical.get(extension.oid) ?? false;
      if (extension.critical !== wanted) {
        return `${oidName(extension.oid)} must ${wanted ? '' : 'not '}be critical`;
      }
    }
    return undefined;
  },
};
