/** The key inventory's words (SP 800-57 Part 1 §6.2.3); states and cryptoperiods build on them. */
export type {
  GeneratedKey,
  GenerateKeyRequest,
  KeyBinding,
  KeyRecord,
  KeyToken,
  PrivateKeyAttributes,
  TokenIdentity,
  TokenRole,
} from './ports.ts';
