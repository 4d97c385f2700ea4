import type { Violation } from '../domain/index.ts';
import {
  type BasicConstraints,
  type Certificate,
  findExtension,
  type NameConstraints,
  namesEqual,
  oids,
  parseBasicConstraints,
  parseExtendedKeyUsage,
  parseKeyUsage,
} from '../pkix/index.ts';
import { makeNameConstraints, type SubtreeParameters, subtreeParameters } from './ca-names.ts';
import {
  applyPolicyParameters,
  type PolicyParameters,
  type PolicyResult,
  policyParameters,
} from './ca-policies.ts';
import type { Profile } from './profile.ts';
import { violation } from './violation.ts';
import { anyExtendedKeyUsage, extendedKeyUsageName } from './vocabulary.ts';

/** What an administrator chooses when an issuer or a delegate is made. */
export interface CaParameters extends SubtreeParameters, PolicyParameters {
  readonly pathLength?: number | undefined;
  /** Taken over from a certificate of the same CA: this path length, or less where those above leave less. */
  readonly pathLengthAtMost?: number | undefined;
  /** Taken over whole from a certificate of the same CA, when no subtrees are chosen. */
  readonly inheritedNameConstraints?: NameConstraints | undefined;
  /** Up to the profile's ceremonyMaximum. */
  readonly days?: number | undefined;
  /** Its subject is its issuer's name: a link certificate, which no path length counts (RFC 5280 §6.1.4 (l)). */
  readonly selfIssued?: boolean | undefined;
}

/** The constraints of a CA certificate to be made. */
export interface CaResult extends PolicyResult {
  readonly basicConstraints: BasicConstraints;
  readonly nameConstraints?: NameConstraints | undefined;
  readonly violations: readonly Violation[];
}

/**
 * Path length, name constraints and policies of a new CA certificate. Without a choice the path length is
 * one less than the issuer's, or unbounded where the issuer's is. Deliberately not enforced: that
 * the new name constraints lie within those above; relying parties take the intersection anyway.
 */
export function applyCaParameters(
  profile: Profile,
  parameters: CaParameters,
  chain: readonly Certificate[],
): CaResult {
  const violations: Violation[] = [];
  const room = roomBelow(chain, parameters.selfIssued === true);
  const asked = parameters.pathLength;
  const { pathLengthAtMost } = parameters;
  let pathLength =
    pathLengthAtMost === undefined ? room : Math.min(pathLengthAtMost, room ?? pathLengthAtMost);
  if (profile.pathLength !== 'refused' && 'fixed' in profile.pathLength)
    pathLength = profile.pathLength.fixed;
  if (asked !== undefined) {
    if (profile.pathLength === 'refused' || 'fixed' in profile.pathLength) {
      violations.push(
        violation(
          'pathLength.refused',
          'pathLength',
          `profile ${profile.name} takes no path length`,
          'RFC 5280 §4.2.1.9',
          { value: String(asked), mend: 'leave it out' },
        ),
      );
    } else if (!Number.isInteger(asked) || asked < 0 || asked > 100) {
      violations.push(
        violation(
          'pathLength.range',
          'pathLength',
          'a path length is a whole number from 0 to 100',
          'RFC 5280 §4.2.1.9',
          { value: String(asked) },
        ),
      );
    } else pathLength = asked;
  }
  if (room !== undefined && room >= 0 && pathLength !== undefined && pathLength > room) {
    violations.push(
      violation(
        'pathLength.chain',
        'pathLength',
        `the certificates above leave a path length of ${room} at most`,
        'RFC 5280 §4.2.1.9',
        {
          value: String(pathLength),
          mend: `choose ${room} or less`,
        },
      ),
    );
  }
  const nameConstraints = makeNameConstraints(profile, parameters, violations);
  const policies = applyPolicyParameters(profile, parameters, violations);
  return {
    basicConstraints: {
      cA: true,
      ...(pathLength === undefined || pathLength < 0 ? {} : { pathLenConstraint: pathLength }),
    },
    nameConstraints,
    ...policies,
    violations,
  };
}

/**
 * How many further CA certificates may stand below a CA certificate issued now; undefined when
 * nothing bounds it, negative when none may be issued at all. Self-issued certificates don't count
 * (RFC 5280 §6.1.4 (l)).
 */
