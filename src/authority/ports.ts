import type { PrincipalStore } from '../access/ports.ts';
import type { AuditLog } from '../audit/ports.ts';
import type {
  CertificateStatus,
  IssuanceState,
  IssuerId,
  ReasonCode,
  SerialNumber,
  StatusChange,
  StatusState,
  TenantId,
} from '../domain/index.ts';
import type { CrlEntry } from '../issuance/ports.ts';
import type { BulkJobs } from './bulk-ports.ts';
import type { ForeignIssuerStore } from './import-ports.ts';

export type * from './bulk-ports.ts';
export type * from './incident-ports.ts';

import type { CrlLedger } from './crl-ports.ts';
import type { IncidentStore } from './incident-ports.ts';
import type { IssuerStore } from './issuer-ports.ts';
import type { EvidenceStore, KeyInventory } from './key-ports.ts';
import type { InventoryMaintenance } from './maintenance-ports.ts';
import type { CrossCertificateStore } from './rollover-ports.ts';

export type { CrlLedger, CrlRecord, CrlShard, CrlShardState, CrlSnapshot } from './crl-ports.ts';
export type { ForeignIssuerRecord, ForeignIssuerStore } from './import-ports.ts';
export type { IssuerRecord, IssuerStore } from './issuer-ports.ts';
export type {
  EvidenceRecord,
  EvidenceStore,
  KeyInventory,
  KeyStandingMark,
} from './key-ports.ts';
export type { InventoryMaintenance, PurgeSelection } from './maintenance-ports.ts';
export type { ExpectedVersion, Publisher, StoredFile } from './publisher-port.ts';

export type {
  CrossCertificate,
  CrossCertificateStore,
  IssuerStandingName,
  IssuerStep,
} from './rollover-ports.ts';

/** One row of the certificate inventory. */
export interface CertificateRecord {
  readonly tenant: TenantId;
  readonly issuerId: IssuerId;
  readonly serialNumber: SerialNumber;
  /** `imported`: another CA's, or ours from before this inventory; no act of ours issued it. */
  readonly origin: 'issued' | 'imported';
  readonly issuanceState: IssuanceState;
  readonly status: StatusState;
  readonly type: 'endEntity' | 'ca' | 'ocspSigning';
  /** The exact bytes committed before the signature. Of length 0 when purged, or imported by its serial number only. */
  readonly tbsCertificate: Uint8Array;
  /** The whole certificate once `issued`; undefined when purged, or imported by its serial number only. */
  readonly certificate?: Uint8Array | undefined;
  readonly profileName: string;
  /** SHA-256 (hex) of the profile's canonical content at that moment. */
  readonly profileHash: string;
  /** RFC 4514 text. */
  readonly subject: string;
  /** `DNS:a`, `IP:1.2.3.4`, `email:`, `URI:` … as `formatGeneralName` prints them. */
  readonly names: readonly string[];
  /** Lower-case hex SHA-256 of the SubjectPublicKeyInfo. */
  readonly spkiHash: string;
  readonly keyAlgorithm: string;
  readonly signatureAlgorithm: string;
  readonly policies: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly requestedAt: Date;
  readonly requestedBy: string;
  readonly issuedAt?: Date | undefined;
  readonly owner: string;
  readonly tags: readonly string[];
  /** Free text. */
  readonly notes?: string | undefined;
  readonly approval?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly retentionClass: string;
  /** When contents and bytes were taken away; register, status and history stay (docs/inventory.md). */
  readonly purgedAt?: Date | undefined;
  /** Lower-case hex SHA-256 of the TBS, kept for good. */
  readonly tbsSha256?: string | undefined;
  /** Lower-case hex SHA-256 of the certificate, once purged. */
  readonly certificateSha256?: string | undefined;
  readonly shard: number;
  /** Of a renewal or rekey: the certificate it follows, as issuerId/serialNumber. */
  readonly replaces?: string | undefined;
  /** What was asked and what was granted, field by field, and how possession of the key was proven. */
  readonly requested: Readonly<Record<string, unknown>>;
  readonly granted: Readonly<Record<string, unknown>>;
}

export interface StoredStatusChange extends StatusChange {
  readonly id: bigint;
  readonly issuerId: IssuerId;
  readonly serialNumber: SerialNumber;
  readonly statusAfter: CertificateStatus;
}

