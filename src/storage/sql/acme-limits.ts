import { relaxed, statements } from './statements.ts';

export function acmeLimitStatements(schema: string) {
  return statements(schema, 'acme_limit', {
    // LEFT JOIN: the setting is made first, whatever the function answers.
    take: `WITH ${relaxed('$7')}
      SELECT t.* FROM relaxed LEFT JOIN LATERAL {acme_take_rate_limits}($1, $2, $3, $4, $5, $6) AS t
        ON true`,
    // As take would judge it, without a lock and without taking.
    peek: `WITH requested AS (
        SELECT r.l, r.k, make_interval(secs => COALESCE(o.interval_milliseconds, r.i) / 1000) AS every,
          COALESCE(o.burst, r.b) AS burst
        FROM unnest($3::text[], $4::text[], $5::double precision[], $6::integer[]) AS r (l, k, i, b)
          LEFT JOIN {acme_rate_limit_overrides} o ON o.tenant = $1 AND o.limit_name = r.l
            AND o.key = r.k AND o.not_after > $2
      ), judged AS (
        SELECT q.l, q.k,
          greatest(n.theoretical_arrival, $2::timestamptz) + q.every - q.every * q.burst AS allowed_at
        FROM requested q LEFT JOIN {acme_rate_limits} n
          ON n.tenant = $1 AND n.limit_name = q.l AND n.key = q.k
      )
      SELECT l AS limited_by, k AS limited_key,
        date_trunc('milliseconds', allowed_at + interval '999 microseconds') AS retry_at
      FROM judged WHERE allowed_at > $2 ORDER BY allowed_at DESC, l, k LIMIT 1`,
    // What was used up by the old rate is forgotten: whoever asked for the override waits no more.
    putOverride: `WITH forgotten AS (DELETE FROM {acme_rate_limits}
        WHERE tenant = $1 AND limit_name = $2 AND key = $3)
      INSERT INTO {acme_rate_limit_overrides} (tenant, limit_name, key,
        interval_milliseconds, burst, not_after, comment, created_at, created_by)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
      ON CONFLICT (tenant, limit_name, key) DO UPDATE SET
        interval_milliseconds = excluded.interval_milliseconds, burst = excluded.burst,
        not_after = excluded.not_after, comment = excluded.comment, created_at = excluded.created_at,
        created_by = excluded.created_by`,
    removeOverride: `DELETE FROM {acme_rate_limit_overrides}
      WHERE tenant = $1 AND limit_name = $2 AND key = $3`,
    listOverrides: `SELECT * FROM {acme_rate_limit_overrides}
      WHERE tenant = $1 AND not_after > $2 ORDER BY limit_name, key`,
    insertIncident: `INSERT INTO {acme_renewal_incidents} (tenant, incident_id, issuer_id, profile,
        issued_before, starts_at, ends_at, explanation_url, created_at, created_by, closed_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    listIncidents: `SELECT * FROM {acme_renewal_incidents}
      WHERE tenant = $1 AND closed_at IS NULL ORDER BY id DESC`,
    findIncidentOf: `SELECT n.* FROM {certificates} c
        JOIN {incident_certificates} l ON l.certificate_id = c.id
        JOIN {incidents} n ON n.sequence = l.incident
      WHERE c.serial_number = $3 AND c.issuer_id = $2 AND c.tenant = $1 AND n.state <> 'closed'
        AND NOT n.drill
      ORDER BY n.renew_until LIMIT 1`,
    closeIncident: `UPDATE {acme_renewal_incidents} SET closed_at = $3
      WHERE tenant = $1 AND incident_id = $2 AND closed_at IS NULL`,
    pruneNonces: `DELETE FROM {acme_nonces} WHERE tenant = $1 AND nonce IN (
        SELECT nonce FROM {acme_nonces} WHERE tenant = $1 AND not_after < $2
        ORDER BY not_after LIMIT $3)`,
    // A limit that would let the whole burst through is what no row says.
    pruneLimits: `DELETE FROM {acme_rate_limits} WHERE (key, limit_name, tenant) IN (
        SELECT key, limit_name, tenant FROM {acme_rate_limits}
        WHERE tenant = $1 AND theoretical_arrival < $2 LIMIT $3 FOR UPDATE SKIP LOCKED)`,
    pruneOverrides: `DELETE FROM {acme_rate_limit_overrides} WHERE (limit_name, key) IN (
        SELECT limit_name, key FROM {acme_rate_limit_overrides}
        WHERE tenant = $1 AND not_after < $2 LIMIT $3) AND tenant = $1`,
  });
}
