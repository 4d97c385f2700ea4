import type { StoredAuditRecord } from '../audit/ports.ts';
import type { CertificateRecord, CrlRecord, StoredStatusChange } from '../authority/ports.ts';
import { auditRecordOf } from './audit-log.ts';
import { certificateOf, statusChangeOf } from './certificate-rows.ts';
import { crlOf } from './crl-ledger.ts';
import type { DatabasePool, Row, Statement } from './pool.ts';
import { bigint, optionalBigint, text } from './rows.ts';
import { selectCertificates } from './sql/certificates.ts';
import { inSchema } from './sql/names.ts';

/**
 * Whole tables in chunks, for the integrity check: every tenant, in the order of entry. Each chunk
 * is a statement of its own, so that a check of hours holds no snapshot against vacuum; rows that
 * are written meanwhile may be seen or not.
 */
export interface Verification {
  certificates(): AsyncIterable<readonly CertificateRecord[]>;
  /** Contents whose row in the register is missing, purged or of another moment. */
  strayContents(): AsyncIterable<readonly bigint[]>;
  foreignIssuers(): Promise<ReadonlySet<string>>;
  statusChanges(): AsyncIterable<readonly StoredStatusChange[]>;
  crls(): AsyncIterable<readonly CrlRecord[]>;
  auditRecords(): AsyncIterable<readonly StoredAuditRecord[]>;
}

const chunkSize = 1000;

export function verificationOf(pool: DatabasePool, schema: string): Verification {
  /** Pages by the table's number, which `id` reads from the last row. */
  async function* pages<T>(
    statement: Statement,
    read: (row: Row) => T,
    id: string,
  ): AsyncGenerator<readonly T[]> {
    let after = 0n;
    for (;;) {
      const rows = await pool.query(statement, [after, chunkSize]);
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows.map(read);
      if (rows.length < chunkSize) return;
      after = bigint(last, id);
    }
  }
  const statement = (name: string, sql: string): Statement => ({
    name: `verify_${name}`,
    text: inSchema(schema, sql),
  });
  return {
    certificates: () =>
      pages(
        statement(
          'certificates',
          `${selectCertificates(schema)} WHERE c.id > $1 ORDER BY c.id LIMIT $2`,
        ),
        certificateOf,
        'id',
      ),
    strayContents: () => strayContents(),
    foreignIssuers: async () => {
      const rows = await pool.query(
        statement('foreign_issuers', 'SELECT issuer_id FROM {foreign_issuers}'),
      );
      return new Set(rows.map((row) => text(row, 'issuer_id')));
    },
    statusChanges: () =>
      pages(
        statement(
          'status_changes',
          `SELECT h.*, c.issuer_id, c.serial_number FROM {status_changes} h
          JOIN {certificates} c ON c.id = h.certificate_id
          WHERE h.id > $1 ORDER BY h.id LIMIT $2`,
        ),
        (row) => statusChangeOf(row, text(row, 'issuer_id'), text(row, 'serial_number')),
        'id',
      ),
    crls: () => crls(),
    auditRecords: () =>
      pages(
        statement('audit', 'SELECT * FROM {audit} WHERE id > $1 ORDER BY id LIMIT $2'),
        auditRecordOf,
        'id',
      ),
  };

  /** A chunk of contents at a time, beside the register; only what strays is sent. */
  async function* strayContents(): AsyncGenerator<readonly bigint[]> {
    const next = statement(
      'stray_contents',
      `WITH page AS MATERIALIZED (
        SELECT certificate_id, requested_at FROM {certificate_contents}
        WHERE certificate_id > $1 ORDER BY certificate_id LIMIT $2
      )
      SELECT max(p.certificate_id) AS last,
        array_agg(p.certificate_id) FILTER (WHERE c.id IS NULL) AS stray
      FROM page p LEFT JOIN {certificates} c
        ON c.id = p.certificate_id AND c.requested_at = p.requested_at AND c.purged_at IS NULL`,
    );
    let after = 0n;
    for (;;) {
      const [row] = await pool.query(next, [after, 10 * chunkSize]);
      const last = row && optionalBigint(row, 'last');
      if (row === undefined || last === undefined) return;
      const stray = row['stray'];
      if (Array.isArray(stray)) yield stray.map((id) => BigInt(String(id)));
      after = last;
    }
  }

  /** By key: a number is of one issuer's shard only. */
  async function* crls(): AsyncGenerator<readonly CrlRecord[]> {
    const next = statement(
      'crls',
      `SELECT * FROM {crls} WHERE (tenant, issuer_id, shard, kind, crl_number) > ($1, $2, $3, $4, $5)
      ORDER BY tenant, issuer_id, shard, kind, crl_number LIMIT $6`,
    );
    let after: readonly unknown[] = ['', '', -1, '', 0n];
    for (;;) {
      const page = (await pool.query(next, [...after, chunkSize])).map((row) => crlOf(row));
      const last = page.at(-1);
      if (last === undefined) return;
      yield page;
      after = [last.tenant, last.issuerId, last.shard, last.kind, last.crlNumber];
    }
  }
}
