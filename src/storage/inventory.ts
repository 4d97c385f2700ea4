import type {
  CertificateQuery,
  CertificateRecord,
  Inventory,
  KeyUse,
  Page,
  StoredStatusChange,
} from '../authority/ports.ts';
import {
  ChanceryError,
  type IssuerId,
  type ReasonCode,
  type SerialNumber,
  type StatusChange,
  type StatusState,
  type TenantId,
} from '../domain/index.ts';
import type { CrlEntry } from '../issuance/ports.ts';
import {
  certificateOf,
  changeValues,
  keyUseOf,
  partsOf,
  preparedValues,
  statusChangeOf,
} from './certificate-rows.ts';
import { crlEntriesOf, crlPage, lastSerialNumber } from './crl-entries.ts';
import type { Session } from './pool.ts';
import { bigint, date, fromHex, optionalText } from './rows.ts';
import { formatCursor, searchStatement } from './search.ts';
import type { CertificateStatements } from './sql/certificates.ts';

/** The certificate inventory within one transaction. */
export class PostgresInventory implements Inventory {
  readonly #session: Session;
  readonly #schema: string;
  readonly #sql: CertificateStatements;

  constructor(session: Session, schema: string, sql: CertificateStatements) {
    this.#session = session;
    this.#schema = schema;
    this.#sql = sql;
  }

  async insertPrepared(record: CertificateRecord): Promise<void> {
    if (record.issuanceState !== 'prepared') {
      throw new ChanceryError('illegalTransition', {
        message: `a certificate enters the inventory as prepared, not as ${record.issuanceState}`,
      });
    }
    const inserted = await this.#session.execute(this.#sql.insertPrepared, preparedValues(record));
    if (inserted === 0) {
      throw new ChanceryError('alreadyExists', {
        message: `serial number ${record.serialNumber} of issuer ${record.issuerId} is taken; draw another before any signature`,
        field: 'serialNumber',
        clause: 'RFC 5280 §4.1.2.2',
      });
    }
  }

