import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Transaction } from '../../src/authority/ports.ts';
import { openStorage, type Storage } from '../../src/storage/index.ts';
import {
  auditRecordOf,
  certificateOver,
  issuerId,
  preparedRecord,
  tenant,
} from '../support/inventory-records.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let storage: Storage;
let owner: Client;
let superuser: Client;

beforeAll(async () => {
  database = await testDatabase('faults');
  storage = await openStorage({ url: database.applicationUrl, statementTimeout: 2_000 });
  owner = new Client({ connectionString: database.ownerUrl });
  superuser = new Client({ connectionString: database.superuserUrl });
  await owner.connect();
  await superuser.connect();
  // Faults by trigger: the object `raise SQLSTATE n` fails the first n times with that SQLSTATE.
  await owner.query(`
    CREATE SEQUENCE public.raised;
    CREATE FUNCTION public.raise_fault() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
      IF nextval('public.raised') <= split_part(NEW.object, ' ', 3)::bigint THEN
        RAISE EXCEPTION 'injected' USING ERRCODE = split_part(NEW.object, ' ', 2);
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER raise_fault BEFORE INSERT ON chancery.audit FOR EACH ROW
      WHEN (NEW.object LIKE 'raise %') EXECUTE FUNCTION public.raise_fault()`);
});
afterAll(async () => {
  await storage.close();
  await owner.end();
  await superuser.end();
});

async function works(one: Storage = storage): Promise<void> {
  const record = preparedRecord();
  await one.unitOfWork.run(async ({ inventory }) => await inventory.insertPrepared(record));
  expect(
    await one.unitOfWork.read(
      async ({ inventory }) => await inventory.find(tenant, issuerId, record.serialNumber),
    ),
  ).toEqual(record);
}

async function issued(): Promise<string> {
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
  return record.serialNumber;
}

