/** RFC 8555 §7.3.5: two keys agree that one takes the other's place (A19, I42). */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AcmeClient,
  type Answer,
  expectProblem,
  headerOf,
  type Order,
} from '../support/acme-client.ts';
import { csr } from '../support/acme-csr.ts';
import { type FlattenedJws, type JwsKey, jwsKey, signJws } from '../support/acme-keys.ts';
import { acmeUnderTest } from '../support/acme-under-test.ts';

const under = await acmeUnderTest('acme-7-3-5');
let url = '';

beforeAll(async () => {
  url = (await under.client().directory()).keyChange;
});

interface Inner {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly payload?: Readonly<Record<string, unknown>>;
  readonly body?: (jws: FlattenedJws) => unknown;
  readonly signedBy?: JwsKey;
}

async function registered(): Promise<AcmeClient> {
  const client = under.client();
  await client.register();
  return client;
}

async function change(client: AcmeClient, next: JwsKey, inner: Inner = {}): Promise<Answer> {
  const header = { alg: next.alg, jwk: next.jwk, url, ...inner.header };
  const payload = { account: client.kid, oldKey: client.key.jwk, ...inner.payload };
  const jws = signJws(inner.signedBy ?? next, header, payload);
  return client.post(url, inner.body === undefined ? jws : inner.body(jws));
}

