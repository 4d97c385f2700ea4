import type { IssuerId, KeyId, StatusPolicy, TenantId } from '../domain/index.ts';
import type { SignatureAlgorithmName } from '../pkix/index.ts';
import type { IssuerStandingName, IssuerStep } from './rollover-ports.ts';

/** A CA certificate and its key. Its own certificate also stands in the inventory, under its parent. */
export interface IssuerRecord {
  readonly tenant: TenantId;
  readonly issuerId: IssuerId;
  readonly name: string;
  readonly kind: 'root' | 'subordinate' | 'external';
  /** `pending`: key and CSR exist, the chain is not installed yet. */
  readonly state: 'pending' | 'active';
  readonly keyId: KeyId;
  readonly tokenRole: 'root' | 'issuing';
  readonly parentIssuerId?: IssuerId | undefined;
  /** DER of its certificate; undefined while pending. */
  readonly certificate?: Uint8Array | undefined;
  /** DER of the certificates above it, parent first, root last. Empty for a root. */
  readonly chain: readonly Uint8Array[];
  readonly certificationRequest?: Uint8Array | undefined;
  /** DER of its subject Name. */
  readonly subject: Uint8Array;
  /** The algorithm with which this issuer signs. */
  readonly signatureAlgorithm: SignatureAlgorithmName;
  readonly profileName: string;
  /** Kept with the issuer: what certificates of this issuer point to. */
  readonly urls: { readonly crl: string; readonly ocsp: string; readonly caIssuers: string };
  readonly crlLifetimeSeconds: number;
  /** How it tells status: shards, scopes, delta CRLs, what its responders answer. */
  readonly statusPolicy: StatusPolicy;
  readonly createdAt: Date;
  readonly createdBy: string;
  /** Lower-case hex hashes of subject name and key, by digest (sha1, sha256, sha384, sha512). */
  readonly nameHashes: Readonly<Record<string, string>>;
  readonly keyHashes: Readonly<Record<string, string>>;
  /** Where it stands in a rollover; of a pending one, where it will. */
  readonly standing: IssuerStandingName;
  /** Whom it follows, and who follows it. */
  readonly predecessorId?: IssuerId | undefined;
  readonly successorId?: IssuerId | undefined;
  /** Of a prepared one: when it begins to issue. */
  readonly activateAt?: Date | undefined;
  readonly retiringSince?: Date | undefined;
  /** Of a retiring one: the latest notAfter of what it issued, delegates left out; settled some minutes later. */
  readonly lastNotAfter?: Date | undefined;
  /** `lastNotAfter` is past: nothing is certified any more, delegates included, and its last CRLs follow. */
  readonly closedAt?: Date | undefined;
}

export interface IssuerStore {
  insert(record: IssuerRecord): Promise<void>;
  /** pending -> active with certificate and chain; `subject` when the parent encoded it otherwise. */
  activate(
    tenant: TenantId,
    issuerId: IssuerId,
    certificate: Uint8Array,
    chain: readonly Uint8Array[],
    parentIssuerId?: IssuerId,
    subject?: { readonly der: Uint8Array; readonly nameHashes: IssuerRecord['nameHashes'] },
  ): Promise<void>;
  /** False when it is that already. */
  setStatusPolicy(tenant: TenantId, issuerId: IssuerId, policy: StatusPolicy): Promise<boolean>;
  /** One step of a rollover. False when it does not stand at `from` (any more). */
  advance(
    tenant: TenantId,
    issuerId: IssuerId,
    from: IssuerStandingName,
    step: IssuerStep,
  ): Promise<boolean>;
  /** The latest notAfter of what it issued, delegates' and its own certificates left out; undefined without any. */
  latestNotAfter(tenant: TenantId, issuerId: IssuerId): Promise<Date | undefined>;
  /** Until when an OCSP responder has a delegate's certificate of it; undefined when none was issued. */
  delegateUntil(tenant: TenantId, issuerId: IssuerId): Promise<Date | undefined>;
  /** As `find`, and locks its row until the transaction ends. */
  findForUpdate(tenant: TenantId, issuerId: IssuerId): Promise<IssuerRecord | undefined>;
  find(tenant: TenantId, issuerId: IssuerId): Promise<IssuerRecord | undefined>;
  findByName(tenant: TenantId, name: string): Promise<IssuerRecord | undefined>;
  list(tenant: TenantId): Promise<readonly IssuerRecord[]>;
}
