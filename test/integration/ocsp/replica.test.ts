/** A real standby that streams from a real primary, stopped, slowed down and cut off. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ReplicaLookup } from '../../../ocsp/replica-lookup.ts';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../scripts/supervisor/embedded-postgres.ts';
import { installationGuard } from '../../../src/authority/installation.ts';
import type { Installation } from '../../../src/authority/ports.ts';
import {
  filePublisher,
  migrate,
  openReplica,
  openStatusStorage,
  openStorage,
  type ReplicaStorage,
  type StatusStorage,
  type Storage,
} from '../../../src/storage/index.ts';
import {
  certificateOver,
  change,
  issuerId,
  issuerRecord,
  onHold,
  preparedRecord,
  tenant,
} from '../../support/inventory-records.ts';
import { until } from '../../support/quickstart-run.ts';
import { startStandby } from '../../support/standby.ts';

const folder = mkdtempSync(join(tmpdir(), 'chancery-replica-'));
let primary: EmbeddedPostgres;
let standby: EmbeddedPostgres;
let storage: Storage;
let responder: StatusStorage;
let replica: ReplicaStorage;
let source: ReplicaLookup;
let cursor: string | undefined;

beforeAll(async () => {
  primary = await startEmbeddedPostgres({ dataFolder: join(folder, 'primary') });
  const roles = { app: 'chancery_app', ocsp: 'chancery_ocsp' };
  await migrate({ ownerUrl: primary.ownerUrl(), roles });
  appendFileSync(
    join(folder, 'primary', 'cluster', 'pg_hba.conf'),
    'local replication all scram-sha-256\n',
  );
  await sql(primary, 'SELECT pg_reload_conf()');
  standby = await startStandby(primary, join(folder, 'primary'), join(folder, 'standby'));
  storage = await openStorage({ url: primary.url('application') });
  responder = await openStatusStorage({ url: primary.url('responder') });
  replica = openReplica({ url: standby.url('responder') });
  source = new ReplicaLookup({
    primary: responder.source,
    replica: replica.source,
    clock: { now: () => new Date() },
    deadline: 2000,
    log: () => undefined,
  });
  await storage.unitOfWork.run(async ({ issuers }) => await issuers.insert(issuerRecord()));
}, 60_000);
afterAll(async () => {
  await storage.close();
  await responder.close();
  await replica.close();
  await standby.stop();
  await primary.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

async function sql(server: EmbeddedPostgres, text: string): Promise<unknown> {
  const client = new Client({ connectionString: server.superuserUrl() });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(text);
  await client.end();
  return Object.values(rows[0] ?? {})[0];
}

async function issued(): Promise<string> {
  const record = preparedRecord();
  await storage.unitOfWork.run(async ({ inventory }) => {
    await inventory.insertPrepared(record);
    const certificate = certificateOver(record.tbsCertificate);
    await inventory.markIssued(tenant, issuerId, record.serialNumber, certificate, new Date());
  });
  return record.serialNumber;
}

async function hold(serialNumber: string): Promise<void> {
  await storage.unitOfWork.run(
    async ({ inventory }) =>
      await inventory.changeStatus(tenant, issuerId, serialNumber, onHold, change('hold')),
  );
}

async function follow(): Promise<void> {
  ({ cursor } = await source.changesSince(cursor, 100));
}

/** The status, and whether the replica gave it. */
async function look(serialNumber: string): Promise<readonly unknown[]> {
  const [record] = await source.lookup(issuerId, [serialNumber]);
  return [record?.status, record?.asOf !== undefined];
}

async function caughtUp(): Promise<void> {
  const wanted = BigInt(String(await sql(primary, "SELECT pg_current_wal_lsn() - '0/0'")));
  await until('the standby to catch up', async () => {
    const at = await sql(standby, "SELECT pg_last_wal_replay_lsn() - '0/0'");
    return BigInt(String(at)) >= wanted;
  });
}

test('statuses come from the standby once it has what the feed told, and never before', async () => {
  const serialNumber = await issued();
  await follow();
  await caughtUp();
  expect(await look(serialNumber)).toEqual(['good', true]);

  await sql(standby, 'SELECT pg_wal_replay_pause()');
  await until('the replay to stop', async () => {
    return (await sql(standby, 'SELECT pg_get_wal_replay_pause_state()')) === 'paused';
  });
  await hold(serialNumber);
  await follow();
  expect(await look(serialNumber)).toEqual(['onHold', false]);
  // Issued while it stands still: not on the replica, and not unknown.
  const younger = await issued();
  expect(await look(younger)).toEqual(['good', false]);

  await sql(standby, 'SELECT pg_wal_replay_resume()');
  await caughtUp();
  expect(await look(serialNumber)).toEqual(['onHold', true]);
  expect(await look(younger)).toEqual(['good', true]);
});

test('a standby that is away costs nothing but the primary’s time, and is used again when it is back', async () => {
  const serialNumber = await issued();
  await follow();
  await caughtUp();
  await standby.stop();
  expect(await look(serialNumber)).toEqual(['good', false]);
  await hold(serialNumber);
  await follow();
  expect(await look(serialNumber)).toEqual(['onHold', false]);
  standby = await startEmbeddedPostgres({ dataFolder: join(folder, 'standby') });
  await caughtUp();
  await until('the standby to be asked again', async () => (await look(serialNumber))[1] === true);
  expect(await look(serialNumber)).toEqual(['onHold', true]);
});

test('T-DB-2: a standby that was promoted behind its primary: the responder believes it no more, the CA issues nothing from it', async () => {
  const serialNumber = await issued();
  await follow();
  let kept: Installation | undefined = { id: 'test', serialPrefix: '1b2c', generation: 0n };
  const first = kept;
  await storage.unitOfWork.run(async ({ installation }) => await installation.insert(first));
  await caughtUp();
  const guardOver = ({ unitOfWork }: Storage) =>
    installationGuard({
      ...{ unitOfWork, tenant, log: () => undefined },
      installationFile: {
        read: async () => Promise.resolve(kept),
        write: async (installation) => {
          kept = installation;
          return Promise.resolve();
        },
      },
      publisher: filePublisher(join(folder, 'published')),
      random: { bytes: async (length) => Promise.resolve(new Uint8Array(length)) },
      clock: { now: () => new Date() },
    });
  // Cut off: what the primary commits from now on never reaches it.
  await sql(standby, `ALTER SYSTEM SET primary_conninfo = ''`);
  await sql(standby, 'SELECT pg_reload_conf()');
  await until('the stream to end', async () => {
    return (await sql(standby, 'SELECT count(*)::int FROM pg_stat_wal_receiver')) === 0;
  });
  const guard = guardOver(storage);
  await guard.check();
  expect(await guard.serialPrefix()).toBe('1b2c');

  const elsewhere = await openStorage({ url: standby.url('application') });
  // Still a standby: what writes there is told that the database is not available (25006).
  await expect(
    elsewhere.unitOfWork.run(async ({ installation }) => await installation.update(first)),
  ).rejects.toMatchObject({ code: 'databaseUnavailable' });
  await sql(standby, 'SELECT pg_promote()');
  await hold(serialNumber);
  expect(await look(serialNumber)).toEqual(['onHold', false]);

  const after = guardOver(elsewhere);
  await after.check();
  expect(after.halted()).toMatch(/^the database went back/);
  await expect(after.serialPrefix()).rejects.toMatchObject({ code: 'issuanceHalted' });
  await elsewhere.close();
});
