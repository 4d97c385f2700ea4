/** Revoked certificates in bulk, written as the owner of the database: nobody issued them. */
import { createHash } from 'node:crypto';
import { Client } from 'pg';
import type { ReasonCode } from '../../src/domain/index.ts';
import type { Progress } from './progress.ts';

/** What a CRL says of one certificate. */
export interface SeededRevocation {
  /** Hex, 16 octets. */
  readonly serialNumber: string;
  readonly revokedAt: Date;
  readonly reasonCode: ReasonCode;
}

const reasons = ['unspecified', 'keyCompromise', 'superseded', 'cessationOfOperation'] as const;
const batch = 5000;

/** The same entries at every call: random-looking serial numbers, revoked within the last day. */
export function revocations(count: number, before: Date): readonly SeededRevocation[] {
  return Array.from({ length: count }, (_, index) => ({
    serialNumber: `5${createHash('sha256').update(`entry ${index}`).digest('hex').slice(0, 31)}`,
    revokedAt: new Date(before.getTime() - (index % 86_400) * 1000),
    reasonCode: reasons[index % reasons.length] ?? 'unspecified',
  }));
}

/**
 * Writes a row of every table that a revocation touches, in one transaction. Consistent with each
 * other, but the TBS is filler: `database verify` would rightly object.
 */
export async function seedRevocations(
  ownerUrl: string,
  issuerId: string,
  entries: readonly SeededRevocation[],
  progress: Progress,
  shards = 1,
): Promise<void> {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query('SET search_path TO chancery, public');
    await client.query('BEGIN');
    for (let at = 0; at < entries.length; at += batch) {
      const some = entries.slice(at, at + batch);
      await client.query(insertBatch, [
        issuerId,
        some.map(({ serialNumber }) => serialNumber),
        some.map(({ revokedAt }) => revokedAt.toISOString()),
        some.map(({ reasonCode }) => reasonCode),
        shards,
      ]);
      progress.step(some.length);
    }
    await client.query(
      `INSERT INTO issuer_changes AS n (tenant, issuer_id, shard, last_change)
       SELECT 'default', $1, shard, $2 FROM generate_series(0, $3::int - 1) shard
       ON CONFLICT (tenant, issuer_id, shard) DO UPDATE SET last_change = n.last_change + excluded.last_change`,
      [issuerId, entries.length, shards],
    );
    // What autovacuum would do within a minute.
    await client.query(
      'ANALYZE certificates, certificate_contents, certificate_status, issuance_outcomes',
    );
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
}

const insertBatch = `WITH entries AS (
    SELECT * FROM unnest($2::text[], $3::timestamptz[], $4::text[]) AS e (serial, at, reason)
  ), inserted AS (
    INSERT INTO certificates (requested_at, not_before, not_after, shard, tenant, issuer_id, serial_number,
      type, spki_hash, retention_class, tbs_sha256)
    SELECT at - interval '1 day', at - interval '1 day', at + interval '90 days',
      abs(hashtext(serial)::bigint) % $5, 'default', $1, serial, 'endEntity', sha256(serial::bytea), 'standard', sha256(serial::bytea)
    FROM entries
    RETURNING id, requested_at, tenant, issuer_id, serial_number, shard, not_after
  ), contents AS (
    INSERT INTO certificate_contents (certificate_id, requested_at, profile_name, profile_hash, subject,
      names, key_algorithm, signature_algorithm, policies, requested_by, owner, tags, requested,
      granted, tbs_certificate)
    SELECT id, requested_at, 'tls-server', sha256('bench'), 'CN=' || left(serial_number, 8), '{}',
      '1.2.840.10045.2.1', '1.2.840.10045.4.3.2', '{}', 'bench', 'bench', '{}', '{}', '{}',
      sha256(serial_number::bytea)
    FROM inserted
  ), outcomes AS (
    INSERT INTO issuance_outcomes (certificate_id, state, settled_at, certificate_head, certificate_tail)
    SELECT i.id, 'issued', e.at - interval '1 day', '\\x3020', ''
    FROM inserted i JOIN entries e ON e.serial = i.serial_number
  ), history AS (
    INSERT INTO status_changes (certificate_id, tenant, act, status_after, reason_code,
      requested_at, requested_by, effective_at)
    SELECT i.id, 'default', 'revoke', 'revoked', e.reason, e.at, 'bench', e.at
    FROM inserted i JOIN entries e ON e.serial = i.serial_number
  ), feed AS (
    INSERT INTO changes (certificate_id, shard) SELECT id, shard FROM inserted
  )
  INSERT INTO certificate_status (certificate_id, tenant, issuer_id, serial_number, shard, not_after,
    status, reason_code, not_good_since)
  SELECT i.id, i.tenant, i.issuer_id, i.serial_number, i.shard, i.not_after, 'revoked', e.reason, e.at
  FROM inserted i JOIN entries e ON e.serial = i.serial_number`;
