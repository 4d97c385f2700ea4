/** The key inventory's words (SP 800-57 Part 1 §6.2.3); states and cryptoperiods build on them. */

export { lifeOf } from './life.ts';
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
export { keyTypes } from './ports.ts';
