import type { KeyAct, KeyHalves, KeyId, KeyScope, KeyStep, TenantId } from '../domain/index.ts';
import type {
  Cryptoperiod,
  KeyBackup,
  KeyChange,
  KeyCustodian,
  KeyDistribution,
  KeyRecord,
  KeyUsageCount,
  NewKeyRecord,
  StoredKeyTransition,
} from '../keys/ports.ts';

/** Where a key stands. */
export interface KeyStandingMark
  extends Pick<KeyRecord, 'keyId' | 'privateState' | 'scope' | 'cryptoperiod'> {
  /** Another one after every change of the key's record. */
  readonly mark: string;
}

/** The key inventory: records, their steps, who holds them, how often they signed. */
export interface KeyInventory {
  /** A new pair, in pre-activation (transition 1 of both halves). */
  insert(record: NewKeyRecord, change: KeyChange): Promise<void>;
  /** The highest version under a record, locked until the transaction ends; 0 when there is none. */
  latestVersion(tenant: TenantId, record: string): Promise<number>;
  find(tenant: TenantId, keyId: KeyId): Promise<KeyRecord | undefined>;
  /** As `find`, and locks its row until the transaction ends. */
  findForUpdate(tenant: TenantId, keyId: KeyId): Promise<KeyRecord | undefined>;
  /** Of the keys in the CA's tokens; cheap enough to be asked each second. */
  standings(tenant: TenantId): Promise<readonly KeyStandingMark[]>;
  /** All, oldest first. */
  list(tenant: TenantId): Promise<readonly KeyRecord[]>;
  /** Writes the steps, then the states; `activatedAt` is set with the first activation. */
  changeState(
    tenant: TenantId,
    keyId: KeyId,
    halves: KeyHalves,
    steps: readonly KeyStep[],
    change: KeyChange & { readonly act: KeyAct },
  ): Promise<void>;
  /** Every step, oldest first. */
  transitions(tenant: TenantId, keyId: KeyId): Promise<readonly StoredKeyTransition[]>;
  /** Narrowed for good: `status` never becomes `full` again. */
  setScope(tenant: TenantId, keyId: KeyId, scope: KeyScope): Promise<void>;
  setCryptoperiod(
    tenant: TenantId,
    keyId: KeyId,
    period: Omit<Cryptoperiod, 'activatedAt'>,
    signatureLimit?: number,
  ): Promise<void>;
  setBackup(tenant: TenantId, keyId: KeyId, backup: KeyBackup): Promise<void>;
  /** What was learnt later of the token that a key is in. */
  setToken(
    tenant: TenantId,
    keyId: KeyId,
    token: KeyRecord['token'],
    attributes: KeyRecord['attributes'],
  ): Promise<void>;
  block(tenant: TenantId, keyId: KeyId, reason: string): Promise<void>;

  appointCustodian(tenant: TenantId, custodian: Omit<KeyCustodian, 'id'>): Promise<bigint>;
  /** False when it has ended already. */
  endCustodian(tenant: TenantId, id: bigint, at: Date, by: string): Promise<boolean>;
  custodians(tenant: TenantId): Promise<readonly KeyCustodian[]>;

  /** Counts only ever grow; a smaller one changes nothing. */
  countSignatures(
    tenant: TenantId,
    keyId: KeyId,
    node: string,
    signatures: number,
    at: Date,
  ): Promise<void>;
  /**
   * Grants the node up to `more` further signatures under the key's limit, over all nodes.
   *
   * @returns what it may count up to, all in all; undefined when the key has no limit
   */
  allot(
    tenant: TenantId,
    keyId: KeyId,
    node: string,
    more: number,
    at: Date,
  ): Promise<number | undefined>;
  usage(tenant: TenantId): Promise<readonly KeyUsageCount[]>;

  recordDistribution(tenant: TenantId, distribution: KeyDistribution): Promise<void>;
  distributions(tenant: TenantId, keyId: KeyId): Promise<readonly KeyDistribution[]>;
}

/** A record of something that was seen or done, kept to be shown (SP 800-57 Part 1 §9.3, §9.4). */
export interface EvidenceRecord {
  readonly id: bigint;
  /** `key.destruction`, `key.reconciliation`, `drill.failover`, `backup`, `ceremony`, `report.sp` … */
  readonly kind: string;
  /** A key's identifier, an issuer's, a token's role. */
  readonly subject: string;
  readonly at: Date;
  readonly by: string;
  readonly document: Readonly<Record<string, unknown>>;
}

export interface EvidenceStore {
  append(tenant: TenantId, record: Omit<EvidenceRecord, 'id'>): Promise<bigint>;
  /** Newest first. */
  list(
    tenant: TenantId,
    query: {
      readonly kind?: string | undefined;
      readonly subject?: string | undefined;
      readonly limit: number;
    },
  ): Promise<readonly EvidenceRecord[]>;
}
