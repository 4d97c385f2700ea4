import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RateLimitRequest, RenewalIncident } from '../../../src/acme/ports.ts';
import { openStorage, type Storage } from '../../../src/storage/index.ts';
import {
  accountRecord,
  at,
  authorizationRecord,
  directory,
  later,
  orderRecord,
  problem,
} from '../../support/acme-records.ts';
import {
  certificateOver,
  drawSerialNumber,
  issuerId,
  preparedRecord,
  tenant,
} from '../../support/inventory-records.ts';
import { AcmeNodes, authorised, csr, recordValid } from './acme-nodes.ts';

let nodes: AcmeNodes;

beforeAll(async () => {
  nodes = await AcmeNodes.open('acme_limits');
});
afterAll(async () => await nodes.close());

/** Three at once, then one a second. */
function request(key: string, changes: Partial<RateLimitRequest> = {}): RateLimitRequest {
  return { limit: 'newOrderPerAccount', key, intervalMilliseconds: 1000, burst: 3, ...changes };
}

async function take(
  requests: readonly RateLimitRequest[],
  now: Date,
  through: Storage = nodes.one,
  ofTenant = tenant,
) {
  return await through.acme.readOne(
    async ({ acme }) => await acme.takeRateLimits(ofTenant, requests, now),
  );
}

