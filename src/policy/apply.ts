import type { SerialNumber, Violation } from '../domain/index.ts';
import {
  checkNameConstraints,
  checkPolicies,
  emptyName,
  formatDistinguishedName,
  formatGeneralName,
  type GeneralName,
  keyAlgorithmOf,
  type TbsCertificate,
} from '../pkix/index.ts';
import { applyCaParameters, type CaParameters, checkCaParametersFit, checkChain } from './ca.ts';
import { certificatePoliciesOf, makeExtensions } from './extensions.ts';
import type { IssuerInput } from './issuer.ts';
import { checkKey, type KeyPolicy } from './key-policy.ts';
import { type NamePolicy, permitAll } from './name-policy.ts';
import { applyNames } from './names.ts';
import { keyTypeOf, type Profile } from './profile.ts';
import { describeGranted, describeRequested } from './report.ts';
import type { CertificateRequestInput } from './request.ts';
import { checkRequestedExtensions } from './requested-extensions.ts';
import { applySubject } from './subject.ts';
import { applyExtendedKeyUsage, applyKeyUsage } from './usages.ts';
import { applyValidity } from './validity.ts';
import { violation } from './violation.ts';

export interface ApplyProfileInput {
  readonly profile: Profile;
  readonly request: CertificateRequestInput;
  readonly issuer: IssuerInput;
  readonly now: Date;
  readonly serialNumber: SerialNumber;
  /** Default: any name that the profile's syntax takes. */
  readonly namePolicy?: NamePolicy | undefined;
  /** Default: `defaultKeyPolicy`. Its violations have the field `subjectPublicKey`. */
  readonly keyPolicy?: KeyPolicy | undefined;
  readonly caParameters?: CaParameters | undefined;
}

export type ApplyProfileResult =
  | {
      readonly ok: true;
      readonly tbs: TbsCertificate;
      /** What was asked, field by field, as JSON. */
      readonly requested: Readonly<Record<string, unknown>>;
      /** What was granted, field by field, as JSON. */
      readonly granted: Readonly<Record<string, unknown>>;
      /** The granted subjectAltName. */
      readonly names: readonly GeneralName[];
    }
  | { readonly ok: false; readonly violations: readonly Violation[] };

/**
 * (profile, request, issuer, now) -> the TBS to sign, or every violation with its clause and how
 * to mend it. Pure. Nothing asked for is shortened or dropped silently: it is granted as
 * `granted` says, or refused. Proof of possession is checked elsewhere
 * (`verifyCertificationRequest`), as is who may use the profile and whether the key is blocked.
 */
export function applyProfile(input: ApplyProfileInput): ApplyProfileResult {
  const { profile, request, issuer } = input;
  const parameters = input.caParameters ?? {};
  const chain = issuer.certificate === undefined ? [] : issuer.chain;
  const violations: Violation[] = [
    ...checkIssuer(profile, issuer),
    ...checkKey(request.subjectPublicKeyInfo, input.keyPolicy),
  ];

  const algorithm = keyAlgorithmOf(request.subjectPublicKeyInfo);
  if (algorithm === undefined || !profile.key.algorithms.includes(algorithm)) {
    violations.push(
      violation(
        'key.algorithm',
        'subjectPublicKey',
        `profile ${profile.name} takes keys of type ${profile.key.algorithms.join(', ')}`,
        `profile ${profile.name}`,
        {
          value: algorithm ?? request.subjectPublicKeyInfo.algorithm.oid,
          mend: `make a new key, for example ${profile.key.default ?? profile.key.algorithms[0] ?? ''}`,
        },
      ),
    );
  }
  const keyType = keyTypeOf(algorithm ?? 'p256');
  const names = applyNames(profile, request, input.namePolicy ?? permitAll);
  const subject = applySubject(profile, request.subject ?? emptyName, names.names);
  const keyUsage = applyKeyUsage(profile, keyType, request.keyUsage);
  const extendedKeyUsage = applyExtendedKeyUsage(profile, request.extendedKeyUsage);
  const validity = applyValidity(profile, {
    notBefore: request.notBefore,
    notAfter: request.notAfter,
    days: request.days,
    ceremonyDays: parameters.days,
    now: input.now,
    chain,
  });
  const ca = profile.type === 'ca' ? applyCaParameters(profile, parameters, chain) : undefined;
  violations.push(
    ...names.violations,
    ...subject.violations,
    ...keyUsage.violations,
    ...extendedKeyUsage.violations,
    ...checkRequestedExtensions(profile, request),
    ...checkCaParametersFit(profile, parameters),
    ...validity.violations,
    ...(ca?.violations ?? []),
    ...checkChain(profile, chain, extendedKeyUsage.granted, parameters.selfIssued === true),
  );
  if (subject.subject.rdns.length === 0 && names.names.length === 0 && violations.length === 0) {
    violations.push(
      violation(
        'subject.nameless',
        'subject',
        'the certificate would name nobody',
        'RFC 5280 §4.1.2.6',
        {
          mend: 'ask for a subject or for a name in subjectAltName',
        },
      ),
    );
  }
  if (chain.length > 0)
    violations.push(...checkNameConstraints([...chain], subject.subject, [...names.names]));
  // Clients know a delegate by its issuer (RFC 6960 §4.2.2.2): a profile may leave its policies out.
  if (profile.type !== 'ocspSigning') {
    const policies = certificatePoliciesOf({ profile, ca, issuer });
    violations.push(
      ...checkPolicies(
        chain,
        policies?.map((policy) => policy.policyIdentifier),
      ),
    );
  }
  if (violations.length > 0) return { ok: false, violations };

  const fields = {
    profile,
    request,
    issuer,
    names: names.names,
    subject: subject.subject,
    keyUsage: keyUsage.granted,
    extendedKeyUsage: extendedKeyUsage.granted,
    ca,
    selfSigned: profile.selfSigned,
  };
  const tbs: TbsCertificate = {
    serialNumber: input.serialNumber,
    signature: issuer.signatureAlgorithm,
    issuer: profile.selfSigned ? subject.subject : issuer.subject,
    validity: validity.validity,
    subject: subject.subject,
    subjectPublicKeyInfo: request.subjectPublicKeyInfo,
    extensions: makeExtensions(fields),
  };
  return {
    ok: true,
    tbs,
    requested: describeRequested(request, parameters),
    granted: describeGranted({
      ...fields,
      validity: validity.validity,
      limitedBy: validity.limitedBy,
      namesFromCommonName: names.fromCommonName,
      subjectText: formatDistinguishedName(subject.subject),
      nameTexts: names.names.map(formatGeneralName),
    }),
    names: names.names,
  };
}

function checkIssuer(profile: Profile, issuer: IssuerInput): readonly Violation[] {
  if (profile.selfSigned === (issuer.certificate === undefined)) {
    if (profile.selfSigned || issuer.chain.length > 0) return [];
    return [
      violation('issuer.chain', 'issuer', 'the chain of the issuer is missing', 'RFC 5280 §6.1', {
        mend: 'install the chain of this issuer first',
      }),
    ];
  }
  return [
    profile.selfSigned
      ? violation(
          'issuer.selfSigned',
          'issuer',
          `profile ${profile.name} is for self-signed roots only`,
          'RFC 5280 §3.2',
          { mend: 'choose a profile for certificates below an issuer' },
        )
      : violation(
          'issuer.missing',
          'issuer',
          `profile ${profile.name} needs an issuer with a certificate`,
          'RFC 5280 §3.2',
          { mend: 'choose an active issuer' },
        ),
  ];
}
