import { expect, test } from 'vitest';
import { expectProblem, headerOf, json, links } from '../../support/acme-client.ts';
import { type JwsAlgorithm, jwsKey, jwsKeyOf } from '../../support/acme-keys.ts';
import { baseUrl, directoryPolicy, testAcme } from '../../support/acme-node.ts';
import { admin, csrFor, freshKey, refusal } from '../../support/authority.ts';

const termsOfService = 'https://ca.example.test/terms';
const server = await testAcme('acme_accounts', {
  directories: [
    directoryPolicy('terms', { termsOfService, website: 'https://ca.example.test/' }),
    directoryPolicy('few', { limits: { newAccountPerAddress: { burst: 2, seconds: 3600 } } }),
  ],
});

interface Account {
  readonly status: string;
  readonly contact: readonly string[];
  readonly orders: string;
}

const newAccount = `${baseUrl}/acme/default/new-account`;

test.each(['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA'] as const)(
  'A4, §7.3: an account with a key for %s is made, shown and recorded',
  async (alg: JwsAlgorithm) => {
    const client = server.client('default', jwsKey(alg));
    const contact = ['mailto:pki@example.test', 'mailto:ops+acme@localhost'];
    const made = await client.register({ contact, termsOfServiceAgreed: true, unknown: { a: 1 } });
    expect(made.status).toBe(201);
    expect(client.kid).toMatch(
      /^https:\/\/ca\.example\.test:8443\/acme\/default\/account\/[\w-]{22}$/,
    );
    const account = json<Account>(made);
    expect(account).toEqual({
      status: 'valid',
      contact,
      termsOfServiceAgreed: true,
      orders: `${client.kid}/orders`,
    });
    expect(await client.fetch<Account>(client.kid)).toEqual(account);
    const [id] = client.kid.split('/').slice(-1);
    const [record] = (await server.chancery.audit('acmeAccount.create')).slice(-1);
    expect(record).toMatchObject({
      outcome: 'done',
      object: `default/${id}`,
      principalName: `acme:default/${id}`,
      details: { address: '192.0.2.1', thumbprint: client.key.thumbprint },
    });
  },
);

test('A17, §7.3.1: a key that has an account gets it back, and nothing is changed', async () => {
  const client = await server.registered('default', { contact: ['mailto:first@example.test'] });
  const again = server.client('default', client.key);
  for (const payload of [
    { contact: ['mailto:second@example.test'] },
    { onlyReturnExisting: true },
    { contact: ['tel:1'] },
  ]) {
    const answer = await again.register(payload);
    expect(answer.status).toBe(200);
    expect(again.kid).toBe(client.kid);
    expect(json<Account>(answer).contact).toEqual(['mailto:first@example.test']);
    again.kid = '';
  }
});

test('A17: onlyReturnExisting makes no account', async () => {
  const client = server.client();
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const answer = await client.post(newAccount, { onlyReturnExisting: true }, { jwk: true });
    expectProblem(answer, 400, 'accountDoesNotExist');
  }
});

test('two registrations of one key at once make one account', async () => {
  const key = jwsKey();
  const answers = await Promise.all(
    Array.from({ length: 4 }, async () =>
      server.client('default', key).post(newAccount, {}, { jwk: true }),
    ),
  );
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 201]);
  expect(new Set(answers.map((answer) => headerOf(answer, 'location'))).size).toBe(1);
});

test('the same key has another account in each directory', async () => {
  const client = await server.registered();
  const other = await server.registered('few', {}, client.key);
  expect(other.kid).not.toBe(client.kid);
  expect(other.kid).toContain('/acme/few/');
});

test('A16: contacts are mailto URLs with one address', async () => {
  const client = server.client();
  for (const [contact, status, type] of [
    [['tel:+123456'], 400, 'unsupportedContact'],
    [['https://example.test/'], 400, 'unsupportedContact'],
    [['mailto:a@example.test?subject=x'], 400, 'invalidContact'],
    [['mailto:a@example.test,b@example.test'], 400, 'invalidContact'],
    [['mailto:example.test'], 400, 'invalidContact'],
    [['mailto:a@exa mple.test'], 400, 'invalidContact'],
    [['mailto:a\u0000@example.test'], 400, 'invalidContact'],
    [['no url'], 400, 'invalidContact'],
    [Array.from({ length: 11 }, () => 'mailto:a@example.test'), 400, 'invalidContact'],
    ['mailto:a@example.test', 400, 'malformed'],
    [[1], 400, 'malformed'],
  ] as const) {
    expectProblem(await client.post(newAccount, { contact }, { jwk: true }), status, type);
  }
  expectProblem(
    await client.post(newAccount, { onlyReturnExisting: true }, { jwk: true }),
    400,
    'accountDoesNotExist',
  );
  for (const payload of [{ onlyReturnExisting: 1 }, { termsOfServiceAgreed: 'yes' }]) {
    expectProblem(await client.post(newAccount, payload, { jwk: true }), 400, 'malformed');
  }
});

