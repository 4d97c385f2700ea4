import type {
  CertificateStatus,
  IssuanceState,
  IssuerId,
  KeyId,
  KeyState,
  ReasonCode,
  SerialNumber,
} from '../src/domain/index.ts';
import type { OcspDelegate } from '../src/issuance/index.ts';

/** What the responder may see of a certificate: views only. */
export interface StatusRecord {
  readonly issuerId: IssuerId;
  readonly serialNumber: SerialNumber;
  readonly issuanceState: IssuanceState;
  readonly status: CertificateStatus;
  readonly reasonCode?: ReasonCode | undefined;
  /** Start of the unbroken time in which it was not good. */
  readonly notGoodSince?: Date | undefined;
  readonly invalidityDate?: Date | undefined;
  readonly notAfter: Date;
  /**
   * Times of the source that the status comes from, when that is a foreign CA's CRL: the answer
   * has its thisUpdate, and a nextUpdate that is never later (RFC 6960 §4.2.2.1). Both 1970: there is
   * no CRL yet, and nothing is known.
   */
  readonly validity?: { readonly thisUpdate: Date; readonly nextUpdate: Date } | undefined;
  /**
   * The moment of which the record is true, where that is before the question: all changes that
   * were committed until then are in it (a replica's record). Absent: when it was asked for.
   */
  readonly asOf?: Date | undefined;
}

/** A change of one certificate's status, with its status now. */
export interface StatusChange extends StatusRecord {
  /** When it was written, just before its commit, by the database's clock. */
  readonly changedAt?: Date | undefined;
}

/** A page of the change feed. */
export interface StatusChanges {
  readonly changes: readonly StatusChange[];
  readonly cursor: string;
  /** Changes after the former cursor are pruned: whatever was known must be forgotten. */
  readonly restarted?: boolean | undefined;
  /** The database's clock when the page was read; absent: nothing has changed. */
  readonly readAt?: Date | undefined;
  /**
   * Position in the database's log (LSN) that a replica must have reached to have all of these
   * changes; absent: no further than the page before.
   */
  readonly position?: bigint | undefined;
}

/** What an issuer declares about the answers for its certificates (its `statusPolicy.ocsp`). */
export interface AnswerPolicy {
  /**
   * Serial numbers that it never issued are answered as revoked, not `unknown` (RFC 6960 §2.2,
   * §4.4.8).
   */
  readonly extendedRevoke: boolean;
  /** How long after their expiry status is kept, in seconds (RFC 6960 §4.4.4); not said when absent. */
  readonly archiveCutoffSeconds?: number | undefined;
}

export interface StatusIssuer {
  readonly issuerId: IssuerId;
  readonly name: string;
  /** DER of the CA certificate. */
  readonly certificate: Uint8Array;
  /** Parents, root last. */
  readonly chain: readonly Uint8Array[];
  readonly nameHashes: Readonly<Record<string, string>>;
  readonly keyHashes: Readonly<Record<string, string>>;
  /** Absent: never-issued serial numbers are `unknown`, and no archive cutoff is said. */
  readonly policy?: AnswerPolicy | undefined;
  /** When its key was recorded as compromised: nothing that it signed is good from then on. */
  readonly compromisedAt?: Date | undefined;
}

/** Where a key of a responder stands in the CA's inventory. */
export interface KeyStanding {
  readonly keyId: KeyId;
  readonly state: KeyState;
  readonly activatedAt?: Date | undefined;
  /** End of its originator-usage period (SP 800-57 Part 1 §5.3.6): nothing is signed from then on. */
  readonly originatorUsageEnd?: Date | undefined;
  readonly signatureLimit?: number | undefined;
}

/** The responder's one source of status, over a database role that reads views only. */
export interface StatusSource {
  issuers(): Promise<readonly StatusIssuer[]>;
  /** Keys that the inventory does not know are missing from the answer. */
  keys?(keyIds: readonly KeyId[]): Promise<readonly KeyStanding[]>;
  /** Several at once; absent ones are missing from the answer. */
  lookup(
    issuerId: IssuerId,
    serialNumbers: readonly SerialNumber[],
  ): Promise<readonly StatusRecord[]>;
  /**
   * Changes since the cursor with their status now; `undefined` starts at the present end.
   * Never loses one. Every change that is committed when the call begins is in the answer (or in
   * the pages that follow a full one), also while an older transaction is still running; the price
   * is that a change may come more than once.
   */
  changesSince(cursor: string | undefined, limit: number): Promise<StatusChanges>;
  /**
   * Calls back when the database says that something has changed; a hint, which may come late, too
   * often or never. The answer ends it.
   */
  hear?(heard: () => void): () => Promise<void>;
}

/** Status as a replica has it, which may be behind. */
export interface ReplicaSource {
  /** `replayed`: the position (LSN) that it had reached before the records were read. */
  lookup(
    issuerId: IssuerId,
    serialNumbers: readonly SerialNumber[],
  ): Promise<{ readonly records: readonly StatusRecord[]; readonly replayed: bigint }>;
}

/** Delegates for CAs that are not ours; see `ForeignAuthorities`. */
export interface ForeignSigners {
  /** Whether there is no database, and so no issuer of our own. */
  readonly alone: boolean;
  owns(issuerId: IssuerId): boolean;
  /** Of the keys of all delegates. */
  keyIds(): Promise<readonly KeyId[]>;
  delegate(issuerId: IssuerId, at: Date): OcspDelegate | undefined;
  /** What stands in the way of answering for them, one sentence each. */
  problems(): readonly string[];
  /** When the first of each CA's CRLs ends, in milliseconds by the CA's name; 0 before there are all. */
  crlEnds(): ReadonlyMap<string, number>;
}

/** One line of the log; fields are structured data, never secrets. */
export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;
