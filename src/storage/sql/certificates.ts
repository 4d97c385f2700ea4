import type { Statement } from '../pool.ts';
import { inSchema } from './names.ts';

/**
 * Columns of a certificate as `certificateOf` reads them; `c`, `m`, `o`, `s` are the register, the
 * contents (none once purged), outcome and status.
 */
const columns = `
  c.id, c.requested_at, c.not_before, c.not_after, c.shard, c.tenant, c.issuer_id, c.serial_number,
  c.type, c.spki_hash, c.retention_class, c.origin, c.purged_at, c.tbs_sha256, c.certificate_sha256,
  m.certificate_id, m.profile_name, m.profile_hash, m.subject, m.names, m.key_algorithm,
  m.signature_algorithm, m.policies, m.requested_by, m.owner, m.tags, m.notes, m.approval,
  m.idempotency_key, m.replaces, m.requested, m.granted, m.tbs_certificate,
  o.state AS outcome, o.settled_at, o.certificate_head, o.certificate_tail,
  s.status, s.reason_code, s.not_good_since, s.invalidity_date, s.hold_cause, s.hold_until, s.hold_then`;

/** Both columns: the second names the partition. */
const contents =
  'LEFT JOIN {certificate_contents} m ON m.certificate_id = c.id AND m.requested_at = c.requested_at';
const outcome = 'LEFT JOIN {issuance_outcomes} o ON o.certificate_id = c.id';
const status = 'LEFT JOIN {certificate_status} s ON s.certificate_id = c.id';

const joined = `FROM {certificates} c ${contents} ${outcome} ${status}`;

const byKey = 'c.serial_number = $3 AND c.issuer_id = $2 AND c.tenant = $1';

/** `SELECT … FROM` of certificates with their outcome and status, without a condition. */
export function selectCertificates(schema: string): string {
  return inSchema(schema, `SELECT ${columns} ${joined}`);
}

/** Beside the register's row, in the same statement: `inserted` has its id and moment. */
const insertContents = `INSERT INTO {certificate_contents} (certificate_id, requested_at, profile_name,
          profile_hash, subject, names, key_algorithm, signature_algorithm, policies, requested_by,
          owner, tags, approval, idempotency_key, replaces, requested, granted, tbs_certificate, notes)
        SELECT id, requested_at, $11, $12, $13, $14::text[], $15, $16, $17::text[], $18, $19,
          $20::text[], $21, $22, $23, $24::jsonb, $25::jsonb, $26::bytea, $27 FROM inserted`;

