import type { Transaction } from '../authority/ports.ts';
import type { IssuerId, SerialNumber, TenantId } from '../domain/index.ts';
import type {
  AccountAccess,
  AccountRecord,
  AuthorizationRecord,
  ChallengeType,
  EabCredential,
  Identifier,
  OrderRecord,
  ProblemDocument,
  RateLimited,
  RateLimitOverride,
  RateLimitRequest,
  RenewalIncident,
} from './records.ts';

export type * from './directory-policy.ts';
export type * from './records.ts';

/** Rows of ACME. Every statement is bound to the tenant; ids of others answer as if there were nothing. */
export interface AcmeStore {
  /**
   * Spends a nonce and reads the account, in one statement whose commit is asynchronous. `fresh` is
   * false when the nonce was spent before, on any node. `notAfter`: when it may be forgotten.
   */
  admit(
    tenant: TenantId,
    directory: string,
    nonce: { readonly value: string; readonly notAfter: Date },
    account: { readonly accountId: string } | { readonly thumbprint: string } | undefined,
  ): Promise<{ readonly fresh: boolean; readonly access?: AccountAccess | undefined }>;

  /** False when the directory has an account with this key already. */
  insertAccount(record: AccountRecord): Promise<boolean>;
  findAccount(
    tenant: TenantId,
    directory: string,
    account: { readonly accountId: string } | { readonly thumbprint: string },
  ): Promise<AccountAccess | undefined>;
  updateAccount(
    tenant: TenantId,
    accountId: string,
    change: {
      readonly contact?: readonly string[] | undefined;
      readonly termsAgreedAt?: Date | undefined;
    },
  ): Promise<void>;
  /** valid -> deactivated (by its holder) or revoked (by the CA). False when it was not valid. */
  endAccount(
    tenant: TenantId,
    accountId: string,
    status: 'deactivated' | 'revoked',
  ): Promise<boolean>;
  /**
   * Guarded by the old key. `conflict`: the account that has the new key; `gone`: the old key is not
   * the account's any more.
   */
  changeAccountKey(
    tenant: TenantId,
    directory: string,
    accountId: string,
    oldThumbprint: string,
    next: Pick<AccountRecord, 'key' | 'thumbprint' | 'spkiHash'>,
  ): Promise<'changed' | 'gone' | { readonly conflict: string }>;
  /** Whether any account of the tenant, in any directory, has this key. */
  isAccountKey(tenant: TenantId, spkiHash: string): Promise<boolean>;
  listAccounts(
    tenant: TenantId,
    filter: {
      readonly directory?: string | undefined;
      readonly kid?: string | undefined;
      readonly cursor?: string | undefined;
      readonly limit: number;
    },
  ): Promise<{ readonly items: readonly AccountRecord[]; readonly next: string | null }>;

  /**
   * Inserts order and new authorizations; those of `authorizations` that are not new exist already.
   * False when another order that is not invalid has the same `replaces` (RFC 9773 §5).
   */
  insertOrder(order: OrderRecord, created: readonly AuthorizationRecord[]): Promise<boolean>;
  findOrder(tenant: TenantId, directory: string, orderId: string): Promise<OrderRecord | undefined>;
  /** With the row locked until the transaction ends. */
  findOrderForUpdate(
    tenant: TenantId,
    directory: string,
    orderId: string,
  ): Promise<OrderRecord | undefined>;
  /** Ids, newest first. */
  listOrders(
    tenant: TenantId,
    directory: string,
    accountId: string,
    cursor: string | undefined,
    limit: number,
  ): Promise<{ readonly items: readonly string[]; readonly next: string | null }>;
  /** The valid order that led to this certificate. */
  findOrderOfCertificate(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
  ): Promise<OrderRecord | undefined>;
  /**
   * ready -> processing, or processing -> processing for another attempt (guarded by `attempts`), in
   * the intent's transaction. False when the order is not in that state or an authorization of it is
   * not valid at `now`.
   */
  beginProcessing(
    order: Pick<OrderRecord, 'tenant' | 'orderId' | 'attempts'>,
    next: {
      readonly csr: Uint8Array;
      readonly now: Date;
      readonly issuerId: IssuerId;
      readonly serialNumber: SerialNumber;
    },
  ): Promise<boolean>;
  /** processing -> valid, in the completion's transaction; guarded by the serial number. */
  completeOrder(
    tenant: TenantId,
    orderId: string,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
  ): Promise<boolean>;
  /** pending, ready or processing -> invalid. */
  failOrder(tenant: TenantId, orderId: string, error: ProblemDocument): Promise<boolean>;
  /** Orders that are processing since before `before` and whose certificate is abandoned: to be tried again. */
  listInterruptedOrders(
    tenant: TenantId,
    before: Date,
    limit: number,
  ): Promise<readonly OrderRecord[]>;

