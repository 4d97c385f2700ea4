import { inSchema } from './names.ts';
import { statements } from './statements.ts';

const incident = '(SELECT sequence FROM {incidents} WHERE tenant = $1 AND id = $2)';

const joined = `LEFT JOIN {certificate_contents} m ON m.certificate_id = c.id AND m.requested_at = c.requested_at
  LEFT JOIN {issuance_outcomes} o ON o.certificate_id = c.id
  LEFT JOIN {certificate_status} s ON s.certificate_id = c.id`;

/**
 * What of a list `l` an act still changes: what is already so needs none. Of a compromised issuer ($5)
 * its delegates and the present credentials of principals stay; see `IncidentStore.fillJob`.
 */
const changeable = `JOIN {certificates} c ON c.id = l.certificate_id
          LEFT JOIN {issuance_outcomes} o ON o.certificate_id = c.id
          LEFT JOIN {certificate_status} s ON s.certificate_id = c.id
        WHERE o.state = 'issued' AND COALESCE(s.status, 'good') = ANY ($4::text[])
          AND ($5::text IS NULL OR c.type <> 'ocspSigning' AND c.spki_hash IS DISTINCT FROM $6::bytea
            AND NOT EXISTS (SELECT FROM {certificate_bindings} b
              WHERE b.serial_number = c.serial_number AND b.issuer_id = c.issuer_id AND b.tenant = c.tenant
                AND NOT EXISTS (SELECT FROM {certificate_bindings} n
                  WHERE n.principal_id = b.principal_id AND n.bound_at > b.bound_at)))`;

/** Owner and names of one who has to replace a certificate; NULL when nobody has to. */
function subscriberAt(now: string): string {
  return `CASE WHEN o.state = 'issued' AND COALESCE(s.status, 'good') <> 'revoked'
      AND c.not_after > ${now} AND c.type <> 'ocspSigning' AND m.certificate_id IS NOT NULL
    THEN {incident_subscriber}(m.owner, m.names, m.subject) END`;
}

/**
 * Who has a new good certificate: issued after the opening ($3), by no excluded issuer ($5), good at $4;
 * and whether one of them has a key that the list does not have.
 */
const replaced = `replaced AS MATERIALIZED (
    SELECT {incident_subscriber}(m.owner, m.names, m.subject) AS subscriber,
      bool_or(k.spki_hash IS NULL) AS re_keyed
    FROM {certificates} c
      JOIN {certificate_contents} m ON m.certificate_id = c.id AND m.requested_at = c.requested_at
      JOIN {issuance_outcomes} o ON o.certificate_id = c.id AND o.state = 'issued'
      LEFT JOIN {certificate_status} s ON s.certificate_id = c.id
      LEFT JOIN (SELECT DISTINCT spki_hash FROM {incident_certificates}
        WHERE incident = ${incident}) k ON k.spki_hash = c.spki_hash
    WHERE c.tenant = $1 AND c.requested_at > $3 AND m.requested_at > $3 AND c.not_after > $4
      AND c.type <> 'ocspSigning'
      AND COALESCE(s.status, 'good') = 'good' AND c.issuer_id <> ALL ($5::text[])
      AND NOT EXISTS (SELECT FROM {incident_certificates} l
        WHERE l.incident = ${incident} AND l.certificate_id = c.id)
    GROUP BY 1
  )`;

