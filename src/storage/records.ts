import type {
  IdempotencyRecord,
  IdempotencyStore,
  Installation,
  InstallationStore,
  IssuerRecord,
  IssuerStep,
  IssuerStore,
} from '../authority/ports.ts';
import { ChanceryError, type IssuerId, type TenantId } from '../domain/index.ts';
import { given } from './certificate-rows.ts';
import type { Row, Session } from './pool.ts';
import {
  bigint,
  date,
  fromHex,
  hex,
  integer,
  json,
  octets,
  octetsList,
  optionalDate,
  optionalOctets,
  optionalText,
  text,
  word,
} from './rows.ts';
import type {
  idempotencyStatements,
  installationStatements,
  issuerStatements,
} from './sql/records.ts';

export class PostgresIssuerStore implements IssuerStore {
  readonly #session: Session;
  readonly #sql: ReturnType<typeof issuerStatements>;

  constructor(session: Session, sql: ReturnType<typeof issuerStatements>) {
    this.#session = session;
    this.#sql = sql;
  }

  async insert(record: IssuerRecord): Promise<void> {
    await this.#session.execute(this.#sql.insert, [
      record.tenant,
      record.issuerId,
      record.name,
      record.kind,
      record.state,
      record.keyId,
      record.tokenRole,
      record.parentIssuerId,
      record.certificate,
      record.chain.map((certificate) => Buffer.from(certificate)),
      record.certificationRequest,
      record.subject,
      record.signatureAlgorithm,
      record.profileName,
      JSON.stringify(record.urls),
      record.crlLifetimeSeconds,
      record.createdAt,
      record.createdBy,
      JSON.stringify(record.nameHashes),
      JSON.stringify(record.keyHashes),
      JSON.stringify(record.statusPolicy),
      record.standing,
      record.predecessorId,
    ]);
  }

  /** @throws ChanceryError `notFound`, or `illegalTransition` when it is active already. */
  async activate(
    tenant: TenantId,
    issuerId: IssuerId,
    certificate: Uint8Array,
    chain: readonly Uint8Array[],
    parentIssuerId?: IssuerId,
    subject?: Parameters<IssuerStore['activate']>[5],
  ): Promise<void> {
    const changed = await this.#session.execute(this.#sql.activate, [
      tenant,
      issuerId,
      certificate,
      chain.map((above) => Buffer.from(above)),
      parentIssuerId,
      subject?.der,
      subject === undefined ? undefined : JSON.stringify(subject.nameHashes),
    ]);
    if (changed === 0) throw missing(`issuer ${issuerId}`);
  }

  async setStatusPolicy(
    tenant: TenantId,
    issuerId: IssuerId,
    policy: IssuerRecord['statusPolicy'],
  ): Promise<boolean> {
    const values = [tenant, issuerId, JSON.stringify(policy)];
    return (await this.#session.execute(this.#sql.setStatusPolicy, values)) === 1;
  }

  async advance(
    tenant: TenantId,
    issuerId: IssuerId,
    from: IssuerRecord['standing'],
    step: IssuerStep,
  ): Promise<boolean> {
    const changed = await this.#session.execute(this.#sql.advance, [
      tenant,
      issuerId,
      from,
      step.standing,
      step.successorId,
      step.activateAt === null ? 'infinity' : step.activateAt,
      step.retiringSince,
      step.lastNotAfter,
      step.closedAt,
    ]);
    return changed === 1;
  }

  async latestNotAfter(tenant: TenantId, issuerId: IssuerId): Promise<Date | undefined> {
    const [row] = await this.#session.query(this.#sql.latestNotAfter, [tenant, issuerId]);
    return row && date(row, 'not_after');
  }

  async delegateUntil(tenant: TenantId, issuerId: IssuerId): Promise<Date | undefined> {
    const [row] = await this.#session.query(this.#sql.delegateUntil, [tenant, issuerId]);
    return row && date(row, 'not_after');
  }

  async findForUpdate(tenant: TenantId, issuerId: IssuerId): Promise<IssuerRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.findForUpdate, [tenant, issuerId]);
    return row && issuerOf(row);
  }

  async find(tenant: TenantId, issuerId: IssuerId): Promise<IssuerRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.find, [tenant, issuerId]);
    return row && issuerOf(row);
  }

  async findByName(tenant: TenantId, name: string): Promise<IssuerRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.findByName, [tenant, name]);
    return row && issuerOf(row);
  }

  async list(tenant: TenantId): Promise<readonly IssuerRecord[]> {
    return (await this.#session.query(this.#sql.list, [tenant])).map(issuerOf);
  }
}

