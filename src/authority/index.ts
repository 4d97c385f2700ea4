/** The use cases of the CA. Every one takes a principal; acts and refusals are audited. */

export { act, recordDone } from './acts.ts';
export type { Authority } from './authority.ts';
export { createAuthority } from './authority.ts';
export type { BlastRadius } from './blast-radius.ts';
export type { BulkRequest, BulkSearch } from './bulk-jobs.ts';
export type { BulkForecast } from './bulk-preview.ts';
export {
  type CeremonyFile,
  type CeremonyKind,
  type CeremonyMaterial,
  type CeremonyParticipant,
  type CeremonyPlan,
  type CeremonySoftware,
  ceremonyKinds,
  type MadeThing,
  type PlannedCeremony,
  type PlannedThing,
  parseCeremony,
  samePerson,
  Transcript,
  type TranscriptTrust,
  type TranscriptVerdict,
  verifyTranscript,
} from './ceremony/index.ts';
export type { IssueRequest } from './certificates.ts';
export type { PublishedCross } from './cross-certification.ts';
export type {
  AuthorityDependencies,
  AuthoritySettings,
  FailpointName,
  KeySettings,
} from './dependencies.ts';
export type { PublishedFile } from './distribution.ts';
export type { EnrolmentRequest, EnrolmentTerms } from './enrolment.ts';
export { statedEvidence } from './evidence.ts';
export {
  type ComparedKey,
  compareCopies,
  type FailoverDrill,
  keysToCompare,
  recordFailoverDrill,
} from './failover-drill.ts';
export type { IncidentReport, IncidentStatus } from './incident-report.ts';
export type { OpenIncidentRequest } from './incident-request.ts';
export type { IncidentSubject } from './incident-scope.ts';
export { type InitialisedAuthority, initialise } from './initialisation.ts';
export { createInstallation } from './installation.ts';
export type { CertificateSearch } from './inventory.ts';
export type { IssuedCertificate } from './issuance-core.ts';
export type { AdoptIssuerRequest } from './issuer-adoption.ts';
export type { CreateIssuerRequest } from './issuers.ts';
export { joinInstallation } from './joining.ts';
export type { KeyAccess } from './key-access.ts';
export type { KeyActRequest, KeyActResult } from './key-acts.ts';
export type { AppointRequest } from './key-custody.ts';
export type { KeyDetails, KeySummary } from './key-reading.ts';
export type { Reconciliation } from './key-reconciliation.ts';
export type { CreateCredentialRequest, CreatePrincipalRequest } from './principals.ts';
export type { RenewRequest } from './renewal.ts';
export type { KeptReport } from './reports.ts';
export { type AcceptedRestore, acceptRestore } from './restore.ts';
export type { RolloverStatus } from './rollover.ts';
export { type SoftwareRequest, softwareCertificationRequest } from './software-request.ts';
export type { HoldRequest, ReleaseRequest, Revocation, RevokeRequest } from './status-acts.ts';
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
export { type VerificationReport, verifyInventory } from './verification.ts';
