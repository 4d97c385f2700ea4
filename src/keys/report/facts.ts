import type {
  KeyCustodian,
  KeyDistribution,
  KeyRecord,
  KeyUsageCount,
  StoredKeyTransition,
  TokenIdentity,
  TokenRole,
} from '../ports.ts';

/** A certificate of a key in the inventory, as far as the report looks at it. */
export interface KeyCertificate {
  /** issuerId/serialNumber. */
  readonly reference: string;
  readonly status: 'good' | 'onHold' | 'revoked';
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A key with everything that is recorded of it. */
export interface KeyFacts {
  readonly record: KeyRecord;
  /** Both halves', oldest first. */
  readonly transitions: readonly StoredKeyTransition[];
  readonly distributions: readonly KeyDistribution[];
  readonly certificates: readonly KeyCertificate[];
  /** What the audit log says was done to it. */
  readonly audited: readonly { readonly act: string; readonly at: Date }[];
}

/** What an issuer's own certificate says, compared with the record. */
export interface IssuerCertificateFacts {
  readonly subjectAgrees: boolean;
  readonly publicKeyAgrees: boolean;
  readonly keyUsage: readonly string[];
  /** Lower-case hex. */
  readonly subjectKeyIdentifier?: string | undefined;
  readonly authorityKeyIdentifier?: string | undefined;
  readonly notAfter: Date;
  readonly sha256: string;
}

export interface IssuerFacts {
  readonly issuerId: string;
  readonly name: string;
  readonly kind: 'root' | 'subordinate' | 'external';
  readonly state: 'pending' | 'active';
  readonly keyId: string;
  readonly parentIssuerId?: string | undefined;
  readonly certificate?: IssuerCertificateFacts | undefined;
  /** The file that relying parties fetch: where, and whether it is the certificate. */
  readonly published: { readonly path: string; readonly agrees: boolean };
  readonly shards: readonly {
    readonly shard: number;
    readonly thisUpdate?: Date | undefined;
    readonly nextUpdate?: Date | undefined;
  }[];
  /** A certificate for another key that it signed before its key was activated: there must be none. */
  readonly signedBeforeActivation?: string | undefined;
}

export interface EvidenceFacts {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly at: Date;
  readonly by: string;
  readonly document: Readonly<Record<string, unknown>>;
}

export interface PrincipalFacts {
  readonly name: string;
  readonly role: string;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly disabledAt?: Date | undefined;
  readonly credentials: readonly {
    readonly id: string;
    readonly createdAt: Date;
    readonly notAfter: Date;
    readonly revokedAt?: Date | undefined;
  }[];
}

export interface TokenFacts {
  readonly role: TokenRole;
  /** Undefined: it was not asked (the root's is absent between ceremonies) or did not answer. */
  readonly identity?: TokenIdentity | undefined;
  /** Whether its self-test key signed and verified; undefined: not asked. */
  readonly selfTest?: boolean | undefined;
  /** Certificate and level of the module's validation; undefined: it is not validated. */
  readonly validation?: string | undefined;
}

/** How old something may be before it counts as missing; seconds. */
export interface ReportPeriods {
  readonly report: number;
  readonly reconciliation: number;
  /** Of the root token, which is away between ceremonies. */
  readonly rootReconciliation: number;
  readonly drills: number;
  readonly backups: number;
  readonly reviews: number;
}

/** Everything that the report looks at, at one moment. */
export interface ReportFacts {
  readonly at: Date;
  readonly keys: readonly KeyFacts[];
  readonly custodians: readonly KeyCustodian[];
  readonly usage: readonly KeyUsageCount[];
  /** Newest first. */
  readonly evidence: readonly EvidenceFacts[];
  readonly issuers: readonly IssuerFacts[];
  /** SHA-256 of the trust anchors' certificates in the default bundle. */
  readonly trustAnchors: readonly string[];
  readonly tokens: readonly TokenFacts[];
  readonly principals: readonly PrincipalFacts[];
  /** Permissions of each role. */
  readonly roles: Readonly<Record<string, readonly string[]>>;
  /** The newest records of the audit log. */
  readonly audit: {
    readonly looked: number;
    readonly newest?: Date | undefined;
    /** Ids of records whose columns differ from their canonical bytes. */
    readonly disagreeing: readonly string[];
  };
  /** The newest certificates that were issued here to subscribers. */
  readonly certificates: {
    readonly looked: number;
    readonly newest?: Date | undefined;
    /** Those without a record of how possession of the key was proven. */
    readonly withoutProof: readonly string[];
    /** Those whose serial number is shorter than 8 octets. */
    readonly shortSerialNumbers: readonly string[];
  };
  readonly periods: ReportPeriods;
  /** Settings that decide an answer, by name. */
  readonly settings: Readonly<Record<string, string>>;
}
