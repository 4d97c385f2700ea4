import type { Permission, Role, TenantId } from '../domain/index.ts';

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

export interface PrincipalStore {
  insert(record: PrincipalRecord): Promise<void>;
  findByName(tenant: TenantId, name: string): Promise<PrincipalRecord | undefined>;
  findById(tenant: TenantId, id: string): Promise<PrincipalRecord | undefined>;
  list(tenant: TenantId): Promise<readonly PrincipalRecord[]>;
  insertCredential(record: CredentialRecord): Promise<void>;
  findCredentialByHash(tokenHash: string): Promise<CredentialRecord | undefined>;
  findCredential(tenant: TenantId, id: string): Promise<CredentialRecord | undefined>;
  listCredentials(tenant: TenantId, principalId?: string): Promise<readonly CredentialRecord[]>;
  revokeCredential(tenant: TenantId, id: string, at: Date): Promise<void>;
  bindCertificate(binding: CertificateBinding): Promise<void>;
  findBinding(certificateHash: string): Promise<CertificateBinding | undefined>;
  findBindingBySerial(
    issuerId: string,
    serialNumber: string,
  ): Promise<CertificateBinding | undefined>;
}
