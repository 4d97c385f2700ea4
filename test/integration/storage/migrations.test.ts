import { Client, type QueryResultRow } from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { migrate, openStatusStorage, openStorage } from '../../../src/storage/index.ts';
import { runMigrations } from '../../../src/storage/migrate.ts';
import {
  auditRecordOf,
  certificateOver,
  change,
  issuerId,
  issuerRecord,
  onHold,
  preparedRecord,
  reservedCrl,
  tenant,
} from '../../support/inventory-records.ts';
import { type TestDatabase, testDatabase } from '../../support/postgres.ts';

async function query(url: string, text: string): Promise<readonly QueryResultRow[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<QueryResultRow>(text)).rows;
  } finally {
    await client.end();
  }
}

function rolesOf(database: TestDatabase) {
  return { app: database.roles.application, ocsp: database.roles.responder };
}

describe('migrations', () => {
  test('two at once wait for each other; a second run changes nothing', async () => {
    const database = await testDatabase('twice', { migrate: false });
    const options = { ownerUrl: database.ownerUrl, roles: rolesOf(database) };
    await Promise.all([migrate(options), migrate(options)]);
    const before = await query(database.ownerUrl, 'SELECT name, run_on FROM chancery.migrations');
    const said: string[] = [];
    await migrate({ ...options, log: (message) => said.push(message) });
    expect(await query(database.ownerUrl, 'SELECT name, run_on FROM chancery.migrations')).toEqual(
      before,
    );
    expect(said.join('\n')).toContain('No migrations to run');
  });

  test('keys of the release before begin their lives; one whose issuer waits for its chain is not in use', async () => {
    const database = await testDatabase('former', { migrate: false });
    const owner = new Client({ connectionString: database.ownerUrl });
    await owner.connect();
    const beforeKeys = 8;
    await runMigrations(owner, 'chancery', beforeKeys, () => undefined);
    for (const [state, keyId, certificate] of [
      ['pending', 'aa', 'NULL'],
      ['active', 'bb', String.raw`'\x30'`],
    ]) {
      await owner.query(`INSERT INTO chancery.keys (tenant, key_id, label, token_role, key_algorithm,
          signature_algorithm, purposes, subject_public_key_info, token, attributes, owner, origin, created_at)
        VALUES ('default', '${keyId}', 'ca', 'issuing', 'p256', 'ecdsa-with-SHA256', '{certificate,crl}',
          '\\x30', '{}', '{}', 'admin', 'generated', '2026-01-01T12:00:00Z')`);
      await owner.query(`INSERT INTO chancery.issuers (tenant, issuer_id, name, kind, state, key_id, token_role,
          certificate, chain, subject, signature_algorithm, profile_name, urls, crl_lifetime_seconds,
          created_at, created_by, name_hashes, key_hashes)
        VALUES ('default', '${keyId}', '${state}', 'external', '${state}', '${keyId}', 'issuing',
          ${certificate}, '{}', '\\x30', 'ecdsa-with-SHA256', 'issuing-ca', '{}', 3600, '2026-01-01T12:00:00Z', 'admin',
          '{}', '{}')`);
    }
    await owner.end();
    await migrate({ ownerUrl: database.ownerUrl, roles: rolesOf(database) });
    const storage = await openStorage({ url: database.applicationUrl });
    const lives = await storage.unitOfWork.read(async ({ keys }) =>
      Promise.all(
        (await keys.list(tenant)).map(
          async ({ keyId, privateState, publicState, cryptoperiod }) => [
            ...[
              keyId,
              privateState,
              publicState,
              cryptoperiod.activatedAt?.toISOString().slice(0, 10),
            ],
            (await keys.transitions(tenant, keyId)).map(({ half, number }) => `${half} ${number}`),
          ],
        ),
      ),
    );
    await storage.close();
    // Installing the chain activates it (transition 4), which a key that is active refuses.
    expect(lives).toEqual([
      ['aa', 'pre-activation', 'pre-activation', undefined, ['private 1', 'public 1']],
      [
        ...['bb', 'active', 'active', '2026-01-01'],
        ['private 1', 'private 4', 'public 1', 'public 4'],
      ],
    ]);
  });

  test('schemas of one database stand apart', async () => {
    const database = await testDatabase('schemas', { migrate: false });
    const options = { ownerUrl: database.ownerUrl, roles: rolesOf(database) };
    await migrate({ ...options, schema: 'one' });
    await migrate({ ...options, schema: 'Two' });
    const one = await openStorage({ url: database.applicationUrl, schema: 'one' });
    const two = await openStorage({ url: database.applicationUrl, schema: 'Two' });
    await one.unitOfWork.run(async ({ issuers }) => await issuers.insert(issuerRecord()));
    expect(await two.unitOfWork.read(async ({ issuers }) => await issuers.list(tenant))).toEqual(
      [],
    );
    await one.close();
    await two.close();
    await expect(migrate({ ...options, schema: 'x"; DROP SCHEMA one' })).rejects.toMatchObject({
      code: 'configuration',
    });
  });

  test('a missing role is named, with the way to make it', async () => {
    const database = await testDatabase('roleless', { migrate: false });
    await expect(
      migrate({
        ownerUrl: database.ownerUrl,
        roles: { app: 'nobody_here', ocsp: database.roles.responder },
      }),
    ).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('nobody_here'),
    });
  });

  test('a database without them is refused, in one line', async () => {
    const database = await testDatabase('empty', { migrate: false });
    await expect(openStorage({ url: database.applicationUrl })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('run the migrations'),
    });
  });

  test('rows of the change feed from another cluster are forgotten', async () => {
    const database = await testDatabase('restored');
    const storage = await openStorage({ url: database.applicationUrl });
    const record = preparedRecord();
    await storage.unitOfWork.run(async ({ inventory }) => await inventory.insertPrepared(record));
    const start = await storage.changeFeed.since(undefined, 10);
    await query(
      database.ownerUrl,
      `INSERT INTO chancery.changes (xid, certificate_id) SELECT '99999999999'::xid8, id FROM chancery.certificates`,
    );
    await migrate({ ownerUrl: database.ownerUrl, roles: rolesOf(database) });
    expect((await storage.changeFeed.since(start.cursor, 10)).changes).toEqual([]);
    await storage.close();
  });
});