function issuerOf(row: Row): IssuerRecord {
  return {
    tenant: text(row, 'tenant'),
    issuerId: text(row, 'issuer_id'),
    name: text(row, 'name'),
    kind: word<IssuerRecord['kind']>(row, 'kind'),
    state: word<IssuerRecord['state']>(row, 'state'),
    keyId: text(row, 'key_id'),
    tokenRole: word<IssuerRecord['tokenRole']>(row, 'token_role'),
    ...given('parentIssuerId', optionalText(row, 'parent_issuer_id')),
    ...given('certificate', optionalOctets(row, 'certificate')),
    chain: octetsList(row, 'chain'),
    ...given('certificationRequest', optionalOctets(row, 'certification_request')),
    subject: octets(row, 'subject'),
    signatureAlgorithm: word<IssuerRecord['signatureAlgorithm']>(row, 'signature_algorithm'),
    profileName: text(row, 'profile_name'),
    urls: json<IssuerRecord['urls']>(row, 'urls'),
    crlLifetimeSeconds: integer(row, 'crl_lifetime_seconds'),
    statusPolicy: json<IssuerRecord['statusPolicy']>(row, 'status_policy'),
    standing: word<IssuerRecord['standing']>(row, 'standing'),
    ...given('predecessorId', optionalText(row, 'predecessor_id')),
    ...given('successorId', optionalText(row, 'successor_id')),
    ...given('activateAt', optionalDate(row, 'activate_at')),
    ...given('retiringSince', optionalDate(row, 'retiring_since')),
    ...given('lastNotAfter', optionalDate(row, 'last_not_after')),
    ...given('closedAt', optionalDate(row, 'closed_at')),
    createdAt: date(row, 'created_at'),
    createdBy: text(row, 'created_by'),
    nameHashes: json<Record<string, string>>(row, 'name_hashes'),
    keyHashes: json<Record<string, string>>(row, 'key_hashes'),
  };
}

export class PostgresIdempotencyStore implements IdempotencyStore {
  readonly #session: Session;
  readonly #sql: ReturnType<typeof idempotencyStatements>;

  constructor(session: Session, sql: ReturnType<typeof idempotencyStatements>) {
    this.#session = session;
    this.#sql = sql;
  }

  async begin(
    record: IdempotencyRecord,
    forgetBefore: Date,
  ): Promise<IdempotencyRecord | undefined> {
    const inserted = await this.#session.execute(this.#sql.begin, [
      record.tenant,
      record.principalId,
      record.key,
      fromHex(record.bodyHash),
      record.startedAt,
      record.certificate,
      forgetBefore,
    ]);
    if (inserted === 1) return undefined;
    // The INSERT has locked the row that stood in its way, so it is still there.
    return await this.find(record.tenant, record.principalId, record.key);
  }

  async setCertificate(
    tenant: TenantId,
    principalId: string,
    key: string,
    certificate: string,
  ): Promise<void> {
    await this.#session.execute(this.#sql.setCertificate, [tenant, principalId, key, certificate]);
  }

  async find(
    tenant: TenantId,
    principalId: string,
    key: string,
  ): Promise<IdempotencyRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.find, [tenant, principalId, key]);
    return (
      row && {
        tenant: text(row, 'tenant'),
        principalId: text(row, 'principal_id'),
        key: text(row, 'key'),
        bodyHash: hex(row, 'body_hash'),
        startedAt: date(row, 'started_at'),
        ...given('certificate', optionalText(row, 'certificate')),
      }
    );
  }

  async remove(
    tenant: TenantId,
    principalId: string,
    key: string,
    certificate?: string,
  ): Promise<void> {
    await this.#session.execute(this.#sql.remove, [tenant, principalId, key, certificate]);
  }
}

export class PostgresInstallationStore implements InstallationStore {
  readonly #session: Session;
  readonly #sql: ReturnType<typeof installationStatements>;

  constructor(session: Session, sql: ReturnType<typeof installationStatements>) {
    this.#session = session;
    this.#sql = sql;
  }

  async find(): Promise<Installation | undefined> {
    const [row] = await this.#session.query(this.#sql.find);
    return (
      row && {
        id: text(row, 'id'),
        serialPrefix: text(row, 'serial_prefix'),
        generation: bigint(row, 'generation'),
      }
    );
  }

  async insert(installation: Installation): Promise<void> {
    await this.#session.execute(this.#sql.insert, values(installation));
  }

  /** @throws ChanceryError `notFound` before `insert`. */
  async update(installation: Installation): Promise<void> {
    const changed = await this.#session.execute(this.#sql.update, values(installation));
    if (changed === 0) throw missing('the installation');
  }

  async databaseTime(): Promise<Date> {
    const [row] = await this.#session.query(this.#sql.databaseTime);
    if (row === undefined) throw new TypeError('the database told no time');
    return date(row, 'now');
  }
}

function values(installation: Installation): readonly unknown[] {
  return [installation.id, installation.serialPrefix, installation.generation];
}

/** `notFound`, for a record that an act must find. */
export function missing(what: string): ChanceryError {
  return new ChanceryError('notFound', { message: `${what} is not in the database` });
}