describe('rate limits (§6.6, A10)', () => {
  test('a burst at once, then one an interval; who waits is told until when', async () => {
    const one = [request('gcra')];
    for (let index = 0; index < 3; index += 1) expect(await take(one, at)).toBeUndefined();
    const limited = { limit: 'newOrderPerAccount', key: 'gcra', retryAt: later(1) };
    expect(await take(one, at)).toEqual(limited);
    expect(await take(one, later(0.999))).toEqual(limited);
    expect(await take(one, later(1))).toBeUndefined();
    expect(await take(one, later(1))).toEqual({ ...limited, retryAt: later(2) });
    // Whoever stays away has the burst again, and never more than it.
    for (let index = 0; index < 3; index += 1) expect(await take(one, later(99))).toBeUndefined();
    expect(await take(one, later(99))).toEqual({ ...limited, retryAt: later(100) });
    expect(await take(one, at, nodes.one, 'other')).toBeUndefined();
    expect(await take([], at)).toBeUndefined();
  });

  test('the time to come again is never too early, even where an interval is no whole millisecond', async () => {
    const third = [request('third', { intervalMilliseconds: 1000 / 3, burst: 1 })];
    expect(await take(third, at)).toBeUndefined();
    const limited = await take(third, at);
    expect(limited?.retryAt).toEqual(later(0.334));
    expect(await take(third, limited?.retryAt ?? at)).toBeUndefined();
  });

  test('a look judges alike and takes nothing', async () => {
    const one = [request('peek', { burst: 1 }), request('peek too')];
    const peek = async (now: Date) =>
      await nodes.two.acme.readOne(async ({ acme }) => await acme.peekRateLimits(tenant, one, now));
    expect(await peek(at)).toBeUndefined();
    expect(await peek(at)).toBeUndefined();
    expect(await take(one, at)).toBeUndefined();
    const limited = await peek(at);
    expect(limited).toEqual({ limit: 'newOrderPerAccount', key: 'peek', retryAt: later(1) });
    expect(await take(one, at)).toEqual(limited);
    expect(await peek(later(1))).toBeUndefined();
    await nodes.one.acme.run(async ({ acme }) => {
      await acme.putRateLimitOverride({
        ...{ tenant, limit: 'newOrderPerAccount', key: 'peek too', notAfter: later(60) },
        ...{ intervalMilliseconds: 1000, burst: 0, createdAt: at, createdBy: 'test' },
      });
    });
    expect((await peek(later(2)))?.key).toBe('peek too');
    await nodes.one.acme.run(
      async ({ acme }) =>
        await acme.removeRateLimitOverride(tenant, 'newOrderPerAccount', 'peek too'),
    );
  });

  test('taken from all limits or from none; the longest wait is told', async () => {
    const empty = request('empty', { burst: 1 });
    const slow = request('slow', { burst: 1, intervalMilliseconds: 60_000 });
    const free = request('free', { burst: 1 });
    expect(await take([empty, slow], at)).toBeUndefined();
    expect(await take([free, empty, slow], at)).toMatchObject({ key: 'slow', retryAt: later(60) });
    expect(await take([free, empty], at)).toMatchObject({ key: 'empty', retryAt: later(1) });
    expect(await take([free], at)).toBeUndefined();
  });

  test('no more than the burst over two nodes, and a restart forgets nothing', async () => {
    const one = [request('nodes', { burst: 7 }), request('nodes', { limit: 'x', burst: 100 })];
    const results = await Promise.all(
      Array.from({ length: 30 }, async (_, index) =>
        take(index % 3 ? one : one.toReversed(), at, index % 2 ? nodes.one : nodes.two),
      ),
    );
    expect(results.filter((result) => result === undefined)).toHaveLength(7);
    const restarted = await openStorage({ url: nodes.database.applicationUrl });
    expect(await take(one, at, restarted)).toMatchObject({ limit: 'newOrderPerAccount' });
    // The other limit lost seven, not thirty.
    const rest = Array.from({ length: 100 }, async () => take(one.slice(1), at, restarted));
    expect((await Promise.all(rest)).filter((result) => result === undefined)).toHaveLength(93);
    await restarted.close();
  });

  test('an override counts until it expires, and a later one takes its place', async () => {
    const one = [request('special', { burst: 1 })];
    const override = {
      tenant,
      limit: 'newOrderPerAccount',
      key: 'special',
      intervalMilliseconds: 500,
      burst: 2,
      notAfter: later(10),
      comment: 'migration',
      createdAt: at,
      createdBy: 'admin',
    };
    await nodes.one.acme.run(async ({ acme }) => {
      await acme.putRateLimitOverride({ ...override, burst: 50 });
      await acme.putRateLimitOverride(override);
      expect(await acme.listRateLimitOverrides(tenant, later(9))).toEqual([override]);
      expect(await acme.listRateLimitOverrides(tenant, later(10))).toEqual([]);
      expect(await acme.listRateLimitOverrides('other', at)).toEqual([]);
    });
    expect(await take(one, at)).toBeUndefined();
    expect(await take(one, at)).toBeUndefined();
    expect(await take(one, at)).toMatchObject({ retryAt: later(0.5) });
    expect(await take(one, later(10))).toBeUndefined();
    expect(await take(one, later(10))).toMatchObject({ retryAt: later(11) });
    await nodes.one.acme.run(async ({ acme }) => {
      const remove = async (): Promise<boolean> =>
        await acme.removeRateLimitOverride(tenant, override.limit, override.key);
      expect(await remove()).toBe(true);
      expect(await remove()).toBe(false);
    });
  });
});

test('renewal incidents are listed while they are open, newest first (RFC 9773 §4.1)', async () => {
  const incident: RenewalIncident = {
    tenant,
    incidentId: 'one',
    issuedBefore: at,
    startsAt: at,
    endsAt: later(3600),
    createdAt: at,
    createdBy: 'admin',
  };
  const second = {
    ...incident,
    incidentId: 'two',
    issuerId,
    profile: 'tls-server',
    explanationUrl: 'https://pki.example.org/incident',
  };
  await nodes.one.acme.run(async ({ acme }) => {
    await acme.insertIncident(incident);
    await acme.insertIncident(second);
    expect(await acme.listIncidents(tenant)).toEqual([second, incident]);
    expect(await acme.listIncidents('other')).toEqual([]);
    expect(await acme.closeIncident(tenant, 'two', later(1))).toBe(true);
    expect(await acme.closeIncident(tenant, 'two', later(2))).toBe(false);
    expect(await acme.listIncidents(tenant)).toEqual([incident]);
  });
});

