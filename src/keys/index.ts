/** The key inventory's words (SP 800-57 Part 1 §6.2.3); states and cryptoperiods build on them. */

export { lifeOf } from './life.ts';
export type {
  Cryptoperiod,
  GeneratedKey,
  GenerateKeyRequest,
  KeyBackup,
  KeyBinding,
  KeyChange,
  KeyCustodian,
  KeyDistribution,
  KeyLife,
  KeyRecord,
  KeyToken,
  KeyType,
  KeyUsageCount,
  NewKeyRecord,
  PrivateKeyAttributes,
  StoredKeyTransition,
  TokenIdentity,
  TokenRole,
} from './ports.ts';
export { keyTypes } from './ports.ts';
