import type { CertificateLint } from '../certificate-subject.ts';
import { oid, oidName } from '../encoding/oids.ts';

const sized: readonly string[] = [
  oid.subjectAltName,
  oid.issuerAltName,
  oid.extKeyUsage,
  oid.cRLDistributionPoints,
  oid.freshestCRL,
  oid.certificatePolicies,
  oid.policyMappings,
  oid.authorityInfoAccess,
  oid.subjectInfoAccess,
  oid.subjectDirectoryAttributes,
];

/** A SEQUENCE OF with SIZE (1..MAX) inside an extension holds at least one element (RFC 5280 §4.2.1.4, §4.2.1.6, §4.2.1.12, §4.2.1.13, §4.2.2.1). */
export const extensionValueNotEmpty: CertificateLint = {
  name: 'extension-value-not-empty',
  citation: 'RFC 5280 §4.2.1.4, §4.2.1.6, §4.2.1.12, §4.2.1.13, §4.2.2.1',
  description: 'A SEQUENCE OF with SIZE (1..MAX) inside an extension holds at least one element',
  applies: (certificate) => sized.some((type) => certificate.has(type)),
  check: (certificate) => {
    const empty = sized.find((type) => certificate.value(type)?.length === 0);
    return empty === undefined ? undefined : `${oidName(empty)} is an empty SEQUENCE`;
  },
};
