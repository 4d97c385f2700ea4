import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuthorizationRecord, OrderRecord } from '../../../src/acme/ports.ts';
import {
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
import { AcmeNodes, authorised, csr, recordValid } from './acme-nodes.ts';

let nodes: AcmeNodes;

beforeAll(async () => {
  nodes = await AcmeNodes.open('acme_orders');
});
afterAll(async () => await nodes.close());

test('an order comes back as it was written, and so do its authorizations', async () => {
  const authorizations = [
    authorizationRecord(),
    authorizationRecord({ wildcard: true, offered: ['dns-01'] }),
    authorizationRecord({ identifier: { type: 'ip', value: '10.0.0.1' } }),
  ];
  const order = await nodes.place(authorizations, { notAfter: later(99), replaces: 'aki.serial' });
  expect(await nodes.orderNow(order)).toEqual(order);
  await nodes.one.acme.read(async ({ acme }) => {
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
  const order = await nodes.place([authorization]);
  const serialNumber = drawSerialNumber();
  expect(await nodes.begin(order, serialNumber)).toBe(false);
  await nodes.answer(authorization);
  expect(await nodes.one.acme.run(recordValid(authorization))).toBe(true);
  expect(await nodes.one.acme.run(recordValid(authorization))).toBe(false);
  expect(await nodes.orderNow(order)).toEqual({ ...order, status: 'ready' });
  expect(await nodes.begin(order, serialNumber)).toBe(true);
  expect(await nodes.orderNow(order)).toEqual({
    ...order,
    status: 'processing',
    attempts: 1,
    csr,
    issuerId,
    serialNumber,
    processingSince: later(2),
  });
  const complete = async (serial: string): Promise<boolean> =>
    await nodes.one.acme.run(
      async ({ acme }) => await acme.completeOrder(tenant, order.orderId, issuerId, serial),
    );
  expect(await complete('ff')).toBe(false);
  expect(await complete(serialNumber)).toBe(true);
  const valid = { ...order, status: 'valid', attempts: 1, csr, issuerId, serialNumber };
  expect(await nodes.orderNow(order)).toEqual(valid);
  await nodes.one.acme.readOne(async ({ acme }) => {
    expect(await acme.findOrderOfCertificate(tenant, issuerId, serialNumber)).toEqual(valid);
    expect(await acme.failOrder(tenant, order.orderId, problem('late'))).toBe(false);
  });
});

describe('a certificate is asked for only with every authorization (§7.4, A27, I18)', () => {
  const names = ['one.example', 'two.example', 'three.example'];

  test.each([0, 1, 2])('name %i of three deactivated, expired or another’s', async (place_) => {
    const spoilt: ((good: AuthorizationRecord) => Promise<AuthorizationRecord>)[] = [
      async (good) => await Promise.resolve({ ...good, expiresAt: later(2) }),
      async (good) => await Promise.resolve({ ...good, identifier: dns('else.example') }),
      async (good) => await Promise.resolve({ ...good, wildcard: true }),
      async (good) => await Promise.resolve({ ...good, accountId: 'another' }),
      async (good) => await Promise.resolve({ ...good, directory: 'eab' }),
    ];
    for (const spoil of spoilt) {
      const good = names.map((name) => authorised({ identifier: dns(name) }));
      const order = orderRecord(good);
      const created = await Promise.all(
        good.map(async (one, index) => (index === place_ ? await spoil(one) : one)),
      );
      expect(await nodes.insert(order, created)).toBe(true);
      expect(await nodes.begin(order, drawSerialNumber())).toBe(false);
      expect(await nodes.orderNow(order)).toEqual(order);
    }
    const good = names.map((name) => authorised({ identifier: dns(name) }));
    const order = await nodes.place(good);
    expect(await nodes.begin(order, drawSerialNumber())).toBe(true);
  });

  test('an order that expired is not begun, and one that is begun twice is begun once', async () => {
    const order = await nodes.place([authorised()], { expiresAt: later(5) });
    expect(await nodes.begin(order, drawSerialNumber(), 0, later(5))).toBe(false);
    const both = await Promise.all([
      nodes.begin(order, drawSerialNumber()),
      nodes.begin(order, drawSerialNumber()),
    ]);
    expect(both.toSorted()).toEqual([false, true]);
  });

  test('a deactivated authorization takes its pending and ready orders with it', async () => {
    const authorization = authorised({ accountId: 'deactivating' });
    const ready = await nodes.place([authorization]);
    const second = authorizationRecord({ accountId: 'deactivating', identifier: dns('b.example') });
    const pending = await nodes.place([authorization, second], {}, [second]);
    const begun = await nodes.place([authorization], {}, []);
    expect(await nodes.begin(begun, drawSerialNumber())).toBe(true);
    const deactivate = async (): Promise<boolean> =>
      await nodes.one.acme.run(
        async ({ acme }) =>
          await acme.deactivateAuthorization(
            tenant,
            authorization.authorizationId,
            problem('deactivated'),
          ),
      );
    expect(await deactivate()).toBe(true);
    expect(await deactivate()).toBe(false);
    for (const order of [ready, pending]) {
      expect(await nodes.orderNow(order)).toMatchObject({
        status: 'invalid',
        error: problem('deactivated'),
      });
    }
    expect(await nodes.orderNow(begun)).toMatchObject({ status: 'processing' });
    // An order over it is not placed any more.
    await expect(
      nodes.insert(orderRecord([authorization], { status: 'ready' }), []),
    ).rejects.toMatchObject({ code: 'illegalTransition' });
  });
});

test('an order whose certificate was abandoned is found, and tried again with another number', async () => {
  const order = await nodes.place([authorised()]);
  const first = preparedRecord();
  await nodes.one.acme.run(async ({ acme, inventory }) => {
    await inventory.insertPrepared(first);
    await acme.beginProcessing(
      { tenant, orderId: order.orderId, attempts: 0 },
      { csr, now: later(2), issuerId, serialNumber: first.serialNumber },
    );
  });
  const interrupted = async (before: Date): Promise<readonly string[]> =>
    await nodes.one.acme.readOne(async ({ acme }) =>
      (await acme.listInterruptedOrders(tenant, before, 10)).map((one) => one.orderId),
    );
  expect(await interrupted(later(10))).toEqual([]);
  await nodes.one.unitOfWork.run(
    async ({ inventory }) =>
      await inventory.markAbandoned(
        tenant,
        issuerId,
        first.serialNumber,
        revoked,
        change('revoke'),
      ),
  );
  expect(await interrupted(later(2))).toEqual([]);
  expect(await interrupted(later(10))).toEqual([order.orderId]);
  const second = preparedRecord();
  // Whoever tries on an old view does not try; the CSR stays what it was.
  expect(await nodes.begin(order, second.serialNumber, 0, later(20))).toBe(false);
  expect(await nodes.begin(order, second.serialNumber, 1, later(20))).toBe(true);
  expect(await interrupted(later(30))).toEqual([]);
  await nodes.one.acme.run(async ({ acme, inventory }) => {
    await inventory.insertPrepared(second);
    const certificate = certificateOver(second.tbsCertificate);
    await inventory.markIssued(tenant, issuerId, second.serialNumber, certificate, later(21));
    const complete = async (serialNumber: string): Promise<boolean> =>
      await acme.completeOrder(tenant, order.orderId, issuerId, serialNumber);
    expect(await complete(first.serialNumber)).toBe(false);
    expect(await complete(second.serialNumber)).toBe(true);
  });
  expect(await nodes.orderNow(order)).toMatchObject({ status: 'valid', attempts: 2 });
});

test('an account’s orders are listed newest first, in pages, without invalid ones (§7.1.2.1)', async () => {
  const accountId = 'listing';
  const orders: OrderRecord[] = [];
  for (let index = 0; index < 5; index += 1)
    orders.push(await nodes.place([authorised({ accountId })]));
  await nodes.one.acme.readOne(async ({ acme }) => {
    await acme.failOrder(tenant, orders[2]?.orderId ?? '', problem('x'));
    const wanted = orders
      .filter((_, index) => index !== 2)
      .map((one) => one.orderId)
      .toReversed();
    const first = await acme.listOrders(tenant, directory, accountId, undefined, 3);
    expect(first.items).toEqual(wanted.slice(0, 3));
    const second = await acme.listOrders(tenant, directory, accountId, first.next ?? '', 3);
    expect(second).toEqual({ items: wanted.slice(3), next: null });
    expect((await acme.listOrders(tenant, 'eab', accountId, undefined, 3)).items).toEqual([]);
    await expect(
      acme.listOrders(tenant, directory, accountId, "x' OR 1=1", 3),
    ).rejects.toMatchObject({ code: 'invalidArgument' });
  });
});
