import type { Transaction } from '../authority/ports.ts';
import type { IssuerId, SerialNumber, TenantId } from '../domain/index.ts';
import type { NamePatterns } from '../policy/index.ts';

/** An ACME identifier, normalised: lower-case A-labels; addresses as `formatIpAddress` prints them. */
export interface Identifier {
  readonly type: 'dns' | 'ip';
  /** A wildcard stands here with its `*.` (orders); never in an authorization. */
  readonly value: string;
}

/** RFC 8555 §6.7, as it is stored and sent: type is the whole URN. */
export interface ProblemDocument {
  readonly type: string;
  readonly detail: string;
  readonly status?: number | undefined;
  /** Of a subproblem: what it is about, as the client wrote it (its type may be one that is refused). */
  readonly identifier?: { readonly type: string; readonly value: string } | undefined;
  readonly subproblems?: readonly ProblemDocument[] | undefined;
}

/** A public JWK with exactly the members of its thumbprint (RFC 7638), in their order. */
export type PublicJwk = Readonly<Record<string, string>>;

export type AccountStatus = 'valid' | 'deactivated' | 'revoked';
export type OrderStatus = 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
export type AuthorizationStatus =
  | 'pending'
  | 'valid'
  | 'invalid'
  | 'deactivated'
  | 'expired'
  | 'revoked';
export type ChallengeStatus = 'pending' | 'processing' | 'valid' | 'invalid';
export type ChallengeType = 'http-01' | 'dns-01' | 'tls-alpn-01';

export interface AccountRecord {
  readonly tenant: TenantId;
  readonly directory: string;
  /** 128 random bits, base64url. */
  readonly accountId: string;
  readonly status: AccountStatus;
  readonly key: PublicJwk;
  /** base64url SHA-256 (RFC 7638); unique in a directory. */
  readonly thumbprint: string;
  /** Lower-case hex SHA-256 of the key's SubjectPublicKeyInfo: a CSR must not hold an account key (RFC 8555 §11.1). */
  readonly spkiHash: string;
  readonly contact: readonly string[];
  readonly termsAgreedAt?: Date | undefined;
  /** Key identifier of the EAB credential that the account is bound to. */
  readonly kid?: string | undefined;
  /** The externalAccountBinding as it came, returned verbatim (RFC 8555 §7.3.4). */
  readonly externalAccountBinding?: Readonly<Record<string, string>> | undefined;
  readonly createdAt: Date;
  /** Address that the registration came from. */
  readonly createdFrom: string;
}

/** What an external account binding grants: a policy object. The MAC key is not in it (it is derived). */
export interface EabCredential {
  readonly tenant: TenantId;
  readonly kid: string;
  readonly directory: string;
  /** Name of the principal that owns the certificates of the bound accounts. */
  readonly owner: string;
  /** Which secret the MAC key is derived from (see `external-account.ts`). */
  readonly secretId: string;
  /** `example.org` and below, `.example.org` below only, `*.example.org` below with wildcards, addresses, CIDR. Empty: what the directory allows. */
  readonly allow: readonly string[];
  /** False: the allowed names need no challenge. */
  readonly challengeRequired: boolean;
  /** Undefined: those of the directory. */
  readonly profiles?: readonly string[] | undefined;
  /** Certificates that may be issued in all; undefined: no limit. */
  readonly quota?: number | undefined;
  /** Certificates issued so far. */
  readonly issued: number;
  /** Only one account may be bound. */
  readonly singleUse: boolean;
  /** Accounts bound so far. */
  readonly accounts: number;
  readonly tags: readonly string[];
  readonly createdAt: Date;
  readonly createdBy: string;
  /** After this no account is bound any more; bound ones go on. */
  readonly notAfter?: Date | undefined;
  /** Stops its accounts. */
  readonly revokedAt?: Date | undefined;
  readonly revokedBy?: string | undefined;
}

/** An account with the credential that it is bound to, as both are now. */
export interface AccountAccess {
  readonly account: AccountRecord;
  readonly credential?: EabCredential | undefined;
  /** The credential's owner was disabled. */
  readonly ownerDisabled: boolean;
}

export interface OrderRecord {
  readonly tenant: TenantId;
  readonly directory: string;
  /** 128 random bits, base64url. */
  readonly orderId: string;
  readonly accountId: string;
  readonly status: OrderStatus;
  readonly identifiers: readonly Identifier[];
  /** Authorization ids, in the order of the identifiers; immutable (RFC 8555 §7.1.3). */
  readonly authorizations: readonly string[];
  readonly profile: string;
  readonly notBefore?: Date | undefined;
  readonly notAfter?: Date | undefined;
  /** certID of RFC 9773 §4.1, as it came. */
  readonly replaces?: string | undefined;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** DER, once finalized. */
  readonly csr?: Uint8Array | undefined;
  readonly processingSince?: Date | undefined;
  /** Issuances tried; a crash makes the next one (with a new serial number). */
  readonly attempts: number;
  /** The certificate being issued (processing) or issued (valid). */
  readonly issuerId?: IssuerId | undefined;
  readonly serialNumber?: SerialNumber | undefined;
  readonly error?: ProblemDocument | undefined;
}

