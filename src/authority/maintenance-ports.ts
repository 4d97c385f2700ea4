import type { IssuerId, SerialNumber, TenantId } from '../domain/index.ts';

/** Which certificates a purge speaks of: of one class, expired before `notAfterBefore`. */
export interface PurgeSelection {
  readonly tenant: TenantId;
  readonly retentionClass: string;
  readonly notAfterBefore: Date;
}

/** What the inventory needs beside acts: partitions ahead, the purge, and an end to what grows for nothing. */
export interface InventoryMaintenance {
  /**
   * How many certificates a purge would take, counted up to `limit`. Left out, besides what has not
   * expired: what is prepared, on hold with a deadline, or not good and not yet on a complete CRL
   * later than its notAfter (RFC 5280 §3.3).
   */
  countPurgeable(selection: PurgeSelection, limit: number): Promise<number>;
  /**
   * Takes the contents and bytes of up to `limit` such certificates away, in this transaction; serial
   * number, hashes, validity, type, issuer, status and history stay. By the database's clock, too,
   * they must have expired.
   */
  purge(
    selection: PurgeSelection,
    now: Date,
    limit: number,
  ): Promise<readonly { readonly issuerId: IssuerId; readonly serialNumber: SerialNumber }[]>;
  /** Makes the partitions of this month (UTC) and the three after it; `moved` rows had come for a month without one. */
  keepPartitions(now: Date): Promise<{ readonly made: number; readonly moved: bigint }>;
  /** Drops partitions that are empty and whose month ended before. */
  dropEmptyPartitions(before: Date): Promise<number>;
  /**
   * Forgets up to `limit` changes of the feed made before. What a complete CRL that is still in use
   * was built upon stays; readers that are further behind start anew.
   */
  pruneChanges(before: Date, limit: number): Promise<number>;
  /** Forgets up to `limit` idempotency keys begun before. */
  pruneIdempotencyKeys(before: Date, limit: number): Promise<number>;
}
