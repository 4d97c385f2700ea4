import { statements } from './statements.ts';

export function foreignIssuerStatements(schema: string) {
  return statements(schema, 'foreign_issuer', {
    insert: `INSERT INTO {foreign_issuers} (tenant, issuer_id, name, certificate, name_hashes, key_hashes,
        created_at, created_by)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, issuer_id) DO NOTHING`,
    list: 'SELECT * FROM {foreign_issuers} WHERE tenant = $1 ORDER BY created_at, issuer_id',
  });
}
