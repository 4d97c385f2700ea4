import type { CertificateLint } from '../certificate-subject.ts';
import { anyExtendedKeyUsageAbsent } from './any-extended-key-usage-absent.ts';
import { attributeCharacters } from './attribute-characters.ts';
import { attributeLength } from './attribute-length.ts';
import { attributeStringType } from './attribute-string-type.ts';
import { authorityInformationAccessMatch } from './authority-information-access-match.ts';
import { authorityInformationAccessPresent } from './authority-information-access-present.ts';
import { authorityInformationAccessUri } from './authority-information-access-uri.ts';
import { authorityKeyIdentifierForm } from './authority-key-identifier-form.ts';
import { authorityKeyIdentifierMatches } from './authority-key-identifier-matches.ts';
import { authorityKeyIdentifierPresent } from './authority-key-identifier-present.ts';
import { basicConstraintsMatchType } from './basic-constraints-match-type.ts';
import { certificatePoliciesDistinct } from './certificate-policies-distinct.ts';
import { countryName } from './country-name.ts';
import { crlDistributionPointsMatch } from './crl-distribution-points-match.ts';
import { crlDistributionPointsPresent } from './crl-distribution-points-present.ts';
import { crlDistributionPointsUri } from './crl-distribution-points-uri.ts';
import { defaultValuesOmitted } from './default-values-omitted.ts';
import { derCanonical } from './der-canonical.ts';
import { directoryNameNotEmpty } from './directory-name-not-empty.ts';
import { dnsNameSyntax } from './dns-name-syntax.ts';
import { emailSyntax } from './email-syntax.ts';
import { extendedKeyUsageDistinct } from './extended-key-usage-distinct.ts';
import { extensionCriticalKnown } from './extension-critical-known.ts';
import { extensionCriticality } from './extension-criticality.ts';
import { extensionUnique } from './extension-unique.ts';
import { extensionValueNotEmpty } from './extension-value-not-empty.ts';
import { extensionValueType } from './extension-value-type.ts';
import { extensionsNotEmpty } from './extensions-not-empty.ts';
import { generalNameIa5 } from './general-name-ia5.ts';
import { generalNameType } from './general-name-type.ts';
import { ipAddressOctets } from './ip-address-octets.ts';
import { issuerEqualsIssuerSubject } from './issuer-equals-issuer-subject.ts';
import { issuerMaySignCertificates } from './issuer-may-sign-certificates.ts';
import { issuerNotEmpty } from './issuer-not-empty.ts';
import { issuerPathLength } from './issuer-path-length.ts';
import { keyCertSignOnlyInCa } from './key-cert-sign-only-in-ca.ts';
import { keyUsageConsistentWithKey } from './key-usage-consistent-with-key.ts';
import { keyUsageNamedBits } from './key-usage-named-bits.ts';
import { keyUsageNotEmpty } from './key-usage-not-empty.ts';
import { keyUsagePresent } from './key-usage-present.ts';
import { nameConstraintsNotEmpty } from './name-constraints-not-empty.ts';
import { nameConstraintsOnlyInCa } from './name-constraints-only-in-ca.ts';
import { nameConstraintsSubtrees } from './name-constraints-subtrees.ts';
import { noRevAvailWhereShortLived } from './no-rev-avail-where-short-lived.ts';
import { noRevAvailWithoutStatusPointers } from './no-rev-avail-without-status-pointers.ts';
import { ocspSigningOnlyInResponder } from './ocsp-signing-only-in-responder.ts';
import { pathLengthOnlyInCa } from './path-length-only-in-ca.ts';
import { policyConstraintsValues } from './policy-constraints-values.ts';
import { policyExtensionsOnlyInCa } from './policy-extensions-only-in-ca.ts';
import { policyMappingsKnown } from './policy-mappings-known.ts';
import { publicKeyAlgorithm } from './public-key-algorithm.ts';
import { publicKeyEncoding } from './public-key-encoding.ts';
import { relativeNameNotEmpty } from './relative-name-not-empty.ts';
import { responderExtendedKeyUsage } from './responder-extended-key-usage.ts';
import { responderKeyUsage } from './responder-key-usage.ts';
import { responderNocheck } from './responder-nocheck.ts';
import { responderWithoutStatusPointers } from './responder-without-status-pointers.ts';
import { rsaKeySize } from './rsa-key-size.ts';
import { serialNumberPositive } from './serial-number-positive.ts';
import { serialNumberSize } from './serial-number-size.ts';
import { signatureAlgorithm } from './signature-algorithm.ts';
import { signatureAlgorithmMatchesIssuerKey } from './signature-algorithm-matches-issuer-key.ts';
import { strictParse } from './strict-parse.ts';
import { structure } from './structure.ts';
import { subjectAlternativeNameCriticality } from './subject-alternative-name-criticality.ts';
import { subjectInformationAccessUri } from './subject-information-access-uri.ts';
import { subjectKeyIdentifierPresent } from './subject-key-identifier-present.ts';
import { subjectPresent } from './subject-present.ts';
import { uniqueIdentifiersAbsent } from './unique-identifiers-absent.ts';
import { uriSyntax } from './uri-syntax.ts';
import { validityEncoding } from './validity-encoding.ts';
import { validityOrder } from './validity-order.ts';
import { validityWithinIssuer } from './validity-within-issuer.ts';
import { validityWithinProfile } from './validity-within-profile.ts';
import { versionV3 } from './version-v3.ts';

