import type { StatusIssuer, StatusRecord, StatusSource } from '../../ocsp/ports.ts';
import type {
  CertificateStatus,
  IssuanceState,
  IssuerId,
  ReasonCode,
  SerialNumber,
  StatusPolicy,
} from '../domain/index.ts';
import { given } from './certificate-rows.ts';
import { ChangeReader } from './change-feed.ts';
import type { DatabasePool, Row, Statement } from './pool.ts';
import { date, json, octets, octetsList, optionalDate, optionalWord, text, word } from './rows.ts';
import { inSchema } from './sql/names.ts';

const statusColumns = `issuer_id, serial_number, not_after, issuance_state, status, reason_code,
  not_good_since, invalidity_date`;

/** The responder's source of status, over views only. */
export class PostgresStatusSource implements StatusSource {
  readonly #pool: DatabasePool;
  readonly #issuers: Statement;
  readonly #lookup: Statement;
  readonly #changed: Statement;
  readonly #feed: ChangeReader;

  constructor(pool: DatabasePool, schema: string) {
    this.#pool = pool;
    this.#issuers = {
      name: 'status_issuers',
      text: inSchema(schema, 'SELECT * FROM {ocsp_issuers} ORDER BY name'),
    };
    // An issuer is of one tenant, which the question does not name.
    this.#lookup = {
      name: 'status_lookup',
      text: inSchema(
        schema,
        `SELECT ${statusColumns} FROM {ocsp_status}
        WHERE serial_number = ANY ($2::text[]) AND issuer_id = $1
          AND tenant = (SELECT i.tenant FROM {ocsp_issuers} i WHERE i.issuer_id = $1)`,
      ),
    };
    this.#changed = {
      name: 'status_changed',
      text: inSchema(
        schema,
        `SELECT certificate_id, ${statusColumns} FROM {ocsp_status} WHERE certificate_id = ANY ($1::bigint[])`,
      ),
    };
    this.#feed = new ChangeReader(pool, schema, 'ocsp_changes', 'n.certificate_id');
  }

  async issuers(): Promise<readonly StatusIssuer[]> {
    return (await this.#pool.query(this.#issuers)).map((row) => ({
      issuerId: text(row, 'issuer_id'),
      name: text(row, 'name'),
      certificate: octets(row, 'certificate'),
      chain: octetsList(row, 'chain'),
      nameHashes: json<Record<string, string>>(row, 'name_hashes'),
      keyHashes: json<Record<string, string>>(row, 'key_hashes'),
      policy: json<StatusPolicy>(row, 'status_policy').ocsp,
    }));
  }

  async lookup(
    issuerId: IssuerId,
    serialNumbers: readonly SerialNumber[],
  ): Promise<readonly StatusRecord[]> {
    return (await this.#pool.query(this.#lookup, [issuerId, serialNumbers])).map(statusRecordOf);
  }

  async changesSince(
    cursor: string | undefined,
    limit: number,
  ): Promise<{ readonly changes: readonly StatusRecord[]; readonly cursor: string }> {
    const found = await this.#feed.read(cursor, limit);
    if (found.rows.length === 0) return { changes: [], cursor: found.cursor };
    // One entry a change, in the order of the feed, each with the status of now.
    const ids = found.rows.map((row) => row['certificate_id']);
    const records = new Map(
      (await this.#pool.query(this.#changed, [[...new Set(ids)]])).map((row) => [
        row['certificate_id'],
        statusRecordOf(row),
      ]),
    );
    return {
      changes: ids.flatMap((id) => records.get(id) ?? []),
      cursor: found.cursor,
    };
  }
}

function statusRecordOf(row: Row): StatusRecord {
  return {
    issuerId: text(row, 'issuer_id'),
    serialNumber: text(row, 'serial_number'),
    issuanceState: word<IssuanceState>(row, 'issuance_state'),
    status: word<CertificateStatus>(row, 'status'),
    ...given('reasonCode', optionalWord<ReasonCode>(row, 'reason_code')),
    ...given('notGoodSince', optionalDate(row, 'not_good_since')),
    ...given('invalidityDate', optionalDate(row, 'invalidity_date')),
    notAfter: date(row, 'not_after'),
  };
}
