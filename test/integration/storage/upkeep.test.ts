/** Partitions ahead of the clock, and an end to what grows for nothing. */
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  openStatusStorage,
  openStorage,
  type StatusStorage,
  type Storage,
} from '../../../src/storage/index.ts';
import {
  certificateOver,
  change,
  issuerId,
  onHold,
  preparedRecord,
  tenant,
} from '../../support/inventory-records.ts';
import { type TestDatabase, testDatabase } from '../../support/postgres.ts';
import { until } from '../../support/quickstart-run.ts';

const day = 86_400_000;
let database: TestDatabase;
let storage: Storage;
let responder: StatusStorage;
let superuser: Client;

beforeAll(async () => {
  database = await testDatabase('upkeep');
  storage = await openStorage({ url: database.applicationUrl });
  responder = await openStatusStorage({ url: database.responderUrl });
  superuser = new Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  // Triggers off: the test makes rows as old as time would.
  await superuser.query(`SET search_path TO chancery; SET session_replication_role = 'replica'`);
});
afterAll(async () => {
  await superuser.end();
  await responder.close();
  await storage.close();
});

const keep = async (at: Date) =>
  await storage.unitOfWork.run(async ({ maintenance }) => await maintenance.keepPartitions(at));

async function issued(requestedAt: Date): Promise<string> {
  const record = preparedRecord({ requestedAt });
  await storage.unitOfWork.run(async ({ inventory }) => {
    await inventory.insertPrepared(record);
    await inventory.markIssued(
      tenant,
      issuerId,
      record.serialNumber,
      certificateOver(record.tbsCertificate),
      requestedAt,
    );
  });
  return record.serialNumber;
}

async function partitionOf(serialNumber: string): Promise<string> {
  const { rows } = await superuser.query<{ part: string }>(
    `SELECT m.tableoid::regclass::text AS part FROM certificate_contents m
      JOIN certificates c ON c.id = m.certificate_id WHERE c.serial_number = $1`,
    [serialNumber],
  );
  return rows[0]?.part ?? 'none';
}

