import type { Violation } from '../../domain/index.ts';
import { bytesEqual } from '../decoding.ts';
import {
  parseAuthorityKeyIdentifier,
  parseSubjectKeyIdentifier,
} from '../extensions/key-identifiers.ts';
import { parseSubjectAltName } from '../extensions/names.ts';
import { namesEqual } from '../name.ts';
import {
  type ConstraintSet,
  constraintSet,
  constraintsOf,
  nameConstraintViolations,
} from '../name-constraints.ts';
import { oids } from '../oids.ts';
import type { Certificate, GeneralSubtree } from '../types.ts';
import { checkCritical, checkIssuedBy, checkIssuing, checkValidity } from './certificate-checks.ts';
import { Findings } from './findings.ts';
import { type PolicyInputs, PolicyState } from './policy-state.ts';
import { defaultLimits, type PathLimits, Work } from './work.ts';

/** The inputs of RFC 5280 §6.1.1, but for the path itself and its trust anchor. */
export interface PathInputs extends PolicyInputs {
  /** Every certificate must be valid then; left out: validity is not looked at. */
  readonly now?: Date | undefined;
  /** initial-permitted-subtrees: names of a form that stands here must lie in one of them. */
  readonly initialPermittedSubtrees?: readonly GeneralSubtree[] | undefined;
  readonly initialExcludedSubtrees?: readonly GeneralSubtree[] | undefined;
  /** What the validation may cost; what passes it is refused. */
  readonly limits?: PathLimits | undefined;
}

/** What RFC 5280 §6.1.6 gives back, and what it cost. */
export interface PathResult {
  /** Every broken rule, the certificate in question first; empty when the path is right. */
  readonly violations: readonly Violation[];
  /**
   * The policies that the path is valid for (user-constrained-policy-set), in the words of its
   * trust anchor; anyPolicy (2.5.29.32.0) stands for every one. Says nothing when there are violations.
   */
  readonly policies: readonly string[];
  readonly spent: Readonly<Record<keyof PathLimits, number>>;
}

/** RFC 5280 §6.1: a certificate that its own subject issued, as after a change of its key. */
function isSelfIssued({ certificate }: Findings): boolean {
  return namesEqual(certificate.subject, certificate.issuer);
}

/** A link certificate of a root that kept its name is self-issued, and another key signed it (§3.2). */
function isOwnIssuer(found: Findings): boolean {
  if (!isSelfIssued(found)) return false;
  const named = found.extension(oids.authorityKeyIdentifier, parseAuthorityKeyIdentifier);
  const own = found.extension(oids.subjectKeyIdentifier, parseSubjectKeyIdentifier);
  return named === undefined || own === undefined || bytesEqual(named, own);
}

/**
 * Validates a certification path (RFC 5280 §6.1, policies as RFC 9618 updates it): signatures,
 * names as bytes, key identifiers, validity, basicConstraints, path length, key usage, name
 * constraints of every form, policies with mappings and their constraints, critical extensions.
 *
 * The last certificate is the trust anchor when it is self-signed: its signature is checked, and
 * its name constraints and path length bind the path (RFC 5937), while its policy extensions do
 * not, as in RFC 5280. A last certificate that is not counts as part of the path, and
 * its own signature stays unchecked. Deliberately not done: revocation (§6.3), key purposes, the
 * building of paths, and that the anchor is one anybody trusts.
 *
 * @param leafFirst the certificate in question, its issuer, …, the root
 */
export function validatePath(
  leafFirst: readonly Certificate[],
  inputs: PathInputs = {},
): PathResult {
  const work = new Work(inputs.limits ?? defaultLimits);
  const octets = leafFirst.reduce((sum, { der }) => sum + der.length, 0);
  const fits = work.spend('certificates', leafFirst.length) && work.spend('octets', octets);
  if (leafFirst.length === 0 || !fits) {
    return {
      violations: [sizeViolation(leafFirst, octets, work)],
      policies: [],
      spent: work.spent,
    };
  }
  const findings = leafFirst.map((certificate, index) => new Findings(certificate, index + 1));
  checkEach(findings, inputs);
  const constraints = checkNames(findings, inputs, work);
  const policies = checkPolicies(findings, inputs, work);
  const exceeded = work.violation();
  return {
    violations: [
      ...findings.flatMap(({ violations }) => violations),
      ...constraints,
      ...(exceeded === undefined ? [] : [exceeded]),
    ],
    policies: [...policies],
    spent: work.spent,
  };
}

/**
 * `validatePath` for whoever has no policies to ask for.
 *
 * @param now when given, every certificate must be valid then
 * @returns every broken rule; empty when the path is right.
 */
export function verifyChain(leafFirst: readonly Certificate[], now?: Date): readonly Violation[] {
  return validatePath(leafFirst, { now }).violations;
}

function sizeViolation(
  { length }: readonly Certificate[],
  octets: number,
  { limits }: Work,
): Violation {
  return {
    rule: 'path-size',
    field: 'chain',
    message: `a path has 1 to ${limits.certificates} certificates of ${limits.octets} octets together, this one ${length} of ${octets}`,
    clause: 'RFC 5280 §6.1',
  };
}

/** All that concerns one certificate and the next one up, from the certificate in question on. */
function checkEach(findings: readonly Findings[], { now }: PathInputs): void {
  let below = 0;
  for (const [index, found] of findings.entries()) {
    const selfIssued = isSelfIssued(found);
    const issuer = findings[index + 1] ?? (isOwnIssuer(found) ? found : undefined);
    if (issuer !== undefined) checkIssuedBy(found, issuer);
    if (now !== undefined) checkValidity(found, now);
    checkCritical(found);
    if (index === 0) continue;
    checkIssuing(found, below);
    if (!selfIssued) below += 1;
  }
}

/** §6.1.3 (b), (c): self-issued certificates are exempt, unless they are the last. */
function checkNames(
  findings: readonly Findings[],
  { initialPermittedSubtrees = [], initialExcludedSubtrees = [] }: PathInputs,
  work: Work,
): readonly Violation[] {
  const violations: Violation[] = [];
  const above: ConstraintSet[] = [];
  if (initialPermittedSubtrees.length + initialExcludedSubtrees.length > 0) {
    above.push(
      constraintSet('the relying party', {
        permittedSubtrees: initialPermittedSubtrees,
        excludedSubtrees: initialExcludedSubtrees,
      }),
    );
  }
  for (const [index, found] of [...findings.entries()].toReversed()) {
    const { certificate } = found;
    const names = found.extension(oids.subjectAltName, parseSubjectAltName) ?? [];
    if (index === 0 || !isSelfIssued(found)) {
      violations.push(
        ...nameConstraintViolations(above, certificate.subject, names, index === 0, work),
      );
    }
    if (index === 0 || work.isExceeded) break;
    const own = constraintsOf(certificate);
    if (own === undefined) continue;
    if ('rule' in own) violations.push(own);
    else above.push(own);
  }
  return violations;
}

function checkPolicies(
  findings: readonly Findings[],
  inputs: PathInputs,
  work: Work,
): ReadonlySet<string> {
  const anchor = findings.at(-1);
  const path = anchor !== undefined && isOwnIssuer(anchor) ? findings.slice(0, -1) : findings;
  const state = new PolicyState(path.length, inputs, work);
  for (const [index, found] of [...path.entries()].toReversed()) {
    const selfIssued = isSelfIssued(found);
    state.process(found, selfIssued, index === 0);
    if (index > 0) state.prepareNext(found, selfIssued);
    else state.wrapUp(found);
    if (work.isExceeded) break;
  }
  return state.userConstrainedPolicies();
}
