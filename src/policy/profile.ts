import type { KeyUsageBit } from '../pkix/index.ts';
import type { ProfileContent } from './schema.ts';
import { anyExtendedKeyUsage, extendedKeyUsageOid, ocspSigningUsage } from './vocabulary.ts';

/**
 * One reviewed kind of certificate: every field fixed, defaulted, taken from the request under
 * a constraint, or refused. Durations are seconds.
 */
export interface Profile extends Readonly<ProfileContent> {
  /** Lower-case hex SHA-256 of the profile's canonical content (RFC 8785): pins what an issuance was made by. */
  readonly hash: string;
}

/** A rule that a profile breaks: the path of the field in the file, and what is wrong with it. */
export interface ProfileFault {
  readonly path: readonly string[];
  readonly message: string;
}

const signatureOnly: readonly KeyUsageBit[] = [
  'digitalSignature',
  'nonRepudiation',
  'keyCertSign',
  'cRLSign',
];

/** What a key of this type can be used for: RFC 8017 keys all but agreement, RFC 5480 §3 for EC, RFC 8410 §5 for Ed25519. */
export const keyUsagesOfKeyType: Readonly<
  Record<'ec' | 'rsa' | 'ed25519', readonly KeyUsageBit[]>
> = {
  ec: [...signatureOnly, 'keyAgreement', 'encipherOnly', 'decipherOnly'],
  rsa: [...signatureOnly, 'keyEncipherment', 'dataEncipherment'],
  ed25519: signatureOnly,
};

/** RFC 9608 leaves the life of a certificate without revocation information to the CA; here seven days. */
const longestWithoutRevocation = 7 * 86_400;

const caOnly = [
  'policyMappings',
  'policyConstraints',
  'inhibitAnyPolicy',
  'subjectInfoAccess',
] as const;

function usagesOf(rule: ProfileContent['keyUsage']['ec']): readonly KeyUsageBit[] {
  if (rule === undefined || rule === 'refused') return [];
  return 'fixed' in rule ? rule.fixed : [...rule.allowed, ...rule.default];
}

function extendedUsagesOf(rule: ProfileContent['extendedKeyUsage']): readonly string[] {
  if (rule === 'refused') return [];
  return 'fixed' in rule ? rule.fixed : [...rule.allowed, ...rule.default];
}

/** What no profile may say, whoever wrote it; the shape alone is the schema's business. */
export function profileFaults(profile: ProfileContent): readonly ProfileFault[] {
  const faults: ProfileFault[] = [];
  const fault = (path: string, message: string): void => {
    faults.push({ path: path.split('.'), message });
  };
  const isCa = profile.type === 'ca';
  const policies = profile.certificatePolicies;
  const policiesFrom = policies !== 'refused' && 'from' in policies ? policies.from : undefined;
  if (profile.selfSigned && !isCa)
    fault('selfSigned', 'only a profile of type ca can be self-signed');
  if (profile.requestable && profile.type !== 'endEntity') {
    fault(
      'requestable',
      `a profile of type ${profile.type} can't be offered at the issuance route`,
    );
  }
  if (profile.validity.default > profile.validity.maximum) {
    fault('validity.default', 'the default validity is longer than the maximum');
  }
  checkUsages(profile, fault);
  if (!isCa) {
    if (profile.pathLength !== 'refused')
      fault('pathLength', 'only a CA has a path length (RFC 5280 §4.2.1.9)');
    if (profile.nameConstraints !== 'refused') {
      fault('nameConstraints', 'only a CA has name constraints (RFC 5280 §4.2.1.10)');
    }
    for (const field of caOnly) {
      if (profile[field] !== 'refused') fault(field, `only a CA has ${field} (RFC 5280 §4.2.1)`);
    }
    if (policiesFrom === 'request') {
      fault('certificatePolicies', 'only a CA’s policies are chosen when it is made: write fixed');
    }
  }
  if (policiesFrom === 'issuer' && profile.type !== 'ocspSigning') {
    fault('certificatePolicies', 'only an OCSP delegate takes the policies of its issuer');
  }
  if (isCa && profile.subject.commonName === undefined) {
    fault(
      'subject.commonName',
      'a CA needs a subject: allow at least commonName (RFC 5280 §4.1.2.6)',
    );
  }
  if (profile.ocspNoCheck !== 'refused' && profile.type !== 'ocspSigning') {
    fault('ocspNoCheck', 'id-pkix-ocsp-nocheck is for type ocspSigning only (RFC 6960 §4.2.2.2.1)');
  }
  if (profile.names.minimum > profile.names.maximum)
    fault('names.minimum', 'minimum is above maximum');
  checkRevocation(profile, fault);
  return faults;
}

