/** Encoders (with the criticality that the clause asks) and strict parsers of each extension. */
export {
  encodeCRLDistributionPoints,
  encodeIssuingDistributionPoint,
  parseCRLDistributionPoints,
  parseFreshestCrl,
  parseIssuingDistributionPoint,
} from './distribution-points.ts';
export { encodeExtensions, findExtension } from './extension.ts';
export {
  encodeAuthorityInfoAccess,
  encodeCertificatePolicies,
  encodeNoRevAvail,
  encodeOcspNoCheck,
  encodeSubjectInfoAccess,
  parseAuthorityInfoAccess,
  parseCertificatePolicies,
  parseNoRevAvail,
  parseOcspNoCheck,
  parseSubjectInfoAccess,
} from './information.ts';
export {
  encodeAuthorityKeyIdentifier,
  encodeSubjectKeyIdentifier,
  parseAuthorityKeyIdentifier,
  parseSubjectKeyIdentifier,
} from './key-identifiers.ts';
export {
  encodeBasicConstraints,
  encodeExtendedKeyUsage,
  encodeKeyUsage,
  parseBasicConstraints,
  parseExtendedKeyUsage,
  parseKeyUsage,
} from './key-usage.ts';
export {
  encodeNameConstraints,
  encodeSubjectAltName,
  parseNameConstraints,
  parseSubjectAltName,
} from './names.ts';
export {
  encodeInhibitAnyPolicy,
  encodePolicyConstraints,
  encodePolicyMappings,
  parseInhibitAnyPolicy,
  parsePolicyConstraints,
  parsePolicyMappings,
} from './policies.ts';
export {
  encodeCrlNumber,
  encodeInvalidityDate,
  encodeReasonCode,
  parseCrlNumber,
  parseExpiredCertsOnCrl,
  parseInvalidityDate,
  parseReasonCode,
} from './revocation.ts';
