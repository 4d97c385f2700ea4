import type { CertificateLint } from '../certificate-subject.ts';
import type { Element } from '../encoding/element.ts';
import { oid } from '../encoding/oids.ts';

/** A SkipCerts: an INTEGER of 0 or more. */
function isCount({ content }: Element): boolean {
  return content.length > 0 && (content[0] ?? 0x80) < 0x80;
}

/** policyConstraints hold requireExplicitPolicy, inhibitPolicyMapping or both, and each number, inhibitAnyPolicy's too, is 0 or more (RFC 5280 §4.2.1.11, §4.2.1.14). */
export const policyConstraintsValues: CertificateLint = {
  name: 'policy-constraints-values',
  citation: 'RFC 5280 §4.2.1.11, §4.2.1.14',
  description:
    'policyConstraints hold requireExplicitPolicy, inhibitPolicyMapping or both, and each number, that of inhibitAnyPolicy too, is 0 or more',
  applies: (certificate) =>
    certificate.has(oid.policyConstraints) || certificate.has(oid.inhibitAnyPolicy),
  check: (certificate) => {
    const inhibit = certificate.value(oid.inhibitAnyPolicy);
    if (inhibit !== undefined && !isCount(inhibit)) return 'inhibitAnyPolicy is negative';
    const constraints = certificate.value(oid.policyConstraints);
    if (constraints === undefined) return undefined;
    const tags = constraints.children.map(({ tag }) => tag).join();
    if (!['128', '129', '128,129'].includes(tags)) {
      return 'policyConstraints are not requireExplicitPolicy, inhibitPolicyMapping or both, in that order';
    }
    return constraints.children.every(isCount)
      ? undefined
      : 'a number of policyConstraints is negative';
  },
};
