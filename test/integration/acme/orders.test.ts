import { describe, expect, test, vi } from 'vitest';
import { expectProblem, headerOf, json, type Order } from '../../support/acme-client.ts';
import { csr } from '../../support/acme-csr.ts';
import { baseUrl, directoryPolicy, testAcme } from '../../support/acme-node.ts';
import { afterwards, bindingOwner, boundAccount, freshName } from '../../support/acme-orders.ts';
import { admin } from '../../support/authority.ts';

const server = await testAcme('acme_orders', {
  directories: [
    directoryPolicy('narrow', {
      challengeTypes: ['http-01'],
      names: { deny: { dns: ['denied.test'] } },
    }),
    directoryPolicy('limited', {
      limits: {
        newOrderPerAccount: { burst: 2, seconds: 3600 },
        newOrderPerName: { burst: 1, seconds: 3600 },
      },
    }),
  ],
});
const { clock, chancery } = server;

function seconds(from: number): string {
  return new Date(clock.now().getTime() + from * 1000).toISOString().replace('.000', '');
}

describe('a whole order', () => {
  test('of one identifier costs at most four synchronous commits', async () => {
    const client = await server.registered();
    const name = freshName();
    // The first of a process also writes that the installation goes on.
    const before = freshName();
    await client.obtain([before], csr([before]).der);
    const commits = vi.spyOn(chancery.storage.unitOfWork, 'run');
    try {
      await client.obtain([name], csr([name]).der);
      expect(commits.mock.calls.length).toBe(4);
    } finally {
      commits.mockRestore();
    }
  });

  test('§7.1.3: the object says all that it is, at each step', async () => {
    const client = await server.registered();
    const name = freshName();
    const [notBefore, notAfter] = [seconds(0), seconds(5 * 86_400)];
    const { url, order } = await client.order([name], {
      profile: 'short-lived',
      notBefore,
      notAfter,
    });
    expect(order).toEqual({
      status: 'pending',
      expires: seconds(60),
      identifiers: [{ type: 'dns', value: name }],
      notBefore,
      notAfter,
      profile: 'short-lived',
      authorizations: [expect.stringMatching(/\/authorization\/[\w-]{22}$/)],
      finalize: `${url}/finalize`,
    });
    await client.authorize(order);
    expect(await client.fetch<Order>(url)).toEqual({ ...order, status: 'ready' });
    const answer = await client.finalize(order, csr([name]).der);
    expect(headerOf(answer, 'location')).toBe(url);
    expect(json(answer)).toEqual({
      ...order,
      status: 'valid',
      certificate: url.replace('/order/', '/certificate/'),
    });
    expect(await client.fetch<Order>(url)).toEqual(json(answer));
    const certificate = (await client.get(json<Order>(answer).certificate ?? '')).text;
    expect(certificate).toContain('BEGIN CERTIFICATE');
  });

  test('leaves account, names and order in the inventory and in the audit log', async () => {
    const client = await server.registered();
    const name = freshName();
    const { certificate } = await client.obtain([name], csr([name]).der);
    const found = await chancery.authority.findCertificate(admin, {
      serialNumber: certificate.serialNumber,
    });
    const account = `acme:default/${client.kid.split('/').at(-1)}`;
    expect(found).toMatchObject({ owner: account, requestedBy: account, names: [`DNS:${name}`] });
    const audit = await chancery.audit();
    expect(
      audit.find(
        ({ act, details }) =>
          act === 'acmeAuthorization.validate' && details['identifier'] === name,
      ),
    ).toMatchObject({
      principalName: account,
      outcome: 'done',
      details: { method: 'http-01' },
    });
    expect(audit.at(-1)).toMatchObject({ act: 'certificate.issue', outcome: 'done' });
  });
});