  findAuthorization(
    tenant: TenantId,
    directory: string,
    authorizationId: string,
  ): Promise<AuthorizationRecord | undefined>;
  /** Of one order, in the order of its identifiers. */
  listAuthorizations(
    tenant: TenantId,
    authorizationIds: readonly string[],
  ): Promise<readonly AuthorizationRecord[]>;
  /** Valid at `until` still, of this account, for any of the identifiers (base name and `wildcard`). */
  findValidAuthorizations(
    tenant: TenantId,
    directory: string,
    accountId: string,
    identifiers: readonly { readonly identifier: Identifier; readonly wildcard: boolean }[],
    until: Date,
  ): Promise<readonly AuthorizationRecord[]>;
  /** For newAuthz (RFC 8555 §7.4.1). */
  insertAuthorization(record: AuthorizationRecord): Promise<void>;
  /**
   * Challenge pending -> processing, claimed by this node until `claimedUntil`; asynchronous commit.
   * False when the authorization is not pending at `now` or another challenge of it was answered.
   */
  beginValidation(
    tenant: TenantId,
    authorizationId: string,
    type: ChallengeType,
    now: Date,
    claimedUntil: Date,
  ): Promise<boolean>;
  /** A failed attempt that another one will follow; asynchronous commit. */
  recordAttempt(
    tenant: TenantId,
    authorizationId: string,
    error: ProblemDocument,
    nextAttemptAt: Date,
    claimedUntil: Date,
  ): Promise<void>;
  /** Challenge and authorization -> valid; pending orders whose authorizations are all valid -> ready. False when it was not pending any more. */
  recordValid(
    tenant: TenantId,
    authorizationId: string,
    validatedAt: Date,
    expiresAt: Date,
  ): Promise<boolean>;
  /** Challenge and authorization -> invalid with the last error appended; its pending orders -> invalid with `orderError`. */
  recordInvalid(
    tenant: TenantId,
    authorizationId: string,
    error: ProblemDocument,
    orderError: ProblemDocument,
  ): Promise<boolean>;
  /** pending or valid -> deactivated; its pending and ready orders -> invalid. False when neither. */
  deactivateAuthorization(
    tenant: TenantId,
    authorizationId: string,
    orderError: ProblemDocument,
  ): Promise<boolean>;
  /** Takes over challenges that are processing and whose claim ran out (their node died). */
  claimValidations(
    tenant: TenantId,
    now: Date,
    claimedUntil: Date,
    limit: number,
  ): Promise<readonly AuthorizationRecord[]>;

  /** Takes one from each limit, or from none: the one that makes wait longest is returned. Overrides count until they expire. */
  takeRateLimits(
    tenant: TenantId,
    requests: readonly RateLimitRequest[],
    now: Date,
  ): Promise<RateLimited | undefined>;
  /** The same judgement, with nothing taken. */
  peekRateLimits(
    tenant: TenantId,
    requests: readonly RateLimitRequest[],
    now: Date,
  ): Promise<RateLimited | undefined>;
  putRateLimitOverride(override: RateLimitOverride): Promise<void>;
  removeRateLimitOverride(tenant: TenantId, limit: string, key: string): Promise<boolean>;
  listRateLimitOverrides(tenant: TenantId, now: Date): Promise<readonly RateLimitOverride[]>;