describe('A19 rollover', () => {
  it.each(['ES256', 'ES384', 'RS256', 'EdDSA'] as const)(
    'to %s: the new key counts, the old one is nobody',
    async (alg) => {
      const client = await registered();
      const [old, next] = [client.key, jwsKey(alg)];
      const answer = await change(client, next);
      expect(answer.status, answer.text).toBe(200);
      const refused = await client.get(client.kid);
      expect([400, 401]).toContain(refused.status);
      client.key = next;
      expect((await client.get(client.kid)).status).toBe(200);
      // The account is found by the new key, and the old key may make an account again.
      const { newAccount } = await client.directory();
      const found = await client.post(newAccount, { onlyReturnExisting: true }, { jwk: true });
      expect(headerOf(found, 'location')).toBe(client.kid);
      const looked = await under
        .client('default', old)
        .post(newAccount, { onlyReturnExisting: true });
      expectProblem(looked, 400, 'accountDoesNotExist');
    },
  );

  it('pending and ready orders survive; a challenge is answered with the new thumbprint', async () => {
    const client = await registered();
    const ready = await client.order(['ready.example.test']);
    await client.authorize(ready.order);
    const pending = await client.order(['pending.example.test']);
    const next = jwsKey();
    expect((await change(client, next)).status).toBe(200);
    client.key = next;
    expect((await client.fetch<Order>(ready.url)).status).toBe('ready');
    expect((await client.finalize(ready.order, csr(['ready.example.test']).der)).status).toBe(200);
    await client.authorize(pending.order);
    expect((await client.fetch<Order>(pending.url)).status).toBe('ready');
    const last = under.validator.asked.at(-1);
    expect(last?.keyAuthorization).toBe(`${last?.token}.${next.thumbprint}`);
  });

  it("I42: another account's key: 409 with that account's URL", async () => {
    const [client, other] = [await registered(), await registered()];
    const answer = await change(client, other.key);
    expect(answer.status, answer.text).toBe(409);
    expect(headerOf(answer, 'location')).toBe(other.kid);
    expect((await client.get(client.kid)).status).toBe(200);
    expect((await other.get(other.kid)).status).toBe(200);
  });

  it('the same key again is a conflict as well', async () => {
    const client = await registered();
    const answer = await change(client, client.key);
    expect(answer.status).toBe(409);
    expect(headerOf(answer, 'location')).toBe(client.kid);
  });

  it('of five changes at once one wins, and its key works', async () => {
    const client = await registered();
    const keys = Array.from({ length: 5 }, () => jwsKey());
    const answers = await Promise.all(keys.map(async (key) => change(client, key)));
    const won = keys.filter((_, n) => answers[n]?.status === 200);
    expect(won).toHaveLength(1);
    client.key = won[0] ?? client.key;
    expect((await client.get(client.kid)).status).toBe(200);
  });

  const wrong: Readonly<Record<string, (client: AcmeClient, next: JwsKey) => Inner>> = {
    '2: no JWS inside': () => ({ body: () => ({ account: 'x' }) }),
    '2: an inner JWS as text': () => ({ body: (jws) => JSON.stringify(JSON.stringify(jws)) }),
    '2: an inner JWS with an unprotected header': () => ({
      body: (jws) => ({ ...jws, header: {} }),
    }),
    '3: no jwk': () => ({ header: { jwk: undefined } }),
    '3: kid instead of jwk': (client) => ({ header: { jwk: undefined, kid: client.kid } }),
    '3: kid beside jwk': (client) => ({ header: { kid: client.kid } }),
    '4: signed by the old key': (client) => ({ signedBy: client.key }),
    '4: a signature cut short': () => ({
      body: (jws) => ({ ...jws, signature: jws.signature.slice(4) }),
    }),
    '4: alg none': () => ({ header: { alg: 'none' } }),
    '4: alg HS256': () => ({ header: { alg: 'HS256' } }),
    '5: no account': () => ({ payload: { account: undefined } }),
    '5: no oldKey': () => ({ payload: { oldKey: undefined } }),
    '5: oldKey in text': (client) => ({ payload: { oldKey: JSON.stringify(client.key.jwk) } }),
    '6: another url inside': () => ({ header: { url: url.replace('key-change', 'new-order') } }),
    '6: no url inside': () => ({ header: { url: undefined } }),
    '7: another account': (client) => ({
      payload: { account: client.kid.replace(/[^/]+$/, 'AAAAAAAAAAAAAAAAAAAAAA') },
    }),
    '7: the account URL with a slash more': (client) => ({
      payload: { account: `${client.kid}/` },
    }),
    '8: another oldKey': () => ({ payload: { oldKey: jwsKey().jwk } }),
    '8: the new key as oldKey': (_, next) => ({ payload: { oldKey: next.jwk } }),
    'a nonce inside': () => ({ header: { nonce: 'AAAAAAAAAAAAAAAAAAAAAA' } }),
    'a crit header inside': () => ({ header: { crit: ['exp'], exp: 1 } }),
  };
  it.each(Object.keys(wrong))('check %s is refused and changes nothing', async (name) => {
    const client = await registered();
    const next = jwsKey();
    const answer = await change(client, next, wrong[name]?.(client, next) ?? {});
    expect([400, 401, 403], answer.text).toContain(answer.status);
    expect((await client.get(client.kid)).status).toBe(200);
    const { newAccount } = await client.directory();
    const looked = await under
      .client('default', next)
      .post(newAccount, { onlyReturnExisting: true });
    expectProblem(looked, 400, 'accountDoesNotExist');
  });

  it("a stranger can't move somebody else's account to a key of his", async () => {
    const [victim, thief] = [await registered(), await registered()];
    const next = jwsKey();
    const inner = signJws(
      next,
      { alg: next.alg, jwk: next.jwk, url },
      { account: victim.kid, oldKey: victim.key.jwk },
    );
    const answer = await thief.post(url, inner);
    expect([400, 401, 403]).toContain(answer.status);
    expect((await victim.get(victim.kid)).status).toBe(200);
  });

  it('a weak new key is refused', async () => {
    const client = await registered();
    const next = jwsKey();
    const answer = await change(client, next, { header: { jwk: { kty: 'oct', k: 'AAAA' } } });
    expectProblem(answer, 400, 'badPublicKey');
  });

  it('A23: the old key and the new one are both refused in a CSR while they are account keys', async () => {
    const client = await registered();
    const next = jwsKey();
    expect((await change(client, next)).status).toBe(200);
    client.key = next;
    const { order } = await client.order(['key.example.test']);
    await client.authorize(order);
    const request = csr(['key.example.test'], { privateKey: next.privateKey });
    expectProblem(await client.finalize(order, request.der), 400, 'badCSR');
  });
});
