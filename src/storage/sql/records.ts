import { statements } from './statements.ts';

/** Not certified for the issuer ($2) itself: a root's own certificate is on no list of its own. */
export const notOfOwnKey = `spki_hash IS DISTINCT FROM (
  SELECT sha256(k.subject_public_key_info) FROM {issuers} u
    JOIN {keys} k ON k.tenant = u.tenant AND k.key_id = u.key_id
  WHERE u.tenant = $1 AND u.issuer_id = $2)`;

export function issuerStatements(schema: string) {
  return statements(schema, 'issuer', {
    // Every issuer has a shard 0, of all its certificates.
    insert: `WITH inserted AS (
        INSERT INTO {issuers} (tenant, issuer_id, name, kind, state, key_id, token_role,
          parent_issuer_id, certificate, chain, certification_request, subject, signature_algorithm,
          profile_name, urls, crl_lifetime_seconds, created_at, created_by, name_hashes, key_hashes,
          status_policy, standing, predecessor_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
          $20, $21, $22, $23)
        RETURNING tenant, issuer_id, created_at
      )
      INSERT INTO {crl_shards} (tenant, issuer_id, shard, last_number, opened_at)
      SELECT tenant, issuer_id, 0, 0, created_at FROM inserted`,
    activate: `UPDATE {issuers} SET state = 'active', certificate = $3, chain = $4,
        parent_issuer_id = COALESCE($5, parent_issuer_id), subject = COALESCE($6, subject),
        name_hashes = COALESCE($7, name_hashes)
      WHERE tenant = $1 AND issuer_id = $2`,
    setStatusPolicy: `UPDATE {issuers} SET status_policy = $3
      WHERE tenant = $1 AND issuer_id = $2 AND status_policy <> $3::jsonb`,
    // What is not given stays; 'infinity' takes a date away.
    advance: `UPDATE {issuers} SET standing = COALESCE($4, standing),
        successor_id = COALESCE($5, successor_id),
        activate_at = NULLIF(COALESCE($6, activate_at), 'infinity'),
        retiring_since = COALESCE($7, retiring_since),
        last_not_after = COALESCE($8, last_not_after), closed_at = COALESCE($9, closed_at)
      WHERE tenant = $1 AND issuer_id = $2 AND standing = $3`,
    latestNotAfter: `SELECT not_after FROM {certificates}
      WHERE tenant = $1 AND issuer_id = $2 AND purged_at IS NULL AND type <> 'ocspSigning'
        AND ${notOfOwnKey}
      ORDER BY not_after DESC LIMIT 1`,
    delegateUntil: `SELECT c.not_after FROM {certificates} c
        JOIN {issuance_outcomes} o ON o.certificate_id = c.id AND o.state = 'issued'
      WHERE c.tenant = $1 AND c.issuer_id = $2 AND c.type = 'ocspSigning'
      ORDER BY c.not_after DESC LIMIT 1`,
    findForUpdate: 'SELECT * FROM {issuers} WHERE tenant = $1 AND issuer_id = $2 FOR NO KEY UPDATE',
    find: 'SELECT * FROM {issuers} WHERE tenant = $1 AND issuer_id = $2',
    findByName: 'SELECT * FROM {issuers} WHERE tenant = $1 AND name = $2',
    list: 'SELECT * FROM {issuers} WHERE tenant = $1 ORDER BY created_at, issuer_id',
  });
}

