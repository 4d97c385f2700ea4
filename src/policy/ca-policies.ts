import type { Violation } from '../domain/index.ts';
import {
  oids,
  type PolicyConstraints,
  type PolicyInformation,
  type PolicyMapping,
  type SubjectInfoAccess,
} from '../pkix/index.ts';
import type { Profile } from './profile.ts';
import { normaliseUri } from './uri.ts';
import { violation } from './violation.ts';
import { policyOidPattern } from './vocabulary.ts';

/** What an administrator chooses of a CA's policies, where its profile leaves it open. */
export interface PolicyParameters {
  /** OIDs for certificatePolicies; anyPolicy is 2.5.29.32.0. */
  readonly policies?: readonly string[] | undefined;
  readonly policyMappings?: readonly PolicyMapping[] | undefined;
  /** After so many more certificates a path needs an acceptable policy. */
  readonly requireExplicitPolicy?: number | undefined;
  /** After so many more certificates mappings are no longer taken. */
  readonly inhibitPolicyMapping?: number | undefined;
  /** After so many more certificates anyPolicy stands for nothing. */
  readonly inhibitAnyPolicy?: number | undefined;
  /** URLs for subjectInfoAccess: where the certificates that the CA issues are published. */
  readonly caRepository?: readonly string[] | undefined;
}

/** Every member of `PolicyParameters`. */
export const policyParameters = [
  'policies',
  'policyMappings',
  'requireExplicitPolicy',
  'inhibitPolicyMapping',
  'inhibitAnyPolicy',
  'caRepository',
] as const satisfies readonly (keyof PolicyParameters)[];

/** The policy extensions of a CA certificate to be made. */
export interface PolicyResult {
  readonly certificatePolicies?: readonly PolicyInformation[] | undefined;
  readonly policyMappings?: readonly PolicyMapping[] | undefined;
  readonly policyConstraints?: PolicyConstraints | undefined;
  readonly inhibitAnyPolicy?: number | undefined;
  readonly subjectInfoAccess?: SubjectInfoAccess | undefined;
}

type Report = (
  rule: string,
  field: string,
  message: string,
  clause: string,
  more?: { value?: string; mend?: string },
) => void;

/** The policy extensions as the profile fixes them or the administrator chose them. */
export function applyPolicyParameters(
  profile: Profile,
  parameters: PolicyParameters,
  violations: Violation[],
): PolicyResult {
  const report: Report = (rule, field, message, clause, more) => {
    violations.push(violation(rule, field, message, clause, more));
  };
  const result: PolicyResult = {
    certificatePolicies: policiesOf(profile, parameters, report),
    policyMappings: mappingsOf(profile, parameters, report),
    policyConstraints: constraintsOf(profile, parameters, report),
    inhibitAnyPolicy: inhibitAnyPolicyOf(profile, parameters, report),
    subjectInfoAccess: repositoryOf(profile, parameters, report),
  };
  checkMappings(result, report);
  return result;
}

function refused(profile: Profile, field: string, clause: string, report: Report): undefined {
  report(`${field}.refused`, field, `profile ${profile.name} decides ${field} itself`, clause, {
    mend: 'leave it out, or take a CA profile that lets an administrator choose it',
  });
}

function required(
  profile: Profile,
  field: string,
  clause: string,
  option: string,
  report: Report,
): undefined {
  report(`${field}.required`, field, `profile ${profile.name} needs ${field}`, clause, {
    mend: `say it with ${option}`,
  });
}

function policiesOf(
  profile: Profile,
  { policies = [] }: PolicyParameters,
  report: Report,
): readonly PolicyInformation[] | undefined {
  const field = 'certificatePolicies';
  const clause = 'RFC 5280 §4.2.1.4';
  const rule = profile.certificatePolicies;
  if (rule === 'refused' || 'fixed' in rule || rule.from === 'issuer') {
    if (policies.length > 0) return refused(profile, field, clause, report);
    return rule !== 'refused' && 'fixed' in rule ? rule.fixed : undefined;
  }
  if (policies.length === 0) {
    return rule.required === true
      ? required(profile, field, clause, '--policy OID', report)
      : undefined;
  }
  for (const value of policies.filter((policy) => !policyOidPattern.test(policy))) {
    report('certificatePolicies.syntax', field, 'a policy is an object identifier', clause, {
      value,
    });
  }
  if (new Set(policies).size !== policies.length) {
    report('certificatePolicies.distinct', field, 'a policy stands twice', clause, {
      mend: 'name it once',
    });
  }
  return policies.map((policyIdentifier) => ({ policyIdentifier, cps: rule.cps ?? [] }));
}