/** Filters of search; all given ones must hold. `text` and patterns are data, never SQL. */
export interface CertificateQuery {
  readonly tenant: TenantId;
  readonly issuerId?: IssuerId | undefined;
  readonly serialNumber?: SerialNumber | undefined;
  /** `expired` is any status with notAfter before `now`; the others are not expired. */
  readonly status?: CertificateStatus | 'expired' | undefined;
  /** Case-insensitive substring of the subject or of any name. */
  readonly subject?: string | undefined;
  /** Exactly one of the names, as `formatGeneralName` prints it, or its bare value. */
  readonly name?: string | undefined;
  readonly profileName?: string | undefined;
  readonly requestedBy?: string | undefined;
  readonly owner?: string | undefined;
  readonly tag?: string | undefined;
  /** Case-insensitive substring of the notes. */
  readonly notes?: string | undefined;
  readonly spkiHash?: string | undefined;
  readonly issuanceState?: IssuanceState | undefined;
  /** Expires before this; unless `expired` is asked for, what has expired already is left out. */
  readonly notAfterBefore?: Date | undefined;
  readonly requestedAfter?: Date | undefined;
  readonly requestedBefore?: Date | undefined;
  readonly now: Date;
  /** Opaque, from the page before. */
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** A certificate as far as it says who uses its key. */
export type KeyUse = Pick<
  CertificateRecord,
  'type' | 'issuerId' | 'serialNumber' | 'subject' | 'names' | 'owner'
>;

export interface Inventory {
  /** Inserts a `prepared` row. @throws ChanceryError alreadyExists when (issuer, serialNumber) is taken: draw another before any signature. */
  insertPrepared(record: CertificateRecord): Promise<void>;
  /** Inserts an `imported` certificate as issued. False when (issuer, serialNumber) is there already. */
  insertImported(record: CertificateRecord): Promise<boolean>;
  /** prepared -> issued, guarded: false when the row was not `prepared` any more (it was settled meanwhile). */
  markIssued(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
    certificate: Uint8Array,
    issuedAt: Date,
  ): Promise<boolean>;
  /**
   * prepared -> abandoned, status revoked with the given change; one that is revoked already (its
   * key was compromised meanwhile) keeps its status and history. False when not `prepared`.
   */
  markAbandoned(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
    state: StatusState,
    change: StatusChange,
  ): Promise<boolean>;
  /** `prepared` rows requested before `before`. */
  listPrepared(
    tenant: TenantId,
    before: Date,
    limit: number,
  ): Promise<readonly CertificateRecord[]>;
  find(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
  ): Promise<CertificateRecord | undefined>;
  /** All rows of that serial number, over issuers. */
  findBySerialNumber(
    tenant: TenantId,
    serialNumber: SerialNumber,
  ): Promise<readonly CertificateRecord[]>;
  /** Takes a row lock until the transaction ends. */
  findForUpdate(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
  ): Promise<CertificateRecord | undefined>;
  /** Writes the status, appends the change to the history and to the change feed, in this transaction. */
  changeStatus(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
    state: StatusState,
    change: StatusChange,
  ): Promise<void>;
  history(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
  ): Promise<readonly StoredStatusChange[]>;
  search(query: CertificateQuery): Promise<Page<CertificateRecord>>;
  /** Certificates of one key, any issuer. */
  findBySpkiHash(
    tenant: TenantId,
    spkiHash: string,
    limit: number,
  ): Promise<readonly CertificateRecord[]>;
  /** Unexpired certificates of one key that are on hold, any issuer. */
  findHeld(tenant: TenantId, spkiHash: string, now: Date): Promise<readonly CertificateRecord[]>;
  /** What a key is certified for, in no order: every issuance asks this. */
  findKeyUses(tenant: TenantId, spkiHash: string, limit: number): Promise<readonly KeyUse[]>;
  /** Holds whose deadline is past and whose end was not handled. */
  listDueHolds(tenant: TenantId, now: Date, limit: number): Promise<readonly CertificateRecord[]>;
  /** Remembers that the alarm for a due hold was raised. */
  markHoldAlarmed(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
    at: Date,
  ): Promise<void>;
  /** Keys blocked for compromise. */
  blockKey(
    tenant: TenantId,
    spkiHash: string,
    reason: ReasonCode,
    at: Date,
    by: string,
  ): Promise<void>;
  isKeyBlocked(tenant: TenantId, spkiHash: string): Promise<boolean>;
  /**
   * Streams the CRL's entries by serial number, in chunks: not good, or abandoned; and notAfter not before
   * `stillListedFrom` (thisUpdate of the CRL before: an entry leaves only after one CRL issued past
   * notAfter, RFC 5280 §3.3), or not good only since about then.
   */
  crlEntries(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    stillListedFrom: Date,
  ): AsyncIterable<readonly CrlEntry[]>;
  /** How many changes a shard has seen: a CRL covers up to the number read before its snapshot. */
  latestChange(tenant: TenantId, issuerId: IssuerId, shard: number): Promise<bigint>;
}

export interface IdempotencyRecord {
  readonly tenant: TenantId;
  readonly principalId: string;
  readonly key: string;
  /** SHA-256 hex of the canonical request. */
  readonly bodyHash: string;
  readonly startedAt: Date;
  /** issuerId/serialNumber of the row it led to, once prepared. */
  readonly certificate?: string | undefined;
}

export interface IdempotencyStore {
  /** Inserts, or answers the record that is there already (locked). Records older than `forgetBefore` don't count. */
  begin(record: IdempotencyRecord, forgetBefore: Date): Promise<IdempotencyRecord | undefined>;
  setCertificate(
    tenant: TenantId,
    principalId: string,
    key: string,
    certificate: string,
  ): Promise<void>;
  find(tenant: TenantId, principalId: string, key: string): Promise<IdempotencyRecord | undefined>;
  /** With `certificate`: only while the key stands for that one, not for a later try elsewhere. */
  remove(tenant: TenantId, principalId: string, key: string, certificate?: string): Promise<void>;
}

/** The installation's row: compared with `$CHANCERY_DATA/installation.json` at start-up (invariant 9). */
export interface Installation {
  readonly id: string;
  /** 2 octets, hex; drawn anew at init and at each accepted restore; first bit 0, first octet not 0. */
  readonly serialPrefix: string;
  /** Grows at every start of a CA process and while it issues; a restored database shows an older one. */
  readonly generation: bigint;
}

export interface InstallationStore {
  find(): Promise<Installation | undefined>;
  insert(installation: Installation): Promise<void>;
  update(installation: Installation): Promise<void>;
  /** The database's own clock: the second witness of the time. */
  databaseTime(): Promise<Date>;
}

/** Everything that one transaction hands out: an act and its audit record are committed together. */
export interface Transaction {
  readonly inventory: Inventory;
  readonly issuers: IssuerStore;
  readonly crossCertificates: CrossCertificateStore;
  readonly foreignIssuers: ForeignIssuerStore;
  readonly keys: KeyInventory;
  readonly evidence: EvidenceStore;
  readonly incidents: IncidentStore;
  readonly crls: CrlLedger;
  readonly principals: PrincipalStore;
  readonly idempotency: IdempotencyStore;
  readonly installation: InstallationStore;
  readonly bulk: BulkJobs;
  readonly audit: AuditLog;
  readonly maintenance: InventoryMaintenance;
}

/** Never held across the HSM or the network. Retries serialization failures and deadlocks itself. */
export interface UnitOfWork {
  /** A single statement: it has a snapshot of its own, so no transaction is opened around it. */
  readOne<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Read-write, durable commit (synchronous_commit on). */
  run<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Read only, one snapshot (REPEATABLE READ): long streams for CRLs and verification. */
  read<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
}

/** Leases are rows with a fencing number, not session advisory locks. */
export interface Leases {
  /** The fencing number, or undefined while another holder's lease runs. Expiry by the database's clock. */
  acquire(name: string, holder: string, seconds: number): Promise<bigint | undefined>;
  release(name: string, holder: string): Promise<void>;
}

/** Follows commits without loss (transaction id with pg_snapshot_xmin, never a bare sequence). */
export interface ChangeFeed {
  /** Changes committed after the cursor, and the new cursor. `undefined` starts at the present end. */
  since(
    cursor: string | undefined,
    limit: number,
  ): Promise<{
    readonly changes: readonly {
      readonly tenant: TenantId;
      readonly issuerId: IssuerId;
      readonly serialNumber: SerialNumber;
    }[];
    readonly cursor: string;
    /** Changes after the cursor were pruned: whatever was known is forgotten, and the cursor is the present end. */
    readonly restarted: boolean;
  }>;
}

/** `$CHANCERY_DATA/installation.json`: the data folder's side of the restore check (invariant 9). */
export interface InstallationFile {
  read(): Promise<Installation | undefined>;
  /** Atomic and durable. */
  write(installation: Installation): Promise<void>;
}