function checkUsages(
  profile: ProfileContent,
  fault: (path: string, message: string) => void,
): void {
  const isCa = profile.type === 'ca';
  for (const keyType of ['ec', 'rsa', 'ed25519'] as const) {
    const rule = profile.keyUsage[keyType];
    const offered = profile.key.algorithms.some((name) => keyTypeOf(name) === keyType);
    const usages = usagesOf(rule);
    if (offered && usages.length === 0) {
      fault(
        'keyUsage',
        `key.algorithms has ${keyType} keys, so keyUsage.${keyType} must say what they are for`,
      );
    }
    const impossible = usages.find((usage) => !keyUsagesOfKeyType[keyType].includes(usage));
    if (impossible !== undefined) {
      fault(
        `keyUsage.${keyType}`,
        `${impossible} is not possible with ${keyType} keys (RFC 5480 §3, RFC 8410 §5)`,
      );
    }
    const signsCertificates = usages.includes('keyCertSign') || usages.includes('cRLSign');
    if (signsCertificates && !isCa) {
      fault(
        `keyUsage.${keyType}`,
        'keyCertSign and cRLSign are for type ca only (RFC 5280 §4.2.1.3)',
      );
    }
    if (isCa && offered && !(usages.includes('keyCertSign') && usages.includes('cRLSign'))) {
      fault(`keyUsage.${keyType}`, 'a CA needs keyCertSign and cRLSign (RFC 5280 §4.2.1.3)');
    }
    if (rule !== undefined && rule !== 'refused' && 'from' in rule) {
      const outside = [...rule.default, ...(rule.required ?? [])].find(
        (usage) => !rule.allowed.includes(usage),
      );
      if (outside !== undefined) fault(`keyUsage.${keyType}`, `${outside} is not among allowed`);
    }
  }
  const purposes: string[] = [];
  for (const text of extendedUsagesOf(profile.extendedKeyUsage)) {
    const purpose = extendedKeyUsageOid(text);
    if (purpose === undefined)
      fault('extendedKeyUsage', `${text} is neither a known key purpose nor an OID`);
    else purposes.push(purpose);
  }
  if (purposes.includes(anyExtendedKeyUsage)) {
    fault(
      'extendedKeyUsage',
      'anyExtendedKeyUsage would make the certificate good for everything (RFC 5280 §4.2.1.12)',
    );
  }
  // A CA certificate with OCSPSigning would be a delegated responder for its siblings.
  const signsOcsp = purposes.includes(ocspSigningUsage);
  if (profile.type === 'ocspSigning') {
    if (
      !signsOcsp ||
      purposes.length !== 1 ||
      profile.extendedKeyUsage === 'refused' ||
      !('fixed' in profile.extendedKeyUsage)
    ) {
      fault(
        'extendedKeyUsage',
        'type ocspSigning has exactly the fixed key purpose OCSPSigning (RFC 6960 §4.2.2.2)',
      );
    }
  } else if (signsOcsp) {
    fault('extendedKeyUsage', 'OCSPSigning is for type ocspSigning only (RFC 6960 §4.2.2.2)');
  }
}

function checkRevocation(
  profile: ProfileContent,
  fault: (path: string, message: string) => void,
): void {
  if (profile.noRevAvail === 'refused') return;
  if (profile.type === 'ca')
    fault('noRevAvail', 'a CA certificate must not have noRevAvail (RFC 9608 §3)');
  if (profile.cRLDistributionPoints !== 'refused') {
    fault('cRLDistributionPoints', 'must be refused beside noRevAvail (RFC 9608 §3)');
  }
  if (
    profile.authorityInfoAccess !== 'refused' &&
    profile.authorityInfoAccess.fixed.includes('ocsp')
  ) {
    fault('authorityInfoAccess', 'must not name ocsp beside noRevAvail (RFC 9608 §3)');
  }
  const longest = Math.max(profile.validity.maximum, profile.validity.ceremonyMaximum ?? 0);
  if (longest > longestWithoutRevocation) {
    fault(
      'validity.maximum',
      'a certificate without revocation information may last 7 days at most',
    );
  }
}

/** The key type behind the name of a key algorithm. */
export function keyTypeOf(algorithm: string): 'ec' | 'rsa' | 'ed25519' {
  if (algorithm.startsWith('rsa')) return 'rsa';
  return algorithm === 'ed25519' ? 'ed25519' : 'ec';
}
