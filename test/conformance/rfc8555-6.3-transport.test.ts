/**
 * RFC 8555 §6.3 GET and POST-as-GET, §6.4 URL integrity, §6.5 replay protection, §6.7 errors,
 * §7.2 nonces (A6 to A9, A11).
 */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AcmeClient,
  expectProblem,
  headerOf,
  json,
  links,
  type Order,
} from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import { base64url, type FlattenedJws } from '../support/acme-keys.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';

const under = await acmeUnderTest('acme-6');
const client: AcmeClient = under.client();
let newOrder = '';
const payload = { identifiers: [{ type: 'dns', value: 'a.example.test' }] };

beforeAll(async () => {
  await client.register();
  ({ newOrder } = await client.directory());
});

/** Every kind of resource, with what a POST-as-GET of it answers. */
async function resources(): Promise<Readonly<Record<string, string>>> {
  const { url, order, ...obtained } = await client.obtain(
    ['r.example.test'],
    csr(['r.example.test']).der,
  );
  const [authorization] = await client.authorizations(order);
  expect(obtained.pem).toContain('BEGIN');
  return {
    account: client.kid,
    orders: `${client.kid}/orders`,
    order: url,
    authorization: order.authorizations[0] ?? '',
    challenge: authorization?.challenges[0]?.url ?? '',
    certificate: order.certificate ?? '',
  };
}

describe('§6.3', () => {
  it('A6: GET of a resource is 405 malformed; POST-as-GET answers it', async () => {
    const { newAccount, newAuthz, revokeCert, keyChange } = await client.directory();
    const all = await resources();
    for (const [name, url] of Object.entries(all)) {
      for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
        expectProblem(await client.send({ method, url }), 405, 'malformed');
      }
      expect((await client.get(url)).status, name).toBe(200);
    }
    const finalize = `${all['order']}/finalize`;
    for (const url of [
      newOrder,
      newAccount,
      newAuthz ?? newOrder,
      revokeCert,
      keyChange,
      finalize,
    ]) {
      expectProblem(await client.send({ method: 'GET', url }), 405, 'malformed');
    }
  });

  it('A6: directory and newNonce answer GET, and POST-as-GET too', async () => {
    const { newNonce } = await client.directory();
    const direct = await client.send({ method: 'GET', url: client.directoryUrl });
    expect(direct.status).toBe(200);
    const signed = await client.get(client.directoryUrl);
    expect(json(signed)).toEqual(json(direct));
    expect((await client.get(newNonce)).status).toBe(204);
  });

  it('A6: a POST-as-GET has the empty payload, no JSON', async () => {
    const { url } = await client.order(['b.example.test']);
    for (const body of [{}, { status: 'valid' }, 'null', [], ' ']) {
      expectProblem(await client.post(url, body), 400, 'malformed');
    }
    // Nor is the empty payload an order, an account or a CSR.
    expectProblem(await client.post(newOrder, ''), 400, 'malformed');
    expectProblem(await client.post(`${url}/finalize`, ''), 400, 'malformed');
    const { newAccount } = await client.directory();
    expectProblem(await client.post(newAccount, '', { jwk: true }), 400, 'malformed');
  });

  it('a payload that is no JSON object is malformed', async () => {
    for (const text of ['[]', '"x"', '7', 'null', '{', '{"a":1}x', 'true']) {
      expectProblem(await client.post(newOrder, text), 400, 'malformed');
    }
  });
});

describe('§6.4', () => {
  it('A7: a url that is not the request URL, octet for octet, is unauthorized', async () => {
    const { newAuthz, revokeCert } = await client.directory();
    for (const url of [
      newAuthz,
      revokeCert,
      `${newOrder}/`,
      `${newOrder}?`,
      `${newOrder}?a=b`,
      `${newOrder}#f`,
      newOrder.replace('https:', 'http:'),
      newOrder.replace('new-order', 'new%2Dorder'),
      newOrder.replace('new-order', 'NEW-ORDER'),
      newOrder.replace('https://', 'https://elsewhere.'),
      newOrder.replace('/default/', '/eab/'),
      new URL(newOrder).pathname,
    ]) {
      const answer = await client.post(newOrder, payload, { header: { url } });
      expectProblem(answer, 401, 'unauthorized');
    }
  });

  it('A7: a request for one resource is no request for another', async () => {
    const { url } = await client.order(['c.example.test']);
    const other = await client.order(['d.example.test']);
    expectProblem(await client.post(url, '', { sendTo: other.url }), 401, 'unauthorized');
  });
});