export interface AuthorizationRecord {
  readonly tenant: TenantId;
  readonly directory: string;
  /** 128 random bits, base64url. */
  readonly authorizationId: string;
  readonly accountId: string;
  /** Without `*.`. */
  readonly identifier: Identifier;
  readonly wildcard: boolean;
  readonly status: AuthorizationStatus;
  readonly expiresAt: Date;
  readonly createdAt: Date;
  /** 256 random bits, base64url; one for all challenges of the authorization (RFC 8555 §8.1). */
  readonly token: string;
  /** Empty when it was authorised beforehand. */
  readonly offered: readonly ChallengeType[];
  /** The challenge that the client answered; undefined: all are pending. */
  readonly attempted?: ChallengeType | undefined;
  readonly challengeStatus: ChallengeStatus;
  readonly attempts: number;
  /** One problem a failed attempt, oldest first (RFC 8555 §8.2). */
  readonly errors: readonly ProblemDocument[];
  /** When the next attempt is due, while the challenge is processing. */
  readonly nextAttemptAt?: Date | undefined;
  readonly validatedAt?: Date | undefined;
  /** kid of the credential that authorised it beforehand. */
  readonly preauthorizedBy?: string | undefined;
}

/** GCRA: `burst` requests at once, then one every `intervalMilliseconds`. */
export interface RateLimitRequest {
  /** `newAccountPerAddress`, `newOrderPerAccount`, … */
  readonly limit: string;
  readonly key: string;
  readonly intervalMilliseconds: number;
  readonly burst: number;
}

/** Why a request must wait. */
export interface RateLimited {
  readonly limit: string;
  readonly key: string;
  readonly retryAt: Date;
}

/** Another rate for one key of one limit, until it expires. */
export interface RateLimitOverride {
  readonly tenant: TenantId;
  readonly limit: string;
  readonly key: string;
  readonly intervalMilliseconds: number;
  readonly burst: number;
  readonly notAfter: Date;
  readonly comment?: string | undefined;
  readonly createdAt: Date;
  readonly createdBy: string;
}

/** Certificates that should be renewed early (RFC 9773 §4.1): an incident, or an issuer's rollover. */
export interface RenewalIncident {
  readonly tenant: TenantId;
  readonly incidentId: string;
  /** Undefined: of every issuer. */
  readonly issuerId?: IssuerId | undefined;
  /** Undefined: of every profile. */
  readonly profile?: string | undefined;
  /** Only certificates whose notBefore lies before this. */
  readonly issuedBefore: Date;
  readonly startsAt: Date;
  /** The last windows end here; each certificate's end is spread between the two. */
  readonly endsAt: Date;
  readonly explanationUrl?: string | undefined;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly closedAt?: Date | undefined;
}

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
  /** Counts a certificate; false when the quota is used up or the credential is revoked. */
  spendQuota(tenant: TenantId, kid: string): Promise<boolean>;

  insertIncident(incident: RenewalIncident): Promise<void>;
  /** Open ones, newest first. */
  listIncidents(tenant: TenantId): Promise<readonly RenewalIncident[]>;
  closeIncident(tenant: TenantId, incidentId: string, at: Date): Promise<boolean>;

  /** Deletes what nobody asks for any more: spent nonces, dead orders and authorizations, idle limits. */
  prune(tenant: TenantId, now: Date): Promise<number>;
}

/** What storage hands out: one transaction for acts of the authority and rows of ACME. */
export interface AcmeTransaction extends Transaction {
  readonly acme: AcmeStore;
}

export interface AcmeUnitOfWork {
  /** Single statements, each on its own. */
  readOne<T>(work: (transaction: AcmeTransaction) => Promise<T>): Promise<T>;
  /** One snapshot, read only. */
  read<T>(work: (transaction: AcmeTransaction) => Promise<T>): Promise<T>;
  /** Read-write, durable commit. */
  run<T>(work: (transaction: AcmeTransaction) => Promise<T>): Promise<T>;
  /** Read-write; a crash of the database may lose the last moments (synchronous_commit off). */
  runRelaxed<T>(work: (transaction: AcmeTransaction) => Promise<T>): Promise<T>;
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

export interface RateLimitSettings {
  readonly burst: number;
  /** Over this many seconds the burst is given back. */
  readonly seconds: number;
}

/** The limits that a directory may set; undefined: none. */
export interface DirectoryLimits {
  readonly newAccountPerAddress?: RateLimitSettings | undefined;
  readonly newOrderPerAccount?: RateLimitSettings | undefined;
  readonly newOrderPerCredential?: RateLimitSettings | undefined;
  /** Certificates a name, whoever asks. */
  readonly newOrderPerName?: RateLimitSettings | undefined;
  /** An account's failed validations of one name. */
  readonly failedValidationPerName?: RateLimitSettings | undefined;
}

/** One ACME directory as configured and checked. */
export interface DirectoryPolicy {
  readonly name: string;
  /** Name or id of an issuer; undefined: the default issuing CA. */
  readonly issuer?: string | undefined;
  /** Profiles that may be asked for, with what the directory says of each. */
  readonly profiles: ReadonlyMap<string, string>;
  readonly defaultProfile: string;
  readonly challengeTypes: readonly ChallengeType[];
  readonly names: {
    readonly allow?: NamePatterns | undefined;
    readonly deny?: NamePatterns | undefined;
  };
  readonly externalAccount: 'none' | 'newAccounts' | 'always';
  readonly termsOfService?: string | undefined;
  readonly website?: string | undefined;
  readonly limits: DirectoryLimits;
  /** Identifiers in one order at most. */
  readonly maximumIdentifiers: number;
  readonly orderLifetimeSeconds: number;
  readonly authorizationLifetimeSeconds: number;
  /** Seconds before the second, third … attempt at a challenge; its length + 1 is how many there are. */
  readonly retrySeconds: readonly number[];
}