  async insertImported(record: CertificateRecord): Promise<boolean> {
    if (record.origin !== 'imported' || record.issuanceState !== 'issued') {
      throw new ChanceryError('illegalTransition', {
        message: `only an issued certificate of another CA is imported, not one that is ${record.origin} and ${record.issuanceState}`,
      });
    }
    const { certificate } = record;
    const parts = certificate && partsOf(certificate);
    const inserted = await this.#session.execute(this.#sql.insertImported, [
      ...preparedValues(record),
      parts && certificate.subarray(0, parts.head),
      parts && certificate.subarray(parts.head + parts.tbs),
    ]);
    return inserted === 1;
  }

  async markIssued(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
    certificate: Uint8Array,
    issuedAt: Date,
  ): Promise<boolean> {
    const parts = partsOf(certificate);
    const settled = await this.#session.execute(this.#sql.markIssued, [
      tenant,
      issuerId,
      serialNumber,
      certificate,
      issuedAt,
      parts.head,
      parts.tbs,
    ]);
    return settled === 1;
  }

  async markAbandoned(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
    state: StatusState,
    change: StatusChange,
  ): Promise<boolean> {
    const settled = await this.#session.query(this.#sql.markAbandoned, [
      tenant,
      issuerId,
      serialNumber,
      ...changeValues(state, change),
    ]);
    return settled.length === 1;
  }

  async listPrepared(
    tenant: TenantId,
    before: Date,
    limit: number,
  ): Promise<readonly CertificateRecord[]> {
    return (await this.#session.query(this.#sql.listPrepared, [tenant, before, limit])).map(
      certificateOf,
    );
  }

  async find(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
  ): Promise<CertificateRecord | undefined> {
    const [row] = await this.#session.query(this.#sql.find, [tenant, issuerId, serialNumber]);
    return row && certificateOf(row);
  }

  async findBySerialNumber(
    tenant: TenantId,
    serialNumber: SerialNumber,
  ): Promise<readonly CertificateRecord[]> {
    return (await this.#session.query(this.#sql.findBySerialNumber, [tenant, serialNumber])).map(
      certificateOf,
    );
  }

  async findForUpdate(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
  ): Promise<CertificateRecord | undefined> {
    const key = [tenant, issuerId, serialNumber];
    // Sent together. The second statement has a snapshot of its own, taken after the lock was got.
    this.#session.defer(this.#sql.lock, key);
    return await this.find(tenant, issuerId, serialNumber);
  }

  async changeStatus(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
    state: StatusState,
    change: StatusChange,
  ): Promise<void> {
    const changed = await this.#session.query(this.#sql.changeStatus, [
      tenant,
      issuerId,
      serialNumber,
      ...changeValues(state, change),
    ]);
    if (changed.length === 0) throw notFound(issuerId, serialNumber);
  }

  async history(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
  ): Promise<readonly StoredStatusChange[]> {
    const rows = await this.#session.query(this.#sql.history, [tenant, issuerId, serialNumber]);
    return rows.map((row) => statusChangeOf(row, issuerId, serialNumber));
  }

  async search(query: CertificateQuery): Promise<Page<CertificateRecord>> {
    const { statement, values, limit } = searchStatement(this.#schema, query);
    const rows = await this.#session.query(statement, values);
    const last = rows[limit - 1];
    return {
      items: rows.slice(0, limit).map(certificateOf),
      next: rows.length > limit && last ? formatCursor(bigint(last, 'id')) : null,
    };
  }

  async findBySpkiHash(
    tenant: TenantId,
    spkiHash: string,
    limit: number,
  ): Promise<readonly CertificateRecord[]> {
    const values = [tenant, fromHex(spkiHash), limit];
    return (await this.#session.query(this.#sql.findBySpkiHash, values)).map(certificateOf);
  }

  async findHeld(
    tenant: TenantId,
    spkiHash: string,
    now: Date,
  ): Promise<readonly CertificateRecord[]> {
    const values = [tenant, fromHex(spkiHash), now];
    return (await this.#session.query(this.#sql.findHeld, values)).map(certificateOf);
  }

  async findKeyUses(tenant: TenantId, spkiHash: string, limit: number): Promise<readonly KeyUse[]> {
    const values = [tenant, fromHex(spkiHash), limit];
    const uses = await this.#session.query(this.#sql.findKeyUses, values);
    // Most keys are new, and to look into contents costs a little for every month that there is.
    if (uses.length === 0) return [];
    const moments = uses.map((row) => date(row, 'requested_at').getTime());
    const described = await this.#session.query(this.#sql.describeKeyUses, [
      uses.map((row) => bigint(row, 'id')),
      new Date(Math.min(...moments)),
      // Known to the microsecond there and to the millisecond here.
      new Date(Math.max(...moments) + 1),
    ]);
    const contents = new Map(described.map((row) => [row['certificate_id'], row]));
    return uses.map((row) => keyUseOf(row, contents.get(row['id'])));
  }

  async listDueHolds(
    tenant: TenantId,
    now: Date,
    limit: number,
  ): Promise<readonly CertificateRecord[]> {
    return (await this.#session.query(this.#sql.listDueHolds, [tenant, now, limit])).map(
      certificateOf,
    );
  }

  async markHoldAlarmed(
    tenant: TenantId,
    issuerId: IssuerId,
    serialNumber: SerialNumber,
    at: Date,
  ): Promise<void> {
    await this.#session.execute(this.#sql.markHoldAlarmed, [tenant, issuerId, serialNumber, at]);
  }

  async blockKey(
    tenant: TenantId,
    spkiHash: string,
    reason: ReasonCode,
    at: Date,
    by: string,
  ): Promise<void> {
    await this.#session.execute(this.#sql.blockKey, [tenant, fromHex(spkiHash), reason, at, by]);
  }

  async isKeyBlocked(tenant: TenantId, spkiHash: string): Promise<boolean> {
    const rows = await this.#session.query(this.#sql.isKeyBlocked, [tenant, fromHex(spkiHash)]);
    return rows.length > 0;
  }

  async *crlEntries(
    tenant: TenantId,
    issuerId: IssuerId,
    shard: number,
    stillListedFrom: Date,
  ): AsyncGenerator<readonly CrlEntry[]> {
    const page = async (after: SerialNumber): Promise<string | undefined> => {
      const values = [tenant, issuerId, shard, stillListedFrom, after, crlPage];
      const [row] = await this.#session.query(this.#sql.crlEntries, values);
      return row && optionalText(row, 'entries');
    };
    // The next page is on its way while the caller works on one.
    let next = page('');
    for (;;) {
      const text = await next;
      if (text === undefined) return;
      next = page(lastSerialNumber(text));
      // A caller that stopped early leaves one page under way; its outcome is of no interest.
      next.catch(() => undefined);
      yield crlEntriesOf(text);
    }
  }

  async latestChange(tenant: TenantId, issuerId: IssuerId, shard: number): Promise<bigint> {
    const [row] = await this.#session.query(this.#sql.latestChange, [tenant, issuerId, shard]);
    return row ? bigint(row, 'last_change') : 0n;
  }
}

function notFound(issuerId: IssuerId, serialNumber: SerialNumber): ChanceryError {
  return new ChanceryError('notFound', {
    message: `issuer ${issuerId} has no certificate with serial number ${serialNumber}`,
  });
}
