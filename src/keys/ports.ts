import type {
  IssuerId,
  KeyHalf,
  KeyId,
  KeyScope,
  KeyState,
  KeyStep,
  SigningPurpose,
  TenantId,
} from '../domain/index.ts';
import type { KeyAlgorithmName, SignatureAlgorithmName } from '../pkix/index.ts';

/** Stands for everything of a token that a responder did not tell of. */
export const untold = 'not told';

/** Whether the record of a responder's key was made without its word: in a ceremony, or for an older one. */
export function isUntold({ token }: Pick<KeyRecord, 'token'>): boolean {
  return token.serialNumber === untold;
}

/** CKA_LABEL of a token's own self-test key, by which it is found: `init` makes it before there is an inventory. */
export const selfTestLabel = 'self-test';

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

/** What a key is for (SP 800-57 Part 1 §5.1.1, one key one purpose: §5.2); each type binds its purposes. */
export const keyTypes = [
  'ca',
  'ocspResponder',
  'httpsServer',
  'selfTest',
  'transcript',
  'audit',
  'trustBundle',
  'notice',
  'wrapping',
] as const;
export type KeyType = (typeof keyTypes)[number];

/**
 * Where a key stands, as far as the signer process must know to refuse by itself; times by its own
 * clock.
 */
export interface KeyLife {
  /** Of the private half. */
  readonly state: KeyState;
  readonly scope: KeyScope;
  /**
   * DER Name of the issuer whose key it is. Without it a key signs no certificate and no CRL; with
   * it, none in which another Name stands as the issuer's, byte for byte.
   */
  readonly issuerName?: Uint8Array | undefined;
  /** Milliseconds since 1970 after which it signs nothing (end of the originator-usage period, §5.3). */
  readonly originatorUsageEnd?: number | undefined;
  /** How many signatures this node's signer process may count, all in all; undefined: no limit. */
  readonly allotted?: number | undefined;
  /** What the inventory has of this node's count: a count on this node that is lower went back. */
  readonly counted?: number | undefined;
}

/** What the signer process is told of a key: it refuses any other purpose or algorithm itself. */
export interface KeyBinding {
  readonly keyId: KeyId;
  readonly purposes: readonly SigningPurpose[];
  readonly algorithm: SignatureAlgorithmName;
  /** DER SubjectPublicKeyInfo; the token's public half must equal it. */
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly life: KeyLife;
}

/** A key pair just made in a token, or found there and adopted; its life is in pre-activation. */
export interface GeneratedKey extends KeyBinding {
  readonly label: string;
  readonly keyAlgorithm: KeyAlgorithmName;
  readonly token: TokenIdentity;
  readonly attributes: PrivateKeyAttributes;
}

/** How long a key applies protection, and how long what it signed is verified (SP 800-57 Part 1 §5.3.6). */
export interface Cryptoperiod {
  /** When it began to be used; undefined before activation. */
  readonly activatedAt?: Date | undefined;
  readonly originatorUsageEnd?: Date | undefined;
  readonly recipientUsageEnd?: Date | undefined;
  /** Why it is longer than the policy's; reports print it. */
  readonly reason?: string | undefined;
}

/** Where copies of the private half are. */
export type KeyBackup =
  | { readonly kind: 'none'; readonly reason: string }
  | { readonly kind: 'secondToken'; readonly token: TokenIdentity; readonly at: string }
  | { readonly kind: 'tokenBackup'; readonly location: string; readonly at: string };

/** The key inventory's record (SP 800-57 Part 1 §6.2.3). */
export interface KeyRecord extends Omit<GeneratedKey, 'life'> {
  readonly tenant: TenantId;
  readonly type: KeyType;
  /** Versions under one record: the key identifier of the first, or a name. */
  readonly record: string;
  readonly version: number;
  readonly tokenRole: TokenRole | 'software';
  readonly owner: string;
  readonly origin: 'generated' | 'adopted';
  readonly createdAt: Date;
  readonly privateState: KeyState;
  readonly publicState: KeyState;
  readonly stateSince: Date;
  readonly scope: KeyScope;
  readonly cryptoperiod: Cryptoperiod;
  /** Signatures over all nodes; undefined: no limit. */
  readonly signatureLimit?: number | undefined;
  /** Its own issuer for a CA's key; whose status it answers for a responder's. */
  readonly issuerId?: IssuerId | undefined;
  /** Which node or responder holds it, where not every node does. */
  readonly node?: string | undefined;
  readonly backup?: KeyBackup | undefined;
  /** Set when an operator must clear the key after a wrong signature left the token. */
  readonly blockedReason?: string | undefined;
}

/** What is recorded of a new key; states, times and steps follow from it. */
export type NewKeyRecord = Omit<
  KeyRecord,
  'privateState' | 'publicState' | 'stateSince' | 'scope' | 'cryptoperiod' | 'blockedReason'
>;

