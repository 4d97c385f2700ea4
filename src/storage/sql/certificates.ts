import type { Statement } from '../pool.ts';
import { inSchema } from './names.ts';

/** Columns of a certificate as `certificateOf` reads them; `c`, `o`, `s` are certificate, outcome and status. */
const columns = `
  c.id, c.requested_at, c.not_before, c.not_after, c.shard, c.tenant, c.issuer_id, c.serial_number,
  c.type, c.profile_name, c.profile_hash, c.subject, c.names, c.spki_hash, c.key_algorithm,
  c.signature_algorithm, c.policies, c.requested_by, c.owner, c.tags, c.approval, c.idempotency_key,
  c.retention_class, c.replaces, c.requested, c.granted, c.tbs_certificate,
  o.state AS outcome, o.settled_at, o.certificate_head, o.certificate_tail,
  s.status, s.reason_code, s.not_good_since, s.invalidity_date, s.hold_cause, s.hold_until, s.hold_then`;

const joined = `
  FROM {certificates} c
    LEFT JOIN {issuance_outcomes} o ON o.certificate_id = c.id
    LEFT JOIN {certificate_status} s ON s.certificate_id = c.id`;

const byKey = 'c.serial_number = $3 AND c.issuer_id = $2 AND c.tenant = $1';

/** `SELECT … FROM` of certificates with their outcome and status, without a condition. */
export function selectCertificates(schema: string): string {
  return inSchema(schema, `SELECT ${columns} ${joined}`);
}

/**
 * Writes a status over the one before or as the first, appends history and feed, and counts the
 * change of the issuer. `selected` names the certificate (id, not_after, shard, …). Update comes
 * before insert, because an INSERT … ON CONFLICT would show the trigger a first status.
 */
const changeStatus = `
  updated AS (
    UPDATE {certificate_status} s SET
      status = $4, reason_code = $5, not_good_since = $6, invalidity_date = $7,
      hold_cause = $8, hold_until = $9, hold_then = $10, hold_alarmed_at = NULL
    FROM selected c WHERE s.certificate_id = c.id
    RETURNING s.certificate_id
  ), inserted AS (
    INSERT INTO {certificate_status} (certificate_id, not_after, shard, tenant, issuer_id, serial_number,
      status, reason_code, not_good_since, invalidity_date, hold_cause, hold_until, hold_then)
    SELECT c.id, c.not_after, c.shard, c.tenant, c.issuer_id, c.serial_number,
      $4, $5, $6, $7, $8, $9, $10
    FROM selected c
    WHERE NOT EXISTS (SELECT FROM {certificate_status} s WHERE s.certificate_id = c.id)
    RETURNING certificate_id
  ), history AS (
    INSERT INTO {status_changes} (certificate_id, tenant, act, status_after, reason_code, cause,
      comment, invalidity_date, requested_at, requested_by, effective_at, hold_until, hold_then)
    SELECT c.id, c.tenant, $11, $4, $12, $13, $14, $15, $16, $17, $18, $19, $20 FROM selected c
  ), feed AS (
    INSERT INTO {changes} (certificate_id) SELECT c.id FROM selected c
  ), counted AS (
    INSERT INTO {issuer_changes} AS n (tenant, issuer_id, last_change)
    SELECT c.tenant, c.issuer_id, 1 FROM selected c
    ON CONFLICT (tenant, issuer_id) DO UPDATE SET last_change = n.last_change + 1
  )`;

