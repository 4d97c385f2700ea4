import { statements } from './statements.ts';

/**
 * Order, new authorizations and links in one statement. Authorizations that exist already are locked and
 * read as they are now: one that was validated meanwhile counts, one that ended meanwhile stops the
 * order. $15 says that all new ones are valid, $16 names the existing ones, $17 holds the new ones.
 */
const insert = (stale: string, afterStale: string): string => `
  WITH ${stale} reused AS MATERIALIZED (
    SELECT status FROM {acme_authorizations}
    WHERE tenant = $1 AND account_id = $4 AND authorization_id = ANY ($16::text[])
    ORDER BY authorization_id FOR SHARE
  ), now AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE status = 'valid' OR status = 'pending' AND $5 = 'pending')
        = cardinality($16::text[]) AS usable,
      $15::boolean AND COALESCE(bool_and(status = 'valid'), true) AS ready
    FROM reused
  ), ordered AS (
    INSERT INTO {acme_orders} (tenant, directory, order_id, account_id, status, identifiers,
      authorizations, profile, not_before, not_after, replaces, created_at, expires_at, kept_until)
    SELECT $1, $2, $3, $4, CASE WHEN now.ready THEN 'ready' ELSE 'pending' END, $6, $7, $8, $9, $10,
      $11, $12, $13, $14
    FROM now WHERE now.usable ${afterStale}
    ON CONFLICT (replacing, tenant) WHERE replacing IS NOT NULL DO NOTHING
    RETURNING order_id, authorizations
  ), created AS (
    INSERT INTO {acme_authorizations} (tenant, directory, authorization_id, account_id,
      identifier_type, identifier_value, wildcard, status, expires_at, created_at, kept_until, token,
      offered, challenge_status, validated_at, preauthorized_by)
    SELECT $1, n.directory, n.authorization_id, n.account_id, n.identifier_type, n.identifier_value,
      n.wildcard, n.status, n.expires_at, n.created_at, n.kept_until, n.token, n.offered,
      n.challenge_status, n.validated_at, n.preauthorized_by
    FROM ordered, jsonb_to_recordset($17::jsonb) AS n (directory text, authorization_id text,
      account_id text, identifier_type text, identifier_value text, wildcard boolean, status text,
      expires_at timestamptz, created_at timestamptz, kept_until timestamptz, token text, offered text[],
      challenge_status text, validated_at timestamptz, preauthorized_by text)
  ), linked AS (
    INSERT INTO {acme_order_authorizations} (tenant, authorization_id, order_id)
    SELECT DISTINCT $1, id, order_id FROM ordered, unnest(authorizations) AS id
  )
  SELECT now.usable, EXISTS (SELECT FROM ordered) AS inserted FROM now`;

/** An order that expired before it was finalized is invalid (RFC 8555 §7.1.6) and stands in nobody's way. */
const stale = `stale AS (
    UPDATE {acme_orders} SET status = 'invalid'
    WHERE tenant = $1 AND replacing = $11 AND status IN ('pending', 'ready') AND expires_at <= $12
    RETURNING order_id
  ),`;

const byId = 'tenant = $1 AND directory = $2 AND order_id = $3';

export function acmeOrderStatements(schema: string) {
  return statements(schema, 'acme_order', {
    insert: insert('', ''),
    insertReplacing: insert(stale, 'AND (SELECT count(*) FROM stale) >= 0'),
    find: `SELECT * FROM {acme_orders} WHERE ${byId}`,
    findForUpdate: `SELECT * FROM {acme_orders} WHERE ${byId} FOR UPDATE`,
    // RFC 8555 §7.1.2.1: without orders that are invalid.
    list: `SELECT id, order_id FROM {acme_orders}
      WHERE tenant = $1 AND directory = $2 AND account_id = $3 AND status <> 'invalid'
        AND ($4::bigint IS NULL OR id < $4)
      ORDER BY id DESC LIMIT $5`,
    findOfCertificate: `SELECT * FROM {acme_orders}
      WHERE tenant = $1 AND issuer_id = $2 AND serial_number = $3 AND status = 'valid'`,
    // Each identifier by itself: its own authorization, of this account, for exactly this name.
    beginProcessing: `UPDATE {acme_orders} o SET status = 'processing', csr = $4, processing_since = $5,
        attempts = o.attempts + 1, issuer_id = $6, serial_number = $7
      WHERE o.tenant = $1 AND o.order_id = $2 AND o.attempts = $3
        AND (o.status = 'processing' OR (o.status = 'ready' AND o.expires_at > $5))
        AND NOT EXISTS (
          SELECT FROM jsonb_array_elements(o.identifiers) WITH ORDINALITY AS i (identifier, place)
            LEFT JOIN {acme_authorizations} a ON a.tenant = o.tenant
              AND a.authorization_id = o.authorizations[i.place::integer]
          WHERE a.status IS DISTINCT FROM 'valid' OR a.expires_at <= $5
            OR (a.directory, a.account_id, a.identifier_type,
                CASE WHEN a.wildcard THEN '*.' ELSE '' END || a.identifier_value)
              IS DISTINCT FROM
              (o.directory, o.account_id, i.identifier ->> 'type', i.identifier ->> 'value')
        )`,
    complete: `UPDATE {acme_orders} o SET status = 'valid', processing_since = NULL,
        kept_until = greatest(o.kept_until, (SELECT c.not_after + interval '30 days' FROM {certificates} c
          WHERE c.tenant = $1 AND c.issuer_id = $3 AND c.serial_number = $4))
      WHERE o.tenant = $1 AND o.order_id = $2 AND o.issuer_id = $3 AND o.serial_number = $4
        AND o.status = 'processing'`,
    fail: `UPDATE {acme_orders} SET status = 'invalid', error = $3, processing_since = NULL
      WHERE tenant = $1 AND order_id = $2 AND status IN ('pending', 'ready', 'processing')`,
    // MATERIALIZED: few orders are processing, and the inventory is large.
    listInterrupted: `WITH o AS MATERIALIZED (
        SELECT * FROM {acme_orders} WHERE tenant = $1 AND processing_since < $2
      )
      SELECT o.* FROM o
        JOIN {certificates} c ON c.serial_number = o.serial_number AND c.issuer_id = o.issuer_id
          AND c.tenant = o.tenant
        JOIN {issuance_outcomes} s ON s.certificate_id = c.id AND s.state = 'abandoned'
      ORDER BY o.processing_since LIMIT $3`,
    // What is still processing is never deleted; a valid order is kept as long as its certificate.
    prune: `WITH dead AS (
        DELETE FROM {acme_orders} WHERE (order_id, tenant) IN (
          SELECT order_id, tenant FROM {acme_orders}
          WHERE tenant = $1 AND kept_until < $2 AND status <> 'processing'
          ORDER BY kept_until LIMIT $3 FOR UPDATE SKIP LOCKED)
        RETURNING order_id, authorizations
      ), unlinked AS (
        DELETE FROM {acme_order_authorizations} l USING dead
        WHERE l.tenant = $1 AND l.order_id = dead.order_id AND l.authorization_id = ANY (dead.authorizations)
      )
      SELECT count(*)::integer AS seen, count(*)::integer AS deleted FROM dead`,
  });
}
