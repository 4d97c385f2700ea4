import type {
  BoundCertificate,
  CertificateBinding,
  CredentialOwner,
  CredentialRecord,
  PrincipalRecord,
  PrincipalStore,
} from '../access/ports.ts';
import { type CertificateStatus, ChanceryError, type TenantId } from '../domain/index.ts';
import { given } from './certificate-rows.ts';
import type { Row, Session } from './pool.ts';
import {
  date,
  fromHex,
  hex,
  optionalDate,
  optionalOctets,
  optionalWord,
  text,
  texts,
  word,
} from './rows.ts';
import type { principalStatements } from './sql/records.ts';

export class PostgresPrincipalStore implements PrincipalStore {
  readonly #session: Session;
  readonly #sql: ReturnType<typeof principalStatements>;

  constructor(session: Session, sql: ReturnType<typeof principalStatements>) {
    this.#session = session;
    this.#sql = sql;
  }

  async insert(record: PrincipalRecord): Promise<void> {
    await this.#session.execute(this.#sql.insert, [
      record.id,
      record.tenant,
      record.name,
      record.role,
      record.createdAt,
      record.createdBy,
      record.disabledAt,
    ]);
  }

  async findByName(tenant: TenantId, name: string): Promise<PrincipalRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.findByName, [tenant, name]);
    return row && principalOf(row);
  }

  async list(tenant: TenantId): Promise<readonly PrincipalRecord[]> {
    return (await this.#session.query(this.#sql.list, [tenant])).map(principalOf);
  }

  async insertCredential(record: CredentialRecord): Promise<void> {
    await this.#session.execute(this.#sql.insertCredential, [
      record.id,
      record.tenant,
      record.principalId,
      fromHex(record.tokenHash),
      record.scope,
      record.createdAt,
      record.notAfter,
      record.revokedAt,
    ]);
  }

  async findCredentialOwner(tokenHash: string): Promise<CredentialOwner | undefined> {
    const [row] = await this.#session.query(this.#sql.findCredentialOwner, [fromHex(tokenHash)]);
    return (
      row && {
        principal: principalOf(row),
        scope: scopeOf(row),
        notAfter: date(row, 'not_after'),
        revokedAt: optionalDate(row, 'revoked_at'),
      }
    );
  }

  async findCredential(tenant: TenantId, id: string): Promise<CredentialRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.findCredential, [tenant, id]);
    return row && credentialOf(row);
  }

  async listCredentials(
    tenant: TenantId,
    principalId?: string,
  ): Promise<readonly CredentialRecord[]> {
    return (await this.#session.query(this.#sql.listCredentials, [tenant, principalId])).map(
      credentialOf,
    );
  }

  /** The first revocation's time stays. @throws ChanceryError `notFound`. */
  async revokeCredential(tenant: TenantId, id: string, at: Date): Promise<void> {
    const changed = await this.#session.execute(this.#sql.revokeCredential, [tenant, id, at]);
    if (changed === 0) {
      throw new ChanceryError('notFound', { message: `there is no credential ${id}` });
    }
  }

  async bindCertificate(binding: CertificateBinding): Promise<void> {
    await this.#session.execute(this.#sql.bindCertificate, [
      fromHex(binding.certificateHash),
      binding.tenant,
      binding.principalId,
      binding.issuerId,
      binding.serialNumber,
      binding.boundAt,
    ]);
  }

  async findBoundCertificate(certificateHash: string): Promise<BoundCertificate | undefined> {
    const values = [fromHex(certificateHash)];
    const [row] = await this.#session.query(this.#sql.findBoundCertificate, values);
    return (
      row && {
        principal: principalOf(row),
        issuanceState: optionalWord<'issued' | 'abandoned'>(row, 'outcome') ?? 'prepared',
        status: word<CertificateStatus>(row, 'status'),
        certificate: optionalOctets(row, 'certificate'),
        notBefore: date(row, 'not_before'),
        notAfter: date(row, 'not_after'),
      }
    );
  }

  async findBindingBySerial(
    issuerId: string,
    serialNumber: string,
  ): Promise<CertificateBinding | undefined> {
    const [row] = await this.#session.query(this.#sql.findBindingBySerial, [
      issuerId,
      serialNumber,
    ]);
    return row && bindingOf(row);
  }
}

function principalOf(row: Row): PrincipalRecord {
  return {
    id: text(row, 'id'),
    tenant: text(row, 'tenant'),
    name: text(row, 'name'),
    role: word<PrincipalRecord['role']>(row, 'role'),
    createdAt: date(row, 'created_at'),
    createdBy: text(row, 'created_by'),
    ...given('disabledAt', optionalDate(row, 'disabled_at')),
  };
}

function credentialOf(row: Row): CredentialRecord {
  return {
    id: text(row, 'id'),
    tenant: text(row, 'tenant'),
    principalId: text(row, 'principal_id'),
    tokenHash: hex(row, 'token_hash'),
    ...given('scope', scopeOf(row)),
    createdAt: date(row, 'created_at'),
    notAfter: date(row, 'not_after'),
    ...given('revokedAt', optionalDate(row, 'revoked_at')),
  };
}

function scopeOf(row: Row): CredentialRecord['scope'] {
  return row['scope'] === null ? undefined : (texts(row, 'scope') as CredentialRecord['scope']);
}

function bindingOf(row: Row): CertificateBinding {
  return {
    tenant: text(row, 'tenant'),
    principalId: text(row, 'principal_id'),
    certificateHash: hex(row, 'certificate_hash'),
    issuerId: text(row, 'issuer_id'),
    serialNumber: text(row, 'serial_number'),
    boundAt: date(row, 'bound_at'),
  };
}