describe('T-DB-3: errors in the middle of a unit of work', () => {
  async function failing(
    sqlstate: string,
    times: number,
  ): Promise<{ runs: number; serialNumber: string; error: unknown }> {
    await owner.query("SELECT setval('public.raised', 1, false)");
    const record = preparedRecord();
    let runs = 0;
    let error: unknown;
    try {
      await storage.unitOfWork.run(async ({ inventory, audit }) => {
        runs += 1;
        await inventory.insertPrepared(record);
        await audit.append(auditRecordOf('certificate.issue', `raise ${sqlstate} ${times}`));
        await inventory.find(tenant, issuerId, record.serialNumber);
      });
    } catch (caught) {
      error = caught;
    }
    return { runs, serialNumber: record.serialNumber, error };
  }
  const count = async (serialNumber: string): Promise<number> =>
    await storage.unitOfWork.read(
      async ({ inventory }) => (await inventory.findBySerialNumber(tenant, serialNumber)).length,
    );

  test.each(['40001', '40P01'])(
    '%s: the whole unit of work runs again and is done once',
    async (sqlstate) => {
      const { runs, serialNumber, error } = await failing(sqlstate, 3);
      expect(error).toBeUndefined();
      expect(runs).toBe(4);
      expect(await count(serialNumber)).toBe(1);
    },
  );

  test.each(['40001', '40P01'])(
    '%s for ever: tried a bounded number of times, then unavailable',
    async (sqlstate) => {
      const { runs, serialNumber, error } = await failing(sqlstate, 1000);
      expect(error).toMatchObject({ code: 'databaseUnavailable' });
      expect(runs).toBe(6);
      expect(await count(serialNumber)).toBe(0);
    },
  );

  test.each(['53100', '53200', '53300', '57014', '57P01', '57P03', '08006', '58030', '25006'])(
    '%s: not tried again, nothing is left of it, the next one works',
    async (sqlstate) => {
      const { runs, serialNumber, error } = await failing(sqlstate, 1000);
      expect(error).toMatchObject({
        code: expect.stringMatching(/^(databaseUnavailable|outcomeUnknown)$/),
      });
      expect(runs).toBe(1);
      expect(await count(serialNumber)).toBe(0);
      await works();
    },
  );

  test('a deadlock of two is resolved by running one again', async () => {
    const numbers = [await issued(), await issued()];
    let runs = 0;
    let started = 0;
    let release: () => void = () => undefined;
    const bothHaveTheirFirst = new Promise<void>((resolve) => {
      release = resolve;
    });
    const lock = async ([one = '', other = '']: readonly string[]) =>
      await storage.unitOfWork.run(async ({ inventory, audit }) => {
        runs += 1;
        await inventory.findForUpdate(tenant, issuerId, one);
        started += 1;
        if (started === 2) release();
        await bothHaveTheirFirst;
        await inventory.findForUpdate(tenant, issuerId, other);
        await audit.append(auditRecordOf('certificate.hold', `deadlock ${one}`));
      });
    await Promise.all([lock(numbers), lock([...numbers].reverse())]);
    expect(runs).toBe(3);
    for (const serialNumber of numbers) {
      const object = `deadlock ${serialNumber}`;
      const audited = await storage.unitOfWork.read(
        async ({ audit }) => await audit.list({ tenant, object, limit: 10 }),
      );
      expect(audited).toHaveLength(1);
    }
  });

  test('a statement that takes too long is broken off by the server', async () => {
    const serialNumber = await issued();
    await superuser.query('BEGIN');
    await superuser.query('SELECT FROM chancery.certificates WHERE serial_number = $1 FOR UPDATE', [
      serialNumber,
    ]);
    await expect(
      storage.unitOfWork.run(
        async ({ inventory }) => await inventory.findForUpdate(tenant, issuerId, serialNumber),
      ),
    ).rejects.toMatchObject({ code: 'databaseUnavailable', retryAfter: 5 });
    await superuser.query('ROLLBACK');
    await works();
  });

  test('a server that takes no more connections', async () => {
    const role = database.roles.application;
    await superuser.query(`ALTER ROLE ${role} CONNECTION LIMIT 0`);
    await expect(openStorage({ url: database.applicationUrl })).rejects.toMatchObject({
      code: 'databaseUnavailable',
    });
    await superuser.query(`ALTER ROLE ${role} CONNECTION LIMIT -1`);
  });

  test('a server that is read only (a standby)', async () => {
    const role = database.roles.application;
    await superuser.query(`ALTER ROLE ${role} SET default_transaction_read_only = on`);
    const reading = await openStorage({ url: database.applicationUrl });
    await expect(works(reading)).rejects.toMatchObject({ code: 'databaseUnavailable' });
    await reading.close();
    await superuser.query(`ALTER ROLE ${role} RESET default_transaction_read_only`);
  });

  test('no server at all', async () => {
    for (const url of ['postgresql://u:p@127.0.0.1:1/x', 'postgresql://u:p@/x?host=/nonexistent']) {
      await expect(openStorage({ url })).rejects.toMatchObject({ code: 'databaseUnavailable' });
    }
  });

  test('a wrong password says so, and does not show it', async () => {
    const url = database.applicationUrl.replace(':test@', ':wrong-secret@');
    const refusal = await openStorage({ url }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'configuration' });
    expect(String(refusal)).not.toContain('wrong-secret');
  });

  test('an application that hides a failed statement commits nothing', async () => {
    const record = preparedRecord();
    await expect(
      storage.unitOfWork.run(async ({ inventory, installation }) => {
        await inventory.insertPrepared(record);
        await installation
          .insert({ id: 'x', serialPrefix: '8000', generation: 1n })
          .catch(() => undefined);
      }),
    ).rejects.toThrow();
    expect(await count(record.serialNumber)).toBe(0);
  });
});

