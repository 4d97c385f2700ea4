import { parseCertificatePolicies } from '../extensions/information.ts';
import {
  parseInhibitAnyPolicy,
  parsePolicyConstraints,
  parsePolicyMappings,
} from '../extensions/policies.ts';
import { oids } from '../oids.ts';
import type { PolicyMapping } from '../types.ts';
import type { Findings } from './findings.ts';
import { PolicyGraph } from './policy-graph.ts';
import type { Work } from './work.ts';

/** The inputs of RFC 5280 §6.1.1 (c), (e), (f), (g). */
export interface PolicyInputs {
  /** user-initial-policy-set: policies that are acceptable; left out: any. */
  readonly initialPolicySet?: readonly string[] | undefined;
  /** The path must be valid for at least one of them. */
  readonly initialExplicitPolicy?: boolean | undefined;
  readonly initialPolicyMappingInhibit?: boolean | undefined;
  readonly initialAnyPolicyInhibit?: boolean | undefined;
}

const clause = 'RFC 5280 §6.1.3 (f), RFC 9618 §5';

/** Policy processing along a path (RFC 5280 §6.1.2 to §6.1.5 as RFC 9618 §5 updates them). */
export class PolicyState {
  readonly #inputs: PolicyInputs;
  readonly #graph: PolicyGraph;
  /** Numbers of certificates that are not self-issued until each takes effect. */
  #explicitPolicy: number;
  #policyMapping: number;
  #inhibitAnyPolicy: number;
  /** Said once: every certificate further down would say it again. */
  #refused = false;

  /** @param length certificates of the path without its trust anchor */
  constructor(length: number, inputs: PolicyInputs, work: Work) {
    this.#inputs = inputs;
    this.#graph = new PolicyGraph(work);
    this.#explicitPolicy = inputs.initialExplicitPolicy === true ? 0 : length + 1;
    this.#policyMapping = inputs.initialPolicyMappingInhibit === true ? 0 : length + 1;
    this.#inhibitAnyPolicy = inputs.initialAnyPolicyInhibit === true ? 0 : length + 1;
  }

  /** §6.1.3 (d) to (f), for each certificate from the trust anchor down. */
  process(found: Findings, selfIssued: boolean, isLast: boolean): void {
    this.processPolicies(
      found
        .extension(oids.certificatePolicies, parseCertificatePolicies)
        ?.map(({ policyIdentifier }) => policyIdentifier),
      selfIssued,
      isLast,
    );
    if (this.#explicitPolicy === 0 && this.#graph.isNull && !this.#refused) {
      this.#refused = true;
      found.add(
        'path-policy',
        'certificatePolicies',
        clause,
        'the path must be valid for a policy, and up to here there is none',
      );
    }
  }

  /** @param policies undefined when the certificate has no such extension */
  processPolicies(
    policies: readonly string[] | undefined,
    selfIssued: boolean,
    isLast: boolean,
  ): void {
    if (policies === undefined) this.#graph.makeNull();
    else this.#graph.add(policies, this.#inhibitAnyPolicy > 0 || (selfIssued && !isLast));
  }

  /** §6.1.4 (a), (b), (h) to (j), for each certificate but the last. */
  prepareNext(found: Findings, selfIssued: boolean): void {
    const mappings = this.#mappings(found);
    if (mappings.length > 0) this.#graph.map(mappings, this.#policyMapping > 0);
    if (!selfIssued) {
      this.#explicitPolicy = Math.max(0, this.#explicitPolicy - 1);
      this.#policyMapping = Math.max(0, this.#policyMapping - 1);
      this.#inhibitAnyPolicy = Math.max(0, this.#inhibitAnyPolicy - 1);
    }
    const constraints = found.extension(oids.policyConstraints, parsePolicyConstraints);
    this.#explicitPolicy = Math.min(
      this.#explicitPolicy,
      constraints?.requireExplicitPolicy ?? Infinity,
    );
    this.#policyMapping = Math.min(
      this.#policyMapping,
      constraints?.inhibitPolicyMapping ?? Infinity,
    );
    const inhibit = found.extension(oids.inhibitAnyPolicy, parseInhibitAnyPolicy);
    this.#inhibitAnyPolicy = Math.min(this.#inhibitAnyPolicy, inhibit ?? Infinity);
  }

  #mappings(found: Findings): readonly PolicyMapping[] {
    const mappings = found.extension(oids.policyMappings, parsePolicyMappings) ?? [];
    const proper = mappings.filter((mapping) => !Object.values(mapping).includes(oids.anyPolicy));
    if (proper.length < mappings.length) {
      found.add(
        'path-policy-mapping-any',
        'policyMappings',
        'RFC 5280 §6.1.4 (a)',
        'a policy is mapped from or to anyPolicy',
      );
    }
    return proper;
  }

  /** §6.1.5 (a), (b), (g), with the extensions of the last certificate. */
  wrapUp(found: Findings): ReadonlySet<string> {
    this.#explicitPolicy = Math.max(0, this.#explicitPolicy - 1);
    const constraints = found.extension(oids.policyConstraints, parsePolicyConstraints);
    if (constraints?.requireExplicitPolicy === 0) this.#explicitPolicy = 0;
    const policies = this.userConstrainedPolicies();
    if (this.isExplicit && policies.size === 0 && !this.#refused) {
      found.add(
        'path-policy',
        'certificatePolicies',
        'RFC 5280 §6.1.5 (g), RFC 9618 §5',
        this.#inputs.initialPolicySet === undefined
          ? 'the path must be valid for a policy, and is for none'
          : `the path must be valid for one of ${this.#inputs.initialPolicySet.join(', ')}, and is for none`,
      );
    }
    return policies;
  }

  /** Whether the path is refused unless it is valid for a policy. */
  get isExplicit(): boolean {
    return this.#explicitPolicy === 0;
  }

  /** Whether the last certificate is one that must be valid for a policy (§6.1.5 (a)). */
  get mustBeExplicit(): boolean {
    return this.#explicitPolicy <= 1;
  }

  /** user_constrained_policy_set; anyPolicy stands for every policy. */
  userConstrainedPolicies(): ReadonlySet<string> {
    if (this.#graph.isNull) return new Set();
    const authority = this.#graph.authorityConstrainedPolicies();
    const wanted = this.#inputs.initialPolicySet;
    if (wanted === undefined || wanted.includes(oids.anyPolicy)) return authority;
    return new Set(
      wanted.filter((policy) => authority.has(policy) || authority.has(oids.anyPolicy)),
    );
  }
}
