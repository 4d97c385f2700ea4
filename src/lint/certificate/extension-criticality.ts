import type { CertificateLint } from '../certificate-subject.ts';
import { oid, oidName } from '../encoding/oids.ts';

/**
 * What the definitions ask for, SHOULD taken as MUST. Absent: extKeyUsage and certificatePolicies
 * may be either; subjectAltName has a lint of its own; basicConstraints counts in CA certificates
 * only.
 */
const critical: ReadonlyMap<string, boolean> = new Map([
  [oid.subjectDirectoryAttributes, false],
  [oid.subjectKeyIdentifier, false],
  [oid.keyUsage, true],
  [oid.issuerAltName, false],
  [oid.nameConstraints, true],
  [oid.cRLDistributionPoints, false],
  [oid.policyMappings, true],
  [oid.authorityKeyIdentifier, false],
  [oid.policyConstraints, true],
  [oid.freshestCRL, false],
  [oid.inhibitAnyPolicy, true],
  [oid.noRevAvail, false],
  [oid.authorityInfoAccess, false],
  [oid.subjectInfoAccess, false],
  [oid.tlsFeature, false],
  [oid.ocspNoCheck, false],
]);

/** Each known extension is critical or not as its definition asks (RFC 5280 §4.2.1, §4.2.2; RFC 6960 §4.2.2.2.1; RFC 7633 §4; RFC 9608 §3). */
export const extensionCriticality: CertificateLint = {
  name: 'extension-criticality',
  citation: 'RFC 5280 §4.2.1, §4.2.2; RFC 6960 §4.2.2.2.1; RFC 7633 §4; RFC 9608 §3',
  description: 'Each known extension is critical or not as its definition asks',
  applies: (certificate) => certificate.extensions.length > 0,
  check: (certificate) => {
    for (const extension of certificate.extensions) {
      const wanted =
        extension.oid === oid.basicConstraints && certificate.basicConstraints.cA
          ? true
          : critical.get(extension.oid);
      if (wanted !== undefined && extension.critical !== wanted) {
        return `${oidName(extension.oid)} must ${wanted ? '' : 'not '}be critical`;
      }
    }
    return undefined;
  },
};
