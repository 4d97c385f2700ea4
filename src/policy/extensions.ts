import {
  checkPolicies,
  type Extension,
  encodeAuthorityInfoAccess,
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeCertificatePolicies,
  encodeCRLDistributionPoints,
  encodeExtendedKeyUsage,
  encodeInhibitAnyPolicy,
  encodeKeyUsage,
  encodeNameConstraints,
  encodeNoRevAvail,
  encodeOcspNoCheck,
  encodePolicyConstraints,
  encodePolicyMappings,
  encodeSubjectAltName,
  encodeSubjectInfoAccess,
  encodeSubjectKeyIdentifier,
  findExtension,
  type GeneralName,
  type KeyUsageBit,
  keyIdentifier,
  type Name,
  oids,
  type PolicyInformation,
  parseCertificatePolicies,
  parsePolicyMappings,
} from '../pkix/index.ts';
import type { CaResult } from './ca.ts';
import type { IssuerInput } from './issuer.ts';
import type { Profile } from './profile.ts';
import type { CertificateRequestInput } from './request.ts';

/** The granted fields of a certificate, before they are encoded. */
export interface GrantedFields {
  readonly profile: Profile;
  readonly request: CertificateRequestInput;
  readonly issuer: IssuerInput;
  readonly names: readonly GeneralName[];
  readonly subject: Name;
  readonly keyUsage: readonly KeyUsageBit[];
  readonly extendedKeyUsage: readonly string[];
  readonly ca?: CaResult | undefined;
  readonly selfSigned: boolean;
}

/** Methods and addresses of authorityInfoAccess as the profile fixes them; undefined when it has none. */
export function authorityInfoAccessOf(
  profile: Profile,
  urls: IssuerInput['urls'],
): { readonly ocsp: readonly string[]; readonly caIssuers: readonly string[] } | undefined {
  if (profile.authorityInfoAccess === 'refused') return undefined;
  const methods = profile.authorityInfoAccess.fixed;
  return {
    ocsp: methods.includes('ocsp') ? [urls.ocsp] : [],
    caIssuers: methods.includes('caIssuers') ? [urls.caIssuers] : [],
  };
}

/** A CA's policies are the profile's or the administrator's, a delegate's its issuer's, anybody else's the profile's. */
export function certificatePoliciesOf({
  profile,
  ca,
  issuer,
}: Pick<GrantedFields, 'profile' | 'ca' | 'issuer'>): readonly PolicyInformation[] | undefined {
  if (ca !== undefined) return ca.certificatePolicies;
  const rule = profile.certificatePolicies;
  if (rule === 'refused') return undefined;
  if ('fixed' in rule) return rule.fixed;
  return rule.from === 'issuer' ? policiesOfIssuer(issuer) : undefined;
}

/**
 * What a certificate below must assert to be valid for what the issuer is valid for: its own policies,
 * those that it maps in the words of its subjects (RFC 5280 §4.2.1.5). Undefined where no certificate
 * above asks for a policy: clients know a delegate by its issuer (RFC 6960 §4.2.2.2).
 */
function policiesOfIssuer({
  certificate,
  chain,
}: IssuerInput): readonly PolicyInformation[] | undefined {
  if (certificate === undefined || checkPolicies(chain, undefined).length === 0) return undefined;
  const { extensions } = certificate;
  const asserted = findExtension(extensions, oids.certificatePolicies);
  if (asserted === undefined) return undefined;
  const mapped = findExtension(extensions, oids.policyMappings);
  const mappings = mapped === undefined ? [] : parsePolicyMappings(mapped.value);
  const policies = parseCertificatePolicies(asserted.value).flatMap(({ policyIdentifier }) => {
    const below = mappings.filter((mapping) => mapping.issuerDomainPolicy === policyIdentifier);
    return below.length === 0
      ? [policyIdentifier]
      : below.map(({ subjectDomainPolicy }) => subjectDomainPolicy);
  });
  return [...new Set(policies)].map((policyIdentifier) => ({ policyIdentifier, cps: [] }));
}

/** The extensions in a fixed order, with the criticality that RFC 5280 §4.2.1 asks for. */
export function makeExtensions(fields: GrantedFields): readonly Extension[] {
  const { profile, issuer, names, ca } = fields;
  const extensions: Extension[] = [];
  // §4.2.1.1: may be left out of self-signed certificates, where it would repeat the subject's.
  if (!fields.selfSigned)
    extensions.push(encodeAuthorityKeyIdentifier(issuer.subjectKeyIdentifier));
  extensions.push(encodeSubjectKeyIdentifier(keyIdentifier(fields.request.subjectPublicKeyInfo)));
  if (fields.keyUsage.length > 0) extensions.push(encodeKeyUsage([...fields.keyUsage]));
  if (fields.extendedKeyUsage.length > 0) {
    const rule = profile.extendedKeyUsage;
    const critical = rule !== 'refused' && 'critical' in rule && rule.critical === true;
    extensions.push(encodeExtendedKeyUsage([...fields.extendedKeyUsage], critical));
  }
  extensions.push(encodeBasicConstraints(ca?.basicConstraints ?? { cA: false }));
  if (ca?.nameConstraints !== undefined) extensions.push(encodeNameConstraints(ca.nameConstraints));
  if (names.length > 0) {
    // §4.2.1.6: critical exactly when the subject is empty.
    extensions.push(encodeSubjectAltName([...names], fields.subject.rdns.length === 0));
  }
  const policies = certificatePoliciesOf(fields);
  if (policies !== undefined) extensions.push(encodeCertificatePolicies(policies));
  if (ca?.policyMappings !== undefined) extensions.push(encodePolicyMappings(ca.policyMappings));
  if (ca?.policyConstraints !== undefined) {
    extensions.push(encodePolicyConstraints(ca.policyConstraints));
  }
  if (ca?.inhibitAnyPolicy !== undefined) {
    extensions.push(encodeInhibitAnyPolicy(ca.inhibitAnyPolicy));
  }
  if (profile.cRLDistributionPoints !== 'refused') {
    extensions.push(encodeCRLDistributionPoints([issuer.urls.crl]));
  }
  const access = authorityInfoAccessOf(profile, issuer.urls);
  if (access !== undefined) extensions.push(encodeAuthorityInfoAccess(access));
  if (ca?.subjectInfoAccess !== undefined) {
    extensions.push(encodeSubjectInfoAccess(ca.subjectInfoAccess));
  }
  if (profile.ocspNoCheck !== 'refused') extensions.push(encodeOcspNoCheck());
  if (profile.noRevAvail !== 'refused') extensions.push(encodeNoRevAvail());
  return extensions;
}
