import type { ForeignIssuerRecord, ForeignIssuerStore } from '../authority/ports.ts';
import type { TenantId } from '../domain/index.ts';
import type { Row, Session } from './pool.ts';
import { date, json, octets, text } from './rows.ts';
import type { foreignIssuerStatements } from './sql/foreign-issuers.ts';

/** CAs elsewhere, within one transaction. */
export class PostgresForeignIssuers implements ForeignIssuerStore {
  readonly #session: Session;
  readonly #sql: ReturnType<typeof foreignIssuerStatements>;

  constructor(session: Session, sql: ReturnType<typeof foreignIssuerStatements>) {
    this.#session = session;
    this.#sql = sql;
  }

  async insert(record: ForeignIssuerRecord): Promise<void> {
    await this.#session.execute(this.#sql.insert, [
      record.tenant,
      record.issuerId,
      record.name,
      record.certificate,
      JSON.stringify(record.nameHashes),
      JSON.stringify(record.keyHashes),
      record.createdAt,
      record.createdBy,
    ]);
  }

  async list(tenant: TenantId): Promise<readonly ForeignIssuerRecord[]> {
    return (await this.#session.query(this.#sql.list, [tenant])).map(recordOf);
  }
}

function recordOf(row: Row): ForeignIssuerRecord {
  return {
    tenant: text(row, 'tenant'),
    issuerId: text(row, 'issuer_id'),
    name: text(row, 'name'),
    certificate: octets(row, 'certificate'),
    nameHashes: json<Record<string, string>>(row, 'name_hashes'),
    keyHashes: json<Record<string, string>>(row, 'key_hashes'),
    createdAt: date(row, 'created_at'),
    createdBy: text(row, 'created_by'),
  };
}
