import { ChanceryError, type Violation } from '../domain/index.ts';
import {
  commonNameOf,
  findExtension,
  formatGeneralName,
  type GeneralName,
  oids,
  parseIpAddress,
  parseSubjectAltName,
} from '../pkix/index.ts';
import { normaliseName } from './general-name.ts';
import { checkNamePolicy, type NamePolicy } from './name-policy.ts';
import type { Profile } from './profile.ts';
import type { CertificateRequestInput } from './request.ts';
import { violation } from './violation.ts';
import { userPrincipalNameOid } from './vocabulary.ts';

/** The subjectAltName that the profile grants, and what it refuses of the names asked for. */
export interface NamesResult {
  readonly names: readonly GeneralName[];
  /** The one name was taken from the commonName, because the request had no other. */
  readonly fromCommonName: boolean;
  readonly violations: readonly Violation[];
}

const field = 'names';

/**
 * Every name asked for, through the one normaliser, the profile and the name policy. A name
 * that is there twice after normalising is granted once; nothing else is left out.
 */
export function applyNames(
  profile: Profile,
  request: CertificateRequestInput,
  policy: NamePolicy,
): NamesResult {
  const violations: Violation[] = [];
  let asked = request.names ?? [];
  const promoted =
    asked.length === 0 && profile.names.fromCommonName === true
      ? commonNameAsName(request)
      : undefined;
  if (promoted !== undefined) asked = [promoted];
  const granted = new Map<string, GeneralName>();
  // Beyond the maximum nothing is looked at: the work on one request stays bounded.
  for (const name of asked.slice(0, profile.names.maximum + 1)) {
    const result = normaliseName(name);
    if (!result.ok) {
      violations.push(typeViolation(profile, name) ?? result.violation);
      continue;
    }
    const refusal = typeViolation(profile, result.name) ?? checkNamePolicy(result.name, policy);
    if (refusal === undefined) granted.set(formatGeneralName(result.name), result.name);
    else violations.push(refusal);
  }
  if (asked.length > profile.names.maximum) {
    violations.push(
      violation(
        'names.maximum',
        field,
        `profile ${profile.name} takes at most ${profile.names.maximum} names`,
        `profile ${profile.name}`,
        {
          value: String(asked.length),
          mend:
            profile.names.maximum === 0
              ? 'leave subjectAltName out'
              : 'split them over several certificates',
        },
      ),
    );
  } else if (violations.length === 0 && granted.size < profile.names.minimum) {
    violations.push(
      violation(
        'names.minimum',
        field,
        `profile ${profile.name} needs at least ${profile.names.minimum} name in subjectAltName`,
        'RFC 5280 §4.2.1.6',
        {
          mend: `ask for ${takenTypes(profile).join(', ')}; with openssl req: -addext subjectAltName=DNS:host.example.org`,
        },
      ),
    );
  }
  violations.push(...namesOnlyInCsr(request, granted));
  return { names: [...granted.values()], fromCommonName: promoted !== undefined, violations };
}

/** The commonName as DNS name or IP address; undefined when it is neither a plain host nor an address. */
function commonNameAsName(request: CertificateRequestInput): GeneralName | undefined {
  const text = request.subject === undefined ? undefined : commonNameOf(request.subject);
  if (text === undefined) return undefined;
  try {
    return { type: 'iPAddress', bytes: parseIpAddress(text) };
  } catch {
    return /\s/.test(text) ? undefined : { type: 'dNSName', value: text };
  }
}

/** Why the profile does not take this type of name; undefined when it does. */
function typeViolation(profile: Profile, name: GeneralName): Violation | undefined {
  const rule = ruleOf(profile, name);
  if (rule !== undefined && rule !== 'refused') {
    if (
      name.type !== 'dNSName' ||
      !name.value.startsWith('*') ||
      ('wildcard' in rule && rule.wildcard === true)
    )
      return undefined;
    return violation(
      'names.wildcard',
      'names.dNSName',
      `profile ${profile.name} takes no wildcard names`,
      'RFC 9525 §7.1',
      {
        value: name.value,
        mend: 'name each host, or choose a profile that takes wildcards',
      },
    );
  }
  const types = takenTypes(profile);
  return violation(
    'names.type',
    `names.${name.type}`,
    `profile ${profile.name} takes no names of type ${name.type}`,
    `profile ${profile.name}`,
    {
      value: formatGeneralName(name),
      mend: types.length === 0 ? 'leave subjectAltName out' : `it takes ${types.join(', ')}`,
    },
  );
}

function ruleOf(profile: Profile, name: GeneralName): Profile['names']['dNSName'] {
  switch (name.type) {
    case 'dNSName':
    case 'iPAddress':
    case 'rfc822Name':
    case 'uniformResourceIdentifier':
    case 'directoryName':
    case 'registeredID':
      return profile.names[name.type];
    case 'otherName':
      return name.typeId === userPrincipalNameOid ? profile.names.userPrincipalName : 'refused';
    case 'x400Address':
    case 'ediPartyName':
      return 'refused';
    default:
      return name satisfies never;
  }
}

function takenTypes(profile: Profile): readonly string[] {
  return Object.entries(profile.names)
    .filter(([, rule]) => typeof rule === 'object')
    .map(([type]) => type);
}

/** When names came beside the CSR, a name that stands only in the CSR would be dropped: it is refused instead. */
function namesOnlyInCsr(
  request: CertificateRequestInput,
  granted: ReadonlyMap<string, GeneralName>,
): readonly Violation[] {
  const extension = findExtension(request.requestedExtensions, oids.subjectAltName);
  if (extension === undefined || request.names === undefined) return [];
  let inCsr: readonly GeneralName[];
  try {
    inCsr = parseSubjectAltName(extension.value);
  } catch (error) {
    if (!(error instanceof ChanceryError)) throw error;
    return [violation('names.syntax', field, error.message, error.clause ?? 'RFC 5280 §4.2.1.6')];
  }
  const asked = new Set(request.names.map(formatGeneralName));
  return inCsr
    .filter((name) => {
      if (asked.has(formatGeneralName(name))) return false;
      const normal = normaliseName(name);
      return !normal.ok || !granted.has(formatGeneralName(normal.name));
    })
    .map((name) =>
      violation(
        'names.onlyInCsr',
        field,
        'the certification request has a name that the request beside it does not',
        'RFC 2986 §4.1',
        {
          value: formatGeneralName(name),
          mend: 'ask for the same names in both, or only in the certification request',
        },
      ),
    );
}
