/**
 * An inventory of a million certificates or ten, written as the owner of the database in minutes.
 *
 * Rows are plausible: subjects, names, owners, months, revocations with their history. The TBS and the
 * signature are the same filler in every row, so that `chancery database verify` rightly objects.
 */
import { Client } from 'pg';
import type { Progress } from './progress.ts';

export interface SeededInventory {
  /** Whose certificates they are; the issuer may or may not exist. */
  readonly issuerId: string;
  readonly certificates: number;
  /** 0 to 1; default 0.02. A twentieth of them is on hold instead. */
  readonly revokedShare?: number | undefined;
  /** Spread evenly over shards 0 to `shards` - 1; default 1. */
  readonly shards?: number | undefined;
  /** Requests are spread evenly over this many days before now; default 500. They are valid for 398, so a fifth has expired. */
  readonly days?: number | undefined;
  /** First number: another call with the same issuer goes on after `first + certificates`. Default 0. */
  readonly first?: number | undefined;
  readonly progress?: Progress | undefined;
}

const batch = 20_000;
/** Below, indexes are kept up row by row, which costs less than to make them anew. */
const worthwhile = 100_000;

/** The serial number of certificate `n` as SQL: 18 octets, the first bit 0, in no order. */
const serialNumber = `'5' || substr(md5($1 || n) || md5(n || $1), 1, 35)`;

export async function seedInventory(ownerUrl: string, options: SeededInventory): Promise<void> {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query(
      `SET search_path TO chancery, public; SET statement_timeout = 0; SET synchronous_commit = off;
       SET maintenance_work_mem = '512MB'; SET max_parallel_maintenance_workers = 2`,
    );
    await client.query(
      `SELECT keep_content_partitions(now() - make_interval(days => n))
       FROM generate_series(0, $1::int + 31, 28) n`,
      [options.days ?? 500],
    );
    const remake = options.certificates < worthwhile ? [] : await dropIndexes(client);
    try {
      await fill(client, options);
    } finally {
      for (const statement of remake) await client.query(statement);
    }
    await client.query(
      `INSERT INTO issuer_changes AS n (tenant, issuer_id, shard, last_change)
       SELECT tenant, issuer_id, shard, count(*) FROM certificate_status
       WHERE issuer_id = $1 GROUP BY 1, 2, 3
       ON CONFLICT (tenant, issuer_id, shard) DO UPDATE SET last_change = n.last_change + excluded.last_change`,
      [options.issuerId],
    );
    // What autovacuum would do within minutes: statistics, visibility and hint bits.
    await client.query(
      'VACUUM (ANALYZE) certificates, certificate_contents, certificate_status, issuance_outcomes, status_changes',
    );
    await client.query('CHECKPOINT').catch(() => undefined);
  } finally {
    await client.end();
  }
}

/** Serial numbers of seeded certificates, drawn evenly, for a load. */
export async function seededSerialNumbers(
  ownerUrl: string,
  { issuerId, certificates }: Pick<SeededInventory, 'issuerId' | 'certificates'>,
  count: number,
): Promise<readonly string[]> {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ serial: string }>(
      `SELECT ${serialNumber} AS serial FROM (
         SELECT floor(random() * $2)::bigint AS n FROM generate_series(1, $3)) numbers`,
      [issuerId, certificates, count],
    );
    return rows.map(({ serial }) => serial);
  } finally {
    await client.end();
  }
}

async function fill(client: Client, options: SeededInventory): Promise<void> {
  const {
    issuerId,
    certificates,
    first = 0,
    days = 500,
    shards = 1,
    revokedShare = 0.02,
  } = options;
  for (let at = 0; at < certificates; at += batch) {
    const size = Math.min(batch, certificates - at);
    await client.query(insertBatch, [
      issuerId,
      first + at,
      first + at + size - 1,
      shards,
      // In the order of time, whatever the batch.
      days * (1 - at / certificates),
      days / certificates,
      Math.round(revokedShare * 100_000),
    ]);
    options.progress?.step(size);
  }
}

