/** The key inventory's words (SP 800-57 Part 1 §6.2.3); states and cryptoperiods build on them. */

export {
  type CryptoperiodPolicies,
  type CryptoperiodPolicy,
  cryptoperiodAt,
  defaultCryptoperiods,
  type KeyWarning,
  longestWithoutReason,
  periodWarnings,
} from './cryptoperiods.ts';
export { lifeOf } from './life.ts';
export { type ModuleStanding, type ModuleValidation, moduleStanding } from './module.ts';
export type {
  AdoptKeyRequest,
  Cryptoperiod,
  GeneratedKey,
  GenerateKeyRequest,
  KeyBackup,
  KeyBinding,
  KeyChange,
  KeyCustodian,
  KeyDestruction,
  KeyDistribution,
  KeyLife,
  KeyRecord,
  KeyToken,
  KeyType,
  KeyUsageCount,
  KeyUse,
  NewKeyRecord,
  PrivateKeyAttributes,
  StoredKeyTransition,
  TokenIdentity,
  TokenObject,
  TokenRole,
} from './ports.ts';
export { isUntold, keyTypes, selfTestLabel, untold } from './ports.ts';
export * from './report/index.ts';
export { type KeyStrength, strengthOf, weakness } from './strength.ts';
export { compareToken, type ReconciliationFinding } from './token-comparison.ts';