/** Statements of the inventory on the paths of issuance and status. */
export function certificateStatements(schema: string) {
  const statement = (name: string, text: string): Statement => ({
    name,
    text: inSchema(schema, text),
  });
  return {
    insertPrepared: statement(
      'insert_prepared',
      `WITH inserted AS (
        INSERT INTO {certificates} (requested_at, not_before, not_after, shard, tenant, issuer_id,
          serial_number, type, profile_name, profile_hash, subject, names, spki_hash, key_algorithm,
          signature_algorithm, policies, requested_by, owner, tags, approval, idempotency_key,
          retention_class, replaces, requested, granted, tbs_certificate)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
          $20, $21, $22, $23, $24, $25, $26)
        ON CONFLICT ON CONSTRAINT certificates_issuer_serial_key DO NOTHING
        RETURNING id, requested_at
      )
      INSERT INTO {prepared_certificates} (certificate_id, requested_at)
      SELECT id, requested_at FROM inserted`,
    ),
    // The TBS must stand in the certificate after one SEQUENCE header; the CHECKs refuse all else.
    markIssued: statement(
      'mark_issued',
      `WITH settled AS (
        DELETE FROM {prepared_certificates} p USING {certificates} c
        WHERE p.certificate_id = c.id AND ${byKey}
        RETURNING c.id, position(c.tbs_certificate IN $4::bytea) AS start, octet_length(c.tbs_certificate) AS size
      )
      INSERT INTO {issuance_outcomes} (certificate_id, state, settled_at, certificate_head, certificate_tail)
      SELECT id, 'issued', $5,
        CASE WHEN start > 0 THEN substring($4::bytea FROM 1 FOR start - 1) ELSE '' END,
        CASE WHEN start > 0 THEN substring($4::bytea FROM start + size) ELSE '' END
      FROM settled`,
    ),
    // Revoked already, by the compromise of its key: that status stays, and only the feed is told.
    markAbandoned: statement(
      'mark_abandoned',
      `WITH settled AS (
        DELETE FROM {prepared_certificates} p USING {certificates} c
        WHERE p.certificate_id = c.id AND ${byKey}
        RETURNING c.id, c.not_after, c.shard, c.tenant, c.issuer_id, c.serial_number
      ), selected AS (
        INSERT INTO {issuance_outcomes} (certificate_id, state, settled_at)
        SELECT id, 'abandoned', $16 FROM settled RETURNING certificate_id
      ), selected_certificate AS (
        SELECT settled.* FROM settled JOIN selected ON selected.certificate_id = settled.id
        WHERE NOT EXISTS (SELECT FROM {certificate_status} s
          WHERE s.certificate_id = settled.id AND s.status = 'revoked')
      ), told AS (
        INSERT INTO {changes} (certificate_id) SELECT id FROM settled
        WHERE id NOT IN (SELECT id FROM selected_certificate)
      ), ${changeStatus.replaceAll('selected c', 'selected_certificate c')}
      SELECT id FROM settled`,
    ),
    changeStatus: statement(
      'change_status',
      `WITH selected AS (
        SELECT c.id, c.not_after, c.shard, c.tenant, c.issuer_id, c.serial_number
        FROM {certificates} c WHERE ${byKey}
      ), ${changeStatus}
      SELECT id FROM selected`,
    ),
    find: statement('find_certificate', `SELECT ${columns} ${joined} WHERE ${byKey}`),
    // Two steps: what is read after the lock is what the one before has committed.
    lock: statement(
      'lock_certificate',
      `SELECT c.id FROM {certificates} c WHERE ${byKey} FOR UPDATE`,
    ),
    findBySerialNumber: statement(
      'find_by_serial_number',
      `SELECT ${columns} ${joined} WHERE c.serial_number = $2 AND c.tenant = $1 ORDER BY c.id`,
    ),
    // MATERIALIZED: ORDER BY … LIMIT alone tempts the planner to walk the primary key from its start.
    findBySpkiHash: statement(
      'find_by_spki_hash',
      `WITH c AS MATERIALIZED (SELECT * FROM {certificates} WHERE spki_hash = $2 AND tenant = $1)
      SELECT ${columns} FROM c
        LEFT JOIN {issuance_outcomes} o ON o.certificate_id = c.id
        LEFT JOIN {certificate_status} s ON s.certificate_id = c.id
      ORDER BY c.id LIMIT $3`,
    ),
    findHeld: statement(
      'find_held',
      `WITH c AS MATERIALIZED (
        SELECT * FROM {certificates} WHERE spki_hash = $2 AND tenant = $1 AND not_after > $3)
      SELECT ${columns} FROM c
        JOIN {certificate_status} s ON s.certificate_id = c.id AND s.status = 'onHold'
        LEFT JOIN {issuance_outcomes} o ON o.certificate_id = c.id`,
    ),
    findKeyUses: statement(
      'find_key_uses',
      `SELECT type, issuer_id, serial_number, subject, names, owner FROM {certificates}
      WHERE spki_hash = $2 AND tenant = $1 LIMIT $3`,
    ),
    listPrepared: statement(
      'list_prepared',
      `SELECT ${columns} FROM {prepared_certificates} p JOIN {certificates} c ON c.id = p.certificate_id
        LEFT JOIN {issuance_outcomes} o ON o.certificate_id = c.id
        LEFT JOIN {certificate_status} s ON s.certificate_id = c.id
      WHERE p.requested_at < $2 AND c.tenant = $1 ORDER BY p.requested_at LIMIT $3`,
    ),
    listDueHolds: statement(
      'list_due_holds',
      `SELECT ${columns} FROM {certificate_status} s JOIN {certificates} c ON c.id = s.certificate_id
        LEFT JOIN {issuance_outcomes} o ON o.certificate_id = c.id
      WHERE s.status = 'onHold' AND s.hold_until IS NOT NULL AND s.hold_alarmed_at IS NULL
        AND s.hold_until <= $2 AND s.tenant = $1
      ORDER BY s.hold_until LIMIT $3`,
    ),
    markHoldAlarmed: statement(
      'mark_hold_alarmed',
      `UPDATE {certificate_status} s SET hold_alarmed_at = $4
      FROM {certificates} c WHERE s.certificate_id = c.id AND ${byKey} AND s.status = 'onHold'`,
    ),
    history: statement(
      'status_history',
      `SELECT h.* FROM {status_changes} h JOIN {certificates} c ON c.id = h.certificate_id
      WHERE ${byKey} ORDER BY h.id`,
    ),
    blockKey: statement(
      'block_key',
      `INSERT INTO {blocked_keys} (tenant, spki_hash, reason_code, blocked_at, blocked_by)
      VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
    ),
    isKeyBlocked: statement(
      'is_key_blocked',
      'SELECT 1 AS blocked FROM {blocked_keys} WHERE tenant = $1 AND spki_hash = $2',
    ),
    latestChange: statement(
      'latest_change',
      'SELECT last_change FROM {issuer_changes} WHERE tenant = $1 AND issuer_id = $2',
    ),
  } as const;
}

export type CertificateStatements = ReturnType<typeof certificateStatements>;

/**
 * A CRL's entries in the order of their serial numbers. Times are seconds since 1970: a million dates
 * are read from text four times as slowly.
 *
 * What was revoked only after its expiry must appear once, too; the five minutes are for a commit that
 * came later than its time says.
 */
export function selectCrlEntries(schema: string): string {
  return inSchema(
    schema,
    `SELECT serial_number, extract(epoch FROM not_good_since)::float8, reason_code,
      extract(epoch FROM invalidity_date)::float8
    FROM {certificate_status}
    WHERE issuer_id = $2 AND shard = $3 AND status <> 'good' AND tenant = $1
      AND (not_after >= $4 OR not_good_since >= $4::timestamptz - interval '5 minutes')
    ORDER BY length(serial_number), serial_number`,
  );
}
