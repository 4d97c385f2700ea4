import type { Violation } from '../../domain/index.ts';
import { namesEqual } from '../name.ts';
import type { Certificate } from '../types.ts';
import { Findings } from './findings.ts';
import { PolicyState } from './policy-state.ts';
import { Work } from './work.ts';

/**
 * Whether a certificate with these policies would be valid for one where the certificates above ask
 * for it (RFC 5280 §6.1, RFC 9618): asked before it is issued, as `checkNameConstraints` is.
 *
 * @param chain issuer first, root last
 * @param policies of the certificate to come; undefined when it asserts none
 */
export function checkPolicies(
  chain: readonly Certificate[],
  policies: readonly string[] | undefined,
): readonly Violation[] {
  const path = chain.filter(
    ({ subject, issuer }, index) => index < chain.length - 1 || !namesEqual(subject, issuer),
  );
  if (path.length === 0) return [];
  const work = new Work();
  const state = new PolicyState(path.length + 1, {}, work);
  for (const [index, certificate] of [...path.entries()].toReversed()) {
    const found = new Findings(certificate, index + 2);
    const selfIssued = namesEqual(certificate.subject, certificate.issuer);
    state.process(found, selfIssued, false);
    state.prepareNext(found, selfIssued);
  }
  state.processPolicies(policies, false, true);
  if (!state.mustBeExplicit || state.userConstrainedPolicies().size > 0) return [];
  return [
    {
      rule: 'path-policy',
      field: 'certificatePolicies',
      message:
        policies === undefined
          ? 'the certificates above ask for a policy, and this one would assert none: no relying party would take it'
          : `the certificates above ask for a policy that they assert, and this one would assert ${policies.join(', ')}: no relying party would take it`,
      mend: 'use a profile with a policy of the issuer, or another issuer',
      clause: 'RFC 5280 §6.1.5 (g), RFC 9618 §5',
    },
  ];
}
