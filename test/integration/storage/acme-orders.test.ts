import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuthorizationRecord, OrderRecord } from '../../../src/acme/ports.ts';
import { openStorage, type Storage } from '../../../src/storage/index.ts';
import {
  at,
  authorizationRecord,
  directory,
  dns,
  later,
  orderRecord,
  problem,
} from '../../support/acme-records.ts';
import {
  certificateOver,
  change,
  drawSerialNumber,
  issuerId,
  preparedRecord,
  revoked,
  tenant,
} from '../../support/inventory-records.ts';
import { testDatabase } from '../../support/postgres.ts';

let storage: Storage;
let other: Storage;

beforeAll(async () => {
  const database = await testDatabase('acme_orders');
  storage = await openStorage({ url: database.applicationUrl });
  other = await openStorage({ url: database.applicationUrl });
});
afterAll(async () => {
  await storage.close();
  await other.close();
});

const csr = Uint8Array.of(0x30, 0x01, 0x00);

async function place(
  authorizations: readonly AuthorizationRecord[],
  changes: Partial<OrderRecord> = {},
  created: readonly AuthorizationRecord[] = authorizations,
): Promise<OrderRecord> {
  const order = orderRecord(authorizations, changes);
  expect(
    await storage.acme.readOne(async ({ acme }) => await acme.insertOrder(order, created)),
  ).toBe(true);
  return order;
}

async function orderNow({ orderId }: OrderRecord): Promise<OrderRecord | undefined> {
  return await storage.acme.readOne(
    async ({ acme }) => await acme.findOrder(tenant, directory, orderId),
  );
}

async function validate(
  { authorizationId }: AuthorizationRecord,
  through: Storage = storage,
): Promise<boolean> {
  await through.acme.readOne(
    async ({ acme }) =>
      await acme.beginValidation(tenant, authorizationId, 'dns-01', at, later(60)),
  );
  return await through.acme.run(
    async ({ acme }) => await acme.recordValid(tenant, authorizationId, later(1), later(86_400)),
  );
}

async function begin(order: OrderRecord, serialNumber: string, attempts = 0, now = later(2)) {
  return await storage.acme.run(
    async ({ acme }) =>
      await acme.beginProcessing(
        { tenant, orderId: order.orderId, attempts },
        { csr, now, issuerId, serialNumber },
      ),
  );
}

test('an order comes back as it was written, and so do its authorizations', async () => {
  const authorizations = [
    authorizationRecord(),
    authorizationRecord({ wildcard: true, offered: ['dns-01'] }),
    authorizationRecord({ identifier: { type: 'ip', value: '10.0.0.1' } }),
  ];
  const order = await place(authorizations, { notAfter: later(99), replaces: 'aki.serial' });
  expect(await orderNow(order)).toEqual(order);
  await storage.acme.read(async ({ acme }) => {
    const ids = order.authorizations.toReversed();
    expect(await acme.listAuthorizations(tenant, ids)).toEqual(authorizations.toReversed());
    expect(await acme.listAuthorizations('other', ids)).toEqual([]);
    const [first] = authorizations;
    const id = first?.authorizationId ?? '';
    expect(await acme.findAuthorization(tenant, directory, id)).toEqual(first);
    expect(await acme.findAuthorization(tenant, 'eab', id)).toBeUndefined();
    expect(await acme.findOrder(tenant, 'eab', order.orderId)).toBeUndefined();
    expect(await acme.findOrder('other', directory, order.orderId)).toBeUndefined();
  });
});

test('pending, ready, processing, valid: an order in one line', async () => {
  const authorization = authorizationRecord({ identifier: dns('line.example') });
  const order = await place([authorization]);
  const serialNumber = drawSerialNumber();
  expect(await begin(order, serialNumber)).toBe(false);
  expect(await validate(authorization)).toBe(true);
  expect(await validate(authorization)).toBe(false);
  expect(await orderNow(order)).toEqual({ ...order, status: 'ready' });
  expect(await begin(order, serialNumber)).toBe(true);
  expect(await orderNow(order)).toEqual({
    ...order,
    status: 'processing',
    attempts: 1,
    csr,
    issuerId,
    serialNumber,
    processingSince: later(2),
  });
  const complete = async (serial: string): Promise<boolean> =>
    await storage.acme.run(
      async ({ acme }) => await acme.completeOrder(tenant, order.orderId, issuerId, serial),
    );
  expect(await complete('ff')).toBe(false);
  expect(await complete(serialNumber)).toBe(true);
  const valid = { ...order, status: 'valid', attempts: 1, csr, issuerId, serialNumber };
  expect(await orderNow(order)).toEqual(valid);
  await storage.acme.readOne(async ({ acme }) => {
    expect(await acme.findOrderOfCertificate(tenant, issuerId, serialNumber)).toEqual(valid);
    expect(await acme.failOrder(tenant, order.orderId, problem('late'))).toBe(false);
  });
});
