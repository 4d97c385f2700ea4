import type { AuditLog, AuditRecord, StoredAuditRecord } from '../audit/ports.ts';
import type { Row, Session } from './pool.ts';
import { bigint, date, octets, text, word } from './rows.ts';
import type { auditStatements } from './sql/records.ts';

export class PostgresAuditLog implements AuditLog {
  readonly #session: Session;
  readonly #sql: ReturnType<typeof auditStatements>;

  constructor(session: Session, sql: ReturnType<typeof auditStatements>) {
    this.#session = session;
    this.#sql = sql;
  }

  /** Sends the record and does not wait for it: the commit fails when it was refused. */
  async append(record: AuditRecord): Promise<void> {
    this.#session.defer(this.#sql.append, [
      record.at,
      record.tenant,
      record.principalId,
      record.principalName,
      record.act,
      record.outcome,
      record.object,
      record.canonical,
    ]);
    return await Promise.resolve();
  }

  /** As {@link append}, in one statement. */
  async appendAll(records: readonly AuditRecord[]): Promise<void> {
    if (records.length > 0) {
      this.#session.defer(this.#sql.appendAll, [
        records.map(({ at }) => at),
        records.map(({ tenant }) => tenant),
        records.map(({ principalId }) => principalId),
        records.map(({ principalName }) => principalName),
        records.map(({ act }) => act),
        records.map(({ outcome }) => outcome),
        records.map(({ object }) => object),
        records.map(({ canonical }) => Buffer.from(canonical)),
      ]);
    }
    return await Promise.resolve();
  }

  async list(query: Parameters<AuditLog['list']>[0]): Promise<readonly StoredAuditRecord[]> {
    const rows = await this.#session.query(this.#sql.list, [
      query.tenant,
      query.act,
      query.object,
      query.after,
      query.limit,
    ]);
    return rows.map(auditRecordOf);
  }

  async newest(
    tenant: AuditRecord['tenant'],
    limit: number,
  ): Promise<readonly StoredAuditRecord[]> {
    return (await this.#session.query(this.#sql.newest, [tenant, limit])).map(auditRecordOf);
  }
}

/** `details` is kept once, within the canonical bytes. */
export function auditRecordOf(row: Row): StoredAuditRecord {
  const canonical = octets(row, 'canonical');
  return {
    id: bigint(row, 'id'),
    tenant: text(row, 'tenant'),
    at: date(row, 'at'),
    principalId: text(row, 'principal_id'),
    principalName: text(row, 'principal_name'),
    act: text(row, 'act'),
    outcome: word<AuditRecord['outcome']>(row, 'outcome'),
    object: text(row, 'object'),
    details: detailsIn(canonical),
    canonical,
  };
}

/** Bytes that are no record (verification reports them) have no details. */
function detailsIn(canonical: Uint8Array): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(canonical));
  } catch {
    return {};
  }
  if (typeof parsed !== 'object' || parsed === null || !('details' in parsed)) return {};
  const { details } = parsed;
  return typeof details === 'object' && details !== null ? { ...details } : {};
}
