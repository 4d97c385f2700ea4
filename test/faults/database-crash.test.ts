import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type EmbeddedPostgres,
  postgresRoles,
  startEmbeddedPostgres,
} from '../../scripts/supervisor/embedded-postgres.ts';
import { isChanceryError } from '../../src/domain/index.ts';
import { migrate, openStatusStorage, openStorage, type Storage } from '../../src/storage/index.ts';
import {
  auditRecordOf,
  certificateOver,
  change,
  issuerId,
  issuerRecord,
  onHold,
  preparedRecord,
  tenant,
} from '../support/inventory-records.ts';

const dataFolder = mkdtempSync(join(tmpdir(), 'crash-'));
let server: EmbeddedPostgres;
let storage: Storage;

beforeAll(async () => {
  server = await startEmbeddedPostgres({ dataFolder });
  await migrate({
    ownerUrl: server.ownerUrl(),
    roles: { app: postgresRoles.application, ocsp: postgresRoles.responder },
  });
  storage = await openStorage({ url: server.url('application'), poolSize: 8 });
  await storage.unitOfWork.run(async ({ issuers }) => await issuers.insert(issuerRecord()));
});
afterAll(async () => {
  await storage.close();
  await server.stop();
  rmSync(dataFolder, { recursive: true });
});

/** The server's processes that outlive a killed postmaster hold its shared memory for a moment. */
async function startAgain(): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      server = await startEmbeddedPostgres({ dataFolder });
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(100);
    }
  }
}

function codeOf(error: unknown): string {
  return isChanceryError(error) ? error.code : String(error);
}

/** Issues one after the other until told to stop; the outcome of each by its serial number. */
async function issueUntil(stopped: () => boolean): Promise<ReadonlyMap<string, string>> {
  const outcomes = new Map<string, string>();
  while (!stopped()) {
    const record = preparedRecord();
    try {
      await storage.unitOfWork.run(async ({ inventory, audit }) => {
        await inventory.insertPrepared(record);
        await audit.append(auditRecordOf('certificate.issue', record.serialNumber));
      });
      outcomes.set(record.serialNumber, 'done');
    } catch (error) {
      outcomes.set(record.serialNumber, codeOf(error));
      await delay(5);
    }
  }
  return outcomes;
}

describe('T-DB-1: the server is killed under load', () => {
  test('what was done is there with its audit record, what was refused is not, and service returns by itself', async () => {
    let stopped = false;
    const loads = Array.from({ length: 8 }, async () => await issueUntil(() => stopped));
    for (let round = 0; round < 3; round += 1) {
      await delay(150 + Math.random() * 200);
      await server.kill();
      await delay(100);
      await startAgain();
      await expect
        .poll(async () => await storage.ready().then(() => 'ready', codeOf), { timeout: 30_000 })
        .toBe('ready');
    }
    await delay(100);
    stopped = true;
    const outcomes = new Map((await Promise.all(loads)).flatMap((one) => [...one]));
    expect(new Set(outcomes.values())).toEqual(
      new Set([
        ...['done', 'databaseUnavailable'],
        ...[...outcomes.values()].filter((one) => one === 'outcomeUnknown'),
      ]),
    );
    const inventory = new Set<string>();
    for await (const chunk of storage.verification.certificates()) {
      for (const record of chunk) inventory.add(record.serialNumber);
    }
    const audited = new Set<string>();
    for await (const chunk of storage.verification.auditRecords()) {
      for (const record of chunk) audited.add(record.object);
    }
    expect(audited).toEqual(inventory);
    for (const [serialNumber, outcome] of outcomes) {
      if (outcome === 'done') expect(inventory).toContain(serialNumber);
      if (outcome === 'databaseUnavailable') expect(inventory).not.toContain(serialNumber);
    }
    expect([...outcomes.values()].filter((one) => one === 'done').length).toBeGreaterThan(50);
  }, 90_000);
});

describe('crash recovery', () => {
  test('a reader of the feed that lived through it loses nothing', async () => {
    const responder = await openStatusStorage({ url: server.url('responder') });
    const start = await responder.source.changesSince(undefined, 10);
    const record = preparedRecord();
    await storage.unitOfWork.run(async ({ inventory }) => {
      await inventory.insertPrepared(record);
      await inventory.markIssued(
        tenant,
        issuerId,
        record.serialNumber,
        certificateOver(record.tbsCertificate),
        new Date(),
      );
    });
    // One killed backend makes the server start all of them anew, without a new postmaster.
    const victim = new Client({ connectionString: server.superuserUrl('chancery') });
    victim.on('error', () => undefined);
    await victim.connect();
    const { rows } = await victim.query<{ pid: number; reset: Date | null }>(
      'SELECT pg_backend_pid() AS pid, stats_reset AS reset FROM pg_stat_bgwriter',
    );
    process.kill(hostPid(rows[0]?.pid ?? 0), 'SIGKILL');
    await expect
      .poll(async () => await responder.ready().then(() => 'ready', codeOf), { timeout: 30_000 })
      .toBe('ready');
    await expect
      .poll(
        async () =>
          await storage.unitOfWork
            .run(
              async ({ inventory }) =>
                await inventory.changeStatus(
                  tenant,
                  issuerId,
                  record.serialNumber,
                  onHold,
                  change('hold'),
                ),
            )
            .then(
              () => 'done',
              // The answer to a commit can be lost with the server: then the hold is there already.
              (error: unknown) => (codeOf(error) === 'illegalTransition' ? 'done' : codeOf(error)),
            ),
        { timeout: 30_000 },
      )
      .toBe('done');
    const after = new Client({ connectionString: server.superuserUrl('chancery') });
    await after.connect();
    const reset = await after.query<{ reset: Date | null }>(
      'SELECT stats_reset AS reset FROM pg_stat_bgwriter',
    );
    await after.end();
    // What the reader takes for the sign of a crash.
    expect(reset.rows[0]?.reset).not.toEqual(rows[0]?.reset);
    const next = await responder.source.changesSince(start.cursor, 100);
    expect(next.changes.map((one) => one.serialNumber)).toContain(record.serialNumber);
    expect((await responder.source.changesSince(next.cursor, 100)).changes).toEqual([]);
    await responder.close();
  }, 60_000);
});

/** A user namespace shares the host's process numbers; a process namespace would not. */
function hostPid(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  expect(status).toContain('postgres');
  expect(readdirSync(`/proc/${pid}`)).toContain('status');
  return pid;
}

describe('a server that is stopped and started in order', () => {
  test('is met with clear errors meanwhile and served again without a restart', async () => {
    await server.stop();
    await expect(storage.ready()).rejects.toMatchObject({
      code: 'databaseUnavailable',
      retryAfter: 5,
    });
    await expect(
      storage.unitOfWork.run(
        async ({ inventory }) => await inventory.insertPrepared(preparedRecord()),
      ),
    ).rejects.toMatchObject({ code: 'databaseUnavailable' });
    await expect(storage.leases.acquire('x', 'y', 1)).rejects.toMatchObject({
      code: 'databaseUnavailable',
    });
    await startAgain();
    await expect
      .poll(async () => await storage.ready().then(() => 'ready', codeOf), { timeout: 30_000 })
      .toBe('ready');
    await storage.unitOfWork.run(
      async ({ inventory }) => await inventory.insertPrepared(preparedRecord()),
    );
  }, 60_000);
});
