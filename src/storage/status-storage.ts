import type {
  KeyStanding,
  ReplicaSource,
  StatusChanges,
  StatusIssuer,
  StatusRecord,
  StatusSource,
} from '../../ocsp/ports.ts';
import type {
  CertificateStatus,
  IssuanceState,
  IssuerId,
  KeyId,
  KeyState,
  ReasonCode,
  SerialNumber,
  StatusPolicy,
} from '../domain/index.ts';
import { given } from './certificate-rows.ts';
import { ChangeReader } from './change-feed.ts';
import { ChangeListener } from './change-notice.ts';
import type { DatabasePool, Row, Statement } from './pool.ts';
import {
  bigint,
  date,
  json,
  octets,
  octetsList,
  optionalDate,
  optionalWord,
  text,
  word,
} from './rows.ts';
import { inSchema } from './sql/names.ts';

const statusColumns = `issuer_id, serial_number, not_after, issuance_state, status, reason_code,
  not_good_since, invalidity_date`;

/** Where the log ends now, for what is read before; null on a standby, which writes none. */
const position =
  "((CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_lsn() END) - '0/0'::pg_lsn)::bigint AS position";

const logEnd: Statement = { name: 'log_end', text: `SELECT ${position}` };

/**
 * How far a standby is. A server that is none says nothing of the primary that is followed: it may
 * have been promoted while the primary runs on.
 */
const replayed: Statement = {
  name: 'log_replayed',
  text: "SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() - '0/0'::pg_lsn ELSE -1 END)::bigint AS replayed",
};

/** An issuer is of one tenant, which the question does not name. */
function lookupStatement(schema: string): Statement {
  return {
    name: 'status_lookup',
    text: inSchema(
      schema,
      `SELECT ${statusColumns} FROM {ocsp_status}
      WHERE serial_number = ANY ($2::text[]) AND issuer_id = $1
        AND tenant = (SELECT i.tenant FROM {ocsp_issuers} i WHERE i.issuer_id = $1)`,
    ),
  };
}

/** Status from a standby, with how far it had replayed the primary's log before. */
export class PostgresReplicaSource implements ReplicaSource {
  readonly #pool: DatabasePool;
  readonly #lookup: Statement;

  constructor(pool: DatabasePool, schema: string) {
    this.#pool = pool;
    this.#lookup = lookupStatement(schema);
  }

  async lookup(
    issuerId: IssuerId,
    serialNumbers: readonly SerialNumber[],
  ): Promise<{ readonly records: readonly StatusRecord[]; readonly replayed: bigint }> {
    // Two statements, in this order: a snapshot is taken before anything of its own statement is
    // computed, so a position read in it could be ahead of what the snapshot shows.
    const [[at], rows] = await this.#pool.each(
      async (session) =>
        await Promise.all([
          session.query(replayed),
          session.query(this.#lookup, [issuerId, serialNumbers]),
        ]),
    );
    if (at === undefined) throw new TypeError('the replica said nothing of its log');
    return { records: rows.map(statusRecordOf), replayed: bigint(at, 'replayed') };
  }
}

/** The responder's source of status on the primary, over views only. */
export class PostgresStatusSource implements StatusSource {
  readonly #pool: DatabasePool;
  readonly #issuers: Statement;
  readonly #keys: Statement;
  readonly #lookup: Statement;
  readonly #changed: Statement;
  readonly #feed: ChangeReader;

  readonly #listen: {
    readonly url: string;
    readonly schema: string;
    readonly log: (message: string) => void;
  };

  constructor(
    pool: DatabasePool,
    { url, schema, log }: { url: string; schema: string; log: (message: string) => void },
  ) {
    this.#pool = pool;
    this.#issuers = {
      name: 'status_issuers',
      text: inSchema(schema, 'SELECT * FROM {ocsp_issuers} ORDER BY name'),
    };
    this.#keys = {
      name: 'status_keys',
      text: inSchema(schema, 'SELECT * FROM {ocsp_keys} WHERE key_id = ANY ($1::text[])'),
    };
    this.#lookup = lookupStatement(schema);
    this.#changed = {
      name: 'status_changed',
      text: inSchema(
        schema,
        `SELECT certificate_id, ${statusColumns} FROM {ocsp_status} WHERE certificate_id = ANY ($1::bigint[])`,
      ),
    };
    this.#listen = { url, schema, log };
    this.#feed = new ChangeReader(
      pool,
      schema,
      'ocsp_changes',
      `n.certificate_id, n.at, clock_timestamp() AS read_at, ${position}`,
      'ocsp_feed',
    );
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
      ...given('compromisedAt', optionalDate(row, 'compromised_at')),
    }));
  }

  async keys(keyIds: readonly KeyId[]): Promise<readonly KeyStanding[]> {
    return (await this.#pool.query(this.#keys, [keyIds])).map((row) => ({
      keyId: text(row, 'key_id'),
      state: word<KeyState>(row, 'private_state'),
      ...given('activatedAt', optionalDate(row, 'activated_at')),
      ...given('originatorUsageEnd', optionalDate(row, 'originator_usage_end')),
      ...given(
        'signatureLimit',
        row['signature_limit'] === null ? undefined : Number(bigint(row, 'signature_limit')),
      ),
    }));
  }

  async lookup(
    issuerId: IssuerId,
    serialNumbers: readonly SerialNumber[],
  ): Promise<readonly StatusRecord[]> {
    return (await this.#pool.query(this.#lookup, [issuerId, serialNumbers])).map(statusRecordOf);
  }

  async changesSince(cursor: string | undefined, limit: number): Promise<StatusChanges> {
    const found = await this.#feed.read(cursor, limit);
    if (cursor === undefined || found.restarted) {
      // Read after the feed's end: it covers all that is before that.
      const [end] = await this.#pool.query(logEnd);
      return {
        changes: [],
        cursor: found.cursor,
        restarted: found.restarted,
        ...given('position', positionOf(end)),
      };
    }
    if (found.rows.length === 0) return { changes: [], cursor: found.cursor };
    // One entry a change, in the order of the feed, each with the status of now.
    const ids = found.rows.map((row) => row['certificate_id']);
    const records = new Map(
      (await this.#pool.query(this.#changed, [[...new Set(ids)]])).map((row) => [
        row['certificate_id'],
        statusRecordOf(row),
      ]),
    );
    const last = found.rows.at(-1);
    return {
      changes: found.rows.flatMap((row) => {
        const record = records.get(row['certificate_id']);
        return record === undefined ? [] : { ...record, changedAt: date(row, 'at') };
      }),
      cursor: found.cursor,
      ...given('readAt', last && date(last, 'read_at')),
      ...given('position', positionOf(last)),
    };
  }

  hear(heard: () => void): () => Promise<void> {
    const listener = new ChangeListener({ ...this.#listen, heard });
    return async () => {
      await listener.close();
    };
  }
}

function positionOf(row: Row | undefined): bigint | undefined {
  const found = row?.['position'];
  return typeof found === 'bigint' ? found : undefined;
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
