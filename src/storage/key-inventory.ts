import type {
  EvidenceRecord,
  EvidenceStore,
  KeyInventory,
  KeyStandingMark,
} from '../authority/ports.ts';
import {
  ChanceryError,
  firstKeySteps,
  type KeyAct,
  type KeyHalves,
  type KeyId,
  type KeyScope,
  type KeyStep,
  type TenantId,
} from '../domain/index.ts';
import type {
  Cryptoperiod,
  KeyBackup,
  KeyChange,
  KeyCustodian,
  KeyDistribution,
  KeyRecord,
  KeyUsageCount,
  NewKeyRecord,
  StoredKeyTransition,
} from '../keys/ports.ts';
import { given } from './certificate-rows.ts';
import type { Row, Session } from './pool.ts';
import {
  bigint,
  date,
  fromHex,
  integer,
  json,
  octets,
  optionalDate,
  optionalHex,
  optionalText,
  optionalWord,
  text,
  texts,
  word,
} from './rows.ts';
import type { evidenceStatements, keyStatements } from './sql/keys.ts';

/** Keys, their steps, custodians, counts and distributions, within one transaction. */
export class PostgresKeyInventory implements KeyInventory {
  readonly #session: Session;
  readonly #sql: ReturnType<typeof keyStatements>;

  constructor(session: Session, sql: ReturnType<typeof keyStatements>) {
    this.#session = session;
    this.#sql = sql;
  }

