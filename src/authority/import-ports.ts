import type { IssuerId, TenantId } from '../domain/index.ts';

/** A CA elsewhere whose certificates stand in the inventory; nothing is ever signed for it. */
export interface ForeignIssuerRecord {
  readonly tenant: TenantId;
  /** Lower-case hex of its key's identifier, as an issuer of ours has (RFC 5280 §4.2.1.2). */
  readonly issuerId: IssuerId;
  readonly name: string;
  /** DER. */
  readonly certificate: Uint8Array;
  readonly nameHashes: Readonly<Record<string, string>>;
  readonly keyHashes: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly createdBy: string;
}

export interface ForeignIssuerStore {
  /** Once for good; one that is there already stays as it is. @throws ChanceryError alreadyExists when another has the name */
  insert(record: ForeignIssuerRecord): Promise<void>;
  list(tenant: TenantId): Promise<readonly ForeignIssuerRecord[]>;
}
