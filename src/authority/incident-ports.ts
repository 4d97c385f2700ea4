import type {
  CertificateStatus,
  IncidentAct,
  IncidentKind,
  IncidentProgress,
  IncidentState,
  IssuerId,
  KeyId,
  ReasonCode,
  SerialNumber,
  TenantId,
} from '../domain/index.ts';
import type { BulkCounts, BulkQuery } from './bulk-ports.ts';
import type { CertificateRecord, Page } from './ports.ts';

/** A compromise or another incident over many certificates. */
export interface IncidentRecord {
  readonly tenant: TenantId;
  readonly id: string;
  readonly kind: IncidentKind;
  /** How the list came about, as it was asked for; for people. */
  readonly selection: Readonly<Record<string, unknown>>;
  /** Why it was opened, in words. */
  readonly reason: string;
  /** Of the revocation that was asked for last. */
  readonly reasonCode?: ReasonCode | undefined;
  /** Since when the key is believed compromised (RFC 5280 §5.3.2). */
  readonly invalidityDate?: Date | undefined;
  /** A rehearsal: nothing but its own record changes. */
  readonly drill: boolean;
  /** Of a compromised key: lower-case hex SHA-256 of its SubjectPublicKeyInfo. */
  readonly spkiHash?: string | undefined;
  /** Its record in the key inventory, when it is one of ours. */
  readonly keyId?: KeyId | undefined;
  /** The issuer whose key it is. */
  readonly issuerId?: IssuerId | undefined;
  /** Who issues instead of a compromised issuer. */
  readonly reissueBy?: IssuerId | undefined;
  /** Clients are told to renew between these, each at a moment of its own (RFC 9773 §4.2). */
  readonly renewFrom: Date;
  readonly renewUntil: Date;
  readonly explanationUrl?: string | undefined;
  readonly state: IncidentState;
  readonly affected: number;
  /** The job at work, or the last one. */
  readonly job?: string | undefined;
  readonly openedAt: Date;
  readonly openedBy: string;
  readonly closedAt?: Date | undefined;
  readonly closedBy?: string | undefined;
}

/** Something that happened in an incident; kept for good. */
export interface IncidentEventRecord {
  readonly at: Date;
  readonly by: string;
  /** opened, hold, revoke, keyCompromised, issuerRevoked, late, acted, closed … */
  readonly event: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A subscriber who still has to replace a certificate: the newest of those affected, and how many there are. */
export interface RemainingSubscriber {
  readonly owner: string;
  readonly subject: string;
  readonly names: readonly string[];
  readonly issuerId: IssuerId;
  readonly serialNumber: SerialNumber;
  readonly notAfter: Date;
  readonly status: CertificateStatus;
  readonly certificates: number;
}

/** What an incident would reach. Counts are whole; lists are cut at a limit. */
export interface Reach {
  readonly certificates: number;
  readonly good: number;
  readonly onHold: number;
  readonly revoked: number;
  readonly expired: number;
  readonly abandoned: number;
  readonly caCertificates: number;
  readonly delegates: number;
  readonly subscribers: number;
  /** Owners with the most certificates first. */
  readonly owners: readonly { readonly owner: string; readonly certificates: number }[];
  readonly ownerCount: number;
}

/** What a key has signed since a moment, as far as it is on record. */
export interface SignaturesSince {
  readonly certificates: number;
  readonly delegates: number;
  readonly caCertificates: number;
  readonly crls: number;
  /** Newest first, cut at a limit. */
  readonly crlList: readonly {
    readonly crlNumber: bigint;
    readonly shard: number;
    readonly thisUpdate: Date;
  }[];
}

/** A certificate of the list, with who holds it. */
export type ReachedCertificate = Pick<
  CertificateRecord,
  'issuerId' | 'serialNumber' | 'type' | 'subject' | 'notAfter' | 'issuanceState' | 'requestedAt'
> & { readonly owner: string; readonly status: CertificateStatus };

/** Incidents, within the caller's transaction. */
export interface IncidentStore {
  /** With the list of what the query finds, in one snapshot. Answers how many there are. @throws ChanceryError payloadTooLarge above `limit` */
  insert(incident: IncidentRecord, query: BulkQuery, limit: number): Promise<number>;
  find(tenant: TenantId, id: string): Promise<IncidentRecord | undefined>;
  /** Takes a row lock until the transaction ends. */
  findForUpdate(tenant: TenantId, id: string): Promise<IncidentRecord | undefined>;
  /** Newest first. */
  list(
    tenant: TenantId,
    state: IncidentState | undefined,
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<IncidentRecord>>;
  /** Those whose job is at work. */
  listActing(tenant: TenantId): Promise<readonly IncidentRecord[]>;
  /** State, list's length, job, reason code, successor, end. */
  update(incident: IncidentRecord): Promise<void>;
  append(tenant: TenantId, id: string, event: IncidentEventRecord): Promise<void>;
  events(tenant: TenantId, id: string): Promise<readonly IncidentEventRecord[]>;
  /**
   * Puts what is still to be held or revoked into a job. Of a compromised issuer's certificates its
   * delegates stay: with them its responder tells that everything is revoked. The present credentials of
   * principals stay as well: exactly these certificates are bound, whatever the issuer's key signs, and
   * whoever must act now would be locked out. A later act finds those that were replaced.
   */
  fillJob(incident: IncidentRecord, job: string, act: IncidentAct): Promise<BulkCounts>;
  /**
   * What the list has, the act changes, and the job has not: it was being signed when the job was filled.
   * `underWay`: how many of the list are neither issued nor abandoned yet.
   */
  leftOver(
    incident: IncidentRecord,
    job: string,
    act: IncidentAct,
  ): Promise<{ readonly leftOver: number; readonly underWay: number }>;
  /** Takes what the issuer's key signed and the list does not have; issuances that were under way. Answers how many. */
  addLate(incident: IncidentRecord): Promise<{ readonly added: number; readonly underWay: number }>;
  /** `excluded`: issuers whose certificates replace nothing. */
  progress(
    incident: IncidentRecord,
    excluded: readonly IssuerId[],
    now: Date,
  ): Promise<IncidentProgress>;
  remaining(
    incident: IncidentRecord,
    excluded: readonly IssuerId[],
    now: Date,
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<RemainingSubscriber>>;
  reach(query: BulkQuery, owners: number): Promise<Reach>;
  /** CA certificates among what the query finds. */
  caCertificates(query: BulkQuery): Promise<readonly ReachedCertificate[]>;
  signaturesSince(
    tenant: TenantId,
    issuerId: IssuerId,
    since: Date,
    crls: number,
  ): Promise<SignaturesSince>;
  /** Issuers whose key is compromised, with who issues instead by the newest incident. */
  compromisedIssuers(
    tenant: TenantId,
  ): Promise<ReadonlyMap<IssuerId, { readonly reissueBy?: IssuerId | undefined }>>;
}