const day = 86_400;

test('what nobody asks for any more is deleted, and nothing else', async () => {
  const week = 7 * day;
  const pending = authorizationRecord({ accountId: 'pruned' });
  const dead = await nodes.place([pending]);
  const shared = authorised({ accountId: 'pruned' });
  const processing = await nodes.place([shared]);
  const valid = await nodes.place([shared], {}, []);
  const failed = await nodes.place([shared], {}, []);
  const alone = authorised({ accountId: 'pruned' });
  // A certificate of a year.
  const certificate = preparedRecord({ notAfter: later(365 * day) });
  const { serialNumber } = certificate;
  expect(await nodes.begin(processing, drawSerialNumber())).toBe(true);
  await nodes.one.acme.run(async ({ acme, inventory }) => {
    await acme.insertAuthorization(alone);
    await acme.failOrder(tenant, failed.orderId, problem('x'));
    const { orderId } = valid;
    const next = { csr, now: later(2), issuerId, serialNumber };
    await inventory.insertPrepared(certificate);
    await acme.beginProcessing({ tenant, orderId, attempts: 0 }, next);
    const bytes = certificateOver(certificate.tbsCertificate);
    await inventory.markIssued(tenant, issuerId, serialNumber, bytes, later(3));
    await acme.completeOrder(tenant, orderId, issuerId, serialNumber);
  });
  const spent = { value: 'spent', notAfter: later(900) };
  const admit = async (): Promise<boolean> =>
    await nodes.one.acme.readOne(
      async ({ acme }) => (await acme.admit(tenant, directory, spent, undefined)).fresh,
    );
  expect(await admit()).toBe(true);
  const prune = async (now: Date, ofTenant = tenant): Promise<number> =>
    await nodes.one.acme.readOne(async ({ acme }) => await acme.prune(ofTenant, now));
  const left = async (): Promise<readonly boolean[]> =>
    await nodes.one.acme.readOne(async ({ acme }) => {
      const orders = [dead, failed, processing, valid].map(
        async ({ orderId }) => (await acme.findOrder(tenant, directory, orderId)) !== undefined,
      );
      const authorizations = [pending, alone, shared].map(
        async ({ authorizationId }) =>
          (await acme.findAuthorization(tenant, directory, authorizationId)) !== undefined,
      );
      return await Promise.all([...orders, ...authorizations]);
    });

  await prune(later(899));
  expect(await admit()).toBe(false);
  expect(await prune(later(week + 31 * day), 'elsewhere')).toBe(0);
  await prune(later(week + 29 * day));
  expect(await left()).toEqual([true, true, true, true, true, true, true]);
  expect(await admit()).toBe(true);
  await prune(later(week + 31 * day));
  expect(await left()).toEqual([false, false, true, true, false, false, true]);
  await prune(later(394 * day));
  expect(await left()).toEqual([false, false, true, true, false, false, true]);
  // 30 days after the certificate's end; what is processing stays, and what it needs.
  await prune(later(396 * day));
  expect(await left()).toEqual([false, false, true, false, false, false, true]);
  await nodes.one.acme.run(async ({ acme }) => {
    await acme.failOrder(tenant, processing.orderId, problem('x'));
  });
  await prune(later(398 * day));
  expect(await left()).toEqual([false, false, false, false, false, false, false]);
  expect(await prune(later(398 * day))).toBe(0);
});

test('a limit that was pruned is as good as new', async () => {
  const one = [request('idle', { burst: 1 })];
  expect(await take(one, at)).toBeUndefined();
  await nodes.one.acme.readOne(async ({ acme }) => await acme.prune(tenant, later(0.5)));
  expect(await take(one, later(0.5))).toMatchObject({ retryAt: later(1) });
  await nodes.one.acme.readOne(async ({ acme }) => await acme.prune(tenant, later(2)));
  expect(await take(one, later(2))).toBeUndefined();
});

