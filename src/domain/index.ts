/** The words of the field as types, error codes and the ports that every use case is given. */
export type {
  BulkAct,
  BulkItemState,
  BulkJobState,
  BulkParameters,
  Description,
  DescriptionChange,
} from './bulk-job.ts';
export {
  bulkJobTransitions,
  bulkPermissions,
  mostTags,
  nextBulkJobState,
  nextDescription,
} from './bulk-job.ts';
export type { Clock, Random } from './clock.ts';
export type { ErrorCode, ErrorOptions, Violation } from './errors.ts';
export { ChanceryError, errorCodes, isChanceryError } from './errors.ts';
export type { IssuerId, KeyId, SerialNumber, TenantId } from './identifiers.ts';
export { parseSerialNumber } from './identifiers.ts';
export type {
  IncidentAct,
  IncidentKind,
  IncidentOutlook,
  IncidentProgress,
  IncidentState,
} from './incident.ts';
export { nextIncidentState, outlookOf } from './incident.ts';
export type { IssuanceState } from './issuance-state.ts';
export { issuanceTransitions } from './issuance-state.ts';
export type {
  KeyAct,
  KeyHalf,
  KeyHalves,
  KeyScope,
  KeyState,
  KeyStep,
  KeyTransitionNumber,
  KeyUsage,
} from './key-state.ts';
export {
  firstKeySteps,
  keyActs,
  keyScopes,
  keyStates,
  keyTransitionNumber,
  keyTransitions,
  nextKeyStates,
  operationsByState,
  possibleKeyActs,
} from './key-state.ts';
export type { Permission, Principal, Role } from './principal.ts';
export { defaultTenant, permissions, roles, systemPrincipal } from './principal.ts';
export type { SigningPurpose } from './purpose.ts';
export { signingPurposes } from './purpose.ts';
export type { ReasonCode } from './reason.ts';
export { reasonCodeName, reasonCodeNumber, reasonCodes } from './reason.ts';
export type {
  CertificateStatus,
  HoldCause,
  HoldEnd,
  StatusChange,
  StatusState,
} from './status.ts';
export { initialStatus, nextStatus, revocationReasons, statusTransitions } from './status.ts';
export type { CrlScope, StatusPolicy } from './status-policy.ts';
export { defaultStatusPolicy, maximumShards } from './status-policy.ts';
