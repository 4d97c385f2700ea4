import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StatusSource } from '../../../ocsp/ports.ts';
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
  issuerRecord,
  onHold,
  preparedRecord,
  revoked,
  tenant,
} from '../../support/inventory-records.ts';
import { testDatabase } from '../../support/postgres.ts';

let storage: Storage;
let responder: StatusStorage;
let ownerUrl: string;
let superuserUrl: string;

beforeAll(async () => {
  const database = await testDatabase('feed');
  ({ ownerUrl, superuserUrl } = database);
  storage = await openStorage({ url: database.applicationUrl, poolSize: 12 });
  responder = await openStatusStorage({ url: database.responderUrl });
  await storage.unitOfWork.run(async ({ issuers }) => await issuers.insert(issuerRecord()));
});
afterAll(async () => {
  await storage.close();
  await responder.close();
});

async function issued(): Promise<string> {
  const record = preparedRecord();
  await storage.unitOfWork.run(async ({ inventory }) => {
    await inventory.insertPrepared(record);
    const certificate = certificateOver(record.tbsCertificate);
    await inventory.markIssued(tenant, issuerId, record.serialNumber, certificate, new Date());
  });
  return record.serialNumber;
}

/** A transaction that has made its change and waits for the word to commit or roll back. */
async function openChange(serialNumber: string) {
  let finish: (commit: boolean) => void = () => undefined;
  let entered: () => void = () => undefined;
  const inside = new Promise<void>((resolve) => {
    entered = resolve;
  });
  const decision = new Promise<boolean>((resolve) => {
    finish = resolve;
  });
  const done = storage.unitOfWork
    .run(async ({ inventory }) => {
      // Issuers are counted apart, so that the open ones don't wait for each other.
      await inventory.changeStatus(tenant, issuerId, serialNumber, revoked, change('revoke'));
      entered();
      if (!(await decision)) throw new Error('rolled back');
    })
    .catch(() => undefined);
  await Promise.race([inside, done]);
  return async (commit: boolean) => {
    finish(commit);
    await done;
  };
}

/** Appends a change by itself: raw, so that many can be open at once. */
async function rawChange(client: Client, serialNumber: string): Promise<void> {
  await client.query(
    'INSERT INTO chancery.changes (certificate_id) SELECT id FROM chancery.certificates WHERE serial_number = $1',
    [serialNumber],
  );
}

async function follow(source: StatusSource, from: string, limit: number) {
  const seen: string[] = [];
  let cursor = from;
  for (;;) {
    const page = await source.changesSince(cursor, limit);
    expect(page.changes.length).toBeLessThanOrEqual(limit);
    seen.push(...page.changes.map((one) => one.serialNumber));
    cursor = page.cursor;
    if (page.changes.length < limit) return { seen, cursor };
  }
}

async function end(): Promise<string> {
  return (await responder.source.changesSince(undefined, 1)).cursor;
}