describe('how a commit is waited for', () => {
  /** The setting at each commit that touches one of the tables, as a deferred trigger saw it. */
  async function commitsOf(act: () => Promise<unknown>): Promise<readonly string[]> {
    await nodes.observer.query('TRUNCATE seen_commits');
    await act();
    const { rows } = await nodes.observer.query<{ setting: string }>(
      'SELECT DISTINCT setting FROM seen_commits',
    );
    return rows.map((row) => row.setting);
  }

  beforeAll(async () => {
    const tables = ['acme_nonces', 'acme_rate_limits', 'acme_authorizations', 'acme_orders'];
    for (const text of [
      'CREATE TABLE seen_commits (setting text)',
      `CREATE FUNCTION see_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
          INSERT INTO public.seen_commits VALUES (current_setting('synchronous_commit'));
          RETURN NULL;
        END $$`,
      ...tables.map(
        (table) =>
          `CREATE CONSTRAINT TRIGGER see_commit AFTER INSERT OR UPDATE ON chancery.${table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see_commit()`,
      ),
    ]) {
      await nodes.observer.query(text);
    }
  });

  test('nonces, limits and the progress of a challenge are not waited for; results are', async () => {
    const { one } = nodes;
    const authorization = authorizationRecord();
    const order = orderRecord([authorization]);
    const { authorizationId } = authorization;
    const nonce = (value: string) => ({ value, notAfter: later(900) });
    const admitOne = (value: string) => async () =>
      await one.acme.readOne(
        async ({ acme }) => await acme.admit(tenant, directory, nonce(value), undefined),
      );
    expect(await commitsOf(admitOne('a'))).toEqual(['off']);
    expect(await commitsOf(async () => await take([request('commit')], at))).toEqual(['off']);
    expect(await commitsOf(async () => await nodes.insert(order, [authorization]))).toEqual(['on']);
    expect(await commitsOf(async () => await nodes.answer(authorization))).toEqual(['off']);
    expect(
      await commitsOf(
        async () =>
          await one.acme.readOne(async ({ acme }) => {
            await acme.recordAttempt(tenant, authorizationId, problem('x'), at, later(60));
          }),
      ),
    ).toEqual(['off']);
    expect(await commitsOf(async () => await one.acme.run(recordValid(authorization)))).toEqual([
      'on',
    ]);
  });

  test('a durable transaction is waited for, whatever stands in it', async () => {
    const work =
      (value: string) => async (transaction: Parameters<typeof nodes.one.acme.storeOf>[0]) => {
        const acme = nodes.one.acme.storeOf(transaction);
        await acme.admit(tenant, directory, { value, notAfter: later(900) }, undefined);
        await acme.takeRateLimits(tenant, [request('durable')], at);
        await acme.insertAuthorization(authorizationRecord());
      };
    expect(await commitsOf(async () => await nodes.one.unitOfWork.run(work('c')))).toEqual(['on']);
    // Nothing of it stays with the connection.
    expect(
      await commitsOf(
        async () =>
          await nodes.one.acme.run(
            async ({ acme }) => await acme.insertAuthorization(authorizationRecord()),
          ),
      ),
    ).toEqual(['on']);
  });

  test('the store of a wrapped transaction is the transaction’s own', async () => {
    const account = accountRecord();
    await nodes.one.unitOfWork
      .run(async (transaction) => {
        const wrapped = Object.create(transaction, {}) as typeof transaction;
        expect(await nodes.one.acme.storeOf(wrapped).insertAccount(account)).toBe(true);
        throw new Error('rolled back');
      })
      .catch(() => undefined);
    await nodes.one.acme.readOne(async ({ acme }) => {
      const { accountId } = account;
      expect(await acme.findAccount(tenant, directory, { accountId })).toBeUndefined();
    });
  });
});