describe('partitions', () => {
  test('of this month and the three after it are there from the start', async () => {
    expect(await keep(new Date())).toEqual({ made: 0, moved: 0n });
    expect(await partitionOf(await issued(new Date()))).toMatch(/_\d{4}_\d\d$/);
  });

  test('follow the clock, however far ahead, a month at a time', async () => {
    expect(await keep(new Date('2061-11-30T23:59:59Z'))).toEqual({ made: 4, moved: 0n });
    expect(await keep(new Date('2061-12-01T00:00:00Z'))).toEqual({ made: 1, moved: 0n });
    expect(await partitionOf(await issued(new Date('2062-01-31T23:59:59.999Z')))).toBe(
      'certificate_contents_2062_01',
    );
  });

  test('what comes for a month without one is caught, found, and moved where it belongs', async () => {
    const at = new Date('2044-07-15T12:00:00Z');
    const serialNumber = await issued(at);
    expect(await partitionOf(serialNumber)).toBe('certificate_contents_default');
    const find = async () =>
      await storage.unitOfWork.read(
        async ({ inventory }) => await inventory.find(tenant, issuerId, serialNumber),
      );
    const before = await find();
    expect(before?.certificate).toBeDefined();
    expect(await keep(new Date())).toEqual({ made: 1, moved: 1n });
    expect(await partitionOf(serialNumber)).toBe('certificate_contents_2044_07');
    expect(await find()).toEqual(before);
    expect(await keep(new Date())).toEqual({ made: 0, moved: 0n });
    // The indexes of the searches came with the partition.
    const { rows } = await superuser.query<{ indexes: number }>(
      `SELECT count(*)::int AS indexes FROM pg_index
        WHERE indrelid IN ('certificate_contents_2044_07'::regclass, 'certificate_contents'::regclass)
        GROUP BY indrelid`,
    );
    expect(rows[0]?.indexes).toBeGreaterThanOrEqual(6);
    expect(rows[1]).toEqual(rows[0]);
  });

  test('of several months without one, each gets its own', async () => {
    const [first, second] = await Promise.all(
      ['2046-01-31T23:59:59Z', '2046-02-01T00:00:00Z'].map(async (at) => issued(new Date(at))),
    );
    expect(await keep(new Date())).toEqual({ made: 2, moved: 2n });
    expect(await partitionOf(first ?? '')).toBe('certificate_contents_2046_01');
    expect(await partitionOf(second ?? '')).toBe('certificate_contents_2046_02');
  });

  test('issuance goes on while a long reader keeps the move from its lock', async () => {
    const serialNumber = await issued(new Date('2045-01-01T00:00:00Z'));
    const reader = new Client({ connectionString: database.ownerUrl });
    await reader.connect();
    await reader.query('BEGIN');
    await reader.query('SELECT count(*) FROM chancery.certificate_contents');
    const moving = keep(new Date()).then(
      () => 'moved',
      () => 'given up',
    );
    expect(await partitionOf(await issued(new Date()))).toMatch(/_\d{4}_\d\d$/);
    expect(await moving).toBe('given up');
    await reader.query('ROLLBACK');
    await reader.end();
    expect(await keep(new Date())).toMatchObject({ moved: 1n });
    expect(await partitionOf(serialNumber)).toBe('certificate_contents_2045_01');
  });

  test('are made in the fixed form only: the application makes no tables of its own', async () => {
    const application = new Client({ connectionString: database.applicationUrl });
    await application.connect();
    for (const text of [
      `SELECT chancery.make_content_partition('2070-01-01')`,
      'DROP TABLE chancery.certificate_contents_2062_01',
      'TRUNCATE chancery.certificate_contents_2062_01',
      'SELECT * FROM chancery.certificate_contents_2062_01',
      'ALTER TABLE chancery.certificate_contents DETACH PARTITION chancery.certificate_contents_2062_01',
    ]) {
      await expect(application.query(text), text).rejects.toMatchObject({ code: '42501' });
    }
    await application.end();
    const other = new Client({ connectionString: database.responderUrl });
    await other.connect();
    await expect(
      other.query('SELECT chancery.keep_content_partitions(now())'),
    ).rejects.toMatchObject({ code: '42501' });
    await other.end();
  });
});