/** Who acted on a key's state, when, why, on whose approval. */
export interface KeyChange {
  readonly at: Date;
  /** Name of the principal. */
  readonly by: string;
  readonly reason: string;
  readonly approvals?: readonly string[] | undefined;
  /** What else was seen: objects destroyed, token, attributes. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** A step of one half, as it is kept for good. */
export interface StoredKeyTransition extends KeyChange, KeyStep {
  readonly id: bigint;
  readonly keyId: KeyId;
  readonly half: KeyHalf;
}

/** Somebody who can use a key or could copy it, from when to when (SP 800-57 Part 1 §9.3). */
export interface KeyCustodian {
  readonly id: bigint;
  readonly tokenRole: TokenRole | 'software';
  /** Undefined: of every key in the token. */
  readonly keyId?: KeyId | undefined;
  readonly person: string;
  readonly duty: string;
  readonly since: Date;
  readonly until?: Date | undefined;
  readonly recordedBy: string;
  readonly endedBy?: string | undefined;
  readonly comment?: string | undefined;
}

/** What a node's signer process counted. */
export interface KeyUsageCount {
  readonly keyId: KeyId;
  readonly node: string;
  readonly signatures: number;
  readonly allotted: number;
  readonly updatedAt: Date;
}

/** Where a public key is to be had by relying parties, and since when. */
export interface KeyDistribution {
  readonly keyId: KeyId;
  readonly channel: 'caCertificate' | 'trustBundle' | 'parentCertificate' | 'confirmed';
  readonly location: string;
  readonly sha256?: string | undefined;
  readonly at: Date;
  readonly by: string;
}

export interface GenerateKeyRequest {
  readonly keyAlgorithm: KeyAlgorithmName;
  readonly signatureAlgorithm: SignatureAlgorithmName;
  readonly purposes: readonly SigningPurpose[];
  /** CKA_LABEL. */
  readonly label: string;
  /**
   * DER Name of the issuer that it is made for: before activation it may sign a certificate by
   * which that issuer certifies its own key, and certification requests, and nothing else.
   */
  readonly issuerName?: Uint8Array | undefined;
}

/** A pair that is in the token already and is to be taken into the inventory. */
export interface AdoptKeyRequest {
  /** Its CKA_ID in hex: the SHA-1 identifier of its public key (RFC 5280 §4.2.1.2 (1)). */
  readonly keyId: KeyId;
  readonly purposes: readonly SigningPurpose[];
  /** Default: the first of the registry for its kind of key. */
  readonly signatureAlgorithm?: SignatureAlgorithmName | undefined;
  /** As in `GenerateKeyRequest`. */
  readonly issuerName?: Uint8Array | undefined;
}

/** An object in a token, as reconciliation with the inventory needs it. Values of keys are never read. */
export interface TokenObject {
  readonly class: 'privateKey' | 'publicKey' | 'secretKey' | 'certificate' | 'other';
  /** CKA_ID in hex; undefined where it has none. */
  readonly keyId?: KeyId | undefined;
  readonly label: string;
  /** DER; of public keys, and of private keys that tell their public half (RSA). */
  readonly subjectPublicKeyInfo?: Uint8Array | undefined;
  /** Of private keys. */
  readonly attributes?: PrivateKeyAttributes | undefined;
}

/** How often a key of this node's token has signed. */
export interface KeyUse {
  readonly keyId: KeyId;
  /** Never less than what was signed; by a window more while its signer process runs or after it was killed. */
  readonly signatures: number;
}

/** What was seen when a pair was destroyed. */
export interface KeyDestruction {
  /** Objects by its CKA_ID that were destroyed. */
  readonly objects: number;
  readonly token: TokenIdentity;
  /** The second token, where its copy was destroyed as well. */
  readonly standby?: TokenIdentity | undefined;
  /** The token was searched again in a session of its own: nothing by that CKA_ID is left. */
  readonly absent: true;
}

/** Acts on one token, beside signing. Each may throw `tokenUnavailable` or `overloaded`. */
export interface KeyToken {
  readonly role: TokenRole;
  identity(): Promise<TokenIdentity>;
  /**
   * Makes the pair in the token, sensitive, never extractable, reads the attributes back and refuses
   * weaker ones. The key is bound at once, in pre-activation: it signs proof of possession alone.
   */
  generateKeyPair(request: GenerateKeyRequest): Promise<GeneratedKey>;
  /**
   * Takes a pair that is in the token already, after the same look at its attributes. It is not bound,
   * as nothing weaker is: `bind` follows once nothing else is wrong with the adoption.
   *
   * @throws ChanceryError notFound, policyViolation (attributes, key size), invalidArgument
   */
  adoptKeyPair(request: AdoptKeyRequest): Promise<GeneratedKey>;
  /** Tells the signer process of keys that the inventory holds; compares each public half with the token's. */
  bind(keys: readonly KeyBinding[]): Promise<void>;
  /** CKA_IDs of all private keys in the token. */
  keyIds(): Promise<readonly KeyId[]>;
  /** Octets from the token's random generator (C_GenerateRandom). */
  random(length: number): Promise<Uint8Array>;
  /** Signs and verifies with the token's own self-test key. Throws when it can't. */
  selfTest(): Promise<void>;
  /** Of every key that this node counted for, bound now or not. */
  usage(): Promise<readonly KeyUse[]>;
  /** Everything in the token. */
  objects(): Promise<readonly TokenObject[]>;
  /**
   * Destroys every object of the pair, searches the token again and says what was seen.
   *
   * @throws ChanceryError notFound when there is none; tokenUnavailable when something is left
   */
  destroyKeyPair(keyId: KeyId): Promise<KeyDestruction>;
}