/** Every lint over a TBSCertificate. `gates` run first and alone; `backstops` last, when nothing else failed. */
export const certificateLints: {
  readonly gates: readonly CertificateLint[];
  readonly lints: readonly CertificateLint[];
  readonly backstops: readonly CertificateLint[];
} = {
  gates: [structure, derCanonical, extensionValueType],
  lints: [
    anyExtendedKeyUsageAbsent,
    attributeCharacters,
    attributeLength,
    attributeStringType,
    authorityInformationAccessMatch,
    authorityInformationAccessPresent,
    authorityInformationAccessUri,
    authorityKeyIdentifierForm,
    authorityKeyIdentifierMatches,
    authorityKeyIdentifierPresent,
    basicConstraintsMatchType,
    certificatePoliciesDistinct,
    countryName,
    crlDistributionPointsMatch,
    crlDistributionPointsPresent,
    crlDistributionPointsUri,
    defaultValuesOmitted,
    directoryNameNotEmpty,
    dnsNameSyntax,
    emailSyntax,
    extendedKeyUsageDistinct,
    extensionCriticalKnown,
    extensionCriticality,
    extensionUnique,
    extensionValueNotEmpty,
    extensionsNotEmpty,
    generalNameIa5,
    generalNameType,
    ipAddressOctets,
    issuerEqualsIssuerSubject,
    issuerMaySignCertificates,
    issuerNotEmpty,
    issuerPathLength,
    keyCertSignOnlyInCa,
    keyUsageConsistentWithKey,
    keyUsageNamedBits,
    keyUsageNotEmpty,
    keyUsagePresent,
    nameConstraintsNotEmpty,
    nameConstraintsOnlyInCa,
    nameConstraintsSubtrees,
    noRevAvailWhereShortLived,
    noRevAvailWithoutStatusPointers,
    ocspSigningOnlyInResponder,
    pathLengthOnlyInCa,
    policyConstraintsValues,
    policyExtensionsOnlyInCa,
    policyMappingsKnown,
    publicKeyAlgorithm,
    publicKeyEncoding,
    relativeNameNotEmpty,
    responderExtendedKeyUsage,
    responderKeyUsage,
    responderNocheck,
    responderWithoutStatusPointers,
    rsaKeySize,
    serialNumberPositive,
    serialNumberSize,
    signatureAlgorithm,
    signatureAlgorithmMatchesIssuerKey,
    subjectAlternativeNameCriticality,
    subjectInformationAccessUri,
    subjectKeyIdentifierPresent,
    subjectPresent,
    uniqueIdentifiersAbsent,
    uriSyntax,
    validityEncoding,
    validityOrder,
    validityWithinIssuer,
    validityWithinProfile,
    versionV3,
  ],
  backstops: [strictParse],
};