export function incidentStatements(schema: string) {
  return statements(schema, 'incident', {
    insert: `INSERT INTO {incidents} (tenant, id, kind, selection, reason, reason_code, invalidity_date,
        drill, spki_hash, key_id, issuer_id, reissue_by, renew_from, renew_until, explanation_url, state,
        affected, job, opened_at, opened_by)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
    addRows: `INSERT INTO {incident_certificates} (incident, certificate_id, spki_hash, subscriber)
      SELECT ${incident}, c.id, c.spki_hash, ${subscriberAt('$4')}
      FROM {certificates} c ${joined} WHERE c.id = ANY ($3::bigint[])`,
    find: 'SELECT * FROM {incidents} WHERE tenant = $1 AND id = $2',
    findForUpdate: 'SELECT * FROM {incidents} WHERE tenant = $1 AND id = $2 FOR UPDATE',
    list: `SELECT * FROM {incidents}
      WHERE tenant = $1 AND ($2::text IS NULL OR state = $2) AND ($3::bigint IS NULL OR sequence < $3)
      ORDER BY sequence DESC LIMIT $4`,
    listActing: `SELECT * FROM {incidents} WHERE tenant = $1 AND state = 'acting' ORDER BY sequence`,
    update: `UPDATE {incidents} SET state = $3, affected = $4, job = $5, reason_code = $6,
        reissue_by = $7, closed_at = $8, closed_by = $9
      WHERE tenant = $1 AND id = $2`,
    append: `INSERT INTO {incident_events} (incident, at, by_principal, event, details)
      VALUES (${incident}, $3, $4, $5, $6)`,
    events: `SELECT at, by_principal, event, details FROM {incident_events}
      WHERE incident = ${incident} ORDER BY id`,
    // In pieces, so that no statement of a long list runs into its limit; $9: the positions before it.
    fillJob: `WITH piece AS MATERIALIZED (
        SELECT certificate_id, spki_hash FROM {incident_certificates}
        WHERE incident = ${incident} AND certificate_id > $7 ORDER BY certificate_id LIMIT $8
      ), filled AS (
        INSERT INTO {bulk_job_items} (job, position, certificate_id, state)
        SELECT (SELECT sequence FROM {bulk_jobs} WHERE tenant = $1 AND id = $3),
          $9::int + row_number() OVER (ORDER BY l.certificate_id) - 1, l.certificate_id, 'pending'
        FROM piece l ${changeable}
        RETURNING 1
      )
      SELECT (SELECT max(certificate_id) FROM piece) AS last, (SELECT count(*) FROM filled)::int AS items`,
    // Of the list what was being signed when the job was filled; it is issued or abandoned soon.
    underWay: `SELECT count(*)::int AS under_way FROM {incident_certificates} l
        JOIN {certificates} c ON c.id = l.certificate_id
        LEFT JOIN {issuance_outcomes} o ON o.certificate_id = c.id
      WHERE l.incident = ${incident} AND o.state IS NULL
        AND c.requested_at > $3::timestamptz - interval '1 hour'`,
    leftOver: `SELECT count(*)::int AS left_over FROM {incident_certificates} l ${changeable}
        AND l.incident = ${incident} AND c.requested_at > $7::timestamptz - interval '1 hour'
        AND NOT EXISTS (SELECT FROM {bulk_job_items} i
          WHERE i.job = (SELECT sequence FROM {bulk_jobs} WHERE tenant = $1 AND id = $3)
            AND i.certificate_id = l.certificate_id)`,
    // Of an issuer whose key signs nothing more. Rows that are prepared still are settled in time.
    late: `SELECT c.id, o.state IS NOT NULL AS settled FROM {certificates} c
        LEFT JOIN {issuance_outcomes} o ON o.certificate_id = c.id
      WHERE c.tenant = $1 AND c.issuer_id = $3
        AND c.requested_at > $4::timestamptz - interval '1 hour' AND (o.state IS NULL OR NOT EXISTS (
        SELECT FROM {incident_certificates} l WHERE l.incident = ${incident} AND l.certificate_id = c.id))`,
    statuses: `SELECT count(*)::int AS affected,
        (count(*) FILTER (WHERE s.status IS NULL OR s.status = 'good'))::int AS good,
        (count(*) FILTER (WHERE s.status = 'onHold'))::int AS on_hold,
        (count(*) FILTER (WHERE s.status = 'revoked'))::int AS revoked
      FROM {incident_certificates} l LEFT JOIN {certificate_status} s ON s.certificate_id = l.certificate_id
      WHERE l.incident = ${incident}`,
    progress: `WITH ${replaced}
      SELECT count(*)::int AS subscribers,
        (count(*) FILTER (WHERE r.re_keyed))::int AS re_keyed,
        (count(*) FILTER (WHERE NOT r.re_keyed))::int AS renewed
      FROM (SELECT DISTINCT subscriber FROM {incident_certificates}
        WHERE incident = ${incident} AND subscriber IS NOT NULL) a
        LEFT JOIN replaced r ON r.subscriber = a.subscriber`,
    remaining: `WITH ${replaced}, pending AS (
        SELECT max(l.certificate_id) AS certificate_id, count(*)::int AS certificates
        FROM {incident_certificates} l LEFT JOIN replaced r ON r.subscriber = l.subscriber
        WHERE l.incident = ${incident} AND l.subscriber IS NOT NULL
          AND (r.subscriber IS NULL OR $6::boolean AND NOT r.re_keyed)
        GROUP BY l.subscriber
      )
      SELECT p.certificate_id AS row, p.certificates, m.owner, m.subject, m.names, c.issuer_id,
        c.serial_number, c.not_after, COALESCE(s.status, 'good') AS status
      FROM pending p JOIN {certificates} c ON c.id = p.certificate_id ${joined}
      WHERE ($7::bigint IS NULL OR p.certificate_id < $7)
      ORDER BY p.certificate_id DESC LIMIT $8`,
    signatures: `SELECT
        (count(*) FILTER (WHERE c.type = 'endEntity'))::int AS certificates,
        (count(*) FILTER (WHERE c.type = 'ocspSigning'))::int AS delegates,
        (count(*) FILTER (WHERE c.type = 'ca'))::int AS ca_certificates
      FROM {certificates} c
      WHERE c.tenant = $1 AND c.issuer_id = $2 AND c.requested_at >= $3 AND c.origin = 'issued'`,
    // A thisUpdate is set back a little; when it was published is not.
    crlsSince: `SELECT crl_number, shard, this_update, count(*) OVER ()::int AS all
      FROM {crls} WHERE tenant = $1 AND issuer_id = $2 AND sha256 IS NOT NULL
        AND GREATEST(this_update, published_at) >= $3
      ORDER BY this_update DESC, shard LIMIT $4`,
    compromisedIssuers: `SELECT i.issuer_id, (
        SELECT n.reissue_by FROM {incidents} n
        WHERE n.tenant = i.tenant AND n.issuer_id = i.issuer_id AND NOT n.drill AND n.reissue_by IS NOT NULL
        ORDER BY n.sequence DESC LIMIT 1) AS reissue_by
      FROM {issuers} i JOIN {keys} k ON k.tenant = i.tenant AND k.key_id = i.key_id
      WHERE i.tenant = $1 AND 'compromised' IN (k.private_state, k.public_state)`,
  });
}

export type IncidentStatements = ReturnType<typeof incidentStatements>;

/** What a search finds, counted by what an incident looks at, with the owners that have most. */
export function selectReach(
  schema: string,
  conditions: string,
  now: string,
  owners: string,
): string {
  return inSchema(
    schema,
    `WITH found AS MATERIALIZED (
      SELECT COALESCE(o.state, 'prepared') AS outcome, COALESCE(s.status, 'good') AS status, c.type,
        c.not_after <= ${now} AS expired, m.owner, ${subscriberAt(now)} AS subscriber
      FROM {certificates} c ${joined} WHERE ${conditions}
    ), by_owner AS (
      SELECT owner, count(*)::int AS certificates FROM found WHERE owner IS NOT NULL GROUP BY owner
    )
    SELECT count(*)::int AS certificates,
      (count(*) FILTER (WHERE status = 'good' AND outcome = 'issued'))::int AS good,
      (count(*) FILTER (WHERE status = 'onHold'))::int AS on_hold,
      (count(*) FILTER (WHERE status = 'revoked' AND outcome = 'issued'))::int AS revoked,
      (count(*) FILTER (WHERE expired))::int AS expired,
      (count(*) FILTER (WHERE outcome <> 'issued'))::int AS abandoned,
      (count(*) FILTER (WHERE type = 'ca'))::int AS ca_certificates,
      (count(*) FILTER (WHERE type = 'ocspSigning'))::int AS delegates,
      count(DISTINCT subscriber)::int AS subscribers,
      (SELECT count(*)::int FROM by_owner) AS owner_count,
      COALESCE((SELECT jsonb_agg(jsonb_build_object('owner', owner, 'certificates', certificates)
          ORDER BY certificates DESC, owner)
        FROM (SELECT * FROM by_owner ORDER BY certificates DESC, owner LIMIT ${owners}) top), '[]') AS owners
    FROM found`,
  );
}

/** The CA certificates among what a search finds. */
export function selectCaCertificates(schema: string, conditions: string): string {
  return inSchema(
    schema,
    `SELECT c.issuer_id, c.serial_number, c.type, c.not_after, c.requested_at, m.subject, m.owner,
      COALESCE(o.state, 'prepared') AS outcome, COALESCE(s.status, 'good') AS status
    FROM {certificates} c ${joined} WHERE ${conditions} AND c.type = 'ca' ORDER BY c.id LIMIT 1000`,
  );
}
