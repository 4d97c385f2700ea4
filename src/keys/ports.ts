import type { KeyId, SigningPurpose, TenantId } from '../domain/index.ts';
import type { KeyAlgorithmName, SignatureAlgorithmName } from '../pkix/index.ts';

/** The three tokens of an installation; each its own folder, configuration and PIN file. */
export type TokenRole = 'root' | 'issuing' | 'responder';

/** Which token a key lives in, found by label and serial number, never by slot number. */
export interface TokenIdentity {
  readonly label: string;
  readonly serialNumber: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly firmwareVersion: string;
  /** CKF_HW_SLOT / CKF_HW: false for SoftHSM, which is always shown as software. */
  readonly hardware: boolean;
}

/** PKCS#11 attributes of a private key as read back from the token after generation (SP 800-57 §6.2.2). */
export interface PrivateKeyAttributes {
  readonly token: boolean;
  readonly private: boolean;
  readonly sensitive: boolean;
  readonly alwaysSensitive: boolean;
  readonly extractable: boolean;
  readonly neverExtractable: boolean;
  readonly local: boolean;
  readonly sign: boolean;
  readonly decrypt: boolean;
  readonly unwrap: boolean;
  readonly derive: boolean;
  readonly modifiable: boolean;
  readonly copyable: boolean;
}

/** What the signer process is told of a key: it refuses any other purpose or algorithm itself. */
export interface KeyBinding {
  readonly keyId: KeyId;
  readonly purposes: readonly SigningPurpose[];
  readonly algorithm: SignatureAlgorithmName;
  /** DER SubjectPublicKeyInfo; the token's public half must equal it. */
  readonly subjectPublicKeyInfo: Uint8Array;
}

/** A key pair just made in a token. */
export interface GeneratedKey extends KeyBinding {
  readonly label: string;
  readonly keyAlgorithm: KeyAlgorithmName;
  readonly token: TokenIdentity;
  readonly attributes: PrivateKeyAttributes;
}

/** The key inventory's record (SP 800-57 §6.2.3); states beyond active come with the key-life issue. */
export interface KeyRecord extends GeneratedKey {
  readonly tenant: TenantId;
  readonly tokenRole: TokenRole | 'software';
  readonly owner: string;
  readonly origin: 'generated' | 'adopted';
  readonly createdAt: Date;
  /** Set when an operator must clear the key after a wrong signature left the token. */
  readonly blockedReason?: string | undefined;
}

export interface GenerateKeyRequest {
  readonly keyAlgorithm: KeyAlgorithmName;
  readonly signatureAlgorithm: SignatureAlgorithmName;
  readonly purposes: readonly SigningPurpose[];
  /** CKA_LABEL. */
  readonly label: string;
}

/** Acts on one token, beside signing. Each may throw `tokenUnavailable` or `overloaded`. */
export interface KeyToken {
  readonly role: TokenRole;
  identity(): Promise<TokenIdentity>;
  /** Makes the pair in the token, sensitive, never extractable, reads the attributes back and refuses weaker ones. The key is bound at once. */
  generateKeyPair(request: GenerateKeyRequest): Promise<GeneratedKey>;
  /** Tells the signer process of keys that the inventory holds; compares each public half with the token's. */
  bind(keys: readonly KeyBinding[]): Promise<void>;
  /** CKA_IDs of all private keys in the token. */
  keyIds(): Promise<readonly KeyId[]>;
  /** Octets from the token's random generator (C_GenerateRandom). */
  random(length: number): Promise<Uint8Array>;
  /** Signs and verifies with the token's own self-test key. Throws when it can't. */
  selfTest(): Promise<void>;
  /** Destroys the pair; used when an issuer's creation fails after generation. */
  destroyKeyPair(keyId: KeyId): Promise<void>;
}