describe('A21: what could not be issued is refused before anything is promised', () => {
  test('times that the profile does not grant, and fractions of a second', async () => {
    const client = await server.registered();
    for (const times of [
      { notBefore: seconds(-3600) },
      { notBefore: seconds(40 * 86_400) },
      { notAfter: seconds(500 * 86_400) },
      { notAfter: seconds(-1) },
      { notBefore: seconds(60).replace('Z', '.5Z') },
      { notAfter: '2027-02-30T00:00:00Z' },
      { notAfter: 5 },
    ]) {
      expectProblem(await client.newOrder([freshName()], times), 400, 'malformed');
    }
  });

  test('an order ends before its notBefore could not be granted any more', async () => {
    const client = await server.registered();
    const name = freshName();
    const { url, order } = await client.order([name], { notBefore: seconds(0) });
    await client.authorize(order);
    clock.advance(61);
    expect((await client.fetch<Order>(url)).status).toBe('invalid');
    expectProblem(await client.finalize(order, csr([name]).der), 403, 'orderNotReady');
  });

  test('a profile that the directory or the binding does not have', async () => {
    const client = await server.registered();
    for (const profile of ['issuing-ca', 'none', 7, '']) {
      expectProblem(await client.newOrder([freshName()], { profile }), 400, 'invalidProfile');
    }
    const { client: narrow } = await boundAccount(server, { profiles: ['short-lived'] });
    expectProblem(
      await narrow.newOrder([freshName()], { profile: 'tls-server' }),
      400,
      'invalidProfile',
    );
    expect((await narrow.order([freshName()])).order).toMatchObject({ profile: 'short-lived' });
  });

  test('names that the directory, the profile or no challenge can grant, each by name (§6.7.1)', async () => {
    const narrow = await server.registered('narrow');
    const problem = expectProblem(
      await narrow.newOrder(['ok.test', 'denied.test', '*.ok.test', 'x.denied.test']),
      400,
      'rejectedIdentifier',
    );
    expect(problem.subproblems?.map(({ identifier }) => identifier?.value)).toEqual([
      'denied.test',
      '*.ok.test',
      'x.denied.test',
    ]);
    const client = await server.registered();
    const wild = expectProblem(
      await client.newOrder(['a.test', '*.a.test'], { profile: 'short-lived' }),
      400,
      'rejectedIdentifier',
    );
    expect(wild.subproblems?.map(({ identifier }) => identifier?.value)).toEqual(['*.a.test']);
  });
});

describe('authorizations that exist already', () => {
  test('are used again by their account while they last, and by no other', async () => {
    const client = await server.registered();
    const name = freshName();
    const first = await client.order([name]);
    await client.authorize(first.order);
    const again = await client.order([name, `*.${name}`]);
    expect(again.order.authorizations[0]).toBe(first.order.authorizations[0]);
    expect(again.order.status, 'I40: the base does not prove the wildcard').toBe('pending');
    const ready = await client.order([name]);
    expect(ready.order.status).toBe('ready');
    expect(ready.order.expires).toBe(first.order.expires);
    const stranger = await server.registered();
    expect((await stranger.order([name])).order.status).toBe('pending');
    clock.advance(7 * 86_400 - 600);
    expect((await afterwards(client).order([name])).order.status).toBe('pending');
  });

  test('§7.4.1: a pre-authorization is made and used; never of a wildcard', async () => {
    const client = await server.registered();
    const name = freshName();
    const { newAuthz = '' } = await client.directory();
    const made = await client.post(newAuthz, { identifier: { type: 'dns', value: name } });
    expect(made.status).toBe(201);
    const url = headerOf(made, 'location') ?? '';
    expect(json(made)).toMatchObject({ status: 'pending', identifier: { value: name } });
    await client.authorize({ authorizations: [url] } as unknown as Order);
    const { order } = await client.order([name]);
    expect(order).toMatchObject({ status: 'ready', authorizations: [url] });
    for (const [value, type] of [
      ['*.a.test', 'malformed'],
      ['a_b.test', 'rejectedIdentifier'],
    ]) {
      const answer = await client.post(newAuthz, { identifier: { type: 'dns', value } });
      expectProblem(answer, 400, type ?? '');
    }
  });
});

