import { ChanceryError, type Violation } from '../domain/index.ts';
import {
  type Extension,
  keyIdentifier,
  oids,
  parseBasicConstraints,
  parseCertificatePolicies,
  parseSubjectKeyIdentifier,
} from '../pkix/index.ts';
import type { Profile } from './profile.ts';
import type { CertificateRequestInput } from './request.ts';
import { violation } from './violation.ts';

/** Microsoft's own OID for extensionRequest: not read as one, so what hides in it is refused, not dropped. */
const microsoftExtensionRequest = '1.3.6.1.4.1.311.2.1.14';

/** Asked for elsewhere under rules of their own. */
const handledElsewhere: ReadonlySet<string> = new Set([
  oids.subjectAltName,
  oids.keyUsage,
  oids.extendedKeyUsage,
]);

/**
 * Refuses every extension that the CSR asks for and the profile does not grant exactly: CA
 * rights, another key identifier, other policies, and whatever is not known here.
 */
export function checkRequestedExtensions(
  profile: Profile,
  request: CertificateRequestInput,
): readonly Violation[] {
  const violations = request.requestedExtensions.flatMap((extension) => {
    if (handledElsewhere.has(extension.oid)) return [];
    try {
      return checkExtension(profile, request, extension);
    } catch (error) {
      if (!(error instanceof ChanceryError)) throw error;
      return [
        violation(
          'extension.syntax',
          `extensions.${extension.oid}`,
          error.message,
          error.clause ?? 'RFC 5280 §4.2',
        ),
      ];
    }
  });
  if (request.csr?.attributeOids.includes(microsoftExtensionRequest) === true) {
    violations.push(
      violation(
        'extension.attribute',
        'csr',
        'extensions are asked for in the attribute 1.3.6.1.4.1.311.2.1.14',
        'RFC 2985 §5.4.2',
        {
          mend: 'ask for them in extensionRequest (1.2.840.113549.1.9.14)',
        },
      ),
    );
  }
  return violations;
}

function checkExtension(
  profile: Profile,
  request: CertificateRequestInput,
  extension: Extension,
): Violation[] {
  switch (extension.oid) {
    case oids.basicConstraints:
      return checkBasicConstraints(profile, extension);
    case oids.subjectKeyIdentifier: {
      const asked = Buffer.from(parseSubjectKeyIdentifier(extension.value));
      if (asked.equals(keyIdentifier(request.subjectPublicKeyInfo))) return [];
      return [
        violation(
          'subjectKeyIdentifier.other',
          'subjectKeyIdentifier',
          'the key identifier is the SHA-1 hash of the public key',
          'RFC 5280 §4.2.1.2',
          {
            value: asked.toString('hex'),
            mend: 'leave subjectKeyIdentifier out',
          },
        ),
      ];
    }
    case oids.certificatePolicies:
      return checkPolicies(profile, extension);
    case oids.ocspNoCheck:
      return profile.ocspNoCheck === 'refused' ? [unknownExtension(profile, extension)] : [];
    case oids.noRevAvail:
      return profile.noRevAvail === 'refused' ? [unknownExtension(profile, extension)] : [];
    default:
      return [unknownExtension(profile, extension)];
  }
}

function checkBasicConstraints(profile: Profile, extension: Extension): Violation[] {
  const asked = parseBasicConstraints(extension.value);
  if (asked.cA && profile.type !== 'ca') {
    return [
      violation(
        'basicConstraints.cA',
        'basicConstraints',
        `profile ${profile.name} makes no CA certificates`,
        'RFC 5280 §4.2.1.9',
        {
          value: 'CA:TRUE',
          mend: 'leave basicConstraints out; a CA is made by an administrator as an issuer',
        },
      ),
    ];
  }
  if (!asked.cA && profile.type === 'ca') {
    return [
      violation(
        'basicConstraints.notCa',
        'basicConstraints',
        `profile ${profile.name} makes CA certificates only`,
        'RFC 5280 §4.2.1.9',
        {
          value: 'CA:FALSE',
          mend: 'leave basicConstraints out',
        },
      ),
    ];
  }
  return [];
}

function checkPolicies(profile: Profile, extension: Extension): Violation[] {
  const rule = profile.certificatePolicies;
  const granted = rule === 'refused' || !('fixed' in rule) ? [] : rule.fixed;
  return parseCertificatePolicies(extension.value)
    .filter(
      (asked) => !granted.some((policy) => policy.policyIdentifier === asked.policyIdentifier),
    )
    .map((asked) =>
      violation(
        'certificatePolicies.refused',
        'certificatePolicies',
        `profile ${profile.name} does not assert this policy`,
        'RFC 5280 §4.2.1.4',
        {
          value: asked.policyIdentifier,
          mend: 'leave certificatePolicies out',
        },
      ),
    );
}

const names = new Map<string, string>(Object.entries(oids).map(([name, oid]) => [oid, name]));

function unknownExtension(profile: Profile, extension: Extension): Violation {
  const name = names.get(extension.oid);
  return violation(
    'extension.refused',
    `extensions.${name ?? extension.oid}`,
    `profile ${profile.name} takes no extension ${name ?? extension.oid} from a request`,
    'RFC 5280 §4.2',
    {
      value: extension.oid,
      mend: 'leave it out of the certification request',
    },
  );
}
