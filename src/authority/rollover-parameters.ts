import {
  type Certificate,
  findExtension,
  oids,
  parseBasicConstraints,
  parseCertificatePolicies,
  parseInhibitAnyPolicy,
  parseNameConstraints,
  parsePolicyConstraints,
  parsePolicyMappings,
  parseSubjectInfoAccess,
} from '../pkix/index.ts';
import type { CaParameters, Profile } from '../policy/index.ts';
import { chosenParameters } from './issuer-parameters.ts';

/**
 * Path length and name constraints for a certificate that vouches for an issuer's key: as its own has
 * them, and whatever is chosen instead, each by itself. The constraints are taken over whole, of
 * whatever form they are; the path length as far as those above leave it.
 */
export function inheritedParameters(certificate: Certificate, request: CaParameters): CaParameters {
  const basic = extensionOf(certificate, oids.basicConstraints);
  const constraints = extensionOf(certificate, oids.nameConstraints);
  const inherited = {
    pathLengthAtMost: basic && parseBasicConstraints(basic).pathLenConstraint,
    inheritedNameConstraints: constraints && parseNameConstraints(constraints),
  };
  return { ...inherited, ...said(request) };
}

/**
 * The same for one that takes the issuer's place: its policies, their mappings and constraints, and its
 * repository as well, where the profile leaves them to be chosen (RFC 5280 §4.2.1.4, .5, .11, .14, §4.2.2.2).
 */
export function successorParameters(
  certificate: Certificate,
  profile: Profile,
  request: CaParameters,
): CaParameters {
  const policies = extensionOf(certificate, oids.certificatePolicies);
  const mappings = extensionOf(certificate, oids.policyMappings);
  const constraints = extensionOf(certificate, oids.policyConstraints);
  const inhibitAnyPolicy = extensionOf(certificate, oids.inhibitAnyPolicy);
  const access = extensionOf(certificate, oids.subjectInfoAccess);
  return {
    ...(policies !== undefined && isChosenBy(profile.certificatePolicies)
      ? { policies: parseCertificatePolicies(policies).map((one) => one.policyIdentifier) }
      : {}),
    ...(mappings !== undefined && isChosenBy(profile.policyMappings)
      ? { policyMappings: parsePolicyMappings(mappings) }
      : {}),
    ...(constraints !== undefined && isChosenBy(profile.policyConstraints)
      ? parsePolicyConstraints(constraints)
      : {}),
    ...(inhibitAnyPolicy !== undefined && isChosenBy(profile.inhibitAnyPolicy)
      ? { inhibitAnyPolicy: parseInhibitAnyPolicy(inhibitAnyPolicy) }
      : {}),
    ...(access !== undefined && isChosenBy(profile.subjectInfoAccess)
      ? { caRepository: parseSubjectInfoAccess(access).caRepository }
      : {}),
    ...inheritedParameters(certificate, request),
  };
}

function extensionOf({ extensions }: Certificate, oid: string): Uint8Array | undefined {
  return findExtension(extensions, oid)?.value;
}

function isChosenBy(rule: 'refused' | { readonly from: string } | { readonly fixed: unknown }) {
  return rule !== 'refused' && 'from' in rule && rule.from === 'request';
}

/** What is said in a request; nothing where it is silent. */
export function said(request: CaParameters): CaParameters {
  return Object.fromEntries(
    Object.entries(chosenParameters(request)).filter(([, value]) =>
      Array.isArray(value) ? value.length > 0 : value !== undefined,
    ),
  );
}
