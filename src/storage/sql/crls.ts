import { inSchema } from './names.ts';
import { notOfOwnKey } from './records.ts';
import { statements } from './statements.ts';

const byShard = 'tenant = $1 AND issuer_id = $2 AND shard = $3';

/**
 * Where a snapshot means something: this server, and this life of the database. A restore changes the
 * installation's serial prefix, another server has another identifier.
 */
const epoch = `((SELECT system_identifier FROM pg_control_system())::text || '/' ||
  COALESCE((SELECT serial_prefix FROM {installation}), ''))`;

/** The newest published CRL for which a condition holds; `n` is the shard. One look at an index. */
function newest(name: string, condition: string): string {
  return `LEFT JOIN LATERAL (
    SELECT * FROM {crls} r
    WHERE r.tenant = n.tenant AND r.issuer_id = n.issuer_id AND r.shard = n.shard
      AND r.published_at IS NOT NULL AND ${condition}
    ORDER BY r.crl_number DESC LIMIT 1) ${name} ON true`;
}

const columns = [
  ...['kind', 'crl_number', 'base_crl_number', 'delta_seconds', 'this_update', 'next_update'],
  ...['published_at', 'sha256', 'size', 'entries', 'covers_change', 'snapshot', 'snapshot_epoch'],
];

/** The columns of one of the CRLs of a state, each behind its name. */
function columnsOf(name: string): string {
  return columns.map((column) => `${name}.${column} AS ${name}_${column}`).join(', ');
}

export function crlStatements(schema: string) {
  return statements(schema, 'crl', {
    openShard: `INSERT INTO {crl_shards} (tenant, issuer_id, shard, scope, opened_at, last_number)
      VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT DO NOTHING`,
    retireShard: `UPDATE {crl_shards} SET retired_at = $4 WHERE ${byShard} AND retired_at IS NULL`,
    isRetired: `SELECT retired_at IS NOT NULL AS retired FROM {crl_shards} WHERE ${byShard}`,
    // What was purged has expired; the index of what is not purged is walked from its end.
    latestNotAfter: `SELECT not_after FROM {certificates}
      WHERE ${byShard} AND purged_at IS NULL AND ${notOfOwnKey} ORDER BY not_after DESC LIMIT 1`,
    settleRetirement: `UPDATE {crl_shards} SET last_not_after = $4
      WHERE ${byShard} AND retired_at IS NOT NULL AND last_not_after IS NULL`,
    endShard: `UPDATE {crl_shards} SET ended_at = $4
      WHERE ${byShard} AND last_not_after IS NOT NULL AND ended_at IS NULL`,
    shardStates: `SELECT n.*, u.status_policy, u.closed_at IS NOT NULL AS issuer_closed, COALESCE(i.last_change, 0) AS last_change,
        ${columnsOf('complete')}, ${columnsOf('delta')}, ${columnsOf('announcing')}
      FROM {crl_shards} n
        JOIN {issuers} u ON u.tenant = n.tenant AND u.issuer_id = n.issuer_id
        LEFT JOIN {issuer_changes} i ON i.tenant = n.tenant AND i.issuer_id = n.issuer_id
          AND i.shard = n.shard
        ${newest('complete', "r.kind = 'complete'")}
        ${newest('delta', "r.kind = 'delta'")}
        ${newest('announcing', 'r.delta_seconds IS NOT NULL')}
      WHERE n.tenant = $1 AND ($2::text IS NULL OR n.issuer_id = $2)
        AND ($3::integer IS NULL OR n.shard = $3)
      ORDER BY n.issuer_id, n.shard`,

    // The row of the shard is locked until the commit: two can't reserve the same number.
    reserve: `INSERT INTO {crl_shards} AS n (tenant, issuer_id, shard, last_number) VALUES ($1, $2, $3, $4)
      ON CONFLICT (tenant, issuer_id, shard)
        DO UPDATE SET last_number = greatest(n.last_number + 1, excluded.last_number)
      RETURNING last_number`,
    insert: `INSERT INTO {crls} (tenant, issuer_id, shard, kind, crl_number, base_crl_number, delta_seconds,
        this_update, next_update, covers_change)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    // thisUpdate is read after the snapshot of entries, so it is known only now.
    markPublished: `UPDATE {crls} SET published_at = $6, sha256 = $7, size = $8, entries = $9,
        covers_change = $10, this_update = $11, next_update = $12, snapshot = $13, snapshot_epoch = $14
      WHERE ${byShard} AND kind = $4 AND crl_number = $5`,
    latestPublished: `SELECT * FROM {crls}
      WHERE ${byShard} AND kind = $4 AND published_at IS NOT NULL ORDER BY crl_number DESC LIMIT 1`,
    raiseNumber: `INSERT INTO {crl_shards} AS n (tenant, issuer_id, shard, last_number) VALUES ($1, $2, $3, $4)
      ON CONFLICT (tenant, issuer_id, shard) DO UPDATE SET last_number = excluded.last_number
        WHERE n.last_number < excluded.last_number`,
    recordPublished: `INSERT INTO {crls} (tenant, issuer_id, shard, kind, crl_number, published_at, sha256, size,
        entries, covers_change, this_update, next_update, snapshot, snapshot_epoch, base_crl_number,
        delta_seconds)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING`,
    highestNumber: `SELECT last_number FROM {crl_shards} WHERE ${byShard} AND last_number > 0`,

    snapshot: `SELECT pg_current_snapshot()::text AS snapshot, ${epoch} AS epoch`,
    deltaBase: `SELECT * FROM {crls}
      WHERE ${byShard} AND kind = 'complete' AND published_at IS NOT NULL AND delta_seconds IS NOT NULL
        AND next_update > $4 AND snapshot_epoch = ${epoch}
        AND pg_snapshot_xmin(snapshot::pg_snapshot) > (SELECT pruned_xid FROM {feed_pruning})
      ORDER BY crl_number LIMIT 1`,
  });
}

/**
 * A delta CRL's entries, in the order of their serial numbers; times are seconds since 1970: a million
 * dates are read from text four times as slowly.
 * A transaction that was open while the base was read, and commits later, is not visible in the base's
 * snapshot, whatever its id or its times: nothing that commits late is lost.
 *
 * What is good now was released. Its date is that of the release; an entry that was held and released
 * between two CRLs is told as well, which takes away nothing from anybody.
 */
export function selectDeltaEntries(schema: string): string {
  return inSchema(
    schema,
    `SELECT s.serial_number,
      extract(epoch FROM COALESCE(s.not_good_since, (
        SELECT h.effective_at FROM {status_changes} h
        WHERE h.certificate_id = s.certificate_id ORDER BY h.id DESC LIMIT 1)))::float8,
      CASE WHEN s.status = 'good' THEN 'removeFromCRL' ELSE s.reason_code END,
      extract(epoch FROM s.invalidity_date)::float8
    FROM {certificate_status} s
    WHERE s.issuer_id = $2 AND s.shard = $3 AND s.tenant = $1 AND s.certificate_id IN (
      SELECT n.certificate_id FROM {changes} n
      WHERE n.shard = $3 AND n.xid >= pg_snapshot_xmin($4::pg_snapshot)
        AND NOT pg_visible_in_snapshot(n.xid, $4::pg_snapshot))
    ORDER BY length(s.serial_number), s.serial_number`,
  );
}
