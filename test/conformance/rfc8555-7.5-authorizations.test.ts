/**
 * RFC 8555 §7.5 authorizations, §7.5.1 challenges, §7.1.6 states,
 * §8 what is offered (A15, A25 to A27, A29, A32, I33, I40).
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { ValidationOutcome } from '../../src/acme/ports.ts';
import {
  type Authorization,
  type Challenge,
  challengeOf,
  expectProblem,
  headerOf,
  json,
  type Order,
} from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import { expectTime } from '../support/acme-exchanges.ts';
import { directoryPolicy } from '../support/acme-node.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';

const under = await acmeUnderTest('acme-7-5', {
  directories: [
    directoryPolicy('dns-only', { challengeTypes: ['dns-01'] }),
    directoryPolicy('http-only', { challengeTypes: ['http-01'] }),
  ],
});
const client = under.client();
const refusedForGood: ValidationOutcome = {
  valid: false,
  type: 'incorrectResponse',
  detail: 'the answer was another',
  retryable: false,
};

beforeAll(async () => {
  await client.register();
});

describe('§7.5 and §8', () => {
  it('A25: a pending authorization shows what can be done, each with a URL and one token', async () => {
    const { order } = await client.order(['a.example.test']);
    const authorization = await client.authorizationOf(order);
    expect(authorization).toMatchObject({
      status: 'pending',
      identifier: { type: 'dns', value: 'a.example.test' },
    });
    expect(authorization).not.toHaveProperty('wildcard');
    expectTime(authorization.expires, 'expires');
    const types = authorization.challenges.map(({ type }) => type);
    expect(types.toSorted()).toEqual(['dns-01', 'http-01', 'tls-alpn-01']);
    expect(new Set(authorization.challenges.map(({ url }) => url)).size).toBe(3);
    for (const challenge of authorization.challenges) {
      expect(challenge.status).toBe('pending');
      expect(json<Challenge>(await client.get(challenge.url))).toEqual(challenge);
    }
  });

  it('A29: tokens have 128 random bits and are never given twice', async () => {
    const tokens = new Set<string>();
    for (let n = 0; n < 30; n += 1) {
      const { order } = await client.order([`t${n}.example.test`]);
      tokens.add((await client.authorizationOf(order)).challenges[0]?.token ?? '');
    }
    expect(tokens.size).toBe(30);
    for (const token of tokens) {
      expect(Buffer.from(token, 'base64url').length).toBeGreaterThanOrEqual(16);
      expect(token).not.toContain('=');
    }
    expect(new Set([...tokens].map((token) => token.slice(0, 6))).size).toBe(30);
  });

  it('A32, I40: a wildcard is offered dns-01 alone; where there is none the order is refused', async () => {
    const { order } = await client.order(['*.wild.example.test']);
    const authorization = await client.authorizationOf(order);
    expect(authorization).toMatchObject({
      wildcard: true,
      identifier: { value: 'wild.example.test' },
    });
    expect(authorization.challenges.map(({ type }) => type)).toEqual(['dns-01']);
    // Not by asking for another one directly either.
    const url = (authorization.challenges[0]?.url ?? '').replace('dns-01', 'http-01');
    expect((await client.post(url, {})).status).toBe(404);
    const other = under.client('http-only');
    await other.register();
    expectProblem(await other.newOrder(['*.wild.example.test']), 400, 'rejectedIdentifier');
    // RFC 8738 §7: nor an address by dns-01.
    const byDns = under.client('dns-only');
    await byDns.register();
    const answer = await byDns.newOrder([{ type: 'ip', value: '192.0.2.1' }]);
    expect([400, 403]).toContain(answer.status);
  });
});

describe('§7.5.1 and §7.1.6', () => {
  it('A26: what a client adds to its response is ignored; valid has validated and expires', async () => {
    const { order, url } = await client.order(['v.example.test']);
    const before = await client.authorizationOf(order);
    const challenge = challengeOf(before, 'http-01');
    const answer = await client.post(challenge.url, {
      keyAuthorization: 'x.y',
      status: 'valid',
      validated: '1970-01-01T00:00:00Z',
      token: 'mine',
    });
    expect(answer.status).toBe(200);
    expect(json<Challenge>(answer)).toMatchObject({ type: 'http-01', token: challenge.token });
    await client.authorize(order);
    const after = await client.authorizationOf(order);
    expect(after.status).toBe('valid');
    expect(after.challenges).toHaveLength(1);
    expect(after.challenges[0]).toMatchObject({ type: 'http-01', status: 'valid' });
    expect(new Date(after.expires ?? 0).getTime()).toBeGreaterThan(under.clock.now().getTime());
    expect((await client.fetch<Order>(url)).status).toBe('ready');
    // Answering it again, or another, changes nothing any more.
    expect((await client.post(challenge.url, {})).status).toBe(200);
    const again = await client.post(challengeOf(before, 'dns-01').url, {});
    expect([400, 403, 404, 409]).toContain(again.status);
    expect((await client.authorizationOf(order)).status).toBe('valid');
  });

  it('A26: polling while it goes on is 200 with Retry-After, and processing', async () => {
    let go: (outcome: ValidationOutcome) => void = () => undefined;
    const gate = new Promise<ValidationOutcome>((done) => {
      go = done;
    });
    under.validator.answer = () => gate;
    try {
      const { order } = await client.order(['slow.example.test']);
      const challenge = challengeOf(await client.authorizationOf(order), 'tls-alpn-01');
      const answer = await client.respond(challenge);
      expect(json<Challenge>(answer).status).toBe('processing');
      const poll = await client.get(order.authorizations[0] ?? '');
      expect(poll.status).toBe(200);
      expect(json<Authorization>(poll).status).toBe('pending');
      expect(Number(headerOf(poll, 'retry-after'))).toBeGreaterThan(0);
      go({ valid: true });
      await client.authorize(order);
      expect((await client.authorizationOf(order)).status).toBe('valid');
    } finally {
      under.validator.answer = () => ({ valid: true });
    }
  });

  it('A15: one failure for good makes challenge, authorization and order invalid, each with why', async () => {
    const name = 'f.example.test';
    const { order, url } = await client.order([name, 'g.example.test']);
    const [authorization] = (await client.authorizations(order)).filter(
      ({ identifier }) => identifier.value === name,
    );
    if (authorization === undefined) throw new Error('no authorization of the name');
    const challenge = challengeOf(authorization, 'http-01');
    await under.finding(refusedForGood, async () => {
      await client.respond(challenge);
      await client.settled(url);
    });
    const failed = await client.fetch<Challenge>(challenge.url);
    expect(failed).toMatchObject({ status: 'invalid' });
    expect(failed.error?.type).toBe('urn:ietf:params:acme:error:incorrectResponse');
    const order2 = await client.fetch<Order>(url);
    expect(order2.status).toBe('invalid');
    expect(order2.error?.subproblems?.[0]?.identifier).toEqual({ type: 'dns', value: name });
    // Out of invalid there is no way: not by answering again, nor by another challenge.
    for (const one of authorization.challenges) await client.post(one.url, {});
    expect((await client.fetch<Challenge>(challenge.url)).status).toBe('invalid');
    expectProblem(
      await client.finalize(order, csr([name, 'g.example.test']).der),
      403,
      'orderNotReady',
    );
    // A new order begins anew.
    const fresh = await client.order([name]);
    expect(fresh.order.authorizations).not.toContain(order.authorizations[0]);
    expect(fresh.order.status).toBe('pending');
  });

  it('I33: an authorization is of the name that was asked, and of no other', async () => {
    const { order } = await client.order(['one.example.test']);
    await client.authorize(order);
    for (const name of [
      'two.example.test',
      'www.one.example.test',
      'example.test',
      '*.one.example.test',
    ]) {
      expect((await client.order([name])).order.status, name).toBe('pending');
    }
    // Nor of another account.
    const stranger = under.client();
    await stranger.register();
    expect((await stranger.order(['one.example.test'])).order.status).toBe('pending');
    // The same account needs no second proof.
    expect((await client.order(['one.example.test'])).order.status).toBe('ready');
  });

  it('a challenge is answered by an object, not by nothing and not by text', async () => {
    const { order } = await client.order(['obj.example.test']);
    const challenge = challengeOf(await client.authorizationOf(order), 'http-01');
    expect((await client.post(challenge.url, '')).status).toBe(200);
    expect((await client.authorizationOf(order)).status).toBe('pending');
    for (const payload of ['[]', 'null', '"x"']) {
      expectProblem(await client.post(challenge.url, payload), 400, 'malformed');
    }
    expect((await client.fetch<Challenge>(challenge.url)).status).toBe('pending');
  });

  it('eight answers at once begin one validation', async () => {
    const before = under.validator.asked.length;
    const { order } = await client.order(['many.example.test']);
    const challenge = challengeOf(await client.authorizationOf(order), 'http-01');
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => client.post(challenge.url, {})),
    );
    for (const answer of answers) expect(answer.status).toBe(200);
    await client.authorize(order);
    expect(under.validator.asked.length).toBe(before + 1);
  });

  it('an authorization that expired is no proof any more (T-CLK-5), and its order is invalid', async () => {
    const { order, url } = await client.order(['old.example.test']);
    await client.authorize(order);
    const { expires } = await client.authorizationOf(order);
    const now = under.clock.now();
    under.clock.set(new Date(new Date(expires ?? '').getTime() + 1000));
    try {
      expect((await client.authorizationOf(order)).status).toBe('expired');
      expect((await client.fetch<Order>(url)).status).toBe('invalid');
      const answer = await client.finalize(order, csr(['old.example.test']).der);
      expectProblem(answer, 403, 'orderNotReady');
      expect((await client.order(['old.example.test'])).order.status).toBe('pending');
    } finally {
      under.clock.set(now);
    }
  });

  it('A15: the database itself refuses a way back', async () => {
    const { order, url } = await client.order(['db.example.test']);
    await client.authorize(order);
    const id = url.split('/').at(-1);
    const authorizationId = order.authorizations[0]?.split('/').at(-1);
    expect((await client.finalize(order, csr(['db.example.test']).der)).status).toBe(200);
    await client.settled(url);
    for (const [text, of] of [
      [`UPDATE acme_orders SET status = 'ready' WHERE order_id = $1`, id],
      [`UPDATE acme_orders SET status = 'pending' WHERE order_id = $1`, id],
      [`UPDATE acme_orders SET status = 'invalid' WHERE order_id = $1`, id],
      [
        `UPDATE acme_authorizations SET status = 'pending' WHERE authorization_id = $1`,
        authorizationId,
      ],
      [
        `UPDATE acme_authorizations SET status = 'invalid' WHERE authorization_id = $1`,
        authorizationId,
      ],
    ] as const) {
      await expect(under.asApplication(text, [of]), text).rejects.toThrow();
    }
  });
});