/** Drops what is made faster in one go, and answers the statements that make it again. */
async function dropIndexes(client: Client): Promise<readonly string[]> {
  const { rows: keys } = await client.query<{ table: string; name: string; definition: string }>(
    `SELECT conrelid::regclass::text AS table, conname AS name, pg_get_constraintdef(oid) AS definition
     FROM pg_constraint WHERE contype = 'f' AND confrelid = 'certificates'::regclass
       OR conname = 'certificates_issuer_serial_key' ORDER BY contype DESC`,
  );
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(
    `SELECT indexname AS name, replace(indexdef, ' ON ONLY ', ' ON ') AS definition FROM pg_indexes
     WHERE schemaname = current_schema() AND tablename IN ('certificates', 'certificate_contents')
       AND indexname !~ '(_pkey|_key)$' AND indexname !~ '^certificates_requested_at$'`,
  );
  const foreign = keys.filter(({ definition }) => definition.startsWith('FOREIGN'));
  const unique = keys.filter(({ definition }) => !definition.startsWith('FOREIGN'));
  for (const { table, name } of [...foreign, ...unique]) {
    await client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`);
  }
  for (const { name } of indexes) await client.query(`DROP INDEX ${name}`);
  return [
    ...indexes.map(({ definition }) => definition),
    ...[...unique, ...foreign].map(
      ({ table, name, definition }) => `ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`,
    ),
  ];
}

/** $1 issuer, $2 and $3 first and last number, $4 shards, $5 days ago of the first, $6 days between, $7 revoked of 100,000. */
const insertBatch = `WITH numbers AS (
    SELECT n, now() - make_interval(secs => 86400 * ($5::float8 - (n - $2) * $6::float8)) AS at,
      ${serialNumber} AS serial
    FROM generate_series($2::bigint, $3::bigint) n
  ), inserted AS (
    INSERT INTO certificates (requested_at, not_before, not_after, shard, tenant, issuer_id,
      serial_number, type, spki_hash, retention_class, tbs_sha256)
    SELECT at, at, at + interval '398 days', n % $4, 'default', $1, serial, 'endEntity',
      sha256(serial::bytea), 'standard', sha256('filler')
    FROM numbers ORDER BY n
    RETURNING id, requested_at, not_after, shard, serial_number
  ), numbered AS MATERIALIZED (
    SELECT i.*, n FROM inserted i JOIN numbers ON serial = serial_number
  ), contents AS (
    INSERT INTO certificate_contents (certificate_id, requested_at, profile_name, profile_hash,
      subject, names, key_algorithm, signature_algorithm, policies, requested_by, owner, tags,
      requested, granted, tbs_certificate)
    SELECT id, requested_at, 'tls-server', sha256('seed'), 'CN=' || name || ',O=Example',
      ARRAY['DNS:' || name, 'DNS:www.' || name], '1.2.840.10045.2.1', '1.2.840.10045.4.3.2', '{}',
      'seed', 'team-' || n % 500, CASE WHEN n % 10 = 0 THEN ARRAY['tier-' || n % 7] ELSE '{}' END,
      '{"dns": []}', '{"dns": []}', decode(repeat('30', 600), 'hex')
    FROM (SELECT *, 'host-' || n || '.site-' || n % 1000 || '.example.com' AS name FROM numbered) named
  ), outcomes AS (
    INSERT INTO issuance_outcomes (certificate_id, state, settled_at, certificate_head, certificate_tail)
    SELECT id, 'issued', requested_at, '\\x308202b4', decode(repeat('41', 76), 'hex') FROM numbered
  ), ended AS MATERIALIZED (
    SELECT *, requested_at + (now() - requested_at) * ((n * 31 % 97) / 97.0) AS since,
      CASE WHEN n % 20 = 0 THEN 'onHold' ELSE 'revoked' END AS status,
      CASE WHEN n % 20 = 0 THEN 'certificateHold'
        ELSE (ARRAY['unspecified', 'keyCompromise', 'superseded', 'cessationOfOperation'])[1 + n % 4] END AS reason
    FROM numbered WHERE n * 7919 % 100000 < $7
  ), history AS (
    INSERT INTO status_changes (certificate_id, tenant, act, status_after, reason_code, cause,
      requested_at, requested_by, effective_at)
    SELECT id, 'default', CASE status WHEN 'onHold' THEN 'hold' ELSE 'revoke' END, status, reason,
      CASE status WHEN 'onHold' THEN 'other' END, since, 'seed', since FROM ended
  )
  INSERT INTO certificate_status (certificate_id, tenant, issuer_id, serial_number, shard, not_after,
    status, reason_code, not_good_since, hold_cause)
  SELECT id, 'default', $1, serial_number, shard, not_after, status, reason, since,
    CASE status WHEN 'onHold' THEN 'other' END
  FROM ended`;
