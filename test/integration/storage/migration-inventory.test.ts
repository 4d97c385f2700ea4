/** The inventory of a former release, with rows in every table, moves into register and contents. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate, openStorage, type Storage } from '../../../src/storage/index.ts';
import {
  certificateOver,
  change,
  issuerId,
  onHold,
  preparedRecord,
  sha256,
  tenant,
} from '../../support/inventory-records.ts';
import { type TestDatabase, testDatabase } from '../../support/postgres.ts';

const migrations = fileURLToPath(new URL('../../../src/storage/migrations', import.meta.url));
const oldest = preparedRecord({
  serialNumber: '1b01',
  requestedAt: new Date('2019-02-03T04:05:06Z'),
  notBefore: new Date('2019-02-03T04:05:06Z'),
  notAfter: new Date('2019-05-03T04:05:06Z'),
});
const issued = preparedRecord({
  serialNumber: '1b02',
  requestedAt: new Date('2026-11-21T10:00:00Z'),
  tags: ['blue'],
  owner: 'team-b',
  replaces: `${issuerId}/1b01`,
});
const prepared = preparedRecord({ serialNumber: '1b03', requestedAt: new Date() });
const certificate = certificateOver(issued.tbsCertificate);
let database: TestDatabase;
let storage: Storage;

/** The schema as the release before left it. */
async function formerRelease(owner: Client): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'former-'));
  try {
    cpSync(migrations, folder, {
      recursive: true,
      filter: (path) => !/00(0[5-9]|[1-9]\d)_/.test(path),
    });
    await runner({
      dbClient: owner,
      dir: folder,
      direction: 'up',
      schema: 'chancery',
      createSchema: true,
      migrationsTable: 'migrations',
      migrationsSchema: 'chancery',
      singleTransaction: true,
      noLock: true,
      log: () => undefined,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function insertFormer(owner: Client, record: typeof issued): Promise<number> {
  const { rows } = await owner.query<{ id: string }>(
    `INSERT INTO chancery.certificates (requested_at, not_before, not_after, tenant, issuer_id,
        serial_number, type, profile_name, profile_hash, subject, names, spki_hash, key_algorithm,
        signature_algorithm, policies, requested_by, owner, tags, retention_class, replaces, requested,
        granted, tbs_certificate)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
        $21, $22, $23) RETURNING id`,
    [
      record.requestedAt,
      record.notBefore,
      record.notAfter,
      record.tenant,
      record.issuerId,
      record.serialNumber,
      record.type,
      record.profileName,
      Buffer.from(record.profileHash, 'hex'),
      record.subject,
      record.names,
      Buffer.from(record.spkiHash, 'hex'),
      record.keyAlgorithm,
      record.signatureAlgorithm,
      record.policies,
      record.requestedBy,
      record.owner,
      record.tags,
      record.retentionClass,
      record.replaces,
      record.requested,
      record.granted,
      Buffer.from(record.tbsCertificate),
    ],
  );
  return Number(rows[0]?.id);
}

beforeAll(async () => {
  database = await testDatabase('former', { migrate: false });
  const owner = new Client({ connectionString: database.ownerUrl });
  await owner.connect();
  await formerRelease(owner);
  await owner.query('SET search_path TO chancery, public');
  const old = await insertFormer(owner, oldest);
  const id = await insertFormer(owner, issued);
  const waiting = await insertFormer(owner, prepared);
  await owner.query('INSERT INTO prepared_certificates VALUES ($1, $2)', [
    waiting,
    prepared.requestedAt,
  ]);
  await owner.query(
    `INSERT INTO issuance_outcomes (certificate_id, state, settled_at, certificate_head, certificate_tail)
      VALUES ($1, 'abandoned', $3, NULL, NULL), ($2, 'issued', $3, $4, $5)`,
    [old, id, issued.requestedAt, certificate.subarray(0, 4), certificate.subarray(-90)],
  );
  await owner.query(
    `INSERT INTO certificate_status (certificate_id, not_after, not_good_since, shard, tenant, issuer_id,
        serial_number, status, reason_code)
      SELECT id, not_after, '2019-02-04', shard, tenant, issuer_id, serial_number, 'revoked', 'unspecified'
      FROM certificates WHERE id = $1`,
    [old],
  );
  await owner.query(
    `INSERT INTO status_changes (certificate_id, requested_at, effective_at, tenant, act, status_after,
        reason_code, requested_by) VALUES ($1, '2019-02-04', '2019-02-04', 'default', 'revoke', 'revoked', 'unspecified', 'x')`,
    [old],
  );
  await owner.query('INSERT INTO changes (certificate_id) VALUES ($1)', [old]);
  await owner.query(`INSERT INTO issuer_changes VALUES ('default', $1, 41)`, [issuerId]);
  await owner.end();
  await migrate({
    ownerUrl: database.ownerUrl,
    roles: { app: database.roles.application, ocsp: database.roles.responder },
  });
  storage = await openStorage({ url: database.applicationUrl });
}, 60_000);
afterAll(async () => await storage.close());

const find = async (serialNumber: string) =>
  await storage.unitOfWork.read(
    async ({ inventory }) => await inventory.find(tenant, issuerId, serialNumber),
  );

test('every certificate is as it was, to the byte, whatever its month', async () => {
  expect(await find('1b02')).toEqual({
    ...issued,
    issuanceState: 'issued',
    issuedAt: issued.requestedAt,
    certificate,
    tbsSha256: sha256(issued.tbsCertificate),
  });
  expect(await find('1b03')).toEqual(prepared);
  const old = await find('1b01');
  expect(old?.tbsCertificate).toEqual(oldest.tbsCertificate);
  expect(old).toMatchObject({
    issuanceState: 'abandoned',
    status: { status: 'revoked', notGoodSince: new Date('2019-02-04T00:00:00Z') },
  });
});

test('history, feed and counts go on where they were', async () => {
  await storage.unitOfWork.run(async ({ inventory }) => {
    expect(await inventory.history(tenant, issuerId, '1b01')).toHaveLength(1);
    expect(await inventory.latestChange(tenant, issuerId, 0)).toBe(41n);
    expect(
      await inventory.markIssued(
        tenant,
        issuerId,
        '1b03',
        certificateOver(prepared.tbsCertificate),
        new Date(),
      ),
    ).toBe(true);
    await inventory.changeStatus(tenant, issuerId, '1b03', onHold, change('hold'));
    expect(await inventory.latestChange(tenant, issuerId, 0)).toBe(42n);
    const next = preparedRecord();
    await inventory.insertPrepared(next);
    const { items } = await inventory.search({ tenant, now: new Date(), limit: 10 });
    expect(items.map((one) => one.serialNumber)).toEqual([
      next.serialNumber,
      '1b03',
      '1b02',
      '1b01',
    ]);
  });
});

test('each month that holds something has its partition, and the net below is empty', async () => {
  const owner = new Client({ connectionString: database.ownerUrl });
  await owner.connect();
  const { rows } = await owner.query<{ part: string }>(
    `SELECT tableoid::regclass::text AS part FROM chancery.certificate_contents ORDER BY certificate_id LIMIT 2`,
  );
  await owner.end();
  expect(rows.map(({ part }) => part)).toEqual([
    'chancery.certificate_contents_2019_02',
    'chancery.certificate_contents_2026_11',
  ]);
});