/**
 * Writes a status over the one before or as the first, appends history and feed, and counts the
 * change of the issuer's shard. `selected` names the certificate (id, not_after, shard, …). Update comes
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
    INSERT INTO {changes} (certificate_id, shard) SELECT c.id, c.shard FROM selected c
  ), counted AS (
    INSERT INTO {issuer_changes} AS n (tenant, issuer_id, shard, last_change)
    SELECT c.tenant, c.issuer_id, c.shard, 1 FROM selected c
    ON CONFLICT (tenant, issuer_id, shard) DO UPDATE SET last_change = n.last_change + 1
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
          serial_number, type, spki_hash, retention_class, origin, tbs_sha256)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'issued',
          CASE WHEN octet_length($26::bytea) > 0 THEN sha256($26::bytea) END)
        ON CONFLICT ON CONSTRAINT certificates_issuer_serial_key DO NOTHING
        RETURNING id, requested_at
      ), contents AS (
        ${insertContents}
      )
      INSERT INTO {prepared_certificates} (certificate_id, requested_at)
      SELECT id, requested_at FROM inserted`,
    ),
    insertImported: statement(
      'insert_imported',
      `WITH inserted AS (
        INSERT INTO {certificates} (requested_at, not_before, not_after, shard, tenant, issuer_id,
          serial_number, type, spki_hash, retention_class, origin, tbs_sha256)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'imported',
          CASE WHEN octet_length($26::bytea) > 0 THEN sha256($26::bytea) END)
        ON CONFLICT ON CONSTRAINT certificates_issuer_serial_key DO NOTHING
        RETURNING id, requested_at
      ), contents AS (
        ${insertContents}
      )
      INSERT INTO {issuance_outcomes} (certificate_id, state, settled_at, certificate_head, certificate_tail)
      SELECT id, 'issued', requested_at, $28, $29 FROM inserted`,
    ),
    // What was signed must have the hash of what was committed before; the CHECKs refuse all else.
    // $6 and $7 are the lengths of the header before the TBS and of the TBS.
    markIssued: statement(
      'mark_issued',
      `WITH settled AS (
        DELETE FROM {prepared_certificates} p USING {certificates} c
        WHERE p.certificate_id = c.id AND ${byKey}
        RETURNING c.id, sha256(substring($4::bytea FROM $6::int + 1 FOR $7::int)) = c.tbs_sha256 AS committed
      )
      INSERT INTO {issuance_outcomes} (certificate_id, state, settled_at, certificate_head, certificate_tail)
      SELECT id, 'issued', $5,
        CASE WHEN committed THEN substring($4::bytea FROM 1 FOR $6::int) ELSE '' END,
        CASE WHEN committed THEN substring($4::bytea FROM $6::int + $7::int + 1) ELSE '' END
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
        INSERT INTO {changes} (certificate_id, shard) SELECT id, shard FROM settled
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
        ${contents} ${outcome} ${status}
      ORDER BY c.id LIMIT $3`,
    ),
    findHeld: statement(
      'find_held',
      `WITH c AS MATERIALIZED (
        SELECT * FROM {certificates} WHERE spki_hash = $2 AND tenant = $1 AND not_after > $3)
      SELECT ${columns} FROM c
        JOIN {certificate_status} s ON s.certificate_id = c.id AND s.status = 'onHold'
        ${contents} ${outcome}`,
    ),
    findKeyUses: statement(
      'find_key_uses',
      `SELECT id, requested_at, type, issuer_id, serial_number FROM {certificates}
      WHERE spki_hash = $2 AND tenant = $1 LIMIT $3`,
    ),
    // The moments name the partitions.
    describeKeyUses: statement(
      'describe_key_uses',
      `SELECT certificate_id, subject, names, owner FROM {certificate_contents}
      WHERE certificate_id = ANY ($1::bigint[]) AND requested_at >= $2 AND requested_at <= $3`,
    ),
    listPrepared: statement(
      'list_prepared',
      `SELECT ${columns} FROM {prepared_certificates} p JOIN {certificates} c ON c.id = p.certificate_id
        ${contents} ${outcome} ${status}
      WHERE p.requested_at < $2 AND c.tenant = $1 ORDER BY p.requested_at LIMIT $3`,
    ),
    listDueHolds: statement(
      'list_due_holds',
      `SELECT ${columns} FROM {certificate_status} s JOIN {certificates} c ON c.id = s.certificate_id
        ${contents} ${outcome}
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
    /**
     * A page of a CRL's entries behind the serial number $5, in the order of their serial numbers, in
     * one text: `serial.since.reason.invalidity` with commas between, times in whole seconds since
     * 1970. As rows of their own they cost the reader five times as much. It must name no column that
     * `certificate_status_crl` does not hold.
     *
     * What was revoked only after its expiry must appear once, too; the five minutes are for a commit
     * that came later than its time says.
     */
    crlEntries: statement(
      'crl_entries',
      `SELECT string_agg(entry, ',') AS entries FROM (
        SELECT serial_number || '.' || floor(date_part('epoch', not_good_since))::int8 || '.' || reason_code
          || '.' || coalesce(floor(date_part('epoch', invalidity_date))::int8::text, '') AS entry
        FROM {certificate_status}
        WHERE issuer_id = $2 AND shard = $3 AND status <> 'good' AND tenant = $1
          AND (not_after >= $4 OR not_good_since >= $4::timestamptz - interval '5 minutes')
          AND (length(serial_number), serial_number) > (length($5::text), $5::text)
        ORDER BY length(serial_number), serial_number
        LIMIT $6
      ) AS page`,
    ),
    isKeyBlocked: statement(
      'is_key_blocked',
      'SELECT 1 AS blocked FROM {blocked_keys} WHERE tenant = $1 AND spki_hash = $2',
    ),
    latestChange: statement(
      'latest_change',
      'SELECT last_change FROM {issuer_changes} WHERE tenant = $1 AND issuer_id = $2 AND shard = $3',
    ),
  } as const;
}

export type CertificateStatements = ReturnType<typeof certificateStatements>;
