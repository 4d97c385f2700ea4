import { statements } from './statements.ts';

/**
 * Of the register `c`, what may be purged. A certificate that is not good must have been on one
 * complete CRL later than its notAfter and its revocation (RFC 5280 §3.3); of a CA elsewhere we
 * publish none.
 */
const purgeable = `c.tenant = $1 AND c.retention_class = $2 AND c.not_after < $3
  AND c.not_after < clock_timestamp() AND c.purged_at IS NULL
  AND EXISTS (SELECT FROM {issuance_outcomes} o WHERE o.certificate_id = c.id)
  AND NOT EXISTS (
    SELECT FROM {certificate_status} s
    WHERE s.certificate_id = c.id AND s.status <> 'good' AND (
      s.hold_until IS NOT NULL
      OR NOT EXISTS (SELECT FROM {foreign_issuers} f WHERE f.tenant = c.tenant AND f.issuer_id = c.issuer_id)
        AND NOT EXISTS (
          SELECT FROM {crls} r
          WHERE r.tenant = c.tenant AND r.issuer_id = c.issuer_id AND r.shard = c.shard
            AND r.kind = 'complete' AND r.published_at IS NOT NULL
            AND r.this_update > greatest(s.not_after, s.not_good_since)
        )
    )
  )`;

export function maintenanceStatements(schema: string) {
  return statements(schema, 'maintenance', {
    countPurgeable: `SELECT count(*) AS count FROM (
        SELECT FROM {certificates} c WHERE ${purgeable} ORDER BY c.not_after LIMIT $4) candidates`,
    // Oldest first. The lock comes before the judgement: what the purge reads next is what those who
    // changed a status before have committed.
    lock: `SELECT c.id FROM {certificates} c WHERE ${purgeable}
      ORDER BY c.not_after LIMIT $4 FOR UPDATE SKIP LOCKED`,
    mark: `UPDATE {certificates} n SET purged_at = $5,
        tbs_sha256 = COALESCE(n.tbs_sha256, sha256(NULLIF(m.tbs_certificate, ''))),
        certificate_sha256 = COALESCE(n.certificate_sha256,
          sha256(o.certificate_head || NULLIF(m.tbs_certificate, '') || o.certificate_tail))
      FROM {certificates} c
        JOIN {issuance_outcomes} o ON o.certificate_id = c.id
        LEFT JOIN {certificate_contents} m ON m.certificate_id = c.id AND m.requested_at = c.requested_at
      WHERE n.id = c.id AND c.id = ANY ($4::bigint[]) AND ${purgeable}
      RETURNING n.id, n.issuer_id, n.serial_number, n.requested_at`,
    removeSignatures: `UPDATE {issuance_outcomes} SET certificate_head = NULL, certificate_tail = NULL
      WHERE certificate_id = ANY ($1::bigint[]) AND certificate_head IS NOT NULL`,
    // The moments name the partitions.
    removeContents: `DELETE FROM {certificate_contents}
      WHERE certificate_id = ANY ($1::bigint[]) AND requested_at >= $2 AND requested_at <= $3`,
    keepPartitions: 'SELECT made, moved FROM {keep_content_partitions}($1)',
    dropEmptyPartitions: 'SELECT {drop_empty_content_partitions}($1) AS dropped',
    // In the order of entry. A delta CRL is built from what its base's snapshot did not show.
    pruneChanges: `WITH kept AS (
        SELECT min(pg_snapshot_xmin(r.snapshot::pg_snapshot)) AS xid FROM {crls} r
        WHERE r.kind = 'complete' AND r.snapshot IS NOT NULL AND r.next_update > $1
      ), gone AS (
        DELETE FROM {changes} WHERE id IN (
          SELECT id FROM (SELECT id, at, xid FROM {changes} ORDER BY id LIMIT $2) oldest
          WHERE at < $1 AND at < clock_timestamp() - interval '1 day'
            AND xid < pg_snapshot_xmin(pg_current_snapshot())
            AND xid < COALESCE((SELECT xid FROM kept), pg_snapshot_xmin(pg_current_snapshot()))
        ) RETURNING xid
      ), told AS (
        UPDATE {feed_pruning} SET pruned_xid = greatest(pruned_xid, (SELECT xid FROM gone ORDER BY xid DESC LIMIT 1))
        WHERE EXISTS (SELECT FROM gone)
      )
      SELECT count(*) AS count FROM gone`,
    pruneIdempotencyKeys: `DELETE FROM {idempotency} WHERE (tenant, principal_id, key) IN (
        SELECT tenant, principal_id, key FROM {idempotency}
        WHERE started_at < $1 ORDER BY started_at LIMIT $2)`,
  });
}
