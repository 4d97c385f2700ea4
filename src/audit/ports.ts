import type { TenantId } from '../domain/index.ts';

/** One act or refusal, as it is kept: insert-only, with its canonical bytes (RFC 8785). */
export interface AuditRecord {
  readonly tenant: TenantId;
  /** UTC with milliseconds. */
  readonly at: Date;
  readonly principalId: string;
  readonly principalName: string;
  /** Verb with its object kind: `certificate.issue`, `certificate.hold`, `issuer.create`, `credential.create` … */
  readonly act: string;
  readonly outcome: 'done' | 'refused' | 'failed';
  /** What it was done to: `issuerId/serialNumber`, issuer name, principal name … */
  readonly object: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** RFC 8785 bytes of all the members above. */
  readonly canonical: Uint8Array;
}

export interface StoredAuditRecord extends AuditRecord {
  readonly id: bigint;
}

/** Appends within the caller's transaction: an act and its record are committed together. */
export interface AuditLog {
  append(record: AuditRecord): Promise<void>;
  /** Many in one statement. */
  appendAll(records: readonly AuditRecord[]): Promise<void>;
  list(query: {
    readonly tenant: TenantId;
    readonly act?: string | undefined;
    readonly object?: string | undefined;
    readonly after?: bigint | undefined;
    readonly limit: number;
  }): Promise<readonly StoredAuditRecord[]>;
  /** The last ones, newest first. */
  newest(tenant: TenantId, limit: number): Promise<readonly StoredAuditRecord[]>;
}
