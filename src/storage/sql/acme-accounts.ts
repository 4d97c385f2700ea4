import { relaxed, statements } from './statements.ts';

const account = `a.tenant, a.directory, a.account_id, a.status, a.key, a.thumbprint, a.spki_hash,
  a.contact, a.terms_agreed_at, a.kid, a.external_account_binding, a.created_at, a.created_from`;

/** Columns of a credential; joined to an account they are prefixed, because both have some names. */
const credentialColumns = [
  ...[
    'tenant',
    'kid',
    'directory',
    'owner',
    'secret_id',
    'allow',
    'challenge_required',
    'profiles',
  ],
  ...['quota', 'issued', 'single_use', 'accounts', 'tags', 'created_at', 'created_by', 'not_after'],
  ...['revoked_at', 'revoked_by'],
];

/** What `accessOf` reads, with the credential's columns under this prefix. */
export const credentialPrefix = 'credential_';
const access = `${account},
  ${credentialColumns.map((name) => `c.${name} AS ${credentialPrefix}${name}`).join(', ')},
  p.disabled_at IS NOT NULL AS owner_disabled`;

const bound = `
  LEFT JOIN {acme_external_accounts} c ON c.tenant = a.tenant AND c.kid = a.kid
  LEFT JOIN {principals} p ON p.tenant = c.tenant AND p.name = c.owner`;

const admit = (which: string): string => `
  WITH ${relaxed('$6')}, spent AS (
    INSERT INTO {acme_nonces} (tenant, nonce, not_after) SELECT $1, $3, $4 FROM relaxed
    ON CONFLICT DO NOTHING RETURNING nonce
  )
  SELECT EXISTS (SELECT FROM spent) AS fresh, ${access}
  FROM relaxed
    LEFT JOIN {acme_accounts} a ON a.tenant = $1 AND a.directory = $2 AND a.${which} = $5 ${bound}`;

const find = (which: string): string => `
  SELECT ${access} FROM {acme_accounts} a ${bound}
  WHERE a.tenant = $1 AND a.directory = $2 AND a.${which} = $3`;

export function acmeAccountStatements(schema: string) {
  return statements(schema, 'acme_account', {
    admitById: admit('account_id'),
    admitByThumbprint: admit('thumbprint'),
    insert: `INSERT INTO {acme_accounts} (tenant, directory, account_id, status, key, thumbprint,
        spki_hash, contact, terms_agreed_at, kid, external_account_binding, created_at, created_from)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
      ON CONFLICT ON CONSTRAINT acme_accounts_thumbprint_key DO NOTHING`,
    findById: find('account_id'),
    findByThumbprint: find('thumbprint'),
    update: `UPDATE {acme_accounts} SET contact = COALESCE($3, contact),
        terms_agreed_at = COALESCE($4, terms_agreed_at)
      WHERE tenant = $1 AND account_id = $2`,
    end: `UPDATE {acme_accounts} SET status = $3
      WHERE tenant = $1 AND account_id = $2 AND status = 'valid'`,
    changeKey: `WITH other AS MATERIALIZED (
        SELECT account_id FROM {acme_accounts}
        WHERE tenant = $1 AND directory = $2 AND thumbprint = $6
      ), changed AS (
        UPDATE {acme_accounts} SET key = $5, thumbprint = $6, spki_hash = $7
        WHERE tenant = $1 AND directory = $2 AND account_id = $3 AND thumbprint = $4
          AND status = 'valid' AND NOT EXISTS (SELECT FROM other)
        RETURNING account_id
      )
      SELECT (SELECT account_id FROM other) AS conflict, EXISTS (SELECT FROM changed) AS changed`,
    isKey: 'SELECT FROM {acme_accounts} WHERE tenant = $1 AND spki_hash = $2 LIMIT 1',
    list: `SELECT a.id, ${account} FROM {acme_accounts} a
      WHERE a.tenant = $1 AND ($2::text IS NULL OR a.directory = $2) AND ($3::text IS NULL OR a.kid = $3)
        AND ($4::bigint IS NULL OR a.id < $4)
      ORDER BY a.id DESC LIMIT $5`,

    insertCredential: `INSERT INTO {acme_external_accounts} (${credentialColumns.join(', ')})
      VALUES (${credentialColumns.map((_, index) => `$${index + 1}`).join(', ')})`,
    findCredential: 'SELECT * FROM {acme_external_accounts} WHERE tenant = $1 AND kid = $2',
    listCredentials: `SELECT * FROM {acme_external_accounts}
      WHERE tenant = $1 AND ($2::text IS NULL OR directory = $2) AND ($3::bigint IS NULL OR id < $3)
      ORDER BY id DESC LIMIT $4`,
    revokeCredential: `UPDATE {acme_external_accounts} SET revoked_at = $3, revoked_by = $4
      WHERE tenant = $1 AND kid = $2 AND revoked_at IS NULL`,
    bindCredential: `UPDATE {acme_external_accounts} SET accounts = accounts + 1
      WHERE tenant = $1 AND kid = $2 AND revoked_at IS NULL AND (not_after IS NULL OR not_after > $3)
        AND (accounts = 0 OR NOT single_use)`,
    isBindingUsed: `SELECT FROM {acme_accounts} WHERE tenant = $1 AND kid = $2 AND account_id <> $3
        AND external_account_binding ->> 'signature' = $4 LIMIT 1`,
    spendQuota: `UPDATE {acme_external_accounts} SET issued = issued + 1
      WHERE tenant = $1 AND kid = $2 AND revoked_at IS NULL AND (quota IS NULL OR issued < quota)`,
  });
}