describe('roles', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await testDatabase('roles');
    const storage = await openStorage({ url: database.applicationUrl });
    const record = preparedRecord({ serialNumber: '1b' });
    await storage.unitOfWork.run(async ({ inventory, issuers, audit, crls }) => {
      await issuers.insert(issuerRecord());
      await inventory.insertPrepared(record);
      await inventory.markIssued(
        tenant,
        issuerId,
        '1b',
        certificateOver(record.tbsCertificate),
        new Date(),
      );
      await inventory.changeStatus(tenant, issuerId, '1b', onHold, change('hold'));
      await reservedCrl(crls, new Date(), { coversChange: 1n });
      await audit.append(auditRecordOf('certificate.issue', '1b'));
    });
    await storage.close();
  });

  test('the application is refused as owner and as superuser', async () => {
    for (const url of [database.ownerUrl, database.superuserUrl]) {
      await expect(openStorage({ url })).rejects.toMatchObject({
        code: 'configuration',
        message: expect.stringMatching(/superuser or owns/),
      });
      await expect(openStatusStorage({ url })).rejects.toMatchObject({ code: 'configuration' });
    }
  });

  const tables = [
    'audit',
    'status_changes',
    'issuance_outcomes',
    'certificates',
    'certificate_contents',
    'certificate_status',
    'crls',
  ];

  test.each(tables)(
    'the application can not delete or truncate %s, nor change what it must keep',
    async (table) => {
      // Purged contents go; a trigger refuses all others.
      const denied = {
        code: table === 'certificate_contents' ? expect.stringMatching(/42501|23000/) : '42501',
      };
      const app = database.applicationUrl;
      await expect(query(app, `DELETE FROM chancery.${table}`)).rejects.toMatchObject(denied);
      await expect(query(app, `TRUNCATE chancery.${table} CASCADE`)).rejects.toMatchObject(denied);
      await expect(query(app, `UPDATE chancery.${table} SET tenant = 'x'`)).rejects.toBeDefined();
    },
  );

  test.each(tables)('even the owner does not delete or truncate %s by accident', async (table) => {
    const refused = { code: '23000' };
    const owner = database.ownerUrl;
    await expect(query(owner, `DELETE FROM chancery.${table}`)).rejects.toMatchObject(refused);
    await expect(query(owner, `TRUNCATE chancery.${table} CASCADE`)).rejects.toMatchObject(refused);
  });

  test.each([
    `UPDATE chancery.audit SET object = 'another'`,
    `UPDATE chancery.status_changes SET comment = 'another'`,
    `UPDATE chancery.issuance_outcomes SET settled_at = now()`,
    `UPDATE chancery.certificates SET serial_number = '1c'`,
    `UPDATE chancery.certificates SET purged_at = '2090-01-01'`,
    `UPDATE chancery.certificate_contents SET subject = 'another'`,
    `UPDATE chancery.certificate_contents SET requested_at = now()`,
    `UPDATE chancery.issuance_outcomes SET certificate_head = NULL, certificate_tail = NULL`,
    `UPDATE chancery.issuers SET crl_lifetime_seconds = 1`,
    `UPDATE chancery.crl_shards SET last_number = last_number - 1`,
    `UPDATE chancery.crls SET crl_number = crl_number + 1`,
  ])('%s is refused to the owner too', async (text) => {
    await expect(query(database.ownerUrl, text)).rejects.toMatchObject({ code: '23000' });
  });

  test('the application makes no tables, no triggers, no grants', async () => {
    for (const text of [
      'CREATE TABLE chancery.x (a int)',
      'CREATE SCHEMA x',
      'DROP TRIGGER insert_only ON chancery.audit',
      'ALTER TABLE chancery.audit DISABLE TRIGGER ALL',
      'ALTER TABLE chancery.audit ADD COLUMN x int',
      'SET session_replication_role = replica',
      `INSERT INTO chancery.migrations (name, run_on) VALUES ('x', now())`,
    ]) {
      await expect(query(database.applicationUrl, text)).rejects.toMatchObject({
        code: expect.stringMatching(/^42501$/),
      });
    }
  });

  test('the responder reads its views and nothing else', async () => {
    const all = await query(
      database.ownerUrl,
      `SELECT c.relname AS name, c.relkind::text AS kind FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'chancery' AND c.relkind IN ('r', 'v', 'S')`,
    );
    const readable: string[] = [];
    for (const { name } of all) {
      const rows = await query(
        database.responderUrl,
        `SELECT 1 FROM chancery."${String(name)}"`,
      ).catch(() => undefined);
      if (rows !== undefined) readable.push(String(name));
      for (const act of ['INSERT INTO chancery.% DEFAULT VALUES', 'DELETE FROM chancery.%']) {
        await expect(
          query(database.responderUrl, act.replace('%', `"${String(name)}"`)),
        ).rejects.toBeDefined();
      }
    }
    expect(readable.sort()).toEqual([
      'ocsp_changes',
      'ocsp_feed',
      'ocsp_issuers',
      'ocsp_keys',
      'ocsp_status',
    ]);
  });

  test('the views show no subject, no names and no certificate of an end entity', async () => {
    const columns = await query(
      database.ownerUrl,
      `SELECT column_name AS name FROM information_schema.columns
        WHERE table_schema = 'chancery' AND table_name IN ('ocsp_status', 'ocsp_changes') ORDER BY 1`,
    );
    expect([...new Set(columns.map(({ name }) => name as string))]).toEqual([
      'at',
      'certificate_id',
      'id',
      'invalidity_date',
      'issuance_state',
      'issuer_id',
      'not_after',
      'not_good_since',
      'reason_code',
      'serial_number',
      'status',
      'tenant',
      'xid',
    ]);
  });

  test('what an older version granted too much is taken back by the next run', async () => {
    await query(
      database.ownerUrl,
      `GRANT DELETE ON chancery.audit TO ${database.roles.application}`,
    );
    await migrate({ ownerUrl: database.ownerUrl, roles: rolesOf(database) });
    await expect(
      query(database.applicationUrl, 'DELETE FROM chancery.audit'),
    ).rejects.toMatchObject({
      code: '42501',
    });
  });
});

