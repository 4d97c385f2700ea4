import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuthorizationRecord } from '../../../src/acme/ports.ts';
import type { Storage } from '../../../src/storage/index.ts';
import {
  at,
  authorizationRecord,
  directory,
  dns,
  later,
  orderRecord,
  problem,
} from '../../support/acme-records.ts';
import { drawSerialNumber, tenant } from '../../support/inventory-records.ts';
import { AcmeNodes, authorised, recordValid } from './acme-nodes.ts';

let nodes: AcmeNodes;

beforeAll(async () => {
  nodes = await AcmeNodes.open('acme_authorizations');
});
afterAll(async () => await nodes.close());

describe('challenges', () => {
  test('each failed attempt is kept, oldest first; the last one ends the order (§8.2, A30)', async () => {
    const authorization = authorizationRecord();
    const order = await nodes.place([authorization]);
    const { authorizationId } = authorization;
    const answer = async (type: 'dns-01' | 'http-01'): Promise<boolean> =>
      await nodes.one.acme.readOne(
        async ({ acme }) =>
          await acme.beginValidation(tenant, authorizationId, type, at, later(30)),
      );
    expect(await answer('dns-01')).toBe(true);
    expect(await answer('dns-01')).toBe(false);
    expect(await answer('http-01')).toBe(false);
    await nodes.one.acme.readOne(async ({ acme }) => {
      await acme.recordAttempt(tenant, authorizationId, problem('one'), later(2), later(30));
      expect(await acme.findAuthorization(tenant, directory, authorizationId)).toEqual({
        ...authorization,
        challengeStatus: 'processing',
        attempted: 'dns-01',
        attempts: 1,
        errors: [problem('one')],
        nextAttemptAt: later(2),
      });
    });
    const fail = async (): Promise<boolean> =>
      await nodes.one.acme.run(
        async ({ acme }) =>
          await acme.recordInvalid(tenant, authorizationId, problem('two'), problem('order')),
      );
    expect(await fail()).toBe(true);
    expect(await fail()).toBe(false);
    await nodes.one.acme.readOne(async ({ acme }) => {
      expect(await acme.findAuthorization(tenant, directory, authorizationId)).toEqual({
        ...authorization,
        status: 'invalid',
        challengeStatus: 'invalid',
        attempted: 'dns-01',
        attempts: 2,
        errors: [problem('one'), problem('two')],
      });
    });
    expect(await nodes.orderNow(order)).toEqual({
      ...order,
      status: 'invalid',
      error: problem('order'),
    });
  });

  test('one that was not offered, or whose authorization expired, is not begun', async () => {
    const wildcard = authorizationRecord({ wildcard: true, offered: ['dns-01'] });
    await nodes.one.acme.readOne(async ({ acme }) => {
      await acme.insertAuthorization(wildcard);
      const answer = async (type: 'dns-01' | 'http-01', now: Date): Promise<boolean> =>
        await acme.beginValidation(tenant, wildcard.authorizationId, type, now, later(30));
      expect(await answer('http-01', at)).toBe(false);
      expect(await answer('dns-01', wildcard.expiresAt)).toBe(false);
      expect(await answer('dns-01', at)).toBe(true);
    });
  });

  test('of a dead node’s challenges each is taken over by one node', async () => {
    const authorizations = Array.from({ length: 20 }, () => authorizationRecord());
    await nodes.one.acme.run(async ({ acme }) => {
      for (const one of authorizations) {
        await acme.insertAuthorization(one);
        await acme.beginValidation(tenant, one.authorizationId, 'http-01', at, later(20));
      }
    });
    const claim = async (through: Storage, now: Date, limit: number): Promise<readonly string[]> =>
      await through.acme.readOne(async ({ acme }) =>
        (await acme.claimValidations(tenant, now, later(300), limit)).map(
          (one) => one.authorizationId,
        ),
      );
    expect(await claim(nodes.one, later(19), 50)).toEqual([]);
    const claimed = (
      await Promise.all([
        claim(nodes.one, later(25), 8),
        claim(nodes.two, later(25), 8),
        claim(nodes.one, later(25), 8),
        claim(nodes.two, later(25), 8),
      ])
    ).flat();
    const rest = await claim(nodes.two, later(25), 50);
    expect([...claimed, ...rest].toSorted()).toEqual(
      authorizations.map((one) => one.authorizationId).toSorted(),
    );
  });

  test('what is settled is settled within a transaction', async () => {
    await expect(
      nodes.one.acme.readOne(async ({ acme }) => await acme.recordValid(tenant, 'x', at, later(1))),
    ).rejects.toThrow('transaction');
  });

  test('valid authorizations are found by account, name and wildcard, while they last (I40, I33)', async () => {
    const accountId = 'reusing';
    const plain = authorised({ accountId, expiresAt: later(100) });
    const longer = authorised({ accountId, expiresAt: later(200) });
    const wildcard = authorised({ accountId, wildcard: true, expiresAt: later(300) });
    const pending = authorizationRecord({ accountId, identifier: dns('b.example') });
    await nodes.one.acme.run(async ({ acme }) => {
      for (const one of [plain, longer, wildcard, pending]) await acme.insertAuthorization(one);
    });
    const found = async (
      identifiers: readonly (readonly [string, boolean])[],
      until: Date,
      account = accountId,
    ): Promise<readonly AuthorizationRecord[]> =>
      await nodes.one.acme.readOne(
        async ({ acme }) =>
          await acme.findValidAuthorizations(
            tenant,
            directory,
            account,
            identifiers.map(([name, isWildcard]) => ({
              identifier: dns(name),
              wildcard: isWildcard,
            })),
            until,
          ),
      );
    expect(await found([['a.example', false]], later(50))).toEqual([longer]);
    expect(await found([['a.example', true]], later(50))).toEqual([wildcard]);
    expect(await found([['a.example', false]], later(200))).toEqual([]);
    expect(await found([['b.example', false]], later(50))).toEqual([]);
    expect(await found([['x.a.example', false]], later(50))).toEqual([]);
    expect(await found([['a.example', false]], later(50), 'another')).toEqual([]);
  });
});

