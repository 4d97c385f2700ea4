import type { CertificateLint } from '../certificate-subject.ts';
import { oid, oidName } from '../encoding/oids.ts';

/** Identifier octet of each known extension's value. */
const valueTags: ReadonlyMap<string, number> = new Map([
  [oid.subjectKeyIdentifier, 0x04],
  [oid.keyUsage, 0x03],
  [oid.subjectAltName, 0x30],
  [oid.issuerAltName, 0x30],
  [oid.basicConstraints, 0x30],
  [oid.nameConstraints, 0x30],
  [oid.cRLDistributionPoints, 0x30],
  [oid.certificatePolicies, 0x30],
  [oid.policyMappings, 0x30],
  [oid.authorityKeyIdentifier, 0x30],
  [oid.policyConstraints, 0x30],
  [oid.extKeyUsage, 0x30],
  [oid.freshestCRL, 0x30],
  [oid.inhibitAnyPolicy, 0x02],
  [oid.noRevAvail, 0x05],
  [oid.authorityInfoAccess, 0x30],
  [oid.subjectInfoAccess, 0x30],
  [oid.tlsFeature, 0x30],
  [oid.ocspNoCheck, 0x05],
]);

/** The value of a known extension is of the type that its definition gives (RFC 5280 §4.2.1, §4.2.2). */
export const extensionValueType: CertificateLint = {
  name: 'extension-value-type',
  citation: 'RFC 5280 §4.2.1, §4.2.2',
  description: 'The value of a known extension is of the type that its definition gives',
  applies: (certificate) => certificate.extensions.length > 0,
  check: (certificate) => {
    for (const extension of certificate.extensions) {
      const expected = valueTags.get(extension.oid);
      const found = certificate.value(extension.oid)?.tag;
      if (expected !== undefined && found !== expected) {
        return `${oidName(extension.oid)} holds tag 0x${(found ?? 0).toString(16)} where 0x${expected.toString(16)} belongs`;
      }
    }
    return undefined;
  },
};
