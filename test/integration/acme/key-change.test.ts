import { expect, test } from 'vitest';
import {
  type AcmeClient,
  type Answer,
  expectProblem,
  headerOf,
} from '../../support/acme-client.ts';
import { base64url, type JwsKey, jwsKey, jwsKeyOf, signJws } from '../../support/acme-keys.ts';
import { baseUrl, testAcme } from '../../support/acme-node.ts';
import { admin, csrFor, freshKey } from '../../support/authority.ts';

const server = await testAcme('acme_key_change');
const url = `${baseUrl}/acme/default/key-change`;

interface Change {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly payload?: Readonly<Record<string, unknown>>;
  readonly signWith?: JwsKey;
  readonly inner?: (jws: ReturnType<typeof signJws>) => unknown;
}

/** A key change that would be right, but for the change. */
async function change(client: AcmeClient, next: JwsKey, what: Change = {}): Promise<Answer> {
  const jws = signJws(
    what.signWith ?? next,
    { alg: next.alg, jwk: next.jwk, url, ...what.header },
    { account: client.kid, oldKey: client.key.jwk, ...what.payload },
  );
  return client.post(url, what.inner === undefined ? jws : what.inner(jws));
}

test.each(['ES384', 'RS256', 'EdDSA'] as const)(
  'A19: the account goes on under a key for %s, and the old one is nobody',
  async (alg) => {
    const client = await server.registered();
    const old = client.key;
    const next = jwsKey(alg);
    const answer = await change(client, next);
    expect(answer.status, answer.text).toBe(200);
    expectProblem(
      await client.get(client.kid),
      400,
      alg === 'ES384' ? 'badSignatureAlgorithm' : 'badSignatureAlgorithm',
    );
    client.key = next;
    expect((await client.get(client.kid)).status).toBe(200);
    const again = server.client('default', old);
    const fresh = await again.register({});
    expect(fresh.status, 'the old key may make another account').toBe(201);
    const [record] = (await server.chancery.audit('acmeAccount.changeKey')).slice(-1);
    expect(record?.details).toEqual({
      thumbprint: next.thumbprint,
      thumbprintBefore: old.thumbprint,
    });
  },
);

test('A19: each of the checks refuses, and the old key stays', async () => {
  const client = await server.registered();
  const other = await server.registered();
  const next = jwsKey();
  const text = (value: unknown) => base64url(JSON.stringify(value));
  const cases: readonly (readonly [string, Change, string])[] = [
    ['no JWS', { inner: () => ({ account: client.kid }) }, 'malformed'],
    ['a member too many', { inner: (jws) => ({ ...jws, header: {} }) }, 'malformed'],
    ['a nonce in the inner JWS', { header: { nonce: 'AAAA' } }, 'malformed'],
    ['kid instead of jwk', { header: { jwk: undefined, kid: client.kid } }, 'malformed'],
    ['kid beside jwk', { header: { kid: client.kid } }, 'malformed'],
    ['another url', { header: { url: `${baseUrl}/acme/default/new-order` } }, 'malformed'],
    ['no url', { header: { url: undefined } }, 'malformed'],
    ['not signed by the new key', { signWith: jwsKey() }, 'malformed'],
    ['signed by the old key', { signWith: client.key }, 'malformed'],
    ['alg none', { header: { alg: 'none' } }, 'badSignatureAlgorithm'],
    ['a MAC', { header: { alg: 'HS256' } }, 'badSignatureAlgorithm'],
    ['another account', { payload: { account: other.kid } }, 'malformed'],
    ['no account', { payload: { account: undefined } }, 'malformed'],
    ['another old key', { payload: { oldKey: other.key.jwk } }, 'malformed'],
    ['the new key as old key', { payload: { oldKey: next.jwk } }, 'malformed'],
    ['no old key', { payload: { oldKey: undefined } }, 'badPublicKey'],
    ['a changed payload', { inner: (jws) => ({ ...jws, payload: text({}) }) }, 'malformed'],
    ['a symmetric key', { header: { jwk: { kty: 'oct', k: 'AAAA' } } }, 'badPublicKey'],
  ];
  for (const [name, what, type] of cases) {
    const answer = await change(client, next, what);
    expect(answer.status, name).toBe(400);
    expectProblem(answer, 400, type);
  }
  expect((await client.get(client.kid)).status).toBe(200);
  expect((await change(client, next)).status, 'and without any of them it is done').toBe(200);
});

test('A19, I42: a key that has an account is refused with 409 and where that account is', async () => {
  const [client, other] = [await server.registered(), await server.registered()];
  const conflict = await change(client, other.key);
  expectProblem(conflict, 409, 'malformed');
  expect(headerOf(conflict, 'location')).toBe(other.kid);
  const same = await change(client, client.key);
  expectProblem(same, 409, 'malformed');
  expect(headerOf(same, 'location')).toBe(client.kid);
  for (const one of [client, other]) expect((await one.get(one.kid)).status).toBe(200);
});

test('two changes to different keys at once: one is done, the other told', async () => {
  const client = await server.registered();
  const keys = [jwsKey(), jwsKey()];
  const answers = await Promise.all(keys.map(async (next) => change(client, next)));
  const statuses = answers.map(({ status }) => status).toSorted();
  expect(statuses[0]).toBe(200);
  expect(statuses[1]).toBeOneOf([400, 401]);
  client.key = keys[answers.findIndex(({ status }) => status === 200)] ?? client.key;
  expect((await client.get(client.kid)).status).toBe(200);
});

test('I35: no account goes over to a compromised key', async () => {
  const stolen = freshKey();
  const { record } = await server.chancery.issue({ csr: csrFor(stolen, 'stolen.example.test') });
  await server.authority.revokeCertificate(admin, {
    serialNumber: record.serialNumber,
    reasonCode: 'keyCompromise',
  });
  const client = await server.registered();
  const answer = await change(client, jwsKeyOf(stolen.privateKey));
  expectProblem(answer, 400, 'badPublicKey');
});