function mappingsOf(
  profile: Profile,
  { policyMappings = [] }: PolicyParameters,
  report: Report,
): readonly PolicyMapping[] | undefined {
  const field = 'policyMappings';
  const clause = 'RFC 5280 §4.2.1.5';
  if (policyMappings.length === 0) return undefined;
  if (profile.policyMappings === 'refused') return refused(profile, field, clause, report);
  const pairs = policyMappings.map((one) => `${one.issuerDomainPolicy}=${one.subjectDomainPolicy}`);
  for (const value of pairs) {
    if (!value.split('=').every((policy) => policyOidPattern.test(policy))) {
      report('policyMappings.syntax', field, 'a mapping is of two object identifiers', clause, {
        value,
        mend: 'write ISSUER-POLICY=SUBJECT-POLICY',
      });
    }
    if (value.split('=').includes(oids.anyPolicy)) {
      report(
        'policyMappings.anyPolicy',
        field,
        'a policy is never mapped from or to anyPolicy',
        clause,
        { value },
      );
    }
  }
  if (new Set(pairs).size !== pairs.length) {
    report('policyMappings.distinct', field, 'a mapping stands twice', clause, {
      mend: 'name it once',
    });
  }
  return policyMappings;
}

/** A mapping from a policy that the certificate does not assert maps nothing. */
function checkMappings(
  { certificatePolicies, policyMappings = [] }: PolicyResult,
  report: Report,
): void {
  const asserted = new Set(
    (certificatePolicies ?? []).map(({ policyIdentifier }) => policyIdentifier),
  );
  if (asserted.has(oids.anyPolicy)) return;
  for (const { issuerDomainPolicy } of policyMappings) {
    if (asserted.has(issuerDomainPolicy)) continue;
    report(
      'policyMappings.asserted',
      'policyMappings',
      'a mapped policy must also stand in certificatePolicies',
      'RFC 5280 §4.2.1.5',
      { value: issuerDomainPolicy, mend: `add --policy ${issuerDomainPolicy}` },
    );
  }
}

const count = (value: number | undefined): boolean =>
  value === undefined || (Number.isInteger(value) && value >= 0 && value <= 100);

function constraintsOf(
  profile: Profile,
  { requireExplicitPolicy, inhibitPolicyMapping }: PolicyParameters,
  report: Report,
): PolicyConstraints | undefined {
  const field = 'policyConstraints';
  const clause = 'RFC 5280 §4.2.1.11';
  const rule = profile.policyConstraints;
  const asked = requireExplicitPolicy !== undefined || inhibitPolicyMapping !== undefined;
  if (rule === 'refused' || 'fixed' in rule) {
    if (asked) return refused(profile, field, clause, report);
    return rule === 'refused' ? undefined : rule.fixed;
  }
  if (!count(requireExplicitPolicy) || !count(inhibitPolicyMapping)) {
    report(
      'policyConstraints.range',
      field,
      'a number of certificates is a whole number from 0 to 100',
      clause,
    );
  }
  const constraints = {
    requireExplicitPolicy: requireExplicitPolicy ?? rule.default?.requireExplicitPolicy,
    inhibitPolicyMapping: inhibitPolicyMapping ?? rule.default?.inhibitPolicyMapping,
  };
  return Object.values(constraints).every((value) => value === undefined) ? undefined : constraints;
}

function inhibitAnyPolicyOf(
  profile: Profile,
  { inhibitAnyPolicy }: PolicyParameters,
  report: Report,
): number | undefined {
  const field = 'inhibitAnyPolicy';
  const clause = 'RFC 5280 §4.2.1.14';
  const rule = profile.inhibitAnyPolicy;
  if (rule === 'refused' || 'fixed' in rule) {
    if (inhibitAnyPolicy !== undefined) return refused(profile, field, clause, report);
    return rule === 'refused' ? undefined : rule.fixed;
  }
  if (!count(inhibitAnyPolicy)) {
    report(
      'inhibitAnyPolicy.range',
      field,
      'a number of certificates is a whole number from 0 to 100',
      clause,
    );
  }
  return inhibitAnyPolicy ?? rule.default;
}

function repositoryOf(
  profile: Profile,
  { caRepository = [] }: PolicyParameters,
  report: Report,
): SubjectInfoAccess | undefined {
  const field = 'subjectInfoAccess';
  const clause = 'RFC 5280 §4.2.2.2';
  const rule = profile.subjectInfoAccess;
  if (rule === 'refused') {
    return caRepository.length > 0 ? refused(profile, field, clause, report) : undefined;
  }
  if (caRepository.length === 0) {
    return rule.required === true
      ? required(profile, field, clause, '--ca-repository URL', report)
      : undefined;
  }
  for (const value of caRepository) {
    const uri = normaliseUri(value);
    if (!uri.ok || !/^(?:https?|ldap):/i.test(value)) {
      report(
        'subjectInfoAccess.uri',
        field,
        'a repository is an http, https or ldap URL with a host',
        clause,
        { value },
      );
    }
  }
  return { caRepository };
}