describe('at the same time on two nodes', () => {
  test('the last two authorizations of an order make it ready', async () => {
    const authorizations = [authorizationRecord(), authorizationRecord()] as const;
    const order = await nodes.place(authorizations);
    await nodes.answer(...authorizations);
    expect(
      await nodes.overlap(
        recordValid(authorizations[0]),
        async () => await nodes.two.acme.run(recordValid(authorizations[1])),
      ),
    ).toBe(true);
    expect(await nodes.orderNow(order)).toMatchObject({ status: 'ready' });
  });

  test('many authorizations of many orders, in any order, without a deadlock', async () => {
    const authorizations = Array.from({ length: 12 }, () => authorizationRecord());
    const first = await nodes.place(authorizations);
    const second = await nodes.place(authorizations.toReversed(), {}, []);
    await nodes.answer(...authorizations);
    await Promise.all(
      authorizations.map(async (one, index) =>
        (index % 2 ? nodes.one : nodes.two).acme.run(recordValid(one)),
      ),
    );
    expect(await nodes.orderNow(first)).toMatchObject({ status: 'ready' });
    expect(await nodes.orderNow(second)).toMatchObject({ status: 'ready' });
  });

  test('an order over an authorization that is being validated is ready', async () => {
    const [one, two] = [authorizationRecord(), authorizationRecord()];
    await nodes.place([one]);
    await nodes.place([two]);
    await nodes.answer(one, two);
    // The validation first: the order waits for it.
    const late = orderRecord([one]);
    expect(
      await nodes.overlap(recordValid(one), async () => await nodes.insert(late, [], nodes.two)),
    ).toBe(true);
    expect(await nodes.orderNow(late)).toMatchObject({ status: 'ready' });
    // The order first: the validation waits for it.
    const early = orderRecord([two]);
    expect(
      await nodes.overlap(
        async ({ acme }) => await acme.insertOrder(early, []),
        async () => await nodes.two.acme.run(recordValid(two)),
      ),
    ).toBe(true);
    expect(await nodes.orderNow(early)).toMatchObject({ status: 'ready' });
  });

  test('an order that is begun while its authorization is deactivated is not begun', async () => {
    const authorization = authorised();
    const order = await nodes.place([authorization]);
    expect(
      await nodes.overlap(
        async ({ acme }) =>
          await acme.deactivateAuthorization(tenant, authorization.authorizationId, problem('x')),
        async () => await nodes.begin(order, drawSerialNumber()),
      ),
    ).toBe(false);
  });

  test('one order replaces a certificate, until it is invalid (RFC 9773 §5, A36)', async () => {
    const replaces = 'aki.one';
    const orders = Array.from({ length: 8 }, () => {
      const authorization = authorizationRecord();
      return { authorization, order: orderRecord([authorization], { replaces }) };
    });
    const placed = await Promise.all(
      orders.map(async ({ authorization, order }, index) =>
        nodes.insert(order, [authorization], index % 2 ? nodes.one : nodes.two),
      ),
    );
    expect(placed.filter(Boolean)).toHaveLength(1);
    const winner = orders[placed.indexOf(true)];
    const loser = orders[placed.indexOf(false)];
    if (winner === undefined || loser === undefined) throw new Error('one of each is there');
    // Nothing of an order that was not placed stays.
    await nodes.one.acme.readOne(async ({ acme }) => {
      const { authorizationId } = loser.authorization;
      expect(await acme.findAuthorization(tenant, directory, authorizationId)).toBeUndefined();
      expect(await acme.failOrder(tenant, winner.order.orderId, problem('failed'))).toBe(true);
    });
    expect(await nodes.insert(loser.order, [loser.authorization])).toBe(true);
    // Another tenant's orders are no obstacle, nor is one that expired.
    const elsewhere = authorizationRecord({ tenant: 'other' });
    expect(
      await nodes.insert(orderRecord([elsewhere], { tenant: 'other', replaces }), [elsewhere]),
    ).toBe(true);
    const next = authorizationRecord();
    const createdAt = loser.order.expiresAt;
    expect(await nodes.insert(orderRecord([next], { replaces }), [next])).toBe(false);
    expect(await nodes.insert(orderRecord([next], { replaces, createdAt }), [next])).toBe(true);
    expect(await nodes.orderNow(loser.order)).toMatchObject({ status: 'invalid' });
  });
});
