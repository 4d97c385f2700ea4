import { describeSeconds } from './duration.ts';
import type { Profile } from './profile.ts';

/** How one field of a certificate comes about. */
export interface FieldDescription {
  readonly field: string;
  readonly rule: 'fixed' | 'default' | 'request' | 'refused';
  /** The fixed or default value, or the constraint under which the request is followed. */
  readonly value?: string | undefined;
}

/** A profile in plain JSON, for people who choose one and for those who review it. */
export interface ProfileDescription {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly type: Profile['type'];
  readonly requestable: boolean;
  readonly hash: string;
  readonly defaultValidity: string;
  readonly maximumValidity: string;
  readonly keyAlgorithms: readonly string[];
  readonly fields: readonly FieldDescription[];
}

/** Every field of a profile as fixed, defaulted, taken from the request under a constraint, or refused. */
export function describeProfile(profile: Profile): ProfileDescription {
  const { validity } = profile;
  return {
    name: profile.name,
    title: profile.title,
    description: profile.description,
    type: profile.type,
    requestable: profile.requestable,
    hash: profile.hash,
    defaultValidity: describeSeconds(validity.default),
    maximumValidity: describeSeconds(validity.maximum),
    keyAlgorithms: profile.key.algorithms,
    fields: [
      {
        field: 'subjectPublicKey',
        rule: 'request',
        value: `one of ${profile.key.algorithms.join(', ')}`,
      },
      {
        field: 'validity',
        rule: 'request',
        value:
          `${describeSeconds(validity.default)} by default, at most ${describeSeconds(validity.maximum)}` +
          (validity.ceremonyMaximum === undefined
            ? ''
            : `; at most ${describeSeconds(validity.ceremonyMaximum)} where an administrator chooses`) +
          '; never beyond the issuer’s end',
      },
      describeNotBefore(profile),
      ...describeSubject(profile),
      ...describeNames(profile),
      ...describeUsages(profile),
      ...describeConstraints(profile),
      ...describeRevocation(profile),
    ],
  };
}

function describeNotBefore({ notBefore }: Profile): FieldDescription {
  const start = `now${notBefore.backdate === undefined ? '' : ` less ${describeSeconds(notBefore.backdate)}`}`;
  if ('fixed' in notBefore) return { field: 'notBefore', rule: 'fixed', value: start };
  return {
    field: 'notBefore',
    rule: 'request',
    value: `${start} by default, at most ${describeSeconds(notBefore.latest)} ahead`,
  };
}

function describeSubject(profile: Profile): readonly FieldDescription[] {
  const taken = Object.entries(profile.subject).flatMap(([name, rule]): FieldDescription[] => {
    const field = `subject.${name}`;
    if (rule === undefined || rule === 'refused') return [];
    if ('fixed' in rule) return [{ field, rule: 'fixed', value: rule.fixed }];
    if (rule.default !== undefined)
      return [{ field, rule: 'default', value: `${rule.default}, unless the request has another` }];
    const constraints = [
      rule.required === true ? 'required' : 'optional',
      ...(rule.among === undefined ? [] : ['only a value that is also one of the names']),
    ];
    return [{ field, rule: 'request', value: constraints.join('; ') }];
  });
  return [...taken, { field: 'subject, every other attribute', rule: 'refused' }];
}

function describeNames(profile: Profile): readonly FieldDescription[] {
  const { minimum, maximum, fromCommonName, ...types } = profile.names;
  const taken = Object.entries(types).flatMap(([type, rule]): FieldDescription[] => {
    if (rule === undefined || rule === 'refused') return [];
    const wildcard =
      type !== 'dNSName'
        ? undefined
        : 'wildcard' in rule && rule.wildcard === true
          ? 'wildcards too'
          : 'no wildcards';
    const within = 'within the name policy';
    return [
      {
        field: `subjectAltName.${type}`,
        rule: 'request',
        value: wildcard === undefined ? within : `${within}; ${wildcard}`,
      },
    ];
  });
  if (taken.length === 0) return [{ field: 'subjectAltName', rule: 'refused' }];
  const count = `${minimum} to ${maximum} names`;
  return [
    {
      field: 'subjectAltName',
      rule: 'request',
      value:
        fromCommonName === true
          ? `${count}; without any, the commonName becomes the one name`
          : count,
    },
    ...taken,
    { field: 'subjectAltName, every other type', rule: 'refused' },
  ];
}

