/** The words of the field as types, error codes and the ports that every use case is given. */
export type { Clock, Random } from './clock.ts';
export { ChanceryError, errorCodes, isChanceryError } from './errors.ts';
export type { ErrorCode, ErrorOptions, Violation } from './errors.ts';
export { formatSerialNumber, parseSerialNumber } from './identifiers.ts';
export type { IssuerId, KeyId, SerialNumber, TenantId } from './identifiers.ts';
export { defaultTenant, systemPrincipal } from './principal.ts';
export type { Permission, Principal, Role } from './principal.ts';
export { permissions, roles } from './principal.ts';
export { reasonCodeNumber, reasonCodeName, reasonCodes } from './reason.ts';
export type { ReasonCode } from './reason.ts';
export { initialStatus, nextStatus, revocationReasons, statusTransitions } from './status.ts';
export type {
  CertificateStatus,
  HoldCause,
  HoldEnd,
  StatusChange,
  StatusState,
} from './status.ts';
export { issuanceTransitions } from './issuance-state.ts';
export type { IssuanceState } from './issuance-state.ts';
export { signingPurposes } from './purpose.ts';
export type { SigningPurpose } from './purpose.ts';