function roomBelow(chain: readonly Certificate[], selfIssued: boolean): number | undefined {
  let room: number | undefined;
  let below = selfIssued ? 0 : 1;
  for (const certificate of chain) {
    const pathLength = basicConstraintsOf(certificate)?.pathLenConstraint;
    if (pathLength !== undefined) room = Math.min(room ?? Infinity, pathLength - below);
    if (!namesEqual(certificate.subject, certificate.issuer)) below += 1;
  }
  return room;
}

/**
 * Whether the certificates above may stand above a certificate of this kind: each a CA with
 * keyCertSign, path lengths not used up, and key purposes that hold those granted (the last as
 * deployed validators do; RFC 5280 §4.2.1.12 says nothing of CA certificates).
 */
export function checkChain(
  profile: Profile,
  chain: readonly Certificate[],
  extendedKeyUsage: readonly string[],
  selfIssued = false,
): readonly Violation[] {
  const violations: Violation[] = [];
  const isCa = profile.type === 'ca';
  let below = isCa && !selfIssued ? 1 : 0;
  chain.forEach((certificate, index) => {
    const which = index === 0 ? 'the issuer' : `certificate ${index + 1} above`;
    const constraints = basicConstraintsOf(certificate);
    if (constraints?.cA !== true) {
      violations.push(
        violation('issuer.notCa', 'issuer', `${which} is no CA certificate`, 'RFC 5280 §4.2.1.9', {
          mend: 'use an issuer whose certificate has cA TRUE',
        }),
      );
    }
    const keyUsage = findExtension(certificate.extensions, oids.keyUsage);
    if (keyUsage !== undefined && !parseKeyUsage(keyUsage.value).includes('keyCertSign')) {
      violations.push(
        violation(
          'issuer.keyUsage',
          'issuer',
          `${which} may not sign certificates`,
          'RFC 5280 §4.2.1.3',
          { mend: 'use an issuer with keyCertSign' },
        ),
      );
    }
    const pathLength = constraints?.pathLenConstraint;
    if (pathLength !== undefined && pathLength < below) {
      violations.push(
        violation(
          'pathLength.exceeded',
          'issuer',
          `${which} has path length ${pathLength}: ${isCa ? 'no CA' : 'nothing'} may be issued here`,
          'RFC 5280 §4.2.1.9',
          {
            value: String(pathLength),
            mend: 'issue from a CA higher up, or make that CA with a greater path length',
          },
        ),
      );
    }
    violations.push(...purposeViolations(certificate, which, extendedKeyUsage));
    if (!namesEqual(certificate.subject, certificate.issuer)) below += 1;
  });
  return violations;
}

function purposeViolations(
  certificate: Certificate,
  which: string,
  granted: readonly string[],
): readonly Violation[] {
  const extension = findExtension(certificate.extensions, oids.extendedKeyUsage);
  if (extension === undefined) return [];
  const purposes = parseExtendedKeyUsage(extension.value);
  if (purposes.includes(anyExtendedKeyUsage)) return [];
  return granted
    .filter((purpose) => !purposes.includes(purpose))
    .map((purpose) =>
      violation(
        'issuer.extendedKeyUsage',
        'extendedKeyUsage',
        `${which} is limited to other purposes`,
        'RFC 5280 §4.2.1.12',
        {
          value: extendedKeyUsageName(purpose),
          mend: 'use an issuer without that limit',
        },
      ),
    );
}

function basicConstraintsOf(certificate: Certificate): BasicConstraints | undefined {
  const extension = findExtension(certificate.extensions, oids.basicConstraints);
  return extension === undefined ? undefined : parseBasicConstraints(extension.value);
}

/** Parameters that only CA certificates have are refused for all others. */
export function checkCaParametersFit(
  profile: Profile,
  parameters: CaParameters,
): readonly Violation[] {
  if (profile.type === 'ca') return [];
  const given = (['pathLength', ...subtreeParameters, ...policyParameters] as const).filter(
    (name) => {
      const value = parameters[name];
      return typeof value === 'object' ? value.length > 0 : value !== undefined;
    },
  );
  return given.map((name) =>
    violation('caParameters', name, `${name} is for CA certificates only`, 'RFC 5280 §4.2.1.9', {
      mend: 'leave it out',
    }),
  );
}