function describeUsages(profile: Profile): readonly FieldDescription[] {
  const keyUsage = (['ec', 'rsa', 'ed25519'] as const).flatMap((keyType): FieldDescription[] => {
    const rule = profile.keyUsage[keyType];
    const field = `keyUsage of ${keyType} keys`;
    if (rule === undefined || rule === 'refused') return [];
    if ('fixed' in rule) return [{ field, rule: 'fixed', value: rule.fixed.join(', ') }];
    return [
      {
        field,
        rule: 'request',
        value: `${rule.default.join(', ')} by default; a request may choose among ${rule.allowed.join(', ')}`,
      },
    ];
  });
  const rule = profile.extendedKeyUsage;
  const field = 'extendedKeyUsage';
  if (rule === 'refused') return [...keyUsage, { field, rule: 'refused' }];
  if ('fixed' in rule) return [...keyUsage, { field, rule: 'fixed', value: rule.fixed.join(', ') }];
  return [
    ...keyUsage,
    {
      field,
      rule: 'request',
      value: `${rule.default.join(', ')} by default; a request may choose among ${rule.allowed.join(', ')}`,
    },
  ];
}

function describeConstraints(profile: Profile): readonly FieldDescription[] {
  const isCa = profile.type === 'ca';
  const { pathLength } = profile;
  return [
    { field: 'basicConstraints', rule: 'fixed', value: isCa ? 'CA:TRUE, critical' : 'CA:FALSE' },
    pathLength === 'refused'
      ? { field: 'pathLenConstraint', rule: 'refused' }
      : 'fixed' in pathLength
        ? { field: 'pathLenConstraint', rule: 'fixed', value: String(pathLength.fixed) }
        : {
            field: 'pathLenConstraint',
            rule: 'request',
            value:
              'less than that of every CA above; one less than the issuer’s by default, none where it has none',
          },
    profile.nameConstraints === 'refused'
      ? { field: 'nameConstraints', rule: 'refused' }
      : {
          field: 'nameConstraints',
          rule: 'request',
          value:
            'subtrees of DNS names, IP addresses, mail addresses, URI hosts, directory names and user principal names that the administrator permits or excludes',
        },
    ...describePolicies(profile),
  ];
}

function describePolicies(profile: Profile): readonly FieldDescription[] {
  const { certificatePolicies: policies } = profile;
  const chosen = (
    field: string,
    rule: Profile['policyConstraints'] | Profile['inhibitAnyPolicy'] | Profile['policyMappings'],
  ): FieldDescription => {
    if (rule === 'refused') return { field, rule: 'refused' };
    if ('fixed' in rule) return { field, rule: 'fixed', value: JSON.stringify(rule.fixed) };
    if ('default' in rule && rule.default !== undefined) {
      return {
        field,
        rule: 'default',
        value: `${JSON.stringify(rule.default)}, unless the administrator chooses another`,
      };
    }
    return { field, rule: 'request', value: 'as the administrator chooses' };
  };
  const asked = (rule: { readonly required?: boolean | undefined }, what: string): string =>
    `${what} that the administrator names${rule.required === true ? '; required' : ''}`;
  return [
    policies === 'refused'
      ? { field: 'certificatePolicies', rule: 'refused' }
      : 'fixed' in policies
        ? {
            field: 'certificatePolicies',
            rule: 'fixed',
            value: policies.fixed
              .map(({ policyIdentifier, cps }) =>
                [policyIdentifier, ...(cps ?? []).map((uri) => `CPS ${uri}`)].join(' '),
              )
              .join(', '),
          }
        : policies.from === 'issuer'
          ? {
              field: 'certificatePolicies',
              rule: 'fixed',
              value: 'those of the issuer, where the certificates above ask for a policy',
            }
          : { field: 'certificatePolicies', rule: 'request', value: asked(policies, 'those') },
    ...(profile.type === 'ca'
      ? [
          chosen('policyMappings', profile.policyMappings),
          chosen('policyConstraints', profile.policyConstraints),
          chosen('inhibitAnyPolicy', profile.inhibitAnyPolicy),
          profile.subjectInfoAccess === 'refused'
            ? ({ field: 'subjectInfoAccess', rule: 'refused' } as const)
            : ({
                field: 'subjectInfoAccess',
                rule: 'request',
                value: asked(profile.subjectInfoAccess, 'the CA repository'),
              } as const),
        ]
      : []),
  ];
}

function describeRevocation(profile: Profile): readonly FieldDescription[] {
  const fixed = (field: string, rule: unknown, value: string): FieldDescription =>
    rule === 'refused' ? { field, rule: 'refused' } : { field, rule: 'fixed', value };
  return [
    fixed('cRLDistributionPoints', profile.cRLDistributionPoints, 'the issuer’s CRL address'),
    fixed(
      'authorityInfoAccess',
      profile.authorityInfoAccess,
      profile.authorityInfoAccess === 'refused'
        ? ''
        : `the issuer’s ${profile.authorityInfoAccess.fixed.join(' and ')} addresses`,
    ),
    fixed(
      'id-pkix-ocsp-nocheck',
      profile.ocspNoCheck,
      'present: relying parties do not ask for its status',
    ),
    fixed(
      'noRevAvail',
      profile.noRevAvail,
      'present: there is no revocation information (RFC 9608)',
    ),
    { field: 'every other extension', rule: 'refused' },
  ];
}