// Incident I17: one connection killed at a bad moment, and every later request failed.
describe('I17: a connection that is killed', () => {
  test.each([
    ['before the first statement', async () => undefined],
    [
      'after a write',
      async ({ inventory }: Transaction) => await inventory.insertPrepared(preparedRecord()),
    ],
  ])('%s does not poison the pool', async (_, begin) => {
    const name = `killed-${Math.random()}`;
    const single = await openStorage({
      url: database.applicationUrl,
      poolSize: 1,
      applicationName: name,
    });
    for (let round = 0; round < 3; round += 1) {
      const record = preparedRecord();
      await expect(
        single.unitOfWork.run(async (transaction) => {
          await begin(transaction);
          await superuser.query(
            'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1',
            [name],
          );
          await transaction.inventory.insertPrepared(record);
        }),
      ).rejects.toMatchObject({ code: 'databaseUnavailable' });
      await works(single);
      expect(
        await single.unitOfWork.read(
          async ({ inventory }) => await inventory.find(tenant, issuerId, record.serialNumber),
        ),
      ).toBeUndefined();
    }
    expect(single.metrics()).toMatchObject({ connections: 1, waiting: 0 });
    await single.close();
  });

  test('while idle is replaced', async () => {
    const name = `idle-${Math.random()}`;
    const messages: string[] = [];
    const single = await openStorage({
      url: database.applicationUrl,
      poolSize: 1,
      applicationName: name,
      log: (message) => messages.push(message),
    });
    await superuser.query(
      'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1',
      [name],
    );
    await expect.poll(() => single.metrics().connections).toBe(0);
    await works(single);
    expect(messages.join()).toContain('connection lost');
    await single.close();
  });
});

describe('T-DB-1: the connection is lost during the commit', () => {
  /** Between client and server: cuts the connection at the client's COMMIT, before or after passing it on. */
  function cutter(
    target: string,
    socketFile: string,
  ): { server: Server; cut: (when: 'before' | 'after' | undefined) => void } {
    let when: 'before' | 'after' | undefined;
    const server = createServer((client) => {
      const upstream = connect(target);
      const drop = (...sockets: readonly Socket[]) => sockets.forEach((socket) => socket.destroy());
      client.on('data', (data) => {
        if (when === undefined || !data.includes('COMMIT')) {
          upstream.write(data);
        } else if (when === 'before') {
          drop(client, upstream);
        } else {
          // The answer is awaited and thrown away: the commit is done, and nobody hears of it.
          upstream.removeAllListeners('data');
          upstream.once('data', () => drop(client, upstream));
          upstream.write(data);
        }
      });
      upstream.on('data', (data) => client.write(data));
      client.on('error', () => undefined).on('close', () => upstream.destroy());
      upstream.on('error', () => undefined).on('close', () => client.destroy());
    });
    server.listen(socketFile);
    return { server, cut: (at) => (when = at) };
  }

  test.each([
    ['before', 0],
    ['after', 1],
  ] as const)(
    '%s it reached the server: the outcome is unknown; looking tells (%i row)',
    async (moment, rows) => {
      const folder = mkdtempSync(join(tmpdir(), 'cut-'));
      const host =
        new URL(database.applicationUrl.replace('@/', '@x/')).searchParams.get('host') ?? '';
      const { server, cut } = cutter(join(host, '.s.PGSQL.5432'), join(folder, '.s.PGSQL.5432'));
      const through = await openStorage({
        url: database.applicationUrl.replace(encodeURIComponent(host), encodeURIComponent(folder)),
        poolSize: 2,
      });
      const record = preparedRecord();
      let runs = 0;
      cut(moment);
      await expect(
        through.unitOfWork.run(async ({ inventory }) => {
          runs += 1;
          await inventory.insertPrepared(record);
        }),
      ).rejects.toMatchObject({ code: 'outcomeUnknown', retryAfter: 5 });
      expect(runs).toBe(1);
      cut(undefined);
      const found = await through.unitOfWork.read(
        async ({ inventory }) => await inventory.findBySerialNumber(tenant, record.serialNumber),
      );
      expect(found).toHaveLength(rows);
      await works(through);
      await through.close();
      server.close();
      rmSync(folder, { recursive: true });
    },
  );
});

test('a commit waits for the disk, whatever the role or the URL says', async () => {
  const role = database.roles.application;
  await superuser.query(`ALTER ROLE ${role} SET synchronous_commit = off`);
  for (const url of [
    database.applicationUrl,
    `${database.applicationUrl}&options=-c%20synchronous_commit%3Doff`,
  ]) {
    const opened = await openStorage({ url });
    await works(opened);
    await opened.close();
  }
  await superuser.query(`ALTER ROLE ${role} RESET synchronous_commit`);
});