export function principalStatements(schema: string) {
  return statements(schema, 'principal', {
    insert: `INSERT INTO {principals} (id, tenant, name, role, created_at, created_by, disabled_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    findByName: 'SELECT * FROM {principals} WHERE tenant = $1 AND name = $2',
    list: 'SELECT * FROM {principals} WHERE tenant = $1 ORDER BY created_at, id',
    insertCredential: `INSERT INTO {credentials} (id, tenant, principal_id, token_hash, scope,
        created_at, not_after, revoked_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    findCredentialOwner: `SELECT p.*, t.scope, t.not_after, t.revoked_at
      FROM {credentials} t JOIN {principals} p ON p.id = t.principal_id AND p.tenant = t.tenant
      WHERE t.token_hash = $1`,
    findCredential: 'SELECT * FROM {credentials} WHERE tenant = $1 AND id = $2',
    listCredentials: `SELECT * FROM {credentials}
      WHERE tenant = $1 AND ($2::text IS NULL OR principal_id = $2) ORDER BY created_at, id`,
    // The first revocation stands.
    revokeCredential: `UPDATE {credentials} SET revoked_at = COALESCE(revoked_at, $3)
      WHERE tenant = $1 AND id = $2`,
    bindCertificate: `INSERT INTO {certificate_bindings} (certificate_hash, tenant, principal_id,
        issuer_id, serial_number, bound_at)
      VALUES ($1, $2, $3, $4, $5, $6)`,
    // The binding, its certificate and its principal as they are now, in one look.
    findBoundCertificate: `SELECT p.*, c.not_before, c.not_after, o.state AS outcome,
        COALESCE(s.status, 'good') AS status,
        o.certificate_head || m.tbs_certificate || o.certificate_tail AS certificate
      FROM {certificate_bindings} b
        JOIN {principals} p ON p.id = b.principal_id AND p.tenant = b.tenant
        JOIN {certificates} c ON c.serial_number = b.serial_number AND c.issuer_id = b.issuer_id
          AND c.tenant = b.tenant
        LEFT JOIN {certificate_contents} m ON m.certificate_id = c.id AND m.requested_at = c.requested_at
        LEFT JOIN {issuance_outcomes} o ON o.certificate_id = c.id
        LEFT JOIN {certificate_status} s ON s.certificate_id = c.id
      WHERE b.certificate_hash = $1`,
    findBindingBySerial:
      'SELECT * FROM {certificate_bindings} WHERE serial_number = $2 AND issuer_id = $1',
  });
}

export function idempotencyStatements(schema: string) {
  return statements(schema, 'idempotency', {
    // Waits for another's transaction on the same key, and locks the row that it finds.
    begin: `INSERT INTO {idempotency} AS i (tenant, principal_id, key, body_hash, started_at, certificate)
      VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (tenant, principal_id, key) DO UPDATE
        SET body_hash = excluded.body_hash, started_at = excluded.started_at, certificate = excluded.certificate
        WHERE i.started_at < $7`,
    find: 'SELECT * FROM {idempotency} WHERE tenant = $1 AND principal_id = $2 AND key = $3',
    setCertificate: `UPDATE {idempotency} SET certificate = $4
      WHERE tenant = $1 AND principal_id = $2 AND key = $3`,
    remove: `DELETE FROM {idempotency} WHERE tenant = $1 AND principal_id = $2 AND key = $3
        AND ($4::text IS NULL OR certificate = $4)`,
  });
}

export function installationStatements(schema: string) {
  return statements(schema, 'installation', {
    find: 'SELECT id, serial_prefix, generation FROM {installation}',
    insert: 'INSERT INTO {installation} (id, serial_prefix, generation) VALUES ($1, $2, $3)',
    update: 'UPDATE {installation} SET id = $1, serial_prefix = $2, generation = $3',
    databaseTime: 'SELECT clock_timestamp() AS now',
  });
}

export function auditStatements(schema: string) {
  return statements(schema, 'audit', {
    append: `INSERT INTO {audit} (at, tenant, principal_id, principal_name, act, outcome, object, canonical)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    appendAll: `INSERT INTO {audit} (at, tenant, principal_id, principal_name, act, outcome, object, canonical)
      SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::bytea[])`,
    list: `SELECT * FROM {audit}
      WHERE tenant = $1 AND ($2::text IS NULL OR act = $2) AND ($3::text IS NULL OR object = $3)
        AND ($4::bigint IS NULL OR id > $4)
      ORDER BY id LIMIT $5`,
    newest: 'SELECT * FROM {audit} WHERE tenant = $1 ORDER BY id DESC LIMIT $2',
  });
}

export function leaseStatements(schema: string) {
  return statements(schema, 'lease', {
    // By the database's clock. Renewing keeps the number; whoever takes over gets a higher one. A lease
    // that is another's, or lasts for more than half its time yet, is only read: schedules ask twice a
    // second, and each write, even the lock on another's row, is a commit that the disk must see.
    acquire: `WITH l AS MATERIALIZED (
        SELECT holder = $2 AS own, fence,
          expires_at > clock_timestamp() + CASE WHEN holder = $2
            THEN make_interval(secs => $3::double precision / 2) ELSE interval '0' END AS lasts
        FROM {leases} WHERE name = $1
      ), taken AS (
        INSERT INTO {leases} AS l (name, holder, fence, expires_at)
        SELECT $1, $2, nextval('{lease_fence}'), clock_timestamp() + make_interval(secs => $3)
        WHERE NOT EXISTS (SELECT FROM l WHERE lasts)
        ON CONFLICT (name) DO UPDATE SET
          holder = excluded.holder,
          expires_at = excluded.expires_at,
          fence = CASE WHEN l.holder = excluded.holder AND l.expires_at > clock_timestamp()
            THEN l.fence ELSE excluded.fence END
          WHERE l.holder = excluded.holder OR l.expires_at <= clock_timestamp()
        RETURNING fence
      )
      SELECT fence FROM l WHERE own AND lasts UNION ALL SELECT fence FROM taken`,
    release: `UPDATE {leases} SET expires_at = clock_timestamp() WHERE name = $1 AND holder = $2`,
  });
}
