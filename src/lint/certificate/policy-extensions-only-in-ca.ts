import type { CertificateLint } from '../certificate-subject.ts';
import { oid, oidName } from '../encoding/oids.ts';

const ofAuthorities = [oid.policyMappings, oid.policyConstraints, oid.inhibitAnyPolicy] as const;

/** policyMappings, policyConstraints and inhibitAnyPolicy stand in CA certificates only (RFC 5280 §4.2.1.5, §4.2.1.11, §4.2.1.14). */
export const policyExtensionsOnlyInCa: CertificateLint = {
  name: 'policy-extensions-only-in-ca',
  citation: 'RFC 5280 §4.2.1.5, §4.2.1.11, §4.2.1.14',
  description:
    'policyMappings, policyConstraints and inhibitAnyPolicy stand in CA certificates only',
  applies: (certificate) => ofAuthorities.some((type) => certificate.has(type)),
  check: (certificate) => {
    if (certificate.isCa) return undefined;
    const found = ofAuthorities.filter((type) => certificate.has(type)).map(oidName);
    return `${found.join(', ')} in a certificate of type ${certificate.context.type}`;
  },
};