  async insert(record: NewKeyRecord, change: KeyChange): Promise<void> {
    await this.#session.execute(this.#sql.insert, [
      record.tenant,
      record.keyId,
      record.label,
      record.tokenRole,
      record.keyAlgorithm,
      record.algorithm,
      record.purposes,
      record.subjectPublicKeyInfo,
      JSON.stringify(record.token),
      JSON.stringify(record.attributes),
      record.owner,
      record.origin,
      record.createdAt,
      record.type,
      record.record,
      record.version,
      change.at,
      record.signatureLimit,
      record.issuerId,
      record.node,
      record.backup === undefined ? undefined : JSON.stringify(record.backup),
    ]);
    await this.#insertSteps(record.tenant, record.keyId, firstKeySteps, change);
  }

  async latestVersion(tenant: TenantId, record: string): Promise<number> {
    const [row] = await this.#session.query(this.#sql.latestVersion, [tenant, record]);
    return row === undefined ? 0 : integer(row, 'version');
  }

  async find(tenant: TenantId, keyId: KeyId): Promise<KeyRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.find, [tenant, keyId]);
    return row && keyOf(row);
  }

  async findForUpdate(tenant: TenantId, keyId: KeyId): Promise<KeyRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.findForUpdate, [tenant, keyId]);
    return row && keyOf(row);
  }

  async list(tenant: TenantId): Promise<readonly KeyRecord[]> {
    return (await this.#session.query(this.#sql.list, [tenant])).map(keyOf);
  }

  async standings(tenant: TenantId): Promise<readonly KeyStandingMark[]> {
    const rows = await this.#session.query(this.#sql.standings, [tenant]);
    return rows.map((row) => ({
      keyId: text(row, 'key_id'),
      mark: text(row, 'mark'),
      privateState: word<KeyRecord['privateState']>(row, 'private_state'),
      scope: word<KeyScope>(row, 'scope'),
      cryptoperiod: cryptoperiodOf(row),
    }));
  }

  /** @throws ChanceryError `notFound`. */
  async changeState(
    tenant: TenantId,
    keyId: KeyId,
    halves: KeyHalves,
    steps: readonly KeyStep[],
    change: KeyChange & { readonly act: KeyAct },
  ): Promise<void> {
    await this.#insertSteps(tenant, keyId, steps, change);
    const values = [tenant, keyId, halves.private, halves.public, change.at];
    await this.#changeOne(keyId, this.#sql.changeState, values);
  }

  async #insertSteps(
    tenant: TenantId,
    keyId: KeyId,
    steps: readonly KeyStep[],
    change: KeyChange,
  ): Promise<void> {
    for (const { half, number, from, to } of steps) {
      await this.#session.execute(this.#sql.insertStep, [
        tenant,
        keyId,
        half,
        number,
        from,
        to,
        change.at,
        change.by,
        change.reason,
        change.approvals ?? [],
        JSON.stringify(change.details ?? {}),
      ]);
    }
  }

  async #changeOne(
    keyId: KeyId,
    statement: Parameters<Session['execute']>[0],
    values: readonly unknown[],
  ): Promise<void> {
    if ((await this.#session.execute(statement, [...values])) === 0) {
      throw new ChanceryError('notFound', {
        message: `key ${keyId} is not in the inventory`,
        field: 'keyId',
      });
    }
  }

  async transitions(tenant: TenantId, keyId: KeyId): Promise<readonly StoredKeyTransition[]> {
    const rows = await this.#session.query(this.#sql.transitions, [tenant, keyId]);
    return rows.map((row) => ({
      id: bigint(row, 'id'),
      keyId: text(row, 'key_id'),
      half: word<KeyStep['half']>(row, 'half'),
      number: integer(row, 'number') as KeyStep['number'],
      from: optionalWord<KeyRecord['privateState']>(row, 'from_state'),
      to: word<KeyRecord['privateState']>(row, 'to_state'),
      at: date(row, 'at'),
      by: text(row, 'by_principal'),
      reason: text(row, 'reason'),
      approvals: texts(row, 'approvals'),
      details: json<Record<string, unknown>>(row, 'details'),
    }));
  }

  async setScope(tenant: TenantId, keyId: KeyId, scope: KeyScope): Promise<void> {
    await this.#changeOne(keyId, this.#sql.setScope, [tenant, keyId, scope]);
  }

  async setCryptoperiod(
    tenant: TenantId,
    keyId: KeyId,
    period: Omit<Cryptoperiod, 'activatedAt'>,
    signatureLimit?: number,
  ): Promise<void> {
    const { originatorUsageEnd, recipientUsageEnd, reason } = period;
    const values = [tenant, keyId, originatorUsageEnd, recipientUsageEnd, reason, signatureLimit];
    await this.#changeOne(keyId, this.#sql.setCryptoperiod, values);
  }

  async setBackup(tenant: TenantId, keyId: KeyId, backup: KeyBackup): Promise<void> {
    await this.#changeOne(keyId, this.#sql.setBackup, [tenant, keyId, JSON.stringify(backup)]);
  }

  async setToken(
    tenant: TenantId,
    keyId: KeyId,
    token: KeyRecord['token'],
    attributes: KeyRecord['attributes'],
  ): Promise<void> {
    const values = [tenant, keyId, JSON.stringify(token), JSON.stringify(attributes)];
    await this.#changeOne(keyId, this.#sql.setToken, values);
  }

  /** @throws ChanceryError `notFound`. */
  async block(tenant: TenantId, keyId: KeyId, reason: string): Promise<void> {
    await this.#changeOne(keyId, this.#sql.block, [tenant, keyId, reason]);
  }

  async appointCustodian(tenant: TenantId, custodian: Omit<KeyCustodian, 'id'>): Promise<bigint> {
    const { tokenRole, keyId, person, duty, since, until, recordedBy, endedBy, comment } =
      custodian;
    const [row] = await this.#session.query(this.#sql.appointCustodian, [
      ...[tenant, tokenRole, keyId, person, duty, since, until, recordedBy, endedBy, comment],
    ]);
    if (row === undefined) throw new TypeError('an INSERT gave no row back');
    return bigint(row, 'id');
  }

  async endCustodian(tenant: TenantId, id: bigint, at: Date, by: string): Promise<boolean> {
    return (await this.#session.execute(this.#sql.endCustodian, [tenant, id, at, by])) === 1;
  }

  async custodians(tenant: TenantId): Promise<readonly KeyCustodian[]> {
    const rows = await this.#session.query(this.#sql.custodians, [tenant]);
    return rows.map((row) => ({
      id: bigint(row, 'id'),
      tokenRole: word<KeyCustodian['tokenRole']>(row, 'token_role'),
      ...given('keyId', optionalText(row, 'key_id')),
      person: text(row, 'person'),
      duty: text(row, 'duty'),
      since: date(row, 'since'),
      ...given('until', optionalDate(row, 'until')),
      recordedBy: text(row, 'recorded_by'),
      ...given('endedBy', optionalText(row, 'ended_by')),
      ...given('comment', optionalText(row, 'comment')),
    }));
  }

  async countSignatures(
    tenant: TenantId,
    keyId: KeyId,
    node: string,
    signatures: number,
    at: Date,
  ): Promise<void> {
    const values = [tenant, keyId, node, signatures, at];
    await this.#session.execute(this.#sql.countSignatures, values);
  }

  async allot(
    tenant: TenantId,
    keyId: KeyId,
    node: string,
    more: number,
    at: Date,
  ): Promise<number | undefined> {
    const [key] = await this.#session.query(this.#sql.limitForUpdate, [tenant, keyId]);
    const limit = key === undefined ? 0 : optionalBigint(key, 'signature_limit');
    if (limit === undefined) return undefined;
    const values = [tenant, keyId, node, more, at, limit];
    const [row] = await this.#session.query(this.#sql.allot, values);
    return row === undefined ? 0 : Number(bigint(row, 'allotted'));
  }

  async usage(tenant: TenantId): Promise<readonly KeyUsageCount[]> {
    const rows = await this.#session.query(this.#sql.usage, [tenant]);
    return rows.map((row) => ({
      keyId: text(row, 'key_id'),
      node: text(row, 'node'),
      signatures: Number(bigint(row, 'signatures')),
      allotted: Number(bigint(row, 'allotted')),
      updatedAt: date(row, 'updated_at'),
    }));
  }

  async recordDistribution(tenant: TenantId, distribution: KeyDistribution): Promise<void> {
    const { keyId, channel, location, sha256, at, by } = distribution;
    await this.#session.execute(this.#sql.recordDistribution, [
      ...[tenant, keyId, channel, location],
      ...[sha256 === undefined ? undefined : fromHex(sha256), at, by],
    ]);
  }

  async distributions(tenant: TenantId, keyId: KeyId): Promise<readonly KeyDistribution[]> {
    const rows = await this.#session.query(this.#sql.distributions, [tenant, keyId]);
    return rows.map((row) => ({
      keyId: text(row, 'key_id'),
      channel: word<KeyDistribution['channel']>(row, 'channel'),
      location: text(row, 'location'),
      ...given('sha256', optionalHex(row, 'sha256')),
      at: date(row, 'at'),
      by: text(row, 'by_principal'),
    }));
  }
}

