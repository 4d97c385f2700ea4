/** prepare -> issue: the only way from bytes to a signature of an issuer or of its OCSP delegate. */

export type { CertificatePreparation, PreparedCertificate } from './certificate.ts';
export { issueCertificate, prepareCertificate } from './certificate.ts';
export type { CrlPreparation, IssuedCrl, PreparedCrl } from './certificate-list.ts';
export { issueCrl, prepareCrl } from './certificate-list.ts';
export { issueCertificationRequest } from './certification-request.ts';
export type { OcspDelegate, PreparedOcspResponse } from './ocsp-response.ts';
export { issueOcspResponse, prepareOcspResponse } from './ocsp-response.ts';
export type { SigningIssuer, SigningKey } from './signing-issuer.ts';