test('A16, §7.3.3: terms are agreed to or there is no account', async () => {
  const client = server.client('terms');
  const url = `${baseUrl}/acme/terms/new-account`;
  expect((await client.directory()).meta).toMatchObject({
    termsOfService,
    website: 'https://ca.example.test/',
  });
  for (const payload of [{}, { termsOfServiceAgreed: false }]) {
    const answer = await client.post(url, payload, { jwk: true });
    expect(expectProblem(answer, 403, 'userActionRequired').detail).toContain(termsOfService);
    expect(links(answer, 'terms-of-service')).toEqual([termsOfService]);
    expect(links(answer, 'index')).toEqual([client.directoryUrl]);
  }
  const made = await client.register({ termsOfServiceAgreed: true });
  expect(links(made, 'terms-of-service')).toEqual([termsOfService]);
});

test('A10: accounts an address, with the limit and the time to wait; an override lets others in', async () => {
  const url = `${baseUrl}/acme/few/new-account`;
  const at = async (address: string) => {
    const client = server.client('few');
    const { nonce } = { nonce: await client.nonce() };
    const body = await client.sign(url, {}, { jwk: true, header: { nonce } });
    return server.transport(address)({
      method: 'POST',
      url,
      contentType: 'application/jose+json',
      body,
    });
  };
  expect((await at('2001:db8:1:2::1')).status).toBe(201);
  expect((await at('2001:db8:1:2::2')).status).toBe(201);
  const limited = await at('2001:db8:1:2:ffff::9');
  const { detail } = expectProblem(limited, 429, 'rateLimited');
  expect(detail).toContain('newAccountPerAddress');
  expect(Number(headerOf(limited, 'retry-after'))).toBeGreaterThan(0);
  expect((await at('2001:db8:1:3::1')).status, 'another network').toBe(201);
  const override = {
    limit: 'newAccountPerAddress',
    key: 'few/2001:db8:1:2::/64',
    burst: 10,
    seconds: 60,
    notAfter: new Date(server.clock.now().getTime() + 86_400_000),
  };
  expect(detail).toContain(override.key);
  await server.acme.putLimitOverride(admin, override);
  expect(await server.acme.listLimitOverrides(admin)).toMatchObject([
    { key: override.key, burst: 10, createdBy: 'admin' },
  ]);
  expect((await at('2001:db8:1:2::3')).status).toBe(201);
  await server.acme.removeLimitOverride(admin, override.limit, override.key);
  expect(await server.acme.listLimitOverrides(admin)).toEqual([]);
  await expect(
    server.acme.removeLimitOverride(admin, override.limit, override.key),
  ).rejects.toMatchObject({ code: 'notFound' });
  for (const wrong of [
    { limit: 'none' },
    { burst: 0 },
    { seconds: 1.5 },
    { key: '' },
    { notAfter: server.clock.now() },
  ]) {
    await expect(
      server.acme.putLimitOverride(admin, { ...override, ...wrong }),
      JSON.stringify(wrong),
    ).rejects.toMatchObject({ code: 'invalidArgument' });
  }
});

test('§7.3.2: contacts are updated, everything else in an update is ignored', async () => {
  const client = await server.registered('default', { contact: ['mailto:a@example.test'] });
  const contact = ['mailto:b@example.test'];
  const answer = await client.post(client.kid, {
    contact,
    status: 'valid',
    orders: 'https://elsewhere.test/',
    termsOfServiceAgreed: true,
    externalAccountBinding: {},
    unknown: 1,
  });
  expect(answer.status).toBe(200);
  const account = await client.fetch<Record<string, unknown>>(client.kid);
  expect(account).toEqual({ status: 'valid', contact, orders: `${client.kid}/orders` });
  expectProblem(await client.post(client.kid, { contact: ['tel:1'] }), 400, 'unsupportedContact');
  expect((await client.post(client.kid, {})).status).toBe(200);
  expect((await client.post(client.kid, { contact: [] })).status).toBe(200);
  expect(json<Account>(await client.get(client.kid)).contact).toEqual([]);
  const [record] = (await server.chancery.audit('acmeAccount.update')).slice(-1);
  expect(record?.details).toEqual({ contact: [], contactBefore: contact });
});

