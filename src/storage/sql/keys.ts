import { statements } from './statements.ts';

export function keyStatements(schema: string) {
  return statements(schema, 'key', {
    insert: `INSERT INTO {keys} (tenant, key_id, label, token_role, key_algorithm,
        signature_algorithm, purposes, subject_public_key_info, token, attributes, owner, origin,
        created_at, type, record, version, state_since, signature_limit, issuer_id, node, backup)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20, $21)`,
    latestVersion: `SELECT version FROM {keys} WHERE tenant = $1 AND record = $2
      ORDER BY version DESC LIMIT 1 FOR NO KEY UPDATE`,
    find: 'SELECT * FROM {keys} WHERE tenant = $1 AND key_id = $2',
    findForUpdate: 'SELECT * FROM {keys} WHERE tenant = $1 AND key_id = $2 FOR NO KEY UPDATE',
    list: 'SELECT * FROM {keys} WHERE tenant = $1 ORDER BY created_at, key_id',
    // xmin is the transaction that wrote the row: another one after every change.
    standings: `SELECT key_id, xmin::text AS mark, private_state, scope, activated_at,
        originator_usage_end, recipient_usage_end, period_reason
      FROM {keys}
      WHERE tenant = $1 AND token_role IN ('root', 'issuing')`,
    insertStep: `INSERT INTO {key_transitions} (tenant, key_id, half, number, from_state, to_state, at,
        by_principal, reason, approvals, details)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    changeState: `UPDATE {keys} SET private_state = $3, public_state = $4, state_since = $5,
        activated_at = COALESCE(activated_at, CASE WHEN $3 = 'active' THEN $5::timestamptz END)
      WHERE tenant = $1 AND key_id = $2`,
    transitions: 'SELECT * FROM {key_transitions} WHERE tenant = $1 AND key_id = $2 ORDER BY id',
    setScope: 'UPDATE {keys} SET scope = $3 WHERE tenant = $1 AND key_id = $2',
    setCryptoperiod: `UPDATE {keys} SET originator_usage_end = $3, recipient_usage_end = $4,
        period_reason = $5, signature_limit = $6
      WHERE tenant = $1 AND key_id = $2`,
    setToken: 'UPDATE {keys} SET token = $3, attributes = $4 WHERE tenant = $1 AND key_id = $2',
    setBackup: 'UPDATE {keys} SET backup = $3 WHERE tenant = $1 AND key_id = $2',
    block: 'UPDATE {keys} SET blocked_reason = $3 WHERE tenant = $1 AND key_id = $2',
    appointCustodian: `INSERT INTO {key_custodians} (tenant, token_role, key_id, person, duty, since,
        until, recorded_by, ended_by, comment)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`,
    endCustodian: `UPDATE {key_custodians} SET until = $3, ended_by = $4
      WHERE tenant = $1 AND id = $2 AND until IS NULL`,
    custodians: 'SELECT * FROM {key_custodians} WHERE tenant = $1 ORDER BY id',
    countSignatures: `INSERT INTO {key_usage} AS u (tenant, key_id, node, signatures, updated_at)
      VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (tenant, key_id, node) DO UPDATE
        SET signatures = excluded.signatures, updated_at = excluded.updated_at
        WHERE u.signatures < excluded.signatures`,
    // The key's row is locked: two nodes never share out the same signatures.
    limitForUpdate:
      'SELECT signature_limit FROM {keys} WHERE tenant = $1 AND key_id = $2 FOR NO KEY UPDATE',
    allot: `INSERT INTO {key_usage} AS u (tenant, key_id, node, allotted, updated_at)
      SELECT $1, $2, $3, LEAST($4::bigint, GREATEST($6::bigint - others.allotted, 0)), $5
      FROM (
        SELECT COALESCE(sum(allotted), 0)::bigint AS allotted FROM {key_usage}
        WHERE tenant = $1 AND key_id = $2
      ) AS others
      ON CONFLICT (tenant, key_id, node) DO UPDATE
        SET allotted = u.allotted + excluded.allotted, updated_at = excluded.updated_at
      RETURNING allotted`,
    usage: 'SELECT * FROM {key_usage} WHERE tenant = $1 ORDER BY key_id, node',
    recordDistribution: `INSERT INTO {key_distributions} (tenant, key_id, channel, location, sha256, at,
        by_principal)
      VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    distributions:
      'SELECT * FROM {key_distributions} WHERE tenant = $1 AND key_id = $2 ORDER BY id',
  });
}

export function evidenceStatements(schema: string) {
  return statements(schema, 'evidence', {
    append: `INSERT INTO {evidence} (tenant, kind, subject, at, by_principal, document)
      VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
    list: `SELECT * FROM {evidence}
      WHERE tenant = $1 AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR subject = $3)
      ORDER BY id DESC LIMIT $4`,
  });
}
