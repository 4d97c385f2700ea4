import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** Extensions that RFC 5280 lets be critical and defines; another one would make path validation fail. */
const processable: ReadonlySet<string> = new Set([
  oid.keyUsage,
  oid.subjectAltName,
  oid.basicConstraints,
  oid.nameConstraints,
  oid.certificatePolicies,
  oid.policyMappings,
  oid.policyConstraints,
  oid.extKeyUsage,
  oid.inhibitAnyPolicy,
]);
const defined: ReadonlySet<string> = new Set(Object.values(oid));

/** No critical extension stands there that no relying party is known to process (RFC 5280 §4.2). */
export const extensionCriticalKnown: CertificateLint = {
  name: 'extension-critical-known',
  citation: 'RFC 5280 §4.2',
  description: 'No critical extension stands there that no relying party is known to process',
  applies: (certificate) => certificate.extensions.some((extension) => extension.critical),
  check: (certificate) => {
    // A known extension that must not be critical is the finding of extension-criticality.
    const odd = certificate.extensions.find(
      ({ oid: type, critical }) => critical && !processable.has(type) && !defined.has(type),
    );
    return odd === undefined
      ? undefined
      : `critical extension ${odd.oid} is defined nowhere in RFC 5280`;
  },
};
