import {
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
  type GeneralName,
  type KeyUsageBit,
  keyIdentifier,
  type Name,
  type PolicyInformation,
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

/** A CA's policies are the profile's or the administrator's, anybody else's the profile's. */
export function certificatePoliciesOf({
  profile,
  ca,
}: Pick<GrantedFields, 'profile' | 'ca'>): readonly PolicyInformation[] | undefined {
  if (ca !== undefined) return ca.certificatePolicies;
  const rule = profile.certificatePolicies;
  return rule === 'refused' || !('fixed' in rule) ? undefined : rule.fixed;
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
