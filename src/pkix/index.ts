/**
 * RFC 5280, 2986 and 6960 structures from and to DER, and the algorithm registry. Parsers are
 * strict and total: whatever the octets, they return or throw a ChanceryError.
 */
export {
  assembleSigned,
  defaultSignatureAlgorithm,
  frameSigned,
  type HashName,
  hashOf,
  keyAlgorithmOf,
  resolveSignatureAlgorithm,
  signatureAlgorithms,
} from './algorithms.ts';
export { createCertID } from './cert-id.ts';
export {
  encodeTbsCertificate,
  type ParsedTbsCertificate,
  parseCertificate,
  parseTbsCertificate,
} from './certificate.ts';
export {
  encodeTbsCertList,
  encodeTbsCertListFrame,
  type ParsedTbsCertList,
  parseCertificateList,
  parseTbsCertList,
  type TbsCertListFrame,
} from './certificate-list.ts';
export {
  type CertificateListHead,
  headOctets,
  readCertificateListHead,
  readTbsCertListHead,
  type TbsCertListHead,
} from './certificate-list-head.ts';
export {
  type CertificateListOutline,
  CertificateListStream,
} from './certificate-list-stream.ts';
export {
  type CertificationRequestInfo,
  encodeCertificationRequestInfo,
  parseCertificationRequest,
  parseCertificationRequestInfo,
} from './certification-request.ts';
export { formatDistinguishedName, parseDistinguishedName } from './distinguished-name.ts';
export { entriesOnlyIn, entriesOnlyInStream } from './entry-difference.ts';
export * from './extensions/index.ts';
export {
  encodeGeneralName,
  encodeGeneralNames,
  formatGeneralName,
  parseGeneralNames,
} from './general-name.ts';
export { formatIpAddress, parseIpAddress } from './ip-address.ts';
export {
  commonNameOf,
  emptyName,
  encodeName,
  nameIsWithin,
  namesEqual,
  parseNameDer,
} from './name.ts';
export { checkNameConstraints } from './name-constraints.ts';
export {
  archiveCutoffExtension,
  extendedRevokeExtension,
  isPreferred,
  type PreferredSignatureAlgorithm,
  parseAcceptableResponses,
  parseArchiveCutoff,
  parsePreferredSignatureAlgorithms,
} from './ocsp-extensions.ts';
export {
  encodeOcspRequest,
  nonceExtension,
  type OcspQuestion,
  parseOcspRequest,
} from './ocsp-request.ts';
export {
  assembleBasicOcspResponse,
  encodeOcspError,
  encodeResponseData,
  parseOcspResponse,
  parseResponseData,
} from './ocsp-response.ts';
export { oids } from './oids.ts';
export {
  checkPolicies,
  type PathInputs,
  type PathResult,
  validatePath,
  verifyChain,
} from './path/index.ts';
export { decodePem, encodePem, type PemBlock, type PemOptions } from './pem.ts';
export { encodeRevokedCertificates, type ParsedRevokedCertificate } from './revoked-certificate.ts';
export { isSelfSigned } from './self-signed.ts';
export {
  type CertificationRequestVerification,
  ecdsaRawToDer,
  hashKey,
  hashName,
  importVerificationKey,
  keyIdentifier,
  keyIdentifierHex,
  verifyCertificationRequest,
  verifySignature,
} from './signature.ts';
export {
  CollectedMessage,
  ed25519MessageLimit,
  SignatureVerification,
} from './signature-stream.ts';
export { parseSubjectPublicKeyInfo } from './subject-public-key-info.ts';
export * from './types.ts';