function optionalBigint(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : Number(bigint(row, column));
}

function cryptoperiodOf(row: Row): Cryptoperiod {
  return {
    ...given('activatedAt', optionalDate(row, 'activated_at')),
    ...given('originatorUsageEnd', optionalDate(row, 'originator_usage_end')),
    ...given('recipientUsageEnd', optionalDate(row, 'recipient_usage_end')),
    ...given('reason', optionalText(row, 'period_reason')),
  };
}

function keyOf(row: Row): KeyRecord {
  return {
    tenant: text(row, 'tenant'),
    keyId: text(row, 'key_id'),
    label: text(row, 'label'),
    type: word<KeyRecord['type']>(row, 'type'),
    record: text(row, 'record'),
    version: integer(row, 'version'),
    tokenRole: word<KeyRecord['tokenRole']>(row, 'token_role'),
    keyAlgorithm: word<KeyRecord['keyAlgorithm']>(row, 'key_algorithm'),
    algorithm: word<KeyRecord['algorithm']>(row, 'signature_algorithm'),
    purposes: texts(row, 'purposes') as KeyRecord['purposes'],
    subjectPublicKeyInfo: octets(row, 'subject_public_key_info'),
    token: json<KeyRecord['token']>(row, 'token'),
    attributes: json<KeyRecord['attributes']>(row, 'attributes'),
    owner: text(row, 'owner'),
    origin: word<KeyRecord['origin']>(row, 'origin'),
    createdAt: date(row, 'created_at'),
    privateState: word<KeyRecord['privateState']>(row, 'private_state'),
    publicState: word<KeyRecord['publicState']>(row, 'public_state'),
    stateSince: date(row, 'state_since'),
    scope: word<KeyScope>(row, 'scope'),
    cryptoperiod: cryptoperiodOf(row),
    ...given('signatureLimit', optionalBigint(row, 'signature_limit')),
    ...given('issuerId', optionalText(row, 'issuer_id')),
    ...given('node', optionalText(row, 'node')),
    ...given('backup', row['backup'] === null ? undefined : json<KeyBackup>(row, 'backup')),
    ...given('blockedReason', optionalText(row, 'blocked_reason')),
  };
}

/** Evidence, within one transaction. */
export class PostgresEvidenceStore implements EvidenceStore {
  readonly #session: Session;
  readonly #sql: ReturnType<typeof evidenceStatements>;

  constructor(session: Session, sql: ReturnType<typeof evidenceStatements>) {
    this.#session = session;
    this.#sql = sql;
  }

  async append(tenant: TenantId, record: Omit<EvidenceRecord, 'id'>): Promise<bigint> {
    const { kind, subject, at, by, document } = record;
    const values = [tenant, kind, subject, at, by, JSON.stringify(document)];
    const [row] = await this.#session.query(this.#sql.append, values);
    if (row === undefined) throw new TypeError('an INSERT gave no row back');
    return bigint(row, 'id');
  }

  async list(
    tenant: TenantId,
    query: Parameters<EvidenceStore['list']>[1],
  ): Promise<readonly EvidenceRecord[]> {
    const values = [tenant, query.kind, query.subject, query.limit];
    return (await this.#session.query(this.#sql.list, values)).map((row) => ({
      id: bigint(row, 'id'),
      kind: text(row, 'kind'),
      subject: text(row, 'subject'),
      at: date(row, 'at'),
      by: text(row, 'by_principal'),
      document: json<Record<string, unknown>>(row, 'document'),
    }));
  }
}
