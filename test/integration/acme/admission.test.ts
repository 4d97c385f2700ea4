import { expect, test } from 'vitest';
import { expectProblem, headerOf, json, links } from '../../support/acme-client.ts';
import { jwsKey } from '../../support/acme-keys.ts';
import { baseUrl, testAcme } from '../../support/acme-node.ts';

const server = await testAcme('acme_admission');
const home = `${baseUrl}/acme/default`;

test('A1, A2: a body of another media type is refused before it is read', async () => {
  const client = await server.registered();
  for (const contentType of [undefined, 'application/json', 'text/plain', 'application/jose']) {
    const answer = await client.post(client.kid, '', { contentType });
    expectProblem(answer, 415, 'malformed');
    expect(headerOf(answer, 'replay-nonce'), 'A8: errors too').toMatch(/^[\w-]+$/);
  }
  const withParameter = await client.post(client.kid, '', {
    contentType: 'application/jose+json; charset=utf-8',
  });
  expect(withParameter.status).toBe(200);
});

test('A3, A5: a key signs a registration, an account all else', async () => {
  const client = await server.registered();
  expectProblem(await client.post(client.kid, '', { jwk: true }), 400, 'malformed');
  expectProblem(await client.post(`${home}/new-order`, {}, { jwk: true }), 400, 'malformed');
  expectProblem(await client.post(`${home}/new-account`, {}), 400, 'malformed');
  const both = { header: { jwk: client.key.jwk } };
  expectProblem(await client.post(client.kid, '', both), 400, 'malformed');
});

test('A6: resources are read by POST-as-GET, directory and newNonce by GET as well', async () => {
  const client = await server.registered();
  const { transport } = client;
  for (const url of [client.kid, `${home}/new-account`, `${home}/key-change`]) {
    const answer = await transport({ method: 'GET', url });
    expectProblem(answer, 405, 'malformed');
    expect(headerOf(answer, 'allow')).toBe('POST');
  }
  const wrong = await transport({ method: 'DELETE', url: `${home}/directory` });
  expectProblem(wrong, 405, 'malformed');
  expect(headerOf(wrong, 'allow')).toBe('GET, POST, HEAD');
  expect((await client.get(`${home}/directory`)).status).toBe(200);
  expect((await client.get(`${home}/new-nonce`)).status).toBe(204);
  expectProblem(await client.post(`${client.kid}/orders`, {}), 400, 'malformed');
  expectProblem(await client.get(`${home}/key-change`), 400, 'malformed');
  for (const payload of ['[]', 'null', '"x"', '{', '{"a":1,"a":2}', '\uFEFF{}']) {
    expectProblem(await client.post(client.kid, payload), 400, 'malformed');
  }
});

test('A7: the protected url is the one that was asked, query included', async () => {
  const client = await server.registered();
  const other = [
    `${home}/account/AAAAAAAAAAAAAAAAAAAAAA`,
    client.kid.replace('ca.example.test', 'other.example.test'),
    client.kid.replace('https:', 'http:'),
    `${client.kid}?a=1`,
    `${client.kid}/`,
  ];
  for (const url of other) {
    const problem = await client.post(url, '', { sendTo: client.kid });
    expectProblem(problem, 401, 'unauthorized');
  }
  const orders = `${client.kid}/orders`;
  const moved = await client.post(orders, '', { sendTo: `${orders}?cursor=x` });
  expectProblem(moved, 401, 'unauthorized');
});

test('A8: a nonce is good for one request, on one node of all', async () => {
  const second = await server.node('node-2');
  const client = await server.registered();
  const nonce = await client.nonce();
  const once = { header: { nonce } };
  expect((await client.post(client.kid, '', once)).status).toBe(200);
  const again = await client.post(client.kid, '', once);
  expectProblem(again, 400, 'badNonce');
  const body = await client.sign(client.kid, '', once);
  const elsewhere = await second.transport()({
    method: 'POST',
    url: client.kid,
    contentType: 'application/jose+json',
    body,
  });
  expectProblem(elsewhere, 400, 'badNonce');
  const fresh = headerOf(elsewhere, 'replay-nonce') ?? '';
  expect(
    (await client.post(client.kid, '', { header: { nonce: fresh } })).status,
    'a nonce of the other node',
  ).toBe(200);
});

test('A8: of the same nonce used at once on two nodes, one request passes', async () => {
  const second = await server.node('node-3');
  const client = await server.registered();
  for (let round = 0; round < 5; round += 1) {
    const body = await client.sign(client.kid, '');
    const call = { method: 'POST', url: client.kid, contentType: 'application/jose+json', body };
    const answers = await Promise.all([
      client.transport(call),
      second.transport()(call),
      client.transport(call),
    ]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400, 400]);
  }
});

test('A8, T-CLK-1: a nonce that was used stays used when the clock of a node ran ahead for a while', async () => {
  const client = await server.registered();
  const { clock } = server;
  const right = clock.now();
  const once = { header: { nonce: await client.nonce() } };
  expect((await client.post(client.kid, '', once)).status).toBe(200);
  server.databaseTime = () => right;
  clock.advance(2 * 3600);
  await server.acme.tick();
  clock.set(right);
  server.databaseTime = () => clock.now();
  expectProblem(await client.post(client.kid, '', once), 400, 'badNonce');
});

