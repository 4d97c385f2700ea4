import type {
  CertificateStatus,
  IssuanceState,
  Permission,
  Role,
  TenantId,
} from '../domain/index.ts';

export interface PrincipalRecord {
  readonly id: string;
  readonly tenant: TenantId;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly disabledAt?: Date | undefined;
}

/** A bearer token: only its SHA-256 is kept. */
export interface CredentialRecord {
  readonly id: string;
  readonly tenant: TenantId;
  readonly principalId: string;
  /** Lower-case hex SHA-256 of the token. */
  readonly tokenHash: string;
  /** Undefined: all that the role allows. */
  readonly scope?: readonly Permission[] | undefined;
  readonly createdAt: Date;
  readonly notAfter: Date;
  readonly revokedAt?: Date | undefined;
}

/** A client certificate bound to a principal: only exactly this certificate authenticates. */
export interface CertificateBinding {
  readonly tenant: TenantId;
  readonly principalId: string;
  /** Lower-case hex SHA-256 of the certificate's DER. */
  readonly certificateHash: string;
  readonly issuerId: string;
  readonly serialNumber: string;
  readonly boundAt: Date;
}

/** A bound client certificate with the principal that it stands for, as both are now. */
export interface BoundCertificate {
  readonly principal: PrincipalRecord;
  readonly issuanceState: IssuanceState;
  readonly status: CertificateStatus;
  /** DER; undefined unless it was issued. */
  readonly certificate: Uint8Array | undefined;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A bearer token's principal with what decides whether the token counts. */
export interface CredentialOwner
  extends Pick<CredentialRecord, 'scope' | 'notAfter' | 'revokedAt'> {
  readonly principal: PrincipalRecord;
}

export interface PrincipalStore {
  insert(record: PrincipalRecord): Promise<void>;
  findByName(tenant: TenantId, name: string): Promise<PrincipalRecord | undefined>;
  list(tenant: TenantId): Promise<readonly PrincipalRecord[]>;
  insertCredential(record: CredentialRecord): Promise<void>;
  /** One statement: each request with a bearer token asks it. */
  findCredentialOwner(tokenHash: string): Promise<CredentialOwner | undefined>;
  findCredential(tenant: TenantId, id: string): Promise<CredentialRecord | undefined>;
  listCredentials(tenant: TenantId, principalId?: string): Promise<readonly CredentialRecord[]>;
  revokeCredential(tenant: TenantId, id: string, at: Date): Promise<void>;
  bindCertificate(binding: CertificateBinding): Promise<void>;
  /** One statement: each request of a client with a certificate asks it. */
  findBoundCertificate(certificateHash: string): Promise<BoundCertificate | undefined>;
  findBindingBySerial(
    issuerId: string,
    serialNumber: string,
  ): Promise<CertificateBinding | undefined>;
}
