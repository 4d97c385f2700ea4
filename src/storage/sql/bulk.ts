import { inSchema } from './names.ts';
import { statements } from './statements.ts';

/** A certificate as far as an act on many looks at it; `c`, `m`, `o`, `s` as in the inventory. */
const target = `c.id AS row, c.tenant, c.issuer_id, c.serial_number, c.type, c.spki_hash, c.not_after,
  m.subject, m.owner, m.tags, m.notes, o.state AS outcome,
  s.status, s.reason_code, s.not_good_since, s.invalidity_date, s.hold_cause, s.hold_until, s.hold_then`;

const joined = `LEFT JOIN {certificate_contents} m ON m.certificate_id = c.id AND m.requested_at = c.requested_at
    LEFT JOIN {issuance_outcomes} o ON o.certificate_id = c.id
    LEFT JOIN {certificate_status} s ON s.certificate_id = c.id`;

/** The job of tenant $1 and id $2. */
const job = '(SELECT sequence FROM {bulk_jobs} WHERE tenant = $1 AND id = $2)';

export function bulkStatements(schema: string) {
  return statements(schema, 'bulk', {
    insert: `INSERT INTO {bulk_jobs} (tenant, id, parameters, selection, includes_issuers, requested_by_id,
        requested_by, requested_at, state, started_at, ended_at, items, pending, done, refused, skipped)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
    // In the order of first mention; a serial number of several issuers is answered, and not added.
    addSerialNumbers: `WITH asked AS (
        SELECT serial, min(place) AS place FROM unnest($3::text[]) WITH ORDINALITY AS a (serial, place)
        GROUP BY serial
      ), matched AS (
        SELECT a.place, a.serial, count(c.id) AS matches, min(c.id) AS certificate_id
        FROM asked a LEFT JOIN {certificates} c ON c.serial_number = a.serial AND c.tenant = $1
          AND ($4::text IS NULL OR c.issuer_id = $4)
        GROUP BY a.place, a.serial
      ), added AS (
        INSERT INTO {bulk_job_items} (job, position, certificate_id, serial_number, state, code, reason)
        SELECT ${job}, $5::int + place - 1, certificate_id,
          CASE WHEN matches = 0 THEN serial END,
          CASE WHEN matches = 0 THEN 'refused' ELSE 'pending' END,
          CASE WHEN matches = 0 THEN 'notFound' END,
          CASE WHEN matches = 0 THEN 'no certificate has this serial number' END
        FROM matched WHERE matches < 2
      )
      SELECT serial FROM matched WHERE matches > 1 ORDER BY place`,
    addRows: `INSERT INTO {bulk_job_items} (job, position, certificate_id, state)
      SELECT ${job}, $4::int + place - 1, id, 'pending'
      FROM unnest($3::bigint[]) WITH ORDINALITY AS a (id, place)`,
    countItems: `SELECT count(*)::int AS items,
        (count(*) FILTER (WHERE state = 'pending'))::int AS pending,
        (count(*) FILTER (WHERE state = 'done'))::int AS done,
        (count(*) FILTER (WHERE state = 'refused'))::int AS refused,
        (count(*) FILTER (WHERE state = 'skipped'))::int AS skipped
      FROM {bulk_job_items} WHERE job = ${job}`,
    find: 'SELECT * FROM {bulk_jobs} WHERE tenant = $1 AND id = $2',
    findForUpdate: 'SELECT * FROM {bulk_jobs} WHERE tenant = $1 AND id = $2 FOR UPDATE',
    list: `SELECT * FROM {bulk_jobs}
      WHERE tenant = $1 AND ($2::text IS NULL OR state = $2) AND ($3::bigint IS NULL OR sequence < $3)
      ORDER BY sequence DESC LIMIT $4`,
    items: `SELECT i.position, i.state, i.code, i.reason,
        COALESCE(c.serial_number, i.serial_number) AS serial_number, c.issuer_id
      FROM {bulk_job_items} i LEFT JOIN {certificates} c ON c.id = i.certificate_id
      WHERE i.job = ${job} AND ($3::text IS NULL OR i.state = $3) AND i.position >= $4
      ORDER BY i.position LIMIT $5`,
    countOpen: `SELECT count(*)::int AS open FROM {bulk_jobs}
      WHERE tenant = $1 AND state IN ('planned', 'running')`,
    takeTurn: `SELECT * FROM {bulk_jobs} WHERE tenant = $1 AND state IN ('planned', 'running')
      ORDER BY turn_at NULLS FIRST, sequence LIMIT 1 FOR UPDATE`,
    // In the order of the rows, as every batch locks them: two never wait for each other in a ring.
    lockPending: `SELECT c.id FROM {certificates} c WHERE c.id IN (
        SELECT certificate_id FROM {bulk_job_items} WHERE job = ${job} AND state = 'pending'
        ORDER BY position LIMIT $3)
      ORDER BY c.id FOR UPDATE`,
    takePending: `SELECT i.position, ${target} FROM (
        SELECT position, certificate_id FROM {bulk_job_items} WHERE job = ${job} AND state = 'pending'
        ORDER BY position LIMIT $3
      ) i JOIN {certificates} c ON c.id = i.certificate_id ${joined} ORDER BY i.position`,
    settle: `UPDATE {bulk_job_items} i SET state = w.state, code = w.code, reason = w.reason
      FROM unnest($3::int[], $4::text[], $5::text[], $6::text[]) AS w (position, state, code, reason)
      WHERE i.job = ${job} AND i.position = w.position`,
    settleSwept: `UPDATE {bulk_job_items} SET state = 'done'
      WHERE job = ${job} AND certificate_id = ANY ($3::bigint[]) AND state = 'pending'`,
    update: `UPDATE {bulk_jobs} SET state = $3, started_at = $4, ended_at = $5, items = $6, pending = $7,
        done = $8, refused = $9, skipped = $10, fence = COALESCE($11, fence),
        turn_at = CASE WHEN $11::bigint IS NULL THEN turn_at ELSE clock_timestamp() END
      WHERE tenant = $1 AND id = $2`,
    resolve: `SELECT ${target} FROM unnest($2::text[]) WITH ORDINALITY AS a (serial, place)
        JOIN {certificates} c ON c.serial_number = a.serial AND c.tenant = $1
          AND ($3::text IS NULL OR c.issuer_id = $3) ${joined}
      ORDER BY a.place, c.id`,
    changeStatuses: `WITH selected AS MATERIALIZED (
        SELECT c.id, c.not_after, c.shard, c.tenant, c.issuer_id, c.serial_number, w.status,
          w.reason_code, w.not_good_since, w.invalidity_date, w.hold_cause, w.hold_until, w.hold_then
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[],
          $6::text[], $7::timestamptz[], $8::text[]) AS w (id, status, reason_code, not_good_since,
          invalidity_date, hold_cause, hold_until, hold_then)
        JOIN {certificates} c ON c.id = w.id
      ), updated AS (
        UPDATE {certificate_status} s SET status = c.status, reason_code = c.reason_code,
          not_good_since = c.not_good_since, invalidity_date = c.invalidity_date,
          hold_cause = c.hold_cause, hold_until = c.hold_until, hold_then = c.hold_then,
          hold_alarmed_at = NULL
        FROM selected c WHERE s.certificate_id = c.id
      ), inserted AS (
        INSERT INTO {certificate_status} (certificate_id, not_after, shard, tenant, issuer_id,
          serial_number, status, reason_code, not_good_since, invalidity_date, hold_cause, hold_until, hold_then)
        SELECT c.id, c.not_after, c.shard, c.tenant, c.issuer_id, c.serial_number, c.status,
          c.reason_code, c.not_good_since, c.invalidity_date, c.hold_cause, c.hold_until, c.hold_then
        FROM selected c
        WHERE NOT EXISTS (SELECT FROM {certificate_status} s WHERE s.certificate_id = c.id)
      ), history AS (
        INSERT INTO {status_changes} (certificate_id, tenant, act, status_after, reason_code, cause,
          comment, invalidity_date, requested_at, requested_by, effective_at, hold_until, hold_then)
        SELECT c.id, c.tenant, $9, c.status, $10, $11, $12, $13, $14, $15, $16, $17, $18
        FROM selected c ORDER BY c.id
      ), feed AS (
        INSERT INTO {changes} (certificate_id, shard) SELECT c.id, c.shard FROM selected c ORDER BY c.id
      ), counted AS (
        INSERT INTO {issuer_changes} AS n (tenant, issuer_id, shard, last_change)
        SELECT c.tenant, c.issuer_id, c.shard, count(*) FROM selected c
        GROUP BY c.tenant, c.issuer_id, c.shard ORDER BY c.tenant, c.issuer_id, c.shard
        ON CONFLICT (tenant, issuer_id, shard)
          DO UPDATE SET last_change = n.last_change + excluded.last_change
      )
      SELECT count(*)::int AS changed FROM selected`,
    // Both columns name the partition.
    describe: `UPDATE {certificate_contents} m SET owner = w.owner, notes = w.notes,
        tags = ARRAY(SELECT jsonb_array_elements_text(w.tags::jsonb))
      FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS w (id, owner, tags, notes)
        JOIN {certificates} c ON c.id = w.id
      WHERE m.certificate_id = c.id AND m.requested_at = c.requested_at`,
    blockKeys: `INSERT INTO {blocked_keys} (tenant, spki_hash, reason_code, blocked_at, blocked_by)
      SELECT $1, hash, $3, $4, $5 FROM unnest($2::bytea[]) AS hash ORDER BY hash ON CONFLICT DO NOTHING`,
    lockSiblings: `SELECT c.id FROM {certificates} c
      WHERE c.spki_hash = ANY ($2::bytea[]) AND c.tenant = $1 AND c.id <> ALL ($3::bigint[])
      ORDER BY c.id FOR UPDATE`,
    siblings: `SELECT ${target} FROM {certificates} c ${joined}
      WHERE c.spki_hash = ANY ($2::bytea[]) AND c.tenant = $1 AND c.id <> ALL ($3::bigint[])
        AND o.state IS DISTINCT FROM 'abandoned' AND s.status IS DISTINCT FROM 'revoked'
      ORDER BY c.id`,
    prune: `DELETE FROM {bulk_job_items} WHERE (job, position) IN (
        SELECT i.job, i.position FROM {bulk_jobs} j JOIN {bulk_job_items} i ON i.job = j.sequence
        WHERE j.tenant = $1 AND j.state = 'done' AND j.ended_at < $2 LIMIT $3)`,
  });
}

export type BulkStatements = ReturnType<typeof bulkStatements>;

/** What a search finds, newest first: the columns of a target. */
export function selectTargets(schema: string, conditions: string): string {
  return inSchema(
    schema,
    `SELECT ${target} FROM {certificates} c ${joined} WHERE ${conditions} ORDER BY c.id DESC`,
  );
}

/** What a search finds, newest first: row numbers. */
export function selectRows(schema: string, conditions: string, limit: number): string {
  return inSchema(
    schema,
    `SELECT c.id FROM {certificates} c ${joined} WHERE ${conditions} ORDER BY c.id DESC LIMIT ${Math.trunc(limit)}`,
  );
}

/** What a search finds, up to so many, counted by what the status machine looks at. */
export function countClasses(schema: string, conditions: string, limit: number): string {
  return inSchema(
    schema,
    `SELECT outcome, status, reason_code, type, purged, count(*)::int AS count FROM (
      SELECT COALESCE(o.state, 'prepared') AS outcome, COALESCE(s.status, 'good') AS status,
        s.reason_code, c.type, c.purged_at IS NOT NULL AS purged
      FROM {certificates} c ${joined} WHERE ${conditions} LIMIT ${Math.trunc(limit)}
    ) found GROUP BY 1, 2, 3, 4, 5`,
  );
}

/**
 * What a search finds, in the order of the inventory, with the hash in place of the octets. A million
 * certificates a minute would otherwise be a gigabyte of them.
 */
export function selectExport(schema: string, conditions: string): string {
  return inSchema(
    schema,
    `SELECT c.id, c.requested_at, c.not_before, c.not_after, c.shard, c.tenant, c.issuer_id,
      c.serial_number, c.type, c.spki_hash, c.retention_class, c.origin, c.purged_at, c.tbs_sha256,
      COALESCE(c.certificate_sha256, sha256(o.certificate_head || m.tbs_certificate || o.certificate_tail))
        AS certificate_sha256,
      m.certificate_id, m.profile_name, m.profile_hash, m.subject, m.names, m.key_algorithm,
      m.signature_algorithm, m.policies, m.requested_by, m.owner, m.tags, m.notes, m.approval,
      m.idempotency_key, m.replaces, '{}'::jsonb AS requested, '{}'::jsonb AS granted,
      ''::bytea AS tbs_certificate, o.state AS outcome, o.settled_at,
      NULL::bytea AS certificate_head, NULL::bytea AS certificate_tail,
      s.status, s.reason_code, s.not_good_since, s.invalidity_date, s.hold_cause, s.hold_until, s.hold_then
    FROM {certificates} c ${joined} WHERE ${conditions} ORDER BY c.id`,
  );
}