test('A20, §7.3.6: a deactivated account signs nothing any more, and its key gets no other', async () => {
  const client = await server.registered();
  const answer = await client.post(client.kid, { status: 'deactivated' });
  expect(answer.status).toBe(200);
  expect(json<Account>(answer).status).toBe('deactivated');
  for (const url of [
    client.kid,
    `${client.kid}/orders`,
    `${baseUrl}/acme/default/directory`,
    `${baseUrl}/acme/default/new-nonce`,
  ]) {
    expectProblem(await client.get(url), 401, 'unauthorized');
  }
  expectProblem(await client.post(client.kid, { status: 'valid' }), 401, 'unauthorized');
  expectProblem(await client.post(newAccount, {}, { jwk: true }), 401, 'unauthorized');
  const [record] = (await server.chancery.audit('acmeAccount.deactivate')).slice(-1);
  expect(record?.object).toBe(`default/${client.kid.split('/').at(-1)}`);
});

test('A25: an account reads itself only, and learns nothing of others', async () => {
  const [one, other] = [await server.registered(), await server.registered()];
  const nobody = `${baseUrl}/acme/default/account/AAAAAAAAAAAAAAAAAAAAAA`;
  const seen = new Set<string>();
  for (const url of [other.kid, nobody]) {
    for (const [at, payload] of [
      [url, ''],
      [`${url}/orders`, ''],
      [url, { status: 'deactivated' }],
    ] as const) {
      seen.add(expectProblem(await one.post(at, payload), 404, 'malformed').detail);
    }
  }
  expect(seen.size).toBe(1);
  expect((await other.get(other.kid)).status).toBe(200);
});

test('A4, I35: weak and compromised keys make no account', async () => {
  const stolen = freshKey();
  const issued = await server.chancery.issue({ csr: csrFor(stolen, 'stolen.example.test') });
  await server.authority.revokeCertificate(admin, {
    serialNumber: issued.record.serialNumber,
    reasonCode: 'keyCompromise',
  });
  const client = server.client('default', jwsKeyOf(stolen.privateKey));
  expectProblem(await client.post(newAccount, {}, { jwk: true }), 400, 'badPublicKey');
});

test('§7.1.2.1: the orders of an account come in pages, newest first', async () => {
  const client = await server.registered();
  expect(await client.fetch(`${client.kid}/orders`)).toEqual({ orders: [] });
  const placed: string[] = [];
  for (let index = 0; index < 53; index += 1) {
    placed.push((await client.order([`n${index}.example.test`])).url);
  }
  const found: string[] = [];
  let url: string | undefined = `${client.kid}/orders`;
  let pages = 0;
  while (url !== undefined) {
    const page = await client.get(url);
    expect(page.status, page.text).toBe(200);
    found.push(...json<{ readonly orders: readonly string[] }>(page).orders);
    [url] = links(page, 'next');
    pages += 1;
  }
  expect(pages).toBe(2);
  expect(found).toEqual(placed.toReversed());
  const nonsense = await client.get(`${client.kid}/orders?cursor=nonsense`);
  expectProblem(nonsense, 400, 'malformed');
});

test('A20: an account that an operator revoked is stopped for good, and that is recorded', async () => {
  const client = server.client();
  await client.register();
  const accountId = client.kid.split('/').at(-1) ?? '';
  const other = server.client();
  await other.register();
  await server.acme.revokeAccount(admin, accountId);
  expectProblem(await client.newOrder(['stopped.example.test']), 401, 'unauthorized');
  expectProblem(await client.get(client.kid), 401, 'unauthorized');
  expect((await other.get(other.kid)).status).toBe(200);
  expect(await refusal(server.acme.revokeAccount(admin, accountId))).toBe('notFound');
  const [record] = (await server.chancery.audit('acmeAccount.revoke')).slice(-2);
  expect(record).toMatchObject({ object: accountId, outcome: 'done' });
});
