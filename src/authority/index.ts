/** The use cases of the CA. Every one takes a principal; acts and refusals are audited. */
export { createAuthority } from './authority.ts';
export type { Authority } from './authority.ts';
export { initialise, type InitialisedAuthority } from './initialisation.ts';
export { acceptRestore, type AcceptedRestore } from './installation.ts';
export type { AuthorityDependencies, AuthoritySettings, FailpointName } from './dependencies.ts';
export type { IssueRequest, RenewRequest } from './certificates.ts';
export type { CertificateSearch } from './inventory.ts';
export type { IssuedCertificate } from './issuance-core.ts';
export type { CreateIssuerRequest } from './issuers.ts';
export type { CreateCredentialRequest, CreatePrincipalRequest } from './principals.ts';
export type { HoldRequest, ReleaseRequest, Revocation, RevokeRequest } from './status-acts.ts';
export { bufferedRandom } from './serial-numbers.ts';
export type { PublishedFile } from './distribution.ts';
export {
  type CertificateSummary,
  certificatesFromPem,
  certificatesToPem,
  certificationRequestFromText,
  certificationRequestToPem,
  namesFromText,
  subjectFromText,
  subjectToText,
  summariseCertificate,
  type TextualNames,
} from './text.ts';
export { softwareCertificationRequest, type SoftwareRequest } from './software-request.ts';
export { verifyInventory, type VerificationReport } from './verification.ts';
