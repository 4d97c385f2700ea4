import {
  formatDistinguishedName,
  formatGeneralName,
  type NameConstraints,
  oids,
  type Validity,
} from '../pkix/index.ts';
import type { CaParameters } from './ca.ts';
import { subtreeParameters } from './ca-names.ts';
import { policyParameters } from './ca-policies.ts';
import { authorityInfoAccessOf, certificatePoliciesOf, type GrantedFields } from './extensions.ts';
import type { CertificateRequestInput } from './request.ts';
import { extendedKeyUsageName } from './vocabulary.ts';

type Report = Readonly<Record<string, unknown>>;

/** Leaves members without a value out, so that a report says only what was said. */
function said(members: Readonly<Record<string, unknown>>): Report {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function isoTime(date: Date | undefined): string | undefined {
  return date?.toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** What was asked, field by field, as JSON; the CSR's own subject when the request beside it replaced it. */
export function describeRequested(
  request: CertificateRequestInput,
  parameters: CaParameters,
): Report {
  const { csr, subject } = request;
  const other = csr?.attributeOids.filter((oid) => oid !== oids.extensionRequest) ?? [];
  return said({
    source: csr === undefined ? 'parameters' : 'csr',
    subject: subject === undefined ? undefined : formatDistinguishedName(subject),
    csrSubject:
      csr === undefined || csr.subject === subject
        ? undefined
        : formatDistinguishedName(csr.subject),
    names: request.names?.map(formatGeneralName),
    notBefore: isoTime(request.notBefore),
    notAfter: isoTime(request.notAfter),
    days: parameters.days ?? request.days,
    keyUsage: request.keyUsage,
    extendedKeyUsage: request.extendedKeyUsage?.map(extendedKeyUsageName),
    extensions:
      request.requestedExtensions.length === 0
        ? undefined
        : request.requestedExtensions.map((extension) => extension.oid),
    // Such as challengePassword: they ask for nothing in the certificate.
    attributesWithoutEffect: other.length === 0 ? undefined : other,
    pathLength: parameters.pathLength,
    ...Object.fromEntries(
      [...subtreeParameters, ...policyParameters].map((name) => [name, parameters[name]]),
    ),
  });
}

export interface GrantedReportInput extends GrantedFields {
  readonly validity: Validity;
  readonly limitedBy?: 'issuer' | undefined;
  readonly namesFromCommonName: boolean;
  readonly subjectText: string;
  readonly nameTexts: readonly string[];
}

/** What was granted, field by field, as JSON. */
export function describeGranted(fields: GrantedReportInput): Report {
  const { profile, issuer, ca } = fields;
  const policies = certificatePoliciesOf(fields);
  return said({
    profile: profile.name,
    profileHash: profile.hash,
    subject: fields.subjectText,
    names: fields.nameTexts,
    namesTakenFrom: fields.namesFromCommonName ? 'commonName' : undefined,
    notBefore: isoTime(fields.validity.notBefore),
    notAfter: isoTime(fields.validity.notAfter),
    validityLimitedBy: fields.limitedBy,
    keyUsage: fields.keyUsage,
    extendedKeyUsage:
      fields.extendedKeyUsage.length === 0
        ? undefined
        : fields.extendedKeyUsage.map(extendedKeyUsageName),
    basicConstraints: ca === undefined ? { cA: false } : said({ ...ca.basicConstraints }),
    nameConstraints:
      ca?.nameConstraints === undefined ? undefined : describeConstraints(ca.nameConstraints),
    certificatePolicies: policies?.map((policy) => policy.policyIdentifier),
    policyMappings: ca?.policyMappings,
    policyConstraints:
      ca?.policyConstraints === undefined ? undefined : said({ ...ca.policyConstraints }),
    inhibitAnyPolicy: ca?.inhibitAnyPolicy,
    subjectInfoAccess: ca?.subjectInfoAccess,
    cRLDistributionPoints:
      profile.cRLDistributionPoints === 'refused' ? undefined : [issuer.urls.crl],
    authorityInfoAccess: authorityInfoAccessOf(profile, issuer.urls),
    ocspNoCheck: profile.ocspNoCheck === 'refused' ? undefined : true,
    noRevAvail: profile.noRevAvail === 'refused' ? undefined : true,
  });
}

function describeConstraints(constraints: NameConstraints): Report {
  const texts = (subtrees: NameConstraints['permittedSubtrees']): readonly string[] =>
    subtrees.map((subtree) => formatGeneralName(subtree.base));
  return {
    permitted: texts(constraints.permittedSubtrees),
    excluded: texts(constraints.excludedSubtrees),
  };
}