test('A8: a nonce that is old, made up or of another installation is none', async () => {
  const client = await server.registered();
  const old = await client.nonce();
  server.clock.advance(2 * 3600);
  const stranger = Buffer.alloc(38, 7).toString('base64url');
  for (const nonce of [old, stranger, 'AAAA']) {
    expectProblem(await client.post(client.kid, '', { header: { nonce } }), 400, 'badNonce');
  }
  const missing = await client.post(client.kid, '', { header: { nonce: undefined } });
  expectProblem(missing, 400, 'badNonce');
  const notBase64url = await client.post(client.kid, '', { header: { nonce: 'a b' } });
  expectProblem(notBase64url, 400, 'malformed');
});

test('A9: newNonce answers HEAD with 200 and GET with 204, uncached and without a body', async () => {
  const transport = server.transport();
  const seen = new Set<string>();
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
  ] as const) {
    const answer = await transport({ method, url: `${home}/new-nonce` });
    expect(answer.status).toBe(status);
    expect(answer.text).toBe('');
    expect(headerOf(answer, 'cache-control')).toBe('no-store');
    expect(links(answer, 'index')).toEqual([`${home}/directory`]);
    seen.add(headerOf(answer, 'replay-nonce') ?? '');
  }
  expect(seen.size).toBe(2);
});

test('A11, A12: every answer but the directory links to it, problems as well', async () => {
  const client = await server.registered();
  const directory = await client.transport({ method: 'GET', url: `${home}/directory` });
  expect(links(directory, 'index')).toEqual([]);
  expect(headerOf(directory, 'replay-nonce'), 'nobody signed').toBeUndefined();
  const answers = [
    await client.get(client.kid),
    await client.get(`${home}/order/nothing`),
    await client.get(`${home}/nothing`),
    await client.transport({ method: 'GET', url: `${home}/nothing/at/all` }),
  ];
  for (const answer of answers) expect(links(answer, 'index')).toEqual([`${home}/directory`]);
});

test('what is not there is 404 for everybody: paths, directories, and what hangs below the short address', async () => {
  const client = await server.registered();
  for (const path of [
    'default',
    'default/',
    'default/directory/',
    'default/account',
    'default/account/',
    'none/directory',
    'none/new-nonce',
    'new-nonce',
    'directory/new-nonce',
    'default/__proto__',
  ]) {
    const url = `${baseUrl}/acme/${path}`;
    expectProblem(await client.transport({ method: 'GET', url }), 404, 'malformed');
    expectProblem(await client.send({ method: 'POST', url }), 404, 'malformed');
  }
});

test('I10: the short address shows the default directory under its name', async () => {
  const short = await server.transport()({ method: 'GET', url: `${baseUrl}/acme/directory` });
  const long = await server.transport()({ method: 'GET', url: `${home}/directory` });
  expect(short.text).toBe(long.text);
  expect(json<Record<string, unknown>>(short)).toMatchObject({
    newNonce: `${home}/new-nonce`,
    newAccount: `${home}/new-account`,
    newOrder: `${home}/new-order`,
    newAuthz: `${home}/new-authz`,
    revokeCert: `${home}/revoke-cert`,
    keyChange: `${home}/key-change`,
    renewalInfo: `${home}/renewal-info`,
    meta: {
      externalAccountRequired: false,
      profiles: { 'tls-server': 'for servers', 'short-lived': 'for a week' },
    },
  });
});

test('an account is one of its directory, and signs with its own key', async () => {
  const client = await server.registered();
  const elsewhere = client.kid.replace('/default/', '/bound/');
  for (const kid of [
    elsewhere,
    `${home}/account/AAAAAAAAAAAAAAAAAAAAAA`,
    `${client.kid}/`,
    `${client.kid}/orders`,
    client.kid.slice(baseUrl.length),
    'x',
  ]) {
    const problem = await client.post(client.kid, '', { header: { kid } });
    expectProblem(problem, 400, 'accountDoesNotExist');
  }
  const inOther = await client.post(`${baseUrl}/acme/bound/new-order`, {});
  expectProblem(inOther, 400, 'accountDoesNotExist');
  expectProblem(await client.post(client.kid, '', { key: jwsKey() }), 400, 'malformed');
  const changed = await client.post(client.kid, '', {
    body: (jws) => ({ ...jws, payload: Buffer.from('{}').toString('base64url') }),
  });
  expectProblem(changed, 400, 'malformed');
  expect((await client.get(client.kid)).status).toBe(200);
});

test('spent nonces are remembered as long as they could come again, and then forgotten', async () => {
  const client = await server.registered();
  const count = async () => (await server.chancery.sql('SELECT nonce FROM acme_nonces')).length;
  const spent = await client.sign(client.kid, '');
  const call = {
    method: 'POST',
    url: client.kid,
    contentType: 'application/jose+json',
    body: spent,
  };
  expect((await client.transport(call)).status).toBe(200);
  server.clock.advance(1800);
  await server.acme.tick();
  expectProblem(await client.transport(call), 400, 'badNonce');
  server.clock.advance(7200);
  await server.acme.tick();
  expect(await count()).toBe(0);
  expectProblem(await client.transport(call), 400, 'badNonce');
});