describe('external account bindings', () => {
  test('I38: of many names, not all are repeated for each identifier that is refused', async () => {
    const allow = Array.from({ length: 1000 }, (_, index) => `a${index}.${'b'.repeat(50)}.test`);
    const { client } = await boundAccount(server, { allow });
    const answer = await client.newOrder(Array.from({ length: 50 }, freshName));
    const problem = expectProblem(answer, 400, 'rejectedIdentifier');
    expect(problem.subproblems).toHaveLength(50);
    expect(problem.detail).toContain(allow[0]);
    expect(problem.detail).toContain('and 990 more');
    expect(answer.text.length).toBeLessThan(100_000);
  });

  test('that need no challenge make ready orders of their names, with owner and tags, and no other', async () => {
    const { client, credential } = await boundAccount(server, {
      allow: ['pre.example.test', '*.pre.example.test', '192.0.2.0/24'],
      challengeRequired: false,
      tags: ['fleet'],
    });
    const names = ['a.pre.example.test', '*.pre.example.test', { type: 'ip', value: '192.0.2.9' }];
    const { url, order } = await client.order(names);
    expect(order.status).toBe('ready');
    for (const authorization of await client.authorizations(order)) {
      expect(authorization).toMatchObject({ status: 'valid', challenges: [] });
    }
    const request = csr(['a.pre.example.test', '*.pre.example.test', '192.0.2.9']);
    expect((await client.finalize(order, request.der)).status).toBe(200);
    const done = await client.fetch<Order>(url);
    expect(done.status).toBe('valid');
    const { items } = await chancery.authority.searchCertificates(admin, {
      owner: bindingOwner,
      limit: 5,
    });
    expect(items.at(0)?.tags).toEqual(['fleet']);
    const refused = expectProblem(
      await client.newOrder(['b.pre.example.test', 'example.test']),
      400,
      'rejectedIdentifier',
    );
    expect(refused.detail).toContain(credential.kid);
  });

  test('the quota counts certificates; the one too many is refused at the order', async () => {
    const { client } = await boundAccount(server, { quota: 1 });
    const [one, two] = [freshName(), freshName()];
    const first = await client.order([one]);
    const second = await client.order([two]);
    await client.authorize(first.order);
    await client.authorize(second.order);
    expect((await client.finalize(first.order, csr([one]).der)).status).toBe(200);
    const refused = await client.finalize(second.order, csr([two]).der);
    expect(expectProblem(refused, 403, 'unauthorized').detail).toContain('quota');
    expect((await client.fetch<Order>(second.url)).status).toBe('ready');
    expectProblem(await client.newOrder([freshName()]), 403, 'unauthorized');
  });
});

test('T-CLK-1: with a wrong clock nothing is promised that would outlast it', async () => {
  const client = await server.registered();
  // Before every CRL that was ever published here, wherever other tests have moved the clock.
  const wrong = 400 * 86_400;
  clock.advance(-wrong);
  try {
    const answer = await client.post(`${baseUrl}/acme/default/new-order`, {
      identifiers: [{ type: 'dns', value: freshName() }],
    });
    expectProblem(answer, 503, 'serverInternal');
    expect(headerOf(answer, 'retry-after')).toMatch(/^\d+$/);
  } finally {
    clock.advance(wrong);
  }
  await client.order([freshName()]);
});

test('A10: limits of an account and of a name, with Retry-After; a refused order uses up nothing', async () => {
  const client = await server.registered('limited');
  const name = freshName();
  await client.order([name]);
  const refused = await client.newOrder([freshName(), name]);
  expect(expectProblem(refused, 429, 'rateLimited').detail).toContain('newOrderPerName');
  expect(Number(headerOf(refused, 'retry-after'))).toBeGreaterThan(0);
  await client.order([freshName()]);
  const second = await client.newOrder([freshName()]);
  expect(expectProblem(second, 429, 'rateLimited').detail).toContain('newOrderPerAccount');
});

test('A25: what another account, or another directory, has is not there', async () => {
  const [owner, stranger] = [await server.registered(), await server.registered()];
  const elsewhere = await server.registered('narrow');
  const name = freshName();
  const { url, order } = await owner.order([name]);
  const [authorization] = await owner.authorizations(order);
  const paths = [
    url,
    order.finalize,
    order.authorizations[0] ?? '',
    authorization?.challenges[0]?.url ?? '',
    url.replace('/order/', '/certificate/'),
  ];
  for (const path of paths) {
    const absent = path.replace(/[\w-]{22}/, 'AAAAAAAAAAAAAAAAAAAAAA');
    const payload = path === order.finalize ? { csr: 'AA' } : '';
    const nothing = expectProblem(await stranger.post(absent, payload), 404, 'malformed');
    expect(expectProblem(await stranger.post(path, payload), 404, 'malformed')).toEqual(nothing);
    const there = path.replace('/acme/default/', '/acme/narrow/');
    expect(expectProblem(await elsewhere.post(there, payload), 404, 'malformed').status).toBe(404);
  }
});
