import type { CertificateLint } from '../certificate-subject.ts';
import { oid } from '../encoding/oids.ts';

/** No policy is listed twice, and each qualifier is a CPS pointer or a user notice (RFC 5280 §4.2.1.4). */
export const certificatePoliciesDistinct: CertificateLint = {
  name: 'certificate-policies-distinct',
  citation: 'RFC 5280 §4.2.1.4',
  description: 'No policy is listed twice, and each qualifier is a CPS pointer or a user notice',
  applies: (certificate) => certificate.has(oid.certificatePolicies),
  check: (certificate) => {
    const seen = new Set<string>();
    for (const policy of certificate.value(oid.certificatePolicies)?.children ?? []) {
      const [identifier, qualifiers] = policy.children;
      const type = identifier?.oid ?? '';
      if (seen.has(type)) return `policy ${type} stands twice`;
      seen.add(type);
      if (qualifiers === undefined) continue;
      if (qualifiers.length === 0) return `policy ${type} has an empty list of qualifiers`;
      for (const qualifier of qualifiers.children) {
        const [kind, value] = qualifier.children;
        if (kind?.oid === oid.idQtUnotice) continue;
        if (
          kind?.oid !== oid.idQtCps ||
          value?.tag !== 0x16 ||
          !/^[\x21-\x7e]+$/.test(value.text)
        ) {
          return `policy ${type} has a qualifier that is neither CPS URI nor user notice`;
        }
      }
    }
    return undefined;
  },
};
