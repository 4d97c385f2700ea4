import type { IssuerId, SerialNumber, TenantId } from '../domain/index.ts';

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
  /** Only certificates issued before this: a notBefore may be set back, and their successors are left alone. */
  readonly issuedBefore: Date;
  readonly startsAt: Date;
  /** The last windows end here; each certificate's end is spread between the two. */
  readonly endsAt: Date;
  readonly explanationUrl?: string | undefined;
  /** It revokes at once and paces the renewals: a revoked certificate has its window, too. */
  readonly pacesRevoked?: boolean | undefined;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly closedAt?: Date | undefined;
}
