import { relaxed, statements } from './statements.ts';

const byId = 'tenant = $1 AND authorization_id = $2';

/** Orders that wait for authorization `changed`, which the same statement has changed. */
const ordersOfChanged = `FROM changed, {acme_order_authorizations} l
      WHERE l.tenant = $1 AND l.authorization_id = changed.authorization_id
        AND o.tenant = l.tenant AND o.order_id = l.order_id`;

const settled = 'claimed_until = NULL, next_attempt_at = NULL';

export function acmeAuthorizationStatements(schema: string) {
  return statements(schema, 'acme_authorization', {
    find: `SELECT * FROM {acme_authorizations}
      WHERE tenant = $1 AND directory = $2 AND authorization_id = $3`,
    list: `SELECT a.* FROM unnest($2::text[]) WITH ORDINALITY AS wanted (id, place)
        JOIN {acme_authorizations} a ON a.tenant = $1 AND a.authorization_id = wanted.id
      ORDER BY wanted.place`,
    // The one that lasts longest, of each kind.
    findValid: `SELECT DISTINCT ON (a.identifier_type, a.identifier_value, a.wildcard, a.preauthorized_by) a.*
      FROM unnest($4::text[], $5::text[], $6::boolean[]) AS wanted (type, value, wildcard)
        JOIN {acme_authorizations} a ON a.account_id = $3 AND a.identifier_value = wanted.value
          AND a.identifier_type = wanted.type AND a.wildcard = wanted.wildcard
      WHERE a.tenant = $1 AND a.directory = $2 AND a.status = 'valid' AND a.expires_at > $7
      ORDER BY a.identifier_type, a.identifier_value, a.wildcard, a.preauthorized_by, a.expires_at DESC`,
    insert: `INSERT INTO {acme_authorizations} (tenant, directory, authorization_id, account_id,
        identifier_type, identifier_value, wildcard, status, expires_at, created_at, kept_until, token,
        offered, challenge_status, validated_at, preauthorized_by)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
    begin: `WITH ${relaxed('$6')}
      UPDATE {acme_authorizations} SET challenge_status = 'processing', attempted = $3,
        claimed_until = $5
      FROM relaxed
      WHERE ${byId} AND status = 'pending' AND expires_at > $4 AND challenge_status = 'pending'
        AND $3 = ANY (offered)`,
    recordAttempt: `WITH ${relaxed('$6')}
      UPDATE {acme_authorizations} SET attempts = attempts + 1,
        errors = errors || jsonb_build_array($3::jsonb), next_attempt_at = $4, claimed_until = $5
      FROM relaxed
      WHERE ${byId} AND status = 'pending' AND challenge_status = 'processing'`,
    // Before an authorization is settled: an order that takes it in at this moment is waited for.
    lock: `SELECT FROM {acme_authorizations} WHERE ${byId} FOR NO KEY UPDATE`,
    // Then its orders, in one order: of two authorizations validated at once the second sees the first.
    lockOrders: `SELECT FROM {acme_orders}
      WHERE tenant = $1 AND status IN ('pending', 'ready') AND order_id IN (
        SELECT order_id FROM {acme_order_authorizations} WHERE ${byId})
      ORDER BY order_id FOR NO KEY UPDATE`,
    recordValid: `WITH changed AS (
        UPDATE {acme_authorizations} SET status = 'valid', challenge_status = 'valid',
          attempts = attempts + 1, validated_at = $3, expires_at = $4,
          kept_until = $4::timestamptz + interval '30 days', ${settled}
        WHERE ${byId} AND status = 'pending' AND challenge_status = 'processing' AND expires_at > $3
        RETURNING authorization_id
      ), ready AS (
        UPDATE {acme_orders} o SET status = 'ready' ${ordersOfChanged} AND o.status = 'pending'
          AND NOT EXISTS (
            SELECT FROM unnest(o.authorizations) AS other (id)
              LEFT JOIN {acme_authorizations} a ON a.tenant = o.tenant AND a.authorization_id = other.id
            WHERE other.id <> changed.authorization_id
              AND (a.status IS DISTINCT FROM 'valid' OR a.expires_at <= $3))
      )
      SELECT authorization_id FROM changed`,
    recordInvalid: `WITH changed AS (
        UPDATE {acme_authorizations} SET status = 'invalid', challenge_status = 'invalid',
          attempts = attempts + 1, errors = errors || jsonb_build_array($3::jsonb), ${settled}
        WHERE ${byId} AND status = 'pending' AND challenge_status = 'processing'
        RETURNING authorization_id
      ), failed AS (
        UPDATE {acme_orders} o SET status = 'invalid', error = $4 ${ordersOfChanged}
          AND o.status = 'pending'
      )
      SELECT authorization_id FROM changed`,
    deactivate: `WITH changed AS (
        UPDATE {acme_authorizations} SET status = 'deactivated', ${settled}
        WHERE ${byId} AND status IN ('pending', 'valid')
        RETURNING authorization_id
      ), failed AS (
        UPDATE {acme_orders} o SET status = 'invalid', error = $3 ${ordersOfChanged}
          AND o.status IN ('pending', 'ready')
      )
      SELECT authorization_id FROM changed`,
    claim: `WITH ${relaxed('$5')}
      UPDATE {acme_authorizations} a SET claimed_until = $3
      FROM relaxed, (
        SELECT authorization_id FROM {acme_authorizations}
        WHERE tenant = $1 AND claimed_until <= $2 AND expires_at > $2
        ORDER BY claimed_until LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED
      ) AS due
      WHERE a.tenant = $1 AND a.authorization_id = due.authorization_id
      RETURNING a.*`,
    // Those that an order still names are kept as long as it, so that each is looked at a few times only.
    prune: `WITH dead AS MATERIALIZED (
        SELECT a.authorization_id, (
            SELECT max(greatest(o.kept_until, $2::timestamptz + interval '1 day'))
            FROM {acme_order_authorizations} l
              JOIN {acme_orders} o ON o.tenant = l.tenant AND o.order_id = l.order_id
            WHERE l.tenant = a.tenant AND l.authorization_id = a.authorization_id
          ) AS kept_until
        FROM {acme_authorizations} a WHERE a.tenant = $1 AND a.kept_until < $2
        ORDER BY a.kept_until LIMIT $3 FOR NO KEY UPDATE OF a SKIP LOCKED
      ), kept AS (
        UPDATE {acme_authorizations} a SET kept_until = dead.kept_until FROM dead
        WHERE a.tenant = $1 AND a.authorization_id = dead.authorization_id AND dead.kept_until IS NOT NULL
      ), deleted AS (
        DELETE FROM {acme_authorizations} a USING dead
        WHERE a.tenant = $1 AND a.authorization_id = dead.authorization_id AND dead.kept_until IS NULL
        RETURNING a.authorization_id
      )
      SELECT (SELECT count(*) FROM dead)::integer AS seen, count(*)::integer AS deleted FROM deleted`,
  });
}