describe('§6.5', () => {
  it('A8: a nonce counts once', async () => {
    const nonce = await client.nonce();
    expect((await client.post(newOrder, payload, { header: { nonce } })).status).toBe(201);
    const again = await client.post(newOrder, payload, { header: { nonce } });
    expectProblem(again, 400, 'badNonce');
    // The answer brings one that is taken at once.
    const fresh = headerOf(again, 'replay-nonce');
    expect((await client.post(newOrder, payload, { header: { nonce: fresh } })).status).toBe(201);
  });

  it('A8: of ten that use a nonce at once, one gets through', async () => {
    const nonce = await client.nonce();
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => client.post(newOrder, payload, { header: { nonce } })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expectProblem(answer, 400, 'badNonce');
    }
  });

  it('A8: a nonce is spent by the request that showed it, even one that is refused', async () => {
    for (const change of [
      { body: (jws: FlattenedJws) => ({ ...jws, signature: base64url(Buffer.alloc(64, 1)) }) },
      { header: { kid: client.kid.replace(/[^/]+$/, 'AAAAAAAAAAAAAAAAAAAAAA') } },
    ]) {
      const nonce = await client.nonce();
      const header = { ...('header' in change ? change.header : {}), nonce };
      const refused = await client.post(newOrder, payload, { ...change, header });
      expect(refused.status).toBeGreaterThanOrEqual(400);
      expectProblem(await client.post(newOrder, payload, { header: { nonce } }), 400, 'badNonce');
    }
  });

  it('A8: a nonce that was never given, or not any more, or none', async () => {
    const real = await client.nonce();
    const flipped = `${real.slice(0, -2)}${real.at(-2) === 'A' ? 'B' : 'A'}${real.at(-1)}`;
    for (const nonce of ['AAAAAAAAAAAAAAAAAAAAAA', flipped, `${real}AAAA`, undefined]) {
      const answer = await client.post(newOrder, payload, { header: { nonce } });
      expectProblem(answer, 400, 'badNonce');
      expect(headerOf(answer, 'replay-nonce')).toMatch(/^[A-Za-z0-9_-]+$/);
    }
    under.clock.advance(7 * 86_400);
    expectProblem(
      await client.post(newOrder, payload, { header: { nonce: real } }),
      400,
      'badNonce',
    );
  });

  it('§6.5.2: a nonce that is no base64url is malformed', async () => {
    for (const nonce of ['a b', '????', 'AAAA=', 'ü']) {
      expectProblem(await client.post(newOrder, payload, { header: { nonce } }), 400, 'malformed');
    }
  });

  it('§6.5.1: nonces differ, and nothing in them repeats', async () => {
    const { newNonce } = await client.directory();
    const found: string[] = [];
    for (let n = 0; n < 100; n += 1) {
      const answer = await client.transport({ method: 'HEAD', url: newNonce });
      found.push(headerOf(answer, 'replay-nonce') ?? '');
    }
    expect(new Set(found).size).toBe(100);
    // Not merely a counter or a time: no two end alike in their last 8 octets.
    const tails = found.map((nonce) =>
      Buffer.from(nonce, 'base64url').subarray(-8).toString('hex'),
    );
    expect(new Set(tails).size).toBe(100);
  });

  it('errors bring a nonce as well', async () => {
    const answer = await client.post(newOrder, { identifiers: [] });
    expect(answer.status).toBe(400);
    expect(headerOf(answer, 'replay-nonce')).toBeDefined();
  });
});

describe('§6.7', () => {
  it('A11: what is not there is a problem document as well', async () => {
    const base = client.directoryUrl.replace(/directory$/, '');
    for (const path of ['nothing', 'order/AAAAAAAAAAAAAAAAAAAAAA/x', 'order//finalize', '%00']) {
      const answer = await client.send({ method: 'GET', url: `${base}${path}` });
      expect([404, 405], path).toContain(answer.status);
      expect(headerOf(answer, 'content-type'), path).toMatch(/^application\/problem\+json/);
    }
  });

  it('A11: subproblems name their identifiers, the top names none', async () => {
    const answer = await client.newOrder([
      'good.example.test',
      'under_score.example.test',
      { type: 'email', value: 'x@example.test' },
    ]);
    expect(answer.status).toBe(400);
    const problem = json<NonNullable<Order['error']>>(answer);
    expect(problem).not.toHaveProperty('identifier');
    const named = problem.subproblems?.map(({ identifier }) => identifier?.value);
    expect(named).toEqual(expect.arrayContaining(['under_score.example.test', 'x@example.test']));
    expect(named).not.toContain('good.example.test');
  });
});

describe('§7.2', () => {
  it('A9: HEAD 200, GET 204 without a body, both with a nonce that nobody may keep', async () => {
    const { newNonce } = await client.directory();
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 204],
    ] as const) {
      const answer = await client.transport({ method, url: newNonce });
      expect(answer.status).toBe(status);
      expect(answer.text).toBe('');
      expect(headerOf(answer, 'cache-control')).toMatch(/\bno-store\b/);
      expect(links(answer, 'index')).toEqual([client.directoryUrl]);
      const nonce = headerOf(answer, 'replay-nonce');
      expect((await client.post(newOrder, payload, { header: { nonce } })).status).toBe(201);
    }
  });
});