describe('a reader', () => {
  test('starts at the present end and is told of each change once, with the status of now', async () => {
    const before = await issued();
    await storage.unitOfWork.run(
      async ({ inventory }) =>
        await inventory.changeStatus(tenant, issuerId, before, onHold, change('hold')),
    );
    const start = await responder.source.changesSince(undefined, 10);
    expect(start.changes).toEqual([]);
    const serialNumber = await issued();
    await storage.unitOfWork.run(
      async ({ inventory }) =>
        await inventory.changeStatus(tenant, issuerId, serialNumber, onHold, change('hold')),
    );
    const next = await responder.source.changesSince(start.cursor, 10);
    expect(next.changes).toEqual([
      {
        issuerId,
        serialNumber,
        issuanceState: 'issued',
        status: 'onHold',
        reasonCode: 'certificateHold',
        notGoodSince: onHold.notGoodSince,
        notAfter: preparedRecord().notAfter,
        changedAt: expect.any(Date),
      },
    ]);
    expect((await responder.source.changesSince(next.cursor, 10)).changes).toEqual([]);
    expect((await storage.changeFeed.since(start.cursor, 10)).changes).toEqual([
      { tenant, issuerId, serialNumber },
    ]);
  });

  test('sees a transaction that began first and committed last', async () => {
    const [early, late] = [await issued(), await issued()];
    const cursor = await end();
    const finish = await openChange(early);
    const second = new Client({ connectionString: ownerUrl });
    await second.connect();
    await rawChange(second, late);
    await second.end();
    // The one that is open holds nobody up.
    const first = await follow(responder.source, cursor, 10);
    expect(first.seen).toEqual([late]);
    await finish(true);
    const then = await follow(responder.source, first.cursor, 10);
    expect(then.seen).toEqual([early]);
  });

  test('a cursor that was made up is refused', async () => {
    for (const cursor of ['', '0', '1;2', "0;1:1:'; DROP TABLE audit"]) {
      await expect(responder.source.changesSince(cursor, 10)).rejects.toMatchObject({
        code: 'invalidArgument',
      });
    }
  });

  test('after statistics were reset, as crash recovery does, nothing is lost', async () => {
    const serialNumber = await issued();
    const cursor = await end();
    const superuser = new Client({ connectionString: superuserUrl });
    await superuser.connect();
    await superuser.query("SELECT pg_stat_reset_shared('bgwriter')");
    await superuser.end();
    const finish = await openChange(serialNumber);
    await finish(true);
    const first = await follow(responder.source, cursor, 100);
    expect(first.seen).toContain(serialNumber);
    expect((await follow(responder.source, first.cursor, 100)).seen).toEqual([]);
  });

  test('property: whatever the order of beginnings, commits and reads, nothing is lost and nothing repeated', async () => {
    const numbers = await Promise.all(Array.from({ length: 6 }, issued));
    const clients = await Promise.all(
      numbers.map(async () => {
        const client = new Client({ connectionString: ownerUrl });
        await client.connect();
        return client;
      }),
    );
    const step = fc.oneof(
      fc.record({ act: fc.constant('change' as const), who: fc.nat(5) }),
      fc.record({ act: fc.constant('commit' as const), who: fc.nat(5) }),
      fc.record({ act: fc.constant('rollback' as const), who: fc.nat(5) }),
      fc.record({ act: fc.constant('read' as const), limit: fc.integer({ min: 1, max: 4 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 40 }), async (steps) => {
        let cursor = await end();
        const open = new Map<number, string[]>();
        const committed: string[] = [];
        const seen: string[] = [];
        const finish = async (who: number, act: 'COMMIT' | 'ROLLBACK'): Promise<void> => {
          const made = open.get(who);
          if (made === undefined) return;
          await clients[who]?.query(act);
          if (act === 'COMMIT') committed.push(...made);
          open.delete(who);
        };
        for (const one of steps) {
          if (one.act === 'read') {
            const page = await responder.source.changesSince(cursor, one.limit);
            cursor = page.cursor;
            seen.push(...page.changes.map((entry) => entry.serialNumber));
            if (page.changes.length < one.limit)
              expect([...seen].sort()).toEqual([...committed].sort());
          } else if (one.act === 'change') {
            const client = clients[one.who];
            const serialNumber = numbers[one.who];
            if (client === undefined || serialNumber === undefined) continue;
            if (!open.has(one.who)) {
              await client.query('BEGIN');
              open.set(one.who, []);
            }
            await rawChange(client, serialNumber);
            open.get(one.who)?.push(serialNumber);
          } else {
            await finish(one.who, one.act === 'commit' ? 'COMMIT' : 'ROLLBACK');
          }
        }
        for (const who of [...open.keys()]) await finish(who, 'COMMIT');
        seen.push(...(await follow(responder.source, cursor, 3)).seen);
        expect([...seen].sort()).toEqual([...committed].sort());
      }),
      { numRuns: 40 },
    );
    await Promise.all(clients.map(async (client) => await client.end()));
  });
});

describe('latestChange', () => {
  test('grows with each change, and whoever reads a number has read all changes up to it', async () => {
    const latest = async () =>
      await storage.unitOfWork.read(
        async ({ inventory }) => await inventory.latestChange(tenant, issuerId, 0),
      );
    const before = await latest();
    const numbers = await Promise.all(Array.from({ length: 5 }, issued));
    expect(await latest()).toBe(before);
    await Promise.all(
      numbers.map(
        async (serialNumber) =>
          await storage.unitOfWork.run(
            async ({ inventory }) =>
              await inventory.changeStatus(tenant, issuerId, serialNumber, onHold, change('hold')),
          ),
      ),
    );
    expect(await latest()).toBe(before + 5n);
    expect(
      await storage.unitOfWork.read(
        async ({ inventory }) => await inventory.latestChange(tenant, 'none', 0),
      ),
    ).toBe(0n);
  });
});

describe('lookup', () => {
  test('answers several at once; what does not exist is missing, what is prepared says so', async () => {
    const good = await issued();
    const prepared = preparedRecord();
    await storage.unitOfWork.run(async ({ inventory }) => await inventory.insertPrepared(prepared));
    const found = await responder.source.lookup(issuerId, [good, 'ffff', prepared.serialNumber]);
    expect(
      new Map(found.map((one) => [one.serialNumber, [one.issuanceState, one.status]])),
    ).toEqual(
      new Map([
        [good, ['issued', 'good']],
        [prepared.serialNumber, ['prepared', 'good']],
      ]),
    );
    expect(await responder.source.lookup('b2'.repeat(20), [good])).toEqual([]);
  });

  test('issuers come with certificate, chain, hashes and answer policy; pending ones do not', async () => {
    const { certificate, ...pending } = issuerRecord({
      issuerId: 'f6'.repeat(20),
      name: 'pending',
      state: 'pending',
    });
    await storage.unitOfWork.run(async ({ issuers }) => await issuers.insert(pending));
    const { name, chain, nameHashes, keyHashes, statusPolicy } = issuerRecord();
    expect(await responder.source.issuers()).toEqual([
      { issuerId, name, certificate, chain, nameHashes, keyHashes, policy: statusPolicy.ocsp },
    ]);
  });
});