  insertCredential(credential: EabCredential): Promise<void>;
  findCredential(tenant: TenantId, kid: string): Promise<EabCredential | undefined>;
  listCredentials(
    tenant: TenantId,
    filter: {
      readonly directory?: string | undefined;
      readonly cursor?: string | undefined;
      readonly limit: number;
    },
  ): Promise<{ readonly items: readonly EabCredential[]; readonly next: string | null }>;
  /** False when it was revoked before: the first revocation stays. */
  revokeCredential(tenant: TenantId, kid: string, at: Date, by: string): Promise<boolean>;
  /** Counts a bound account; false when the credential is revoked, expired at `now`, or single-use and used. */
  bindCredential(tenant: TenantId, kid: string, now: Date): Promise<boolean>;
  /** Whether another account was made by this very binding, whose MAC stands in its signature. */
  isBindingUsed(
    account: Pick<AccountRecord, 'tenant' | 'accountId'>,
    kid: string,
    signature: string,
  ): Promise<boolean>;
  /** Counts a certificate; false when the quota is used up or the credential is revoked. */
  spendQuota(tenant: TenantId, kid: string): Promise<boolean>;

  insertIncident(incident: RenewalIncident): Promise<void>;
  /** Open ones, newest first. */
  listIncidents(tenant: TenantId): Promise<readonly RenewalIncident[]>;
  /** The open compromise or incident that has this certificate in its list and ends first. */
  findIncidentOf(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
  ): Promise<RenewalIncident | undefined>;
  closeIncident(tenant: TenantId, incidentId: string, at: Date): Promise<boolean>;

  /** Deletes what nobody asks for any more: spent nonces, dead orders and authorizations, idle limits. */
  prune(tenant: TenantId, now: Date): Promise<number>;
}

/** What storage hands out: one transaction for acts of the authority and rows of ACME. */
export interface AcmeTransaction extends Transaction {
  readonly acme: AcmeStore;
}

export interface AcmeUnitOfWork {
  /**
   * Single statements, each on its own. Those that a crash of the database may lose (nonces, limits,
   * claims) commit asynchronously by themselves.
   */
  readOne<T>(work: (transaction: AcmeTransaction) => Promise<T>): Promise<T>;
  /** One snapshot, read only. */
  read<T>(work: (transaction: AcmeTransaction) => Promise<T>): Promise<T>;
  /** Read-write, durable commit. */
  run<T>(work: (transaction: AcmeTransaction) => Promise<T>): Promise<T>;
  /** The rows of ACME in a transaction that the authority opened. */
  storeOf(transaction: Transaction): AcmeStore;
}

/** The outcome of one attempt at a challenge. */
export type ValidationOutcome =
  | {
      readonly valid: true;
      /** The address that answered, for the audit log; none for dns-01. */
      readonly address?: string | undefined;
    }
  | {
      readonly valid: false;
      /** `connection`, `dns`, `tls`, `incorrectResponse`, `unauthorized`, `serverInternal` … (RFC 8555 §6.7). */
      readonly type: string;
      /** What, where, how to mend it; never the fetched body. */
      readonly detail: string;
      /** Worth another attempt. */
      readonly retryable: boolean;
    };

/** The one door to strangers; `acme/validation` implements it. */
export interface ChallengeValidator {
  /** Never throws for what the other side does. */
  validate(challenge: {
    readonly directory: string;
    readonly type: ChallengeType;
    /** Without `*.`. */
    readonly identifier: Identifier;
    readonly token: string;
    readonly keyAuthorization: string;
  }): Promise<ValidationOutcome>;
}
