import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
  tenant,
} from '../../support/inventory-records.ts';
import { testDatabase } from '../../support/postgres.ts';
import { until } from '../../support/quickstart-run.ts';

let storage: Storage;
let responder: StatusStorage;
let superuserUrl: string;
let heard = 0;
let endHearing: (() => Promise<void>) | undefined;

beforeAll(async () => {
  const database = await testDatabase('notice');
  ({ superuserUrl } = database);
  storage = await openStorage({ url: database.applicationUrl });
  responder = await openStatusStorage({ url: database.responderUrl });
  await storage.unitOfWork.run(async ({ issuers }) => await issuers.insert(issuerRecord()));
  endHearing = responder.source.hear?.(() => {
    heard += 1;
  });
  // It calls back when it begins to listen.
  await until('the listener', () => heard > 0);
});
afterAll(async () => {
  await endHearing?.();
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

async function hold(serialNumber: string): Promise<void> {
  await storage.unitOfWork.run(
    async ({ inventory }) =>
      await inventory.changeStatus(tenant, issuerId, serialNumber, onHold, change('hold')),
  );
}

/** Until notices of earlier changes have come: the longest way of one is a few of its 20 ms. */
async function silence(): Promise<void> {
  let last = heard;
  let since = performance.now();
  await until('silence', () => {
    if (heard !== last) {
      last = heard;
      since = performance.now();
    }
    return performance.now() - since > 300;
  });
}

test('a change of status is heard after its commit, once it is there to be read', async () => {
  const serialNumber = await issued();
  const { cursor } = await responder.source.changesSince(undefined, 10);
  const before = heard;
  await hold(serialNumber);
  await until('a notice', () => heard > before);
  const { changes, readAt, position } = await responder.source.changesSince(cursor, 10);
  expect(changes.map((one) => one.serialNumber)).toEqual([serialNumber]);
  expect(readAt?.getTime()).toBeGreaterThanOrEqual(changes[0]?.changedAt?.getTime() ?? Infinity);
  expect(position).toBeGreaterThan(0n);
});

test('many changes together are few notices', async () => {
  const serialNumbers = await Promise.all(Array.from({ length: 40 }, issued));
  const before = heard;
  await Promise.all(serialNumbers.map(hold));
  await until('a notice', () => heard > before);
  expect(heard - before).toBeLessThan(30);
});

test('what was rolled back is not announced, and a listener that was cut off listens again', async () => {
  const kept = await issued();
  await silence();
  const before = heard;
  await expect(
    storage.unitOfWork.run(async ({ inventory }) => {
      await inventory.changeStatus(tenant, issuerId, kept, onHold, change('hold'));
      throw new Error('never mind');
    }),
  ).rejects.toThrow('never mind');
  await silence();
  expect(heard).toBe(before);
  const superuser = new Client({ connectionString: superuserUrl });
  await superuser.connect();
  await superuser.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chancery-ocsp-listen' AND datname = current_database()",
  );
  await superuser.end();
  // The moment at which it listens again counts as a notice: what came meanwhile is read.
  await until('the listener to be back', () => heard > before);
  const again = heard;
  await hold(await issued());
  await until('a notice', () => heard > again);
});
