import type { Violation } from '../domain/index.ts';
import { type KeyUsageBit, keyAlgorithmOf } from '../pkix/index.ts';
import { keyTypeOf, keyUsagesOfKeyType, type Profile } from './profile.ts';
import type { CertificateRequestInput } from './request.ts';
import { violation } from './violation.ts';
import {
  anyExtendedKeyUsage,
  extendedKeyUsageName,
  extendedKeyUsageOid,
  keyUsageBits,
  ocspSigningUsage,
} from './vocabulary.ts';

/** What a key may be used for, and what was refused of the uses asked for. */
export interface UsagesResult<T> {
  readonly granted: readonly T[];
  readonly violations: readonly Violation[];
}

type KeyType = 'ec' | 'rsa' | 'ed25519';

/** KeyUsage under the profile's rule for this type of key (RFC 5280 §4.2.1.3). */
export function applyKeyUsage(
  profile: Profile,
  keyType: KeyType,
  requested: readonly KeyUsageBit[] | undefined,
): UsagesResult<KeyUsageBit> {
  const rule = profile.keyUsage[keyType];
  if (rule === undefined || rule === 'refused') return { granted: [], violations: [] };
  const allowed = 'fixed' in rule ? rule.fixed : rule.allowed;
  const violations: Violation[] = (requested ?? [])
    .filter((bit) => !allowed.includes(bit))
    .map((bit) => keyUsageViolation(profile, keyType, bit, allowed));
  if ('fixed' in rule) return { granted: inOrder(rule.fixed), violations };
  const granted = requested ?? rule.default;
  for (const bit of rule.required ?? []) {
    if (granted.includes(bit)) continue;
    violations.push(
      violation(
        'keyUsage.required',
        'keyUsage',
        `profile ${profile.name} needs ${bit}`,
        `profile ${profile.name}`,
        {
          value: granted.join(', '),
          mend: `ask for ${bit} as well, or for no keyUsage at all`,
        },
      ),
    );
  }
  return { granted: inOrder(granted), violations };
}

/**
 * The keyUsage of a CSR as the wish that it is with enrolment clients: they write it by a template that
 * knows neither key nor profile (`digitalSignature, keyEncipherment`, with EC keys as well). What the
 * profile has for this kind of key remains. A use that only a CA has is no template: all is kept, to be
 * refused.
 *
 * @returns undefined where the profile's default applies
 */
export function wishedKeyUsage(
  profile: Profile,
  { keyUsage, subjectPublicKeyInfo }: CertificateRequestInput,
): readonly KeyUsageBit[] | undefined {
  const rule = profile.keyUsage[keyTypeOf(keyAlgorithmOf(subjectPublicKeyInfo) ?? 'p256')];
  if (keyUsage === undefined || rule === undefined || rule === 'refused') return undefined;
  const [has, required] = 'fixed' in rule ? [rule.fixed, []] : [rule.allowed, rule.required ?? []];
  if (keyUsage.some((bit) => onlyForCa.includes(bit))) return keyUsage;
  const wished = keyUsage.filter((bit) => has.includes(bit));
  return wished.length > 0 && required.every((bit) => wished.includes(bit)) ? wished : undefined;
}

const onlyForCa: readonly KeyUsageBit[] = ['keyCertSign', 'cRLSign'];

function inOrder(bits: readonly KeyUsageBit[]): readonly KeyUsageBit[] {
  return keyUsageBits.filter((bit) => bits.includes(bit));
}

function keyUsageViolation(
  profile: Profile,
  keyType: KeyType,
  bit: KeyUsageBit,
  allowed: readonly KeyUsageBit[],
): Violation {
  const more = { value: bit, mend: `leave keyUsage out, or ask for ${allowed.join(', ')}` };
  if (!keyUsagesOfKeyType[keyType].includes(bit)) {
    const clause =
      keyType === 'ed25519' ? 'RFC 8410 §5' : keyType === 'ec' ? 'RFC 5480 §3' : 'RFC 3279 §2.3.1';
    return violation(
      'keyUsage.keyType',
      'keyUsage',
      `${bit} is not possible with ${keyType} keys`,
      clause,
      more,
    );
  }
  if (bit === 'keyCertSign' || bit === 'cRLSign') {
    return violation(
      'keyUsage.caOnly',
      'keyUsage',
      `${bit} is for CA certificates only`,
      'RFC 5280 §4.2.1.3',
      more,
    );
  }
  return violation(
    'keyUsage.refused',
    'keyUsage',
    `profile ${profile.name} does not grant ${bit}`,
    'RFC 5280 §4.2.1.3',
    more,
  );
}

/** ExtendedKeyUsage (OIDs) under the profile's rule (RFC 5280 §4.2.1.12). */
export function applyExtendedKeyUsage(
  profile: Profile,
  requested: readonly string[] | undefined,
): UsagesResult<string> {
  const rule = profile.extendedKeyUsage;
  const words = rule === 'refused' ? [] : 'fixed' in rule ? rule.fixed : rule.allowed;
  const allowed = words.map(toOid);
  const violations = (requested ?? [])
    .filter((purpose) => !allowed.includes(purpose))
    .map((purpose) => extendedKeyUsageViolation(profile, purpose, words));
  if (rule === 'refused') return { granted: [], violations };
  const granted = 'fixed' in rule ? allowed : (requested ?? rule.default.map(toOid));
  return { granted: allowed.filter((purpose) => granted.includes(purpose)), violations };
}

/** Parsing the profile has seen to it that each is a known word or an OID. */
function toOid(text: string): string {
  return extendedKeyUsageOid(text) ?? text;
}

function extendedKeyUsageViolation(
  profile: Profile,
  purpose: string,
  allowed: readonly string[],
): Violation {
  const name = extendedKeyUsageName(purpose);
  const mend =
    allowed.length === 0
      ? 'leave extendedKeyUsage out'
      : `leave extendedKeyUsage out, or ask for ${allowed.map((text) => extendedKeyUsageName(toOid(text))).join(', ')}`;
  const more = { value: name, mend };
  if (purpose === anyExtendedKeyUsage) {
    return violation(
      'extendedKeyUsage.any',
      'extendedKeyUsage',
      'anyExtendedKeyUsage would make the certificate good for everything',
      'RFC 5280 §4.2.1.12',
      more,
    );
  }
  if (purpose === ocspSigningUsage) {
    return violation(
      'extendedKeyUsage.ocspSigning',
      'extendedKeyUsage',
      'OCSPSigning is granted to enrolled responders only',
      'RFC 6960 §4.2.2.2',
      more,
    );
  }
  return violation(
    'extendedKeyUsage.refused',
    'extendedKeyUsage',
    `profile ${profile.name} does not grant ${name}`,
    'RFC 5280 §4.2.1.12',
    more,
  );
}
