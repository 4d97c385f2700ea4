/** Migrations from every released schema with rows in it, and their rehearsal on a copy. */
import { Client, type QueryResultRow } from 'pg';
import { describe, expect, test } from 'vitest';
import { openStorage, rehearse } from '../../../src/storage/index.ts';
import { migrate, migrationNames, runMigrations } from '../../../src/storage/migrate.ts';
import {
  certificateOver,
  issuerId,
  preparedRecord,
  tenant,
} from '../../support/inventory-records.ts';
import { type TestDatabase, testDatabase } from '../../support/postgres.ts';

async function asOwner<T>(database: TestDatabase, work: (client: Client) => Promise<T>) {
  const client = new Client({ connectionString: database.ownerUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const query = async (database: TestDatabase, text: string): Promise<readonly QueryResultRow[]> =>
  asOwner(database, async (client) => (await client.query<QueryResultRow>(text)).rows);

const first = preparedRecord({ serialNumber: '1b', tags: ['a'] });
const second = preparedRecord({
  serialNumber: '1c',
  requestedAt: new Date('2024-05-06T00:00:00Z'),
  notBefore: new Date('2024-05-06T00:00:00Z'),
  notAfter: new Date('2025-05-06T00:00:00Z'),
});

/** Rows as the first release wrote them: one good certificate, one revoked, a CRL, an audit record. */
async function fillAsReleased(client: Client): Promise<void> {
  await client.query('SET search_path TO chancery');
  await client.query(`
    INSERT INTO issuers (tenant, issuer_id, name, kind, state, key_id, token_role, certificate, chain,
      subject, signature_algorithm, profile_name, urls, crl_lifetime_seconds, created_at, created_by,
      name_hashes, key_hashes)
    VALUES ('default', '${issuerId}', 'issuing', 'subordinate', 'active', '${issuerId}', 'issuing',
      '\\x300100', '{}', '\\x3000', 'ecdsa-with-SHA256', 'issuing-ca',
      '{"crl":"http://h/0.crl","ocsp":"http://h/","caIssuers":"http://h/ca"}', 86400, now(), 'admin', '{}', '{}')`);
  for (const record of [first, second]) {
    const certificate = certificateOver(record.tbsCertificate);
    const { rows } = await client.query<{ id: string }>(
      `INSERT INTO certificates (requested_at, not_before, not_after, tenant, issuer_id, serial_number,
        type, profile_name, profile_hash, subject, names, spki_hash, key_algorithm, signature_algorithm,
        policies, requested_by, owner, tags, retention_class, requested, granted, tbs_certificate)
       VALUES ($1, $2, $3, 'default', $4, $5, 'endEntity', 'tls-server', '\\x00', $6, $7, $8, 'a', 'b', '{}',
        'service-1', 'team-a', $9, 'standard', '{}', '{}', $10) RETURNING id`,
      [
        record.requestedAt,
        record.notBefore,
        record.notAfter,
        issuerId,
        record.serialNumber,
        record.subject,
        record.names,
        Buffer.from(record.spkiHash, 'hex'),
        record.tags,
        record.tbsCertificate,
      ],
    );
    await client.query(`INSERT INTO issuance_outcomes VALUES ($1, 'issued', now(), $2, $3)`, [
      rows[0]?.id,
      certificate.subarray(0, 4),
      certificate.subarray(4 + record.tbsCertificate.length),
    ]);
  }
  await client.query(`
    INSERT INTO certificate_status (certificate_id, not_after, not_good_since, shard, tenant, issuer_id,
      serial_number, status, reason_code)
      SELECT id, not_after, now(), 0, tenant, issuer_id, serial_number, 'revoked', 'superseded'
      FROM certificates WHERE serial_number = '1c';
    INSERT INTO status_changes (certificate_id, requested_at, effective_at, tenant, act, status_after,
      reason_code, requested_by)
      SELECT id, now(), now(), tenant, 'revoke', 'revoked', 'superseded', 'admin'
      FROM certificates WHERE serial_number = '1c';
    INSERT INTO changes (certificate_id) SELECT id FROM certificates;
    INSERT INTO issuer_changes (tenant, issuer_id, last_change) VALUES ('default', '${issuerId}', 3);
    INSERT INTO crl_shards (tenant, issuer_id, shard, last_number) VALUES ('default', '${issuerId}', 0, 7);
    INSERT INTO crls (tenant, issuer_id, shard, crl_number, this_update, next_update, published_at,
      covers_change) VALUES ('default', '${issuerId}', 0, 7, now(), now() + interval '1 day', now(), 1)`);
}

const released = [
  ['0003', 3],
  ['0004', 4],
  ['the newest', migrationNames().length],
] as const;

/** A schema of that release with rows in it. */
async function releasedDatabase(count: number): Promise<TestDatabase> {
  const database = await testDatabase(`released_${count}`, { migrate: false });
  await asOwner(database, async (client) => {
    await runMigrations(client, 'chancery', Math.min(count, 4), () => undefined);
    await fillAsReleased(client);
    if (count > 4) await runMigrations(client, 'chancery', count - 4, () => undefined);
  });
  return database;
}

const optionsOf = (database: TestDatabase) => ({
  ownerUrl: database.ownerUrl,
  roles: { app: database.roles.application, ocsp: database.roles.responder },
});

async function readAll(database: TestDatabase, schema: string) {
  const storage = await openStorage({ url: database.applicationUrl, schema });
  try {
    return await storage.unitOfWork.read(async ({ inventory, crls }) => ({
      good: await inventory.find(tenant, issuerId, '1b'),
      revoked: await inventory.find(tenant, issuerId, '1c'),
      history: await inventory.history(tenant, issuerId, '1c'),
      number: await crls.highestNumber(tenant, issuerId, 0),
    }));
  } finally {
    await storage.close();
  }
}

describe.each(released)('from the schema of %s', (_, count) => {
  test('a rehearsal finds nothing wrong, keeps every row, and leaves nothing behind', async () => {
    const database = await releasedDatabase(count);
    const before = await query(database, 'SELECT name FROM chancery.migrations ORDER BY id');
    const steps: string[] = [];
    let seen: Awaited<ReturnType<typeof readAll>> | undefined;
    const report = await rehearse({
      ...optionsOf(database),
      keep: false,
      copy: 'chancery_rehearsal',
      progress: (step) => steps.push(step),
      verify: async (copy) => {
        seen = await readAll(database, copy);
        return [];
      },
    });
    expect(report.findings).toEqual([]);
    expect(report.migrations.map(({ name }) => name)).toEqual(migrationNames().slice(count));
    expect(report.tables).toContainEqual({ name: 'certificates', rows: 2 });
    expect(steps).toContain('certificates');
    expect(seen?.good).toMatchObject({ subject: first.subject, status: { status: 'good' } });
    expect(seen?.revoked?.status).toMatchObject({ status: 'revoked', reasonCode: 'superseded' });
    // The present schema is as it was; the copy is gone.
    expect(await query(database, 'SELECT name FROM chancery.migrations ORDER BY id')).toEqual(
      before,
    );
    const left = `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'chancery\\_%'`;
    expect(await query(database, left)).toEqual([]);
  });

  test('the migrations themselves carry every row over', async () => {
    const database = await releasedDatabase(count);
    await migrate(optionsOf(database));
    const { good, revoked, history, number } = await readAll(database, 'chancery');
    expect(good).toMatchObject({ issuanceState: 'issued', tags: ['a'], origin: 'issued' });
    expect(Buffer.from(good?.tbsCertificate ?? []).equals(first.tbsCertificate)).toBe(true);
    expect(good?.certificate).toBeDefined();
    expect(revoked?.status.status).toBe('revoked');
    expect(history).toHaveLength(1);
    expect(number).toBe(7n);
  });
});

test('a rehearsal tells what somebody changed by hand, what verification finds, and keeps the copy', async () => {
  const database = await testDatabase('tampered');
  await query(database, 'ALTER TABLE chancery.audit DISABLE TRIGGER insert_only');
  await query(database, 'DROP INDEX chancery.status_changes_certificate');
  const ask = async () =>
    rehearse({
      ...optionsOf(database),
      keep: true,
      copy: 'chancery_rehearsal',
      progress: () => undefined,
      verify: async () => Promise.resolve(['certificate 1b: the DER says otherwise']),
    });
  const { findings } = await ask();
  expect(findings).toEqual([
    expect.stringMatching(/^only in the present schema: trigger .* audit .* is D$/),
    expect.stringMatching(/^only as its migrations make it: index .*status_changes/),
    expect.stringMatching(/^only as its migrations make it: trigger .* audit .* is O$/),
    'certificate 1b: the DER says otherwise',
  ]);
  await expect(ask()).rejects.toThrow('chancery_rehearsal is there already');
  expect(await query(database, 'SELECT count(*)::int AS n FROM chancery_rehearsal.audit')).toEqual([
    { n: 0 },
  ]);
});

test('a schema of a newer version is refused', async () => {
  const database = await testDatabase('newer');
  await query(
    database,
    `INSERT INTO chancery.migrations (name, run_on) VALUES ('9999_later', now())`,
  );
  await expect(
    rehearse({
      ...optionsOf(database),
      keep: false,
      copy: 'chancery_rehearsal',
      progress: () => undefined,
      verify: async () => Promise.resolve([]),
    }),
  ).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringContaining('9999_later'),
  });
});