describe('the change feed', () => {
  let serialNumber: string;
  const hold = async () =>
    await storage.unitOfWork.run(async ({ inventory }) => {
      await inventory.changeStatus(tenant, issuerId, serialNumber, onHold, change('hold'));
    });
  const prune = async (before: Date, limit = 1000) =>
    await storage.unitOfWork.run(
      async ({ maintenance }) => await maintenance.pruneChanges(before, limit),
    );
  /** What is older than any transaction under way, of other tests on this server too, is forgotten. */
  const pruneAll = async (count: number) => {
    let forgotten = 0;
    await until('all old changes forgotten', async () => {
      forgotten += await prune(new Date(Date.now() - 30 * day));
      return forgotten >= count;
    });
    expect(forgotten).toBe(count);
  };
  const age = async (days: number) =>
    await superuser.query(`UPDATE changes SET at = now() - make_interval(days => $1)`, [days]);
  const rows = async () =>
    (await superuser.query<{ id: string }>('SELECT id FROM changes')).rows.length;

  beforeEach(async () => {
    await superuser.query(
      `DELETE FROM changes; DELETE FROM crls; UPDATE feed_pruning SET pruned_xid = '0'`,
    );
    serialNumber = await issued(new Date());
  });

  test('forgets what is old, and nothing younger than a day whatever it is told', async () => {
    await hold();
    expect(await prune(new Date(Date.now() + 900 * day))).toBe(0);
    await age(31);
    expect(await prune(new Date(Date.now() - 32 * day))).toBe(0);
    await pruneAll(1);
    expect(await rows()).toBe(0);
    const application = new Client({ connectionString: database.applicationUrl });
    await application.connect();
    serialNumber = await issued(new Date());
    await hold();
    await expect(application.query('DELETE FROM chancery.changes')).rejects.toMatchObject({
      code: '23000',
    });
    await application.end();
  });

  test('a reader that was away for longer starts anew and says so; another goes on', async () => {
    const away = (await responder.source.changesSince(undefined, 10)).cursor;
    const ours = (await storage.changeFeed.since(undefined, 10)).cursor;
    await hold();
    const up = await responder.source.changesSince(away, 10);
    expect(up.changes).toHaveLength(1);
    // Whoever read while others on this server were under way counts as behind them, to be safe.
    let { cursor } = up;
    const { rows: changed } = await superuser.query<{ xid: string }>(
      'SELECT xid::text FROM changes ORDER BY xid DESC LIMIT 1',
    );
    await until('a reading past all that was under way', async () => {
      ({ cursor } = await responder.source.changesSince(cursor, 10));
      return BigInt(/;(\d+):/.exec(cursor)?.[1] ?? 0) > BigInt(changed[0]?.xid ?? 0);
    });
    await age(31);
    await pruneAll(1);
    const late = await responder.source.changesSince(away, 10);
    expect(late).toMatchObject({ changes: [], restarted: true });
    expect(await storage.changeFeed.since(ours, 10)).toMatchObject({ restarted: true });
    expect((await responder.source.changesSince(cursor, 10)).restarted).not.toBe(true);
    // From its new place it misses nothing.
    serialNumber = await issued(new Date());
    await hold();
    const next = await responder.source.changesSince(late.cursor, 10);
    expect(next.changes.map((one) => one.serialNumber)).toEqual([serialNumber]);
    expect(next.restarted).not.toBe(true);
  });

  test('a reader in the middle of a page notices, too', async () => {
    const start = (await responder.source.changesSince(undefined, 10)).cursor;
    await hold();
    serialNumber = await issued(new Date());
    await hold();
    const page = await responder.source.changesSince(start, 1);
    expect(page.changes).toHaveLength(1);
    await age(31);
    await pruneAll(2);
    expect(await responder.source.changesSince(page.cursor, 1)).toMatchObject({ restarted: true });
  });

  test('keeps what a base CRL that is still in use was built without', async () => {
    const { rows: snapshots } = await superuser.query<{ snapshot: string }>(
      'SELECT pg_current_snapshot()::text AS snapshot',
    );
    await superuser.query(
      `INSERT INTO crls (tenant, issuer_id, shard, crl_number, this_update, next_update, covers_change,
          snapshot, snapshot_epoch)
        VALUES ('default', $1, 0, 1, now(), now() + interval '1 day', 0, $2, 'x')`,
      [issuerId, snapshots[0]?.snapshot],
    );
    await hold();
    await age(31);
    expect(await prune(new Date(Date.now() - 30 * day))).toBe(0);
    await superuser.query(`UPDATE crls SET this_update = now() - interval '50 days',
      next_update = now() - interval '40 days'`);
    await pruneAll(1);
  });
});

test('idempotency keys end after their time, the oldest first', async () => {
  const begin = async (key: string, startedAt: Date) =>
    await storage.unitOfWork.run(
      async ({ idempotency }) =>
        await idempotency.begin(
          { tenant, principalId: 'p', key, bodyHash: '00', startedAt },
          new Date(0),
        ),
    );
  await begin('old', new Date(Date.now() - 3 * day));
  await begin('older', new Date(Date.now() - 4 * day));
  await begin('young', new Date());
  const forgotten = await storage.unitOfWork.run(
    async ({ maintenance }) =>
      await maintenance.pruneIdempotencyKeys(new Date(Date.now() - 2 * day), 1),
  );
  expect(forgotten).toBe(1);
  const { rows } = await superuser.query('SELECT key FROM idempotency ORDER BY key');
  expect(rows).toEqual([{ key: 'old' }, { key: 'young' }]);
});