describe('a search', () => {
  test('works with the trigram extension and without it', async () => {
    const database = await testDatabase('plain', { migrate: false });
    // An owner of the schema only: it can make no extension.
    for (const text of [
      `ALTER DATABASE ${database.name} OWNER TO CURRENT_USER`,
      `GRANT CONNECT ON DATABASE ${database.name} TO ${database.roles.owner}`,
      `CREATE SCHEMA chancery AUTHORIZATION ${database.roles.owner}`,
    ]) {
      await query(database.superuserUrl, text);
    }
    await migrate({ ownerUrl: database.ownerUrl, roles: rolesOf(database) });
    expect(
      await query(database.ownerUrl, "SELECT FROM pg_extension WHERE extname = 'pg_trgm'"),
    ).toEqual([]);
    const storage = await openStorage({ url: database.applicationUrl });
    await storage.unitOfWork.run(async ({ inventory }) => {
      await inventory.insertPrepared(
        preparedRecord({ subject: 'CN=Plain', names: ['DNS:a.example'] }),
      );
      await inventory.insertPrepared(
        preparedRecord({ subject: 'CN=other', names: ['DNS:aa.example'] }),
      );
      const now = new Date();
      const found = async (filter: { subject?: string; name?: string }) =>
        (await inventory.search({ tenant, now, limit: 10, ...filter })).items.map(
          (one) => one.subject,
        );
      expect(await found({ subject: 'pLAIN' })).toEqual(['CN=Plain']);
      expect(await found({ name: 'a.example' })).toEqual(['CN=Plain']);
    });
    await storage.close();
  });
});
