import type { IssuerId, TenantId } from '../domain/index.ts';

/** Every published CRL's number, committed before its signature and never reused. */
export interface CrlRecord {
  readonly tenant: TenantId;
  readonly issuerId: IssuerId;
  readonly shard: number;
  readonly crlNumber: bigint;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Undefined until signed and published. */
  readonly publishedAt?: Date | undefined;
  readonly sha256?: string | undefined;
  readonly size?: number | undefined;
  readonly entries?: number | undefined;
  /** Change-feed position that the CRL covers. */
  readonly coversChange: bigint;
}

export interface CrlLedger {
  /** max(last + 1, `now` in microseconds) under a row lock; the row is committed with the caller's transaction. */
  reserveNumber(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    now: Date,
    nextUpdate: Date,
    coversChange: bigint,
  ): Promise<CrlRecord>;
  markPublished(record: CrlRecord): Promise<void>;
  latestPublished(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
  ): Promise<CrlRecord | undefined>;
  /** Records a CRL that was published and has no row: a restored database is behind it. */
  recordPublished(record: CrlRecord): Promise<void>;
  /** Highest number ever reserved. */
  highestNumber(tenant: TenantId, issuerId: IssuerId, shard: number): Promise<bigint | undefined>;
}
