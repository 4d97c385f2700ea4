/** RFC 8555 §7.5.2 deactivation of authorizations (A27). */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Authorization,
  challengeOf,
  expectProblem,
  json,
  type Order,
} from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';

const under = await acmeUnderTest('acme-7-5-2');
const client = under.client();

beforeAll(async () => {
  await client.register();
});

describe('§7.5.2 deactivation', () => {
  it('A27: a deactivated authorization suffices for nothing; its orders are invalid', async () => {
    const name = 'off.example.test';
    const { order, url } = await client.order([name]);
    await client.authorize(order);
    const answer = await client.post(order.authorizations[0] ?? '', { status: 'deactivated' });
    expect(answer.status).toBe(200);
    expect(json<Authorization>(answer).status).toBe('deactivated');
    expectProblem(await client.finalize(order, csr([name]).der), 403, 'orderNotReady');
    expect((await client.fetch<Order>(url)).status).toBe('invalid');
    expect((await client.order([name])).order.status).toBe('pending');
    // Twice is the same; nothing brings it back.
    const again = await client.post(order.authorizations[0] ?? '', { status: 'deactivated' });
    expect([200, 400, 403]).toContain(again.status);
    const back = await client.post(order.authorizations[0] ?? '', { status: 'valid' });
    expect(back.status).toBe(400);
    expect((await client.authorizationOf(order)).status).toBe('deactivated');
  });

  it('A27: a pending one as well, and its challenge is then nobody’s', async () => {
    const { order } = await client.order(['off2.example.test']);
    const authorization = await client.authorizationOf(order);
    await client.post(authorization.url, { status: 'deactivated' });
    const answer = await client.respond(challengeOf(authorization, 'http-01'));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect((await client.authorizationOf(order)).status).toBe('deactivated');
  });

  it('A15, §7.1.6: one that has expired, valid or not, is not deactivated any more', async () => {
    const before = under.clock.now();
    const [held, left] = [
      (await client.order(['old.example.test'])).order,
      (await client.order(['left.example.test'])).order,
    ];
    await client.authorize(held);
    under.clock.advance(400 * 86_400);
    try {
      for (const [order, ended] of [
        [held, 'expired'],
        [left, 'invalid'],
      ] as const) {
        expect((await client.authorizationOf(order)).status).toBe(ended);
        const answer = await client.post(order.authorizations[0] ?? '', { status: 'deactivated' });
        expect(expectProblem(answer, 400, 'malformed').detail).toContain(ended);
        expect((await client.authorizationOf(order)).status).toBe(ended);
      }
    } finally {
      under.clock.set(before);
    }
  });

  it('nothing else can be posted to an authorization', async () => {
    const { order } = await client.order(['off3.example.test']);
    for (const payload of [
      {},
      { status: 'valid' },
      { status: 'revoked' },
      { expires: '2099-01-01T00:00:00Z' },
    ]) {
      expectProblem(await client.post(order.authorizations[0] ?? '', payload), 400, 'malformed');
    }
  });
});
