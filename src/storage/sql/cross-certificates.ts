import { statements } from './statements.ts';

export function crossCertificateStatements(schema: string) {
  return statements(schema, 'cross_certificate', {
    lockSubject:
      'SELECT 1 AS one FROM {issuers} WHERE tenant = $1 AND issuer_id = $2 FOR NO KEY UPDATE',
    insert: `INSERT INTO {cross_certificates} (tenant, subject_issuer_id, number, kind,
        signer_issuer_id, certificate, chain, not_after, created_at, created_by)
      SELECT $1, $2, COALESCE(max(number), 0) + 1, $3, $4, $5, $6, $7, $8, $9
      FROM {cross_certificates} WHERE tenant = $1 AND subject_issuer_id = $2
      RETURNING number`,
    list: `SELECT * FROM {cross_certificates}
      WHERE tenant = $1 AND ($2::text IS NULL OR subject_issuer_id = $2)
      ORDER BY subject_issuer_id, number`,
  });
}
