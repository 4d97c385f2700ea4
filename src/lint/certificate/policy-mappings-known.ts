import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** Mappings are of two policies, none of them anyPolicy, none twice, and each issuerDomainPolicy is asserted too (RFC 5280 §4.2.1.5). */
export const policyMappingsKnown: CertificateLint = {
  name: 'policy-mappings-known',
  citation: 'RFC 5280 §4.2.1.5',
  description:
    'Mappings are of two policies, none of them anyPolicy, none twice, and each issuerDomainPolicy is asserted too',
  applies: (certificate) => certificate.has(oid.policyMappings),
  check: (certificate) => {
    const mappings = certificate.value(oid.policyMappings)?.children ?? [];
    if (mappings.length === 0) return 'policyMappings is an empty SEQUENCE';
    const asserted = new Set(
      certificate.value(oid.certificatePolicies)?.children.map((policy) => policy.child(0)?.oid),
    );
    const seen = new Set<string>();
    for (const mapping of mappings) {
      const [from, to, more] = mapping.children;
      if (from?.tag !== 0x06 || to?.tag !== 0x06 || more !== undefined) {
        return 'a mapping is not of two policies';
      }
      if (from.oid === oid.anyPolicy || to.oid === oid.anyPolicy) {
        return 'a policy is mapped from or to anyPolicy';
      }
      const pair = `${from.oid} to ${to.oid}`;
      if (seen.has(pair)) return `the mapping of ${pair} stands twice`;
      seen.add(pair);
      if (!asserted.has(from.oid) && !asserted.has(oid.anyPolicy)) {
        return `${from.oid} is mapped and does not stand in certificatePolicies`;
      }
    }
    return undefined;
  },
};
