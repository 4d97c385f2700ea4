import type {
  BulkItemState,
  BulkJobState,
  BulkParameters,
  Description,
  ErrorCode,
  IssuanceState,
  IssuerId,
  ReasonCode,
  SerialNumber,
  StatusChange,
  StatusState,
  TenantId,
} from '../domain/index.ts';
import type { CertificateQuery, CertificateRecord, Page } from './ports.ts';

/** Certificates of a job by state; `items` is their sum. */
export interface BulkCounts {
  readonly items: number;
  readonly pending: number;
  readonly done: number;
  readonly refused: number;
  readonly skipped: number;
}

/** Filters of a job's query: a search without its paging. */
export type BulkQuery = Omit<CertificateQuery, 'cursor' | 'limit'>;

/** One act on many certificates, whose list was fixed when the job was made. */
export interface BulkJobRecord {
  readonly tenant: TenantId;
  readonly id: string;
  readonly parameters: BulkParameters;
  /** How the list came about, as it was asked for; for people. */
  readonly selection: Readonly<Record<string, unknown>>;
  /** Whether whoever asked may act on CA certificates, too. */
  readonly includesIssuers: boolean;
  readonly requestedBy: { readonly id: string; readonly name: string };
  readonly requestedAt: Date;
  readonly state: BulkJobState;
  readonly startedAt?: Date | undefined;
  /** When it was done or stopped. */
  readonly endedAt?: Date | undefined;
  readonly counts: BulkCounts;
}

/** One certificate of a job. */
export interface BulkJobItem {
  /** In the list, from 0. */
  readonly position: number;
  readonly serialNumber: SerialNumber;
  /** Undefined when no certificate has the serial number. */
  readonly issuerId?: IssuerId | undefined;
  readonly state: BulkItemState;
  /** Of a refused one: the code that the single act would answer, and why. */
  readonly code?: ErrorCode | undefined;
  readonly reason?: string | undefined;
}

/** What became of an item. */
export interface BulkOutcome {
  readonly position: number;
  readonly state: Exclude<BulkItemState, 'pending'>;
  readonly code?: ErrorCode | undefined;
  readonly reason?: string | undefined;
}

/** A certificate as far as an act on many looks at it. */
export interface BulkTarget
  extends Pick<
    CertificateRecord,
    'issuerId' | 'serialNumber' | 'type' | 'issuanceState' | 'status' | 'spkiHash' | 'notAfter'
  > {
  /** The inventory's row number. */
  readonly row: bigint;
  readonly subject: string;
  /** Undefined for one whose contents were purged. */
  readonly description: Description | undefined;
}

/** Certificates of a query that the status machine treats alike. */
export interface BulkClass {
  readonly issuanceState: IssuanceState;
  readonly status: StatusState['status'];
  readonly reasonCode?: ReasonCode | undefined;
  readonly type: CertificateRecord['type'];
  /** Its contents are gone: nothing can be described any more. */
  readonly purged: boolean;
  readonly count: number;
}

export interface StatusWrite {
  readonly row: bigint;
  readonly state: StatusState;
}

export interface DescriptionWrite {
  readonly row: bigint;
  readonly after: Description;
}

/** Acts on many certificates, within the caller's transaction. */
export interface BulkJobs {
  insert(job: BulkJobRecord): Promise<void>;
  /**
   * Adds the certificates with these serial numbers, each once and in this order; one that nobody has
   * is refused at once. Answers the serial numbers that several issuers have, of which none is added.
   */
  addSerialNumbers(
    job: Pick<BulkJobRecord, 'tenant' | 'id'>,
    serialNumbers: readonly SerialNumber[],
    issuerId?: IssuerId,
  ): Promise<readonly SerialNumber[]>;
  /** Adds what a query finds in one snapshot, newest first; stops after `limit`. Answers how many. */
  addFound(
    job: Pick<BulkJobRecord, 'tenant' | 'id'>,
    query: BulkQuery,
    limit: number,
  ): Promise<number>;
  /** Counts the items, once all are there. */
  countItems(job: Pick<BulkJobRecord, 'tenant' | 'id'>): Promise<BulkCounts>;
  find(tenant: TenantId, id: string): Promise<BulkJobRecord | undefined>;
  /** Takes a row lock until the transaction ends. */
  findForUpdate(tenant: TenantId, id: string): Promise<BulkJobRecord | undefined>;
  /** Newest first. */
  list(
    tenant: TenantId,
    filter: { readonly state?: BulkJobState | undefined },
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<BulkJobRecord>>;
  items(
    job: Pick<BulkJobRecord, 'tenant' | 'id'>,
    filter: { readonly state?: BulkItemState | undefined },
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<BulkJobItem>>;
  /** Jobs that are planned or running. */
  countOpen(tenant: TenantId): Promise<number>;
  /**
   * The open job that waited longest for its turn, locked. Undefined when there is none, or when a
   * holder with a higher fencing number has worked on it: the caller's lease is over.
   */
  takeTurn(tenant: TenantId, fence: bigint): Promise<BulkJobRecord | undefined>;
  /** The next pending items, their certificates locked in the order of their rows and read after that. */
  takePending(
    job: Pick<BulkJobRecord, 'tenant' | 'id'>,
    limit: number,
  ): Promise<readonly (BulkTarget & { readonly position: number })[]>;
  /** Writes the outcomes of items; how many of them were pending. */
  settle(
    job: Pick<BulkJobRecord, 'tenant' | 'id'>,
    outcomes: readonly BulkOutcome[],
  ): Promise<number>;
  /** Of these certificates, those that the job still has pending are done by the sweep of their key. */
  settleSwept(job: Pick<BulkJobRecord, 'tenant' | 'id'>, rows: readonly bigint[]): Promise<number>;
  /** State, times, counts, and the fencing number under which it was worked on. */
  update(job: BulkJobRecord, fence?: bigint): Promise<void>;
  /** Of these serial numbers: what they are, in this order; none, one or several of each. */
  resolve(
    tenant: TenantId,
    serialNumbers: readonly SerialNumber[],
    issuerId?: IssuerId,
  ): Promise<readonly BulkTarget[]>;
  /** What a query finds, newest first. */
  findTargets(query: CertificateQuery): Promise<Page<BulkTarget>>;
  /** What a query finds, counted by what the status machine looks at; no more than `limit` are looked at. */
  classes(query: BulkQuery, limit: number): Promise<readonly BulkClass[]>;
  /** The status of many, with history, change feed and the shards' counters, as for one. */
  changeStatuses(writes: readonly StatusWrite[], change: StatusChange): Promise<void>;
  describe(writes: readonly DescriptionWrite[]): Promise<void>;
  /**
   * Blocks keys and answers the other certificates of them that are neither revoked nor abandoned,
   * locked.
   */
  blockKeys(
    tenant: TenantId,
    spkiHashes: readonly string[],
    reason: ReasonCode,
    at: Date,
    by: string,
    except: readonly bigint[],
  ): Promise<readonly BulkTarget[]>;
  /** Forgets items of jobs that ended before; at most `limit`. The jobs and the audit log stay. */
  prune(tenant: TenantId, endedBefore: Date, limit: number): Promise<number>;
  /** Everything that a search finds, in one snapshot and in the order of the inventory, in chunks. */
  export(query: BulkQuery): AsyncIterable<readonly CertificateRecord[]>;
}
