import type { CrlScope, IssuerId, StatusPolicy, TenantId } from '../domain/index.ts';
import type { CrlEntry } from '../issuance/ports.ts';

/**
 * What a reading of the database showed, and where that means something: a reading of another epoch
 * (a restored database, another server) can't be compared with it.
 */
export interface CrlSnapshot {
  /** A pg_snapshot as text. */
  readonly shown: string;
  readonly epoch: string;
}

/** Every CRL's number, committed before its signature and never reused. */
export interface CrlRecord {
  readonly tenant: TenantId;
  readonly issuerId: IssuerId;
  readonly shard: number;
  readonly kind: 'complete' | 'delta';
  /** Complete and delta CRLs of a shard share one sequence (RFC 5280 §5.2.3). */
  readonly crlNumber: bigint;
  /** Of a delta: the complete CRL that it builds upon (RFC 5280 §5.2.4). */
  readonly baseCrlNumber?: bigint | undefined;
  /** Of a complete CRL that announces delta CRLs (freshestCRL): how long one is valid. */
  readonly deltaSeconds?: number | undefined;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Undefined until signed and published. */
  readonly publishedAt?: Date | undefined;
  readonly sha256?: string | undefined;
  readonly size?: number | undefined;
  readonly entries?: number | undefined;
  /** Change-feed position that the CRL covers. */
  readonly coversChange: bigint;
  /** What the reading of its entries showed. */
  readonly snapshot?: CrlSnapshot | undefined;
}

/** A part of an issuer's certificates that has CRLs of its own. */
export interface CrlShard {
  readonly tenant: TenantId;
  readonly issuerId: IssuerId;
  readonly shard: number;
  /** Stands in its CRLs (RFC 5280 §5.2.5), so it never changes. */
  readonly scope: CrlScope;
  readonly openedAt: Date;
  /** From then on no new certificate gets it; its CRLs go on. */
  readonly retiredAt?: Date | undefined;
  /** Of a retired shard: the latest notAfter of its certificates. */
  readonly lastNotAfter?: Date | undefined;
  /** Of a retired shard: a CRL issued past `lastNotAfter` is out, and no more will come. */
  readonly endedAt?: Date | undefined;
}

/** A shard with what is published of it. */
export interface CrlShardState extends CrlShard {
  /** The issuer's, as it is now. */
  readonly statusPolicy: StatusPolicy;
  /** The issuer's last certificate has expired, delegates' left out: the CRLs to come are its last. */
  readonly issuerClosed: boolean;
  /** Highest number ever reserved; 0 before the first. */
  readonly lastNumber: bigint;
  /** Newest position of the change feed of this shard. */
  readonly lastChange: bigint;
  /** The newest published ones. */
  readonly complete?: CrlRecord | undefined;
  readonly delta?: CrlRecord | undefined;
  /** The newest published complete CRL that announces delta CRLs. */
  readonly announcing?: CrlRecord | undefined;
}

export interface CrlLedger {
  /** Opens a shard; one that is there already stays as it is. */
  openShard(
    shard: Pick<CrlShard, 'tenant' | 'issuerId' | 'shard' | 'scope' | 'openedAt'>,
  ): Promise<void>;
  /** False when it was retired before. */
  retireShard(tenant: TenantId, issuerId: IssuerId, shard: number, at: Date): Promise<boolean>;
  /** @throws ChanceryError illegalTransition (field `shard`) when the shard is retired: choose another */
  requireOpen(tenant: TenantId, issuerId: IssuerId, shard: number): Promise<void>;
  /** The latest notAfter of the shard's certificates; undefined when it has none. */
  latestNotAfter(tenant: TenantId, issuerId: IssuerId, shard: number): Promise<Date | undefined>;
  settleRetirement(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    lastNotAfter: Date,
  ): Promise<void>;
  endShard(tenant: TenantId, issuerId: IssuerId, shard: number, at: Date): Promise<void>;
  /** All shards in one look, by issuer and number; of one issuer, or one shard, where it is named. */
  shardStates(
    tenant: TenantId,
    issuerId?: IssuerId,
    shard?: number,
  ): Promise<readonly CrlShardState[]>;

  /** max(last + 1, `now` in microseconds) under a row lock, until the caller's transaction ends. */
  reserveNumber(tenant: TenantId, issuerId: IssuerId, shard: number, now: Date): Promise<bigint>;
  /** Commits a CRL's intent with the number reserved for it. */
  insert(record: CrlRecord): Promise<void>;
  markPublished(record: CrlRecord): Promise<void>;
  latestPublished(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    kind?: CrlRecord['kind'],
  ): Promise<CrlRecord | undefined>;
  /** Records a CRL that was published and has no row: a restored database is behind it. */
  recordPublished(record: CrlRecord): Promise<void>;
  /** Highest number ever reserved; undefined before the first. */
  highestNumber(tenant: TenantId, issuerId: IssuerId, shard: number): Promise<bigint | undefined>;

  /** What this transaction's reading shows. */
  snapshot(): Promise<CrlSnapshot>;
  /**
   * The oldest published complete CRL that announced deltas, is valid at `now` and whose snapshot can
   * still be compared: whoever holds it or a later one can use a delta upon it.
   */
  deltaBase(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    now: Date,
  ): Promise<CrlRecord | undefined>;
  /**
   * Streams what a delta CRL says upon a base, by serial number, in chunks: every certificate of the
   * shard whose status changed in a transaction that the base's snapshot does not show. One that is
   * good now was released: removeFromCRL (RFC 5280 §5.3.1).
   */
  deltaEntries(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    base: CrlSnapshot,
  ): AsyncIterable<readonly CrlEntry[]>;
}
